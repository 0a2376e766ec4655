"""One interface for all policies: a session observes finished turns and chooses what of them the next call is sent.

    session = policy.session(agents)
    session.observe(messages of a finished turn)
    selection = session.select(messages to answer, agent, budget)

Payloads of whole message lists are made of that by `lrrc.middleware.Coordinator.compose`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from lrrc.digest.features import USER
from lrrc.digest.history import History, PendingTurns
from lrrc.digest.selection import Selection, WholeMessages
from lrrc.episodes.episode import Message
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import tokens
from lrrc.pretrained.sentence_encoder import NO_VECTORS, SentenceEncoder

# name of the payload's message that stands for the history; its role is "user", because text that users and
# tools wrote must not gain the authority of a system message
DIGEST_NAME = "digest"


@dataclass(frozen=True)
class RankedHistory:
    """Segments with their scores [N], best the highest: all that a digest is written from."""

    history: History
    scores_N: np.ndarray


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

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        """What to send `agent` in place of the history, ahead of the inputs; a digest keeps to the budget.

        Of the messages numbered in `sent`, which the agent gets anyway, a digest copies nothing.
        """
        raise NotImplementedError

    def select(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        """What the agent is sent: what the policy proposes, but the whole history where that costs no more."""
        return self.or_whole(self.propose(inputs, agent, budget, sent))

    def or_whole(self, proposed: Selection) -> Selection:
        """The selection, or the whole history where that costs no more."""
        if proposed.text is not None and self.history_tokens <= proposed.tokens:
            return self.whole(range(len(self.tokens_before) - 1))
        return proposed

    def unsent(self, scores_N: np.ndarray, sent: Collection[int]) -> np.ndarray:
        """Scores [N] of segments, minus infinity for those of the messages in `sent`."""
        if not sent:
            return scores_N
        gone = np.zeros(len(self.history.messages), bool)
        gone[list(sent)] = True
        return np.where(gone[self.history.message_N[: len(scores_N)]], -np.inf, scores_N)

    def under(self, policy: Policy) -> Session:
        """The same conversation under a policy that differs in settings alone; it is not to be continued."""
        other = copy.copy(self)
        other.policy = policy
        return other

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

    def with_spec(self, spec: PolicySpec) -> Policy:
        """The same policy, with the same weights, by another spec of its name."""
        return type(self)(spec, self.encoder, checkpoint=self.checkpoint)


def heard_only(scores_N: np.ndarray, history: History, speakers: str) -> np.ndarray:
    """Scores of segments, minus infinity for those of other speakers than a policy listens to (PolicySpec)."""
    if speakers == "all":
        return scores_N
    return np.where(history.speaker_N[: len(scores_N)] == USER, scores_N, -np.inf)


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
