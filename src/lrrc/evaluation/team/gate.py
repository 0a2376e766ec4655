"""LRRC's call gate in the team arena: taught by agents that make no errors, calibrated on those that are played.

Who knows what can be learnt from episodes of other seeds in which an agent is right where its payload holds the facts
(lrrc.evaluation.team.readers): as many as wanted, in minutes, and none that anything is measured on. How sure a gate
must be, real agents' answers decide, cross-fitted by episode.

Replaying a choice on the answers that all agents gave tells what would have been forwarded, had only some been called:
exact for the request itself, and near the truth for what follows, as other answers then stand in the history. So
thresholds are calibrated, and ablations and curves drawn; the headline is played.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrrc.digest.agent_view import Seen, look
from lrrc.episodes.team.episode import Request, TeamEpisode
from lrrc.evaluation.team.calls import CallPolicy, Situation, untrained
from lrrc.evaluation.team.loop import Called
from lrrc.model.caller import Caller, CallerShape
from lrrc.policies.caller import CallGate, Choice
from lrrc.training.caller import Example, fit_caller

VALIDATION = 4  # every so manieth training episode sets how sure a network is
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
        self.seen.append(look(here.heard, here.request.question))
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
class Taught:
    """Networks of a shape, one a seed, and the nats by which they beat the base rate on validation episodes."""

    nets: tuple[Caller, ...]
    gain: float


def teach(asked: Sequence[AllCalled], shape: CallerShape, seeds: Sequence[int], epochs: int) -> Taught:
    """Networks from the requests of episodes that nothing else is measured on."""
    names = sorted({each.episode.episode_id for each in asked})
    held = set(names[::VALIDATION])
    train, val = ([each for each in asked if (each.episode.episode_id in held) == into] for into in (False, True))
    fits = [fit_caller(shape, examples(train), examples(val), seed, epochs) for seed in seeds]
    return Taught(tuple(fit.net for fit in fits), float(np.mean([fit.base - fit.loss for fit in fits])))


def thresholds(
    asked: Sequence[AllCalled], chances: Sequence[np.ndarray], fold_of: Mapping[str, int], margin: float
) -> dict[int, float]:
    """The threshold of every fold, calibrated on the requests of the others."""
    folds = [fold_of[each.episode.episode_id] for each in asked]
    found = {}
    for fold in sorted(set(folds)):
        others = [i for i, other in enumerate(folds) if other != fold]
        found[fold] = calibrate([asked[i] for i in others], [chances[i] for i in others], margin)
    return found
