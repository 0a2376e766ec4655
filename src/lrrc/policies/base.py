"""One interface for all policies: a session observes finished turns and composes the payload of the next call.

    session = policy.session(agents)
    session.observe(messages of a finished turn)
    selection = session.select(messages to answer, agent, budget)

`Policy.compose(messages, agent)` does the same for a whole list of messages at once (docs/method.md 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lrrc.digest.history import History, PendingTurns
from lrrc.digest.selection import Selection, Span, WholeMessages
from lrrc.episodes.episode import Message
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import tokens
from lrrc.pretrained.sentence_encoder import NO_VECTORS, SentenceEncoder

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


class Session:
    """A conversation under a policy. Subclasses define `propose`."""

    def __init__(self, policy: Policy, agents: Sequence[str]):
        self.policy = policy
        self.history = History(agents, policy.encoder, policy.spec.max_segment_tokens)
        self.tokens_before = [0]  # of every message and of the end: the tokens of all messages before it

    @property
    def history_tokens(self) -> int:
        """Of all messages so far."""
        return self.tokens_before[-1]

    def observe(self, messages: Sequence[Message]) -> None:
        """Take in one finished turn: inputs and replies, in order."""
        self.observe_all([messages])

    def observe_all(self, turns: Sequence[Sequence[Message]]) -> None:
        """Take in finished turns, in order: as one by one, but faster. Where an error is raised, none is taken in."""
        new = self.history.prepare(turns)
        counts = tokens.count_batch([message.content for message in new.messages])
        self.step(new)
        self.history.commit(new)  # from here on nothing fails
        self.count(counts)

    def count(self, counts: Sequence[int]) -> None:
        """Note the tokens of new messages."""
        for count in counts:
            self.tokens_before.append(self.tokens_before[-1] + count)

    def step(self, new: PendingTurns) -> None:
        """What a subclass makes of new turns. It changes nothing before it can no longer fail."""

    def propose(self, inputs: Sequence[Message], agent: str, budget: int | None) -> Selection:
        """What to send `agent` in place of the history, ahead of the inputs; a digest keeps to the budget."""
        raise NotImplementedError

    def select(self, inputs: Sequence[Message], agent: str, budget: int | None) -> Selection:
        """What the agent is sent: what the policy proposes, but the whole history where that costs no more."""
        proposed = self.propose(inputs, agent, budget)
        if proposed.text is not None and self.history_tokens <= proposed.tokens:
            return self.whole(range(len(self.tokens_before) - 1))
        return proposed

    def whole(self, messages: range) -> Selection:
        """Messages of the history as they stand."""
        count = self.tokens_before[messages.stop] - self.tokens_before[messages.start] if messages else 0
        return Selection(WholeMessages(self.history, messages), count, None)


class Policy:
    """A way to choose what of the history is sent (docs/method.md 4)."""

    session_type: type[Session] = Session

    def __init__(self, spec: PolicySpec, encoder: SentenceEncoder = NO_VECTORS, checkpoint: str | None = None):
        self.spec, self.encoder, self.checkpoint = spec, encoder, checkpoint

    @property
    def name(self) -> str:
        return self.spec.name

    def session(self, agents: Sequence[str]) -> Session:
        return self.session_type(self, agents)

    def compose(
        self, messages: Sequence[Mapping[str, Any]], agent: str | None = None, budget: int | None = None
    ) -> tuple[list[dict[str, Any]], Receipt]:
        """The payload for the agent that answers the last of `messages` (dicts with role, content, optional name).

        System messages and the messages after the last reply are sent as they are. `agent` is the name of the one
        called; by default, the one that replied last. `budget`: another than the policy's.
        """
        if budget is None or self.spec.budget is None:
            budget = self.spec.budget
        parsed = [Message(m["role"], m["content"], m.get("name")) for m in messages]
        system = [i for i, m in enumerate(parsed) if m.role == "system"]
        turns = split_turns([i for i, m in enumerate(parsed) if m.role != "system"], parsed)
        inputs = turns.pop() if turns and parsed[turns[-1][-1]].role != "assistant" else []
        agents = list(dict.fromkeys(m.name or "assistant" for m in parsed if m.role == "assistant"))
        agent = agent or (agents[-1] if agents else "assistant")
        session = self.session(agents if agent in agents else [*agents, agent])
        session.observe_all([[parsed[i] for i in turn] for turn in turns])
        place = [i for turn in turns for i in turn]  # index in the history -> index in `messages`
        chosen = session.select([parsed[i] for i in inputs], agent, budget)
        if chosen.text is not None:
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
        digest_tokens = chosen.tokens if chosen.text is not None else 0
        whole = tokens.count_batch([m.content for m in parsed])
        after = digest_tokens + sum(whole[i] for i in ends)
        full = not middle and len(ends) == len(parsed)
        return payload, Receipt(self.name, sum(whole), after, digest_tokens, budget, self.checkpoint, full, spans)


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
