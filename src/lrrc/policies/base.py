"""One interface for all policies: a session observes finished turns and chooses what of them the next call is sent.

    session = policy.session(agents)
    session.observe(messages of a finished turn)
    chosen = session.choose(messages to answer, agent)

Payloads of whole message lists are made of that by `lrrc.middleware.Coordinator.compose`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrrc.digest.history import History, PendingTurns
from lrrc.digest.writer import Digest
from lrrc.episodes.episode import Message
from lrrc.pretrained import sentence_encoder, tokens
from lrrc.pretrained.sentence_encoder import SentenceEncoder

DIGEST_NAME = "digest"  # name of the payload's message that stands for the history; its role is "user", because


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
        """What of the history the agent should see before the inputs."""
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
