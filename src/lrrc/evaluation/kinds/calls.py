"""The calls that are drawn from a kind of conversation: a reply, what it answers, and the history before that.

Anybody's words can be a reply. In a log of agents those of the agents are; in talk of people alone, everybody's. The
messages between a reply and the one before it are what it answers; where there are none, the message just before it is.
An episode is made for each call, in which whoever replies is the agent, so that every policy and the language model
meet it as they meet any other.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrrc.episodes.episode import ARENA_AGENTS, Episode, Message, Turn
from lrrc.episodes.forms import COLUMNS as FORM_COLUMNS
from lrrc.episodes.forms import conversation_rows
from lrrc.episodes.parsing import COLUMNS, parse_episode, parse_messages
from lrrc.evaluation.fidelity.replies import LoggedReply
from lrrc.pretrained import tokens
from lrrc.runtime.chance import stream
from lrrc.runtime.rows import read_rows

SPOKEN = ("user", "assistant")  # roles whose messages can be replies


@dataclass(frozen=True)
class Bounds:
    """Which calls count: tokens of their history, from `least` to `most`. Of what is asked the last `inputs` characters
    are shown."""

    least: int
    most: int
    inputs: int


@dataclass(frozen=True)
class KindCall:
    """A drawn call. `cluster` names the conversation's beginning: repetitions of one task share it."""

    kind: str
    cluster: str
    logged: LoggedReply

    @property
    def key(self) -> str:
        """Names the call by its content."""
        said = [m.content for turn in self.logged.episode.turns for m in (*turn.inputs, *turn.replies)]
        return _hash([self.kind, self.logged.agent, *said])

    @property
    def history(self) -> list[Message]:
        """The messages before those that are answered."""
        return [m for turn in self.logged.episode.turns[: self.logged.turn] for m in (*turn.inputs, *turn.replies)]

    @property
    def history_tokens(self) -> int:
        return sum(_count(message.content) for message in self.history)


def draw_calls(kind: str, path: Path, bounds: Bounds, count: int, seed: int) -> list[KindCall]:
    """A seeded draw of `count` calls of a file, at most one of every conversation before a second. Raises ValueError.

    In the order drawn: any beginning of the list is a draw, too.
    """
    rng = stream(f"kinds: {kind}", seed)
    rounds: list[tuple[int, float, KindCall]] = []
    known: set[str] = set()
    for calls in conversations(kind, path):
        able = []
        for call in calls:
            same = _hash([*(m.content for m in call.logged.inputs), call.logged.reply.content])
            if same not in known and _counts(call, bounds):
                known.add(same)
                able.append(call)
        rounds += [(place, rng.random(), able[i]) for place, i in enumerate(rng.permutation(len(able)))]
    rounds.sort(key=lambda entry: entry[:2])
    return [KindCall(kind, c.cluster, _shown(c.logged, bounds.inputs)) for _, _, c in rounds[:count]]


def conversations(kind: str, path: Path) -> Iterator[list[KindCall]]:
    """Every call of each conversation of a file, in order."""
    for where, row in conversation_rows(read_rows(path, (*COLUMNS, *FORM_COLUMNS))):
        if row.get("conversation_a") is not None:
            yield list(_arena_calls(kind, parse_episode(row, where)))
        else:
            yield list(_log_calls(kind, str(row["id"]), parse_messages(row["messages"], where)))


def _arena_calls(kind: str, episode: Episode) -> Iterator[KindCall]:
    """Of two agents that answer the same user; where checks are stored, the true reply is the right answer."""
    cluster = _hash([episode.turns[0].inputs[0].content])
    for check in episode.checks:
        said = Message("assistant", check.options[check.answer], ARENA_AGENTS[0])
        yield KindCall(kind, cluster, LoggedReply(episode, check.turn, said))
    for t, turn in enumerate(episode.turns if not episode.checks else ()):
        for reply in turn.replies if t and turn.inputs else ():
            if reply.content.strip():
                yield KindCall(kind, cluster, LoggedReply(episode, t, reply))


def _log_calls(kind: str, name: str, messages: Sequence[Message]) -> Iterator[KindCall]:
    """Of a chat log, of however many speakers."""
    body = [message for message in messages if message.role != "system"]
    replying = "assistant" if any(m.role == "assistant" for m in body) else "user"
    for i, reply in enumerate(body):
        if reply.role == replying and (call := log_call(kind, name, body, i)):
            yield call


def log_call(kind: str, name: str, body: Sequence[Message], number: int) -> KindCall | None:
    """The call for message `number` of a body without system messages; None where it follows its speaker's own words,
    or nothing was said before what it answers."""
    reply, first = body[number], number - 1
    if first < 1 or not reply.content.strip() or _speaker(body[first]) == _speaker(reply):
        return None
    while reply.role == "assistant" and first > 0 and "assistant" not in (body[first].role, body[first - 1].role):
        first -= 1
    if not first:
        return None
    episode = _as_met_by(_speaker(reply), name, body[:first], body[first:number], reply)
    return KindCall(kind, _hash([body[0].content]), LoggedReply(episode, len(episode.turns) - 1, _mine(reply)))


def _speaker(message: Message) -> str:
    return message.name or message.role


def _mine(reply: Message) -> Message:
    return Message("assistant", reply.content, _speaker(reply))


def _as_met_by(agent: str, name: str, before: Iterable[Message], inputs: Sequence[Message], reply: Message) -> Episode:
    """The conversation up to a reply of `agent`: its own words are an assistant's; a turn ends after each reply."""
    heard = [_mine(m) if m.role == "assistant" or _speaker(m) == agent else m for m in before]
    turns, asked = [], []
    for message in heard:
        if message.role == "assistant":
            turns.append(Turn(tuple(asked), (message,)))
            asked = []
        else:
            asked.append(message)
    turns += [Turn(tuple(asked), ())] if asked else []
    agents = tuple(dict.fromkeys([*(m.name for m in heard if m.role == "assistant" and m.name), agent]))
    turns.append(Turn(tuple(inputs), (_mine(reply),)))
    return Episode(name, agents, agents, (), tuple(turns), None, None, name, None, None)


def _counts(call: KindCall, bounds: Bounds) -> bool:
    characters = sum(len(message.content) for message in call.history)
    return bounds.least <= characters <= 8 * bounds.most and bounds.least <= call.history_tokens <= bounds.most


_count = functools.lru_cache(maxsize=4096)(tokens.count)  # messages stand in the history of many calls


def _shown(logged: LoggedReply, most: int) -> LoggedReply:
    """The same call; of what is asked the last `most` characters are there."""
    episode, left, kept = logged.episode, most, []
    for message in reversed(logged.inputs):
        if left <= 0:
            break
        kept.append(Message(message.role, message.content[-left:], message.name))
        left -= len(message.content)
    turn = Turn(tuple(reversed(kept)), episode.turns[logged.turn].replies)
    turns = (*episode.turns[: logged.turn], turn)
    cut = Episode(**{**vars(episode), "turns": turns})
    return LoggedReply(cut, logged.turn, logged.reply)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()[:16]
