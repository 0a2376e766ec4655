"""What is tried: settings of a policy, as many for each, and the stopping parameter over which each is a curve.

Settings are fields of PolicySpec and of its rules. LRRC gets no trial more than a rule that a user writes in an
afternoon: whoever has fewer kinds of settings gets a finer grid of those that it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.policies.spec import QUERIES, SPEAKERS
from lrrc.policy_catalogue import CATALOGUE, WHOLE

if TYPE_CHECKING:
    from lrrc.params import TuneConfig

TRIALS = 12  # of every policy that has settings
Settings = Mapping[str, Any]


def trials(policy: str) -> list[dict[str, Any]]:
    """The settings tried for a policy: TRIALS, or none where it has no settings."""
    if policy in WHOLE or policy == "tokensqueeze-only":
        return []
    own: dict[str, Sequence]
    if policy == "bm25":
        kinds = [{"max_overlap": 0.8}, {"max_overlap": 1.0}, {"max_overlap": 1.0, "bm25": (0.9, 0.4)}]
        searched = product(QUERIES, SPEAKERS, kinds)
        return [{"query": query, "speakers": speakers, **kind} for query, speakers, kind in searched]
    if policy == "embedding":
        own = {"query": QUERIES, "speakers": SPEAKERS, "max_overlap": (0.8, 0.6, 1.0)}
    elif CATALOGUE[policy].trained:
        own = {"prior": (0.0, 0.3), "speakers": SPEAKERS, "max_overlap": (0.8, 0.6, 1.0)}
    else:
        own = {"speakers": SPEAKERS, "max_overlap": (0.8, 0.5, 0.6, 0.7, 0.9, 1.0)}
    return [dict(zip(own, values, strict=True)) for values in product(*own.values())]


def stops(policy: str, settings: TuneConfig) -> list[dict[str, float]]:
    """The values of a policy's own stopping parameter, by its name; none where it has no such parameter."""
    name = CATALOGUE[policy].stop
    return [{name: value} for value in getattr(settings, name)] if name else []


class Chosen:
    """What was chosen for every policy on the validation episodes of every fold (the file of the stage tune)."""

    def __init__(self, path: Path):
        self.folds = json.loads(Path(path).read_text(encoding="utf-8"))["chosen"]

    def settings(self, policy: str, fold: int) -> dict[str, Any]:
        """The settings that differ from the parameters' own; none where nothing could be tuned."""
        return self.folds[fold].get(policy, {})
