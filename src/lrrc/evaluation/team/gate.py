"""LRRC's call gate in the team arena: trained on training episodes in which all were called, cross-fitted by episode.

Replaying a choice on the answers that all agents gave tells what would have been forwarded, had only some been called:
exact for the request itself, and near the truth for what follows, as other answers then stand in the history. So
thresholds are calibrated, and ablations and curves drawn; the headline is played.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrrc.episodes.team.episode import Request, TeamEpisode
from lrrc.evaluation.team.calls import CallPolicy, Situation, untrained
from lrrc.evaluation.team.loop import Called
from lrrc.model.caller import Caller, CallerShape, Seen
from lrrc.policies.caller import CallGate, Choice, look
from lrrc.training.caller import Example, fit_caller

VALIDATION = 4  # every so manieth training episode chooses epoch and threshold
GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class AllCalled:
    """A request with all agents called: what each saw, whom other call policies would have called, who was right, and
    how sure each was."""

    episode: TeamEpisode
    request: Request
    seen: tuple[Seen, ...]
    choices: dict[str, list[int]]
    right_M: np.ndarray
    confidence_M: np.ndarray

    def forwarded_right(self, called: Sequence[int]) -> bool:
        """Whether the answer forwarded would be right, had only these been called."""
        some = np.asarray(called)
        return bool(self.right_M[some[np.argmax(self.confidence_M[some])]])


class Recording(CallPolicy):
    """Calls all agents, and keeps what each saw, and whom the untrained policies would have called."""

    def __init__(self):
        self.seen: list[tuple[Seen, ...]] = []
        self.choices: list[dict[str, list[int]]] = []

    def choose(self, here: Situation) -> list[int]:
        self.seen.append(tuple(look(here.heard, m, here.request.question) for m in range(here.count)))
        self.choices.append({name: policy.choose(here) for name, policy in untrained().items()})
        return super().choose(here)


def all_called(
    episode: TeamEpisode, played: Sequence[tuple[Request, Situation, list[Called]]], recorded: Recording
) -> list[AllCalled]:
    """The requests of an episode that was played with a `Recording`."""
    return [
        AllCalled(
            episode,
            request,
            views,
            choices,
            np.array([call.right(request) for call in made]),
            np.array([call.opinion.confidence for call in made]),
        )
        for (request, _, made), views, choices in zip(played, recorded.seen, recorded.choices, strict=True)
    ]


def examples(asked: Sequence[AllCalled]) -> list[Example]:
    return [
        Example(view, bool(right), each.episode.episode_id)
        for each in asked
        for view, right in zip(each.seen, each.right_M, strict=True)
    ]


class Gated(CallPolicy):
    """LRRC's gate: of every episode the one that never saw it."""

    name = "lrrc"

    def __init__(self, gate_of: dict[str, CallGate]):
        self.gate_of = gate_of
        self.chosen: list[list[Choice]] = []  # at every request so far

    def choose(self, here: Situation) -> list[int]:
        chosen = self.gate_of[here.episode.episode_id].choose(here.heard, here.request.question)
        self.chosen.append(chosen)
        return [m for m, choice in enumerate(chosen) if choice.called]


def chosen_at(chances_M: np.ndarray, threshold: float) -> list[int]:
    """Agents that reach the threshold, and the most probable in any case."""
    best = int(np.argmax(chances_M))
    return [m for m, chance in enumerate(chances_M) if chance >= threshold or m == best]


def calibrate(asked: Sequence[AllCalled], chances: Sequence[np.ndarray], margin: float) -> float:
    """The highest threshold at which replayed success is at most `margin` below that of calling all."""
    everybody = np.mean([each.forwarded_right(range(len(each.seen))) for each in asked])
    able = [
        tau
        for tau in GRID
        if np.mean([each.forwarded_right(chosen_at(c, tau)) for each, c in zip(asked, chances, strict=True)])
        >= everybody - margin
    ]
    return float(max(able, default=0.0))


@dataclass(frozen=True)
class Learning:
    """How gates are trained: seeds whose networks are averaged, epochs at most, the margin of the threshold."""

    seeds: tuple[int, ...]
    epochs: int
    margin: float


@dataclass(frozen=True)
class Fit:
    """A gate of all seeds' networks, and one of each seed's alone; `gain`: nats by which networks beat the base rate on
    validation episodes."""

    gate: CallGate
    singles: tuple[CallGate, ...]
    gain: float


def fit_gate(asked: Sequence[AllCalled], shape: CallerShape, how: Learning) -> Fit:
    """A gate from training episodes, its threshold calibrated on those that no network was trained on."""
    names = sorted({each.episode.episode_id for each in asked})
    held = set(names[::VALIDATION])
    train = [each for each in asked if each.episode.episode_id not in held]
    val = [each for each in asked if each.episode.episode_id in held]
    fits = [fit_caller(shape, examples(train), examples(val), seed, how.epochs) for seed in how.seeds]

    def calibrated(*nets: Caller) -> CallGate:
        gate = CallGate(nets, 0.0)
        return CallGate(nets, calibrate(val, [gate.probabilities(each.seen) for each in val], how.margin))

    singles = tuple(calibrated(fit.net) for fit in fits)
    return Fit(calibrated(*(fit.net for fit in fits)), singles, float(np.mean([fit.base - fit.loss for fit in fits])))


def cross_fit(asked: Sequence[AllCalled], fold_of: dict[str, int], shape: CallerShape, how: Learning) -> dict[int, Fit]:
    """What was fitted for every fold, on the others."""
    return {
        fold: fit_gate([each for each in asked if fold_of[each.episode.episode_id] != fold], shape, how)
        for fold in sorted({fold_of[each.episode.episode_id] for each in asked})
    }
