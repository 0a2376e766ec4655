"""The figures there are: what each shows, what it needs, how it is drawn, and the command and runs behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrrc.report.figures.architecture import architecture, shapes
from lrrc.report.figures.live_figures import call_gate, fidelity, live_ablations
from lrrc.report.figures.paper_figures import dataset, rank_tradeoff, success_and_tokens, training
from lrrc.report.figures.pareto import live_curves, live_pareto, pareto, second_pareto
from lrrc.report.figures.plot import Plot
from lrrc.report.figures.printed import printed
from lrrc.report.figures.team_figures import against_success
from lrrc.results.summary import Summary
from lrrc.results.team_records import figures_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Measured:
    """What figures are drawn from: the summary, training curves by (rank, seed), the config.json of a checkpoint."""

    summary: Summary
    histories: Mapping[tuple[int, int], list[Mapping]]
    checkpoint: Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure: what it shows, the MLflow runs (stage items, see lrrc.policies.run_items) and the command that made it.

    `plot` describes it; a diagram or a table has no points to describe, and `drawing` draws it. `needs` is the part
    of the results (lrrc.results.summary.PARTS) without which it cannot be drawn, `of_paper` says that it is a figure
    of the paper, not one beyond it. `{success}` in a caption stands for what the summary has of it.
    """

    title: str
    caption: str
    runs: str
    plot: Callable[[Measured], Plot] | None = None
    drawing: Callable[[Measured], Drawing] | None = None
    needs: str = ""
    of_paper: bool = False
    command: str = "dvc repro figures"

    def draw(self, measured: Measured) -> Drawing:
        """The figure as it is printed."""
        return printed(self.plot(measured)) if self.plot else self.drawing(measured)


FIGURES = {
    "live_curves": Figure(
        "Success against mean tokens, live",
        "A local model reads what each policy sends and answers the checks of held-out episodes. One line a policy, "
        "over its own stopping parameter, with settings chosen on validation episodes, 95 % intervals.",
        "figures, stats, live, tune, {operating}, {baselines}",
        plot=lambda measured: live_curves(measured.summary),
        needs="live-curves",
    ),
    "live_pareto": Figure(
        "Tokens against success, live",
        "A local model reads what each policy sends and answers the checks of held-out episodes. Every policy, rank "
        "and budget, settings as given; tuned ones are compared at equal tokens. 95 % intervals.",
        "figures, stats, live, {ranks}, {baselines}",
        plot=lambda measured: live_pareto(measured.summary),
        needs="live",
    ),
    "second_pareto": Figure(
        "Tokens against success, live, by another reader",
        "The other model of the arena reads what each policy sends, at the operating budget, and answers the checks of "
        "its own side. 95 % intervals.",
        "figures, stats, live, {operating}, {baselines}",
        plot=lambda measured: second_pareto(measured.summary),
        needs="live-second",
    ),
    "pareto": Figure(
        "Tokens against success, recorded outcomes",
        "How often the answer that the judge preferred is forwarded, against tokens. Every policy and rank, 95 % "
        "intervals.",
        "figures, stats, replay, {ranks}, {baselines}",
        plot=lambda measured: pareto(measured.summary),
        needs="success",
    ),
    "live_ablations": Figure(
        "Ablations, live",
        "Points that the whole coordinator is better than with one part changed, same episodes, 95 % intervals.",
        "figures, stats, live, {operating}, {ablations}",
        plot=lambda measured: live_ablations(measured.summary),
        needs="live-ablation",
    ),
    "fidelity": Figure(
        "Fidelity to the full history",
        "How much more the true next reply surprises a local model that reads what a policy sends, 95 % intervals.",
        "figures, stats, fidelity, {operating}, {baselines}",
        plot=lambda measured: fidelity(measured.summary),
        needs="fidelity",
    ),
    "call_gate": Figure(
        "The call gate at other thresholds",
        "Calls per episode and success of the answer forwarded, 95 % intervals.",
        "figures, stats, replay, {operating}",
        plot=lambda measured: call_gate(measured.summary),
        needs="call-gate",
    ),
    "team_calls": Figure(
        "Calls against success, a team that is played",
        "Two local models with notes of their own; who is called, and what each is sent, decides what is said next. "
        "Every pair of payload and call policy, and LRRC's gate over its threshold, 95 % intervals.",
        "figures, stats, team",
        plot=lambda measured: against_success(figures_of(measured.summary), "calls", "Calls per request"),
        needs="team",
    ),
    "team_tokens": Figure(
        "Tokens against success, a team that is played",
        "Prompt and completion tokens of a request: notes, what is sent of the history, the message, the answers.",
        "figures, stats, team",
        plot=lambda measured: against_success(figures_of(measured.summary), "tokens", "Tokens per request"),
        needs="team",
    ),
    "figure2_arena": Figure(
        "Figure 2, on the embedded arena",
        "Success on recorded outcomes (points, left axis) and tokens per episode (bars, right axis), standard errors.",
        "figures, stats, replay, {operating}, {baselines}",
        plot=lambda measured: success_and_tokens(measured.summary),
        needs="votes",
    ),
    "figure3_arena": Figure(
        "Figure 3, on the embedded arena",
        "Tokens saved, and success on recorded outcomes, against the coordinator rank, 95 % intervals.",
        "figures, stats, replay, {ranks}, {full}",
        plot=lambda measured: rank_tradeoff(measured.summary),
        needs="votes",
    ),
    "figure1": Figure(
        "Figure 1",
        "The coordinator, its shapes, the gate, and where tokens and calls are saved.",
        "figures, {default}",
        drawing=lambda measured: architecture(shapes(measured.checkpoint, measured.summary.budget)),
        of_paper=True,
    ),
    "figure2": Figure(
        "Figure 2",
        "{success} (points, left axis), and tokens per episode (bars, right axis), standard errors.",
        "figures, stats, votes, replay, {operating}, {baselines}",
        plot=lambda measured: success_and_tokens(measured.summary.by_votes()),
        of_paper=True,
    ),
    "figure3": Figure(
        "Figure 3",
        "{success}, and tokens saved, against the coordinator rank, 95 % intervals.",
        "figures, stats, votes, replay, {ranks}, {full}",
        plot=lambda measured: rank_tradeoff(measured.summary.by_votes()),
        of_paper=True,
    ),
    "figure4": Figure(
        "Figure 4",
        "Losses, norm of the state and share of active channels while training.",
        "figures, {ranks}",
        plot=lambda measured: training(measured.summary, measured.histories),
        of_paper=True,
    ),
    "figure5": Figure(
        "Table 1 and Figure 5",
        "The data set by split, counting one side of the arena and both.",
        "figures, stats, split, annotate",
        drawing=lambda measured: dataset(measured.summary),
        of_paper=True,
    ),
}


def drawable(summary: Summary) -> dict[str, Figure]:
    """The figures for which there are records."""
    return {key: picture for key, picture in FIGURES.items() if not picture.needs or summary.has(picture.needs)}


def lead(summary: Summary) -> str | None:
    """The figure to look at first: live success, else recorded outcomes, None where neither was measured."""
    return next((key for key in ("live_curves", "live_pareto", "pareto") if key in drawable(summary)), None)
