"""The figures there are: what each shows, what it needs, and the command and runs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrrc.results.summary import Summary

if TYPE_CHECKING:
    from lrrc.params import Params


@dataclass(frozen=True)
class Figure:
    """A figure: what it shows, the command and the MLflow runs (stage items, see fitted_runs) that made it.

    `needs`: the part of the results (lrrc.summary.PARTS) without which it cannot be drawn.
    """

    title: str
    caption: str
    runs: str
    needs: str = ""
    command: str = "dvc repro figures"


FIGURES = {
    "live_pareto": Figure(
        "Tokens against success, live",
        "A local model reads what each policy sends and answers the checks of held-out episodes. Every policy, rank "
        "and budget, 95 % intervals.",
        "figures, stats, live, {ranks}, {baselines}",
        "live",
    ),
    "pareto": Figure(
        "Tokens against success, recorded outcomes",
        "How often the answer that the judge preferred is forwarded, against tokens. Every policy and rank, 95 % "
        "intervals.",
        "figures, stats, replay, {ranks}, {baselines}",
        "success",
    ),
    "live_ablations": Figure(
        "Ablations, live",
        "Points that the whole coordinator is better than with one part changed, same episodes, 95 % intervals.",
        "figures, stats, live, {operating}, {ablations}",
        "live-ablation",
    ),
    "fidelity": Figure(
        "Fidelity to the full history",
        "How much more the true next reply surprises a local model that reads what a policy sends, 95 % intervals.",
        "figures, stats, fidelity, {operating}, {baselines}",
        "fidelity",
    ),
    "call_gate": Figure(
        "The call gate at other thresholds",
        "Calls per episode and success of the answer forwarded, 95 % intervals.",
        "figures, stats, replay, {operating}",
        "call-gate",
    ),
    "figure1": Figure(
        "Figure 1",
        "The coordinator, its shapes, the gate, and where tokens and calls are saved.",
        "figures, {default}",
    ),
    "figure2": Figure(
        "Figure 2",
        "Success, or else calls, (points, left axis) and tokens per episode (bars, right axis), standard errors.",
        "figures, stats, replay, {operating}, {baselines}",
    ),
    "figure3": Figure(
        "Figure 3",
        "Tokens saved, and success or else calls, against the coordinator rank, 95 % intervals.",
        "figures, stats, replay, {ranks}, {full}",
    ),
    "figure4": Figure(
        "Figure 4",
        "Losses, norm of the state and share of active channels while training.",
        "figures, {ranks}",
    ),
    "figure5": Figure(
        "Table 1 and Figure 5",
        "The data set by split, counting one side of the arena and both.",
        "figures, stats, split, annotate",
    ),
}


def drawable(summary: Summary) -> dict[str, Figure]:
    """The figures for which there are records."""
    return {key: picture for key, picture in FIGURES.items() if not picture.needs or summary.has(picture.needs)}


def lead(summary: Summary) -> str | None:
    """The figure to look at first: live success, else recorded outcomes, None where neither was measured."""
    return next((key for key in ("live_pareto", "pareto") if key in drawable(summary)), None)


def fitted_runs(params: Params) -> dict[str, str]:
    """Names of the MLflow runs that fitted something, by what they are for; `{0,1}` as a shell expands it."""
    seeds = _one_of(params.seeds)
    return {
        "default": f"train-r{params.rank}-s{params.seeds[0]}",
        "operating": f"train-r{params.rank}-s{seeds}",
        "ranks": f"train-r{_one_of(params.ranks)}-s{seeds}",
        "full": f"baseline-full-context-s{seeds}",
        "baselines": f"baseline-{_one_of(params.baseline.policies)}-s{seeds}",
        "ablations": f"ablate-{_one_of(params.ablate.variants)}",
    }


def _one_of(values: Sequence) -> str:
    names = ",".join(map(str, values))
    return names if len(values) == 1 else f"{{{names}}}"
