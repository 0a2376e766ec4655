"""What a policy saw, scored, kept and sent, turn by turn: for notebooks and the report's digest explorer.

Shape suffixes: N segments so far, n of one turn, R channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lrrc.digest.selection import Span
from lrrc.episodes.episode import ARENA_OUTCOMES, Episode, Message
from lrrc.runtime.files import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lrrc.policies.base import Policy, Session


@dataclass(frozen=True)
class TracedSegment:
    """A stretch of the history; `speaker` as digests name it."""

    turn: int
    speaker: str
    text: str
    tokens: int


@dataclass(frozen=True)
class TracedCall:
    """What one agent was sent of the history. `scores` and `kept` go with the first N of Trace.segments.

    `digest` is None where whole messages were sent, `scores` where the policy ranks no segments. A segment
    is kept where any of its text was sent. `sources` are the pieces sent, in order, and `spans` their places:
    messages are numbered over all turns, inputs before replies.
    """

    agent: str
    digest: str | None
    history_tokens: int
    sent_tokens: int
    scores: tuple[float, ...] | None
    kept: tuple[bool, ...]
    sources: tuple[TracedSegment, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class GateRecord:
    """The gate in one turn: every channel's activity and switch, and attention [R][n + 1] (last: null)."""

    activity: tuple[float, ...]
    active: tuple[bool, ...]
    attention: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TurnRecord:
    """One turn: what was said, the calls before the replies, and the gate and outcome head after them.

    `gate` is None for policies without a gate and turns without text; `outcome` maps ARENA_OUTCOMES to
    probabilities, None for policies that do not predict it.
    """

    turn: int
    inputs: tuple[Message, ...]
    replies: tuple[Message, ...]
    calls: tuple[TracedCall, ...]
    gate: GateRecord | None
    outcome: dict[str, float] | None


@dataclass(frozen=True)
class Trace:
    """An episode under a policy. The calls of a turn saw the segments of earlier ones, a prefix of all."""

    episode_id: str
    policy: str
    budget: int | None
    segments: tuple[TracedSegment, ...]
    turns: tuple[TurnRecord, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; numbers have ten significant digits."""
        return rounded(asdict(self))

    def segments_of(self, turn: int) -> list[TracedSegment]:
        """The segments said in a turn, as its gate attends to them."""
        return [segment for segment in self.segments if segment.turn == turn]

    def scored(self, turn: int, agent: str) -> list[dict[str, Any]]:
        """A row for every segment that the call of `agent` in `turn` could have kept, in order."""
        call = next((call for call in self.turns[turn].calls if call.agent == agent), None)
        if call is None:
            raise ValueError(f"turn {turn}: {agent} was not called")
        scores = call.scores or [None] * len(call.kept)
        return [
            {**asdict(segment), "score": score, "kept": kept}
            for segment, score, kept in zip(self.segments, scores, call.kept, strict=False)
        ]

    def gates(self) -> list[dict[str, Any]]:
        """A row for every turn that has a gate: activity of every channel, and which were active."""
        return [
            {
                "turn": record.turn,
                **{f"channel {c}": value for c, value in enumerate(record.gate.activity)},
                "active": [c for c, on in enumerate(record.gate.active) if on],
            }
            for record in self.turns
            if record.gate
        ]


def trace(policy: Policy, episode: Episode) -> Trace:
    """Go through an episode call by call, and keep what happened in every turn."""
    session = policy.session(episode.agents)
    turns = []
    for t, turn in enumerate(episode.turns):
        calls = tuple(_call(session, turn.inputs, reply.name or episode.agents[0]) for reply in turn.replies)
        gate, outcome = _observe(session, [*turn.inputs, *turn.replies])
        turns.append(TurnRecord(t, turn.inputs, turn.replies, calls, gate, outcome))
    history = session.history
    segments = tuple(
        TracedSegment(history.turn[i], _speaker(session, history.message[i]), piece.text, piece.tokens)
        for i, piece in enumerate(history.segments)
    )
    return Trace(episode.episode_id, policy.name, policy.spec.budget, segments, tuple(turns))


def _speaker(session: Session, message: int) -> str:
    said = session.history.messages[message]
    return said.name or said.role


def _call(session: Session, inputs: Sequence[Message], agent: str) -> TracedCall:
    from lrrc.pretrained import tokens

    history = session.history
    selection = session.select(inputs, agent, session.policy.spec.budget)
    spans = tuple(selection.spans)
    kept = tuple(
        any(m == span.message and span.start < piece.end and piece.start < span.end for span in spans)
        for m, piece in zip(history.message, history.segments, strict=True)
    )
    pieces = [(span.message, history.messages[span.message].content[span.start : span.end]) for span in spans]
    sources = tuple(
        TracedSegment(history.message_turn[m], _speaker(session, m), piece, tokens.count(piece)) for m, piece in pieces
    )
    return TracedCall(
        agent,
        selection.text,
        session.history_tokens,
        selection.tokens,
        _scores(session, inputs, agent),
        kept,
        sources,
        spans,
    )


def _scores(session: Session, inputs: Sequence[Message], agent: str) -> tuple[float, ...] | None:
    from lrrc.policies.untrained import ExtractiveSession

    if not session.history.segments:
        return None
    if isinstance(session, ExtractiveSession):
        values = session.scores(inputs, agent)
    elif _predicts(session):
        values = session.scores(inputs, agent)[0]
    else:
        return None
    return tuple(float(value) for value in values)


def _predicts(session: Session) -> bool:
    """Does the session rank segments and predict outcomes with a network?"""
    if not hasattr(session, "net"):
        return False  # torch need not be imported to know
    from lrrc.policies.pruning import PruningSession

    return not isinstance(session, PruningSession)


def _observe(session: Session, messages: Sequence[Message]) -> tuple[GateRecord | None, dict[str, float] | None]:
    """Let the session take in a turn; its gate then, and the outcomes it predicts."""
    if not _predicts(session):
        session.observe(messages)
        return None, None
    import torch

    from lrrc.model.cells import LowRankCell, RimCell

    before, first = session.state_1CD, len(session.history.segments)
    session.observe(messages)
    probabilities = torch.from_numpy(session.outcome()).softmax(0).tolist()
    outcome = dict(zip(ARENA_OUTCOMES, probabilities, strict=True))
    cell, history = session.net.cell, session.history
    if not isinstance(cell, (LowRankCell, RimCell)) or len(history.segments) == first:
        return None, outcome
    if isinstance(cell, LowRankCell) and not cell.recurrence:
        before = cell.initial(1)
    with torch.inference_mode():
        embeddings = torch.from_numpy(history.embeddings_NE[first:])[None]
        z_1nZ = session.net.encode(embeddings, torch.tensor(history.speaker[first:])[None])
        key, value = session.net.project(z_1nZ)
        mask_1n = torch.ones(z_1nZ.shape[:2], dtype=torch.bool)
        _, g_1R, active_1R = cell.gate(before, key, value, mask_1n)
        alpha_1Rn1 = cell.gate.attend(cell.gate.logits(before, key, mask_1n), mask_1n)
    attention = tuple(map(tuple, alpha_1Rn1[0].tolist()))
    return GateRecord(tuple(g_1R[0].tolist()), tuple(active_1R[0].tolist()), attention), outcome
