"""One interface for all policies: a session observes finished turns and composes the payload of the next call.

    session = policy.session(agents)
    session.observe(messages of a finished turn)
    payload = session.compose(messages to answer, agent)

`Policy.compose(messages, agent)` does the same for a whole list of messages at once (docs/method.md 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lrrc.digest.history import History, PendingTurns
from lrrc.digest.writer import Digest, Span
from lrrc.episodes.episode import Message
from lrrc.pretrained import sentence_encoder, tokens
from lrrc.pretrained.sentence_encoder import SentenceEncoder

DIGEST_NAME = "digest"  # name of the payload's message that stands for the history; its role is "user", because


@dataclass(frozen=True)
class Receipt:
    """What was sent instead of what, and where every word of it came from.

    `sources` are slices of the messages given, by index: content[start:end]. `digest_tokens` is 0 where the payload
    is made of whole messages. `full` is true where nothing was left out.
    """

    policy: str
    tokens_before: int
    tokens_after: int
    digest_tokens: int
    budget: int | None
    checkpoint: str | None
    full: bool
    sources: tuple[Span, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Kept:
    """Whole messages of the history that a policy sends as they stand, by index; they follow one another."""

    messages: range


class Session:
    """A conversation under a policy. Subclasses define `select`."""

    def __init__(self, policy: Policy, agents: Sequence[str]):
        self.policy = policy
        self.history = History(agents, policy.encoder, policy.max_segment_tokens)
        self.message_tokens: list[int] = []

    def observe(self, messages: Sequence[Message]) -> None:
        """Take in one finished turn: inputs and replies, in order."""
        self.observe_all([messages])

    def observe_all(self, turns: Sequence[Sequence[Message]]) -> None:
        """Take in finished turns, in order: as one by one, but faster. Where an error is raised, none is taken in."""
        new = self.history.prepare(turns)
        counts = tokens.count_batch([message.content for message in new.messages])
        self.step(new)
        self.history.commit(new)  # from here on nothing fails
        self.message_tokens += counts

    def step(self, new: PendingTurns) -> None:
        """What a subclass makes of new turns. It changes nothing before it can no longer fail."""

    def select(self, inputs: Sequence[Message], agent: str) -> Digest | Kept:
        """What to send `agent` in place of the history, ahead of the inputs; a digest keeps to the budget."""
        raise NotImplementedError

    def choose(self, inputs: Sequence[Message], agent: str) -> Digest | Kept:
        """`select`, but never worse than Full-Context: a digest that is no shorter gives way to the whole history."""
        chosen = self.select(inputs, agent)
        if isinstance(chosen, Digest) and sum(self.message_tokens) <= chosen.tokens:
            return Kept(range(len(self.message_tokens)))
        return chosen


class Policy:
    """A way to choose what of the history is sent. `budget`: tokens of a digest at most, None where it has none."""

    session_type: type[Session] = Session

    def __init__(
        self,
        name: str,
        budget: int | None = None,
        encoder: SentenceEncoder = sentence_encoder.NO_VECTORS,
        max_segment_tokens: int = 60,
        checkpoint: str | None = None,
    ):
        self.name, self.budget, self.encoder = name, budget, encoder
        self.max_segment_tokens, self.checkpoint = max_segment_tokens, checkpoint

    def session(self, agents: Sequence[str]) -> Session:
        return self.session_type(self, agents)

    def compose(
        self, messages: Sequence[Mapping[str, Any]], agent: str | None = None
    ) -> tuple[list[dict[str, Any]], Receipt]:
        """The payload for the agent that answers the last of `messages` (dicts with role, content, optional name).

        System messages and the messages after the last reply are sent as they are. `agent` is the name of the one
        called; by default, the one that replied last.
        """
        parsed = [Message(m["role"], m["content"], m.get("name")) for m in messages]
        system = [i for i, m in enumerate(parsed) if m.role == "system"]
        turns = split_turns([i for i, m in enumerate(parsed) if m.role != "system"], parsed)
        inputs = turns.pop() if turns and parsed[turns[-1][-1]].role != "assistant" else []
        agents = list(dict.fromkeys(m.name or "assistant" for m in parsed if m.role == "assistant"))
        agent = agent or (agents[-1] if agents else "assistant")
        session = self.session(agents if agent in agents else [*agents, agent])
        session.observe_all([[parsed[i] for i in turn] for turn in turns])
        place = [i for turn in turns for i in turn]  # index in the history -> index in `messages`
        chosen = session.choose([parsed[i] for i in inputs], agent)
        if isinstance(chosen, Digest):
            kept: list[int] = []
            spans = tuple(Span(place[s.message], s.start, s.end) for s in chosen.spans)
            middle = [{"role": "user", "name": DIGEST_NAME, "content": chosen.text}] if chosen.text else []
        else:
            kept = [place[i] for i in chosen.messages]
            spans = tuple(Span(i, 0, len(parsed[i].content)) for i in kept)
            middle = []
        ends = {i: dict(messages[i]) for i in (*system, *kept, *inputs)}
        first = min(inputs, default=len(parsed))
        before = [ends[i] for i in sorted(ends) if i < first]
        payload = [*before, *middle, *(ends[i] for i in sorted(ends) if i >= first)]
        digest_tokens = chosen.tokens if isinstance(chosen, Digest) else 0
        whole = tokens.count_batch([m.content for m in parsed])
        after = digest_tokens + sum(whole[i] for i in ends)
        full = not middle and len(ends) == len(parsed)
        return payload, Receipt(self.name, sum(whole), after, digest_tokens, self.budget, self.checkpoint, full, spans)


def split_turns(indices: Sequence[int], messages: Sequence[Message]) -> list[list[int]]:
    """Turns of a message list: a turn ends where, after a reply, somebody else than an agent speaks, or the same agent
    speaks again."""
    turns: list[list[int]] = []
    replied: set[str | None] = set()
    for i in indices:
        message = messages[i]
        reply = message.role == "assistant"
        if not turns or (replied and (not reply or message.name in replied)):
            turns.append([])
            replied = set()
        if reply:
            replied.add(message.name)
        turns[-1].append(i)
    return turns
