"""Records of summary.json -> figures of the live ablations, of fidelity to the full history, and of the call gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrrc.report.figures.pareto import colour_of
from lrrc.report.figures.style import (
    COLUMN,
    FAINT,
    INK,
    LRRC,
    PAGE,
    SECOND,
    draw_chance_line,
    errors,
    footnote,
    sentence,
    styled,
)
from lrrc.report.tables.live_tables import fidelity_note, fidelity_records, live_note
from lrrc.results.summary import DATA, Summary, name


@styled
def live_ablations(summary: Summary) -> Figure:
    """Checks that the whole model answers right beyond one with a part changed, on the same episodes and seeds."""
    rows = ablated(summary)
    figure = Figure(figsize=(COLUMN, 0.95 + 0.2 * len(rows)))
    axes = figure.subplots()
    axes.axvline(0, color=LRRC, lw=0.8)
    _dots(axes, rows, 1, [r["variant"] for r in rows], lambda r: INK, "+.1f")
    axes.set_xlabel("Points that LRRC is better, live")
    footnote(
        figure,
        f"LRRC r = {summary.rank}, budget {summary.budget}, minus one with a part changed: above zero, the part helps. "
        f"Paired mean and 95 % interval. {live_note(rows)}",
    )
    return figure


def ablated(summary: Summary) -> list[dict]:
    """Paired differences to every variant, the part that helps most last."""
    found = summary.find(evaluation="live-ablation", metric="lrrc_live_success_minus_policy")
    return sorted(found, key=lambda r: r["value"])


@styled
def fidelity(summary: Summary) -> Figure:
    """Extra nats per token of the true next reply against the full history, a panel per data set."""
    found = fidelity_records(summary)
    sets = sorted({r["data"] for r in found}, key=lambda data: (data != "embedded", data))
    order = by_fidelity(found)
    figure = Figure(figsize=(PAGE, 1.0 + 0.19 * len(order)))
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, data in zip(panels, sets, strict=True):
        rows = sorted((r for r in found if r["data"] == data), key=lambda r: order.index(r["policy"]))
        axes.axvline(0, color=SECOND, lw=0.8)
        places = [order.index(r["policy"]) for r in rows]
        _dots(axes, rows, 1, [], lambda r: colour_of(r["policy"]), "+.3f", places)
        title = DATA.get(data, data)
        axes.set_title(title[0].upper() + title[1:])
        axes.set_xlabel("Nats per token over Full-Context")
    labels = {r["policy"]: name(r) for r in found}
    panels[0].set_yticks(range(len(order)), [labels[policy] for policy in order])
    for policy, text in zip(order, panels[0].get_yticklabels(), strict=True):
        text.set(color=colour_of(policy), fontweight="bold" if policy == "lrrc" else "normal")
    note = fidelity_note(summary)
    footnote(figure, f"Mean and 95 % interval, digest budget {summary.budget} tokens. {note[0].upper()}{note[1:]}")
    return figure


def by_fidelity(records: Sequence[Mapping]) -> list[str]:
    """Policies from the least faithful to the most, by their mean over data sets."""
    values: dict[str, list[float]] = {}
    for r in records:
        values.setdefault(r["policy"], []).append(r["value"])
    return sorted(values, key=lambda policy: -np.mean(values[policy]))


def _dots(
    axes: Axes,
    rows: Sequence[Mapping],
    scale: float,
    labels: Sequence[str],
    colour,
    shows: str,
    places: Sequence[int] | None = None,
) -> None:
    """A line per record: point, interval, and its value as a number beyond it."""
    for y, r in zip(places if places is not None else range(len(rows)), rows, strict=True):
        axes.errorbar(scale * r["value"], y, xerr=errors([r], scale), fmt="o", color=colour(r), ms=4, elinewidth=1)
        end = r["value"] if r["high"] is None else r["high"]
        axes.annotate(
            format(scale * r["value"], shows),
            (scale * end, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=colour(r),
        )
    if labels:
        axes.set_yticks(range(len(labels)), labels)
    axes.margins(x=0.18)
    axes.set_ylim(-0.7, max(places if places is not None else [len(rows) - 1]) + 0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


@styled
def call_gate(summary: Summary) -> Figure:
    """Calls per episode (above) and success (below) against the threshold of the gate; dashed: as calibrated."""
    calls, success = (
        sorted(summary.find(evaluation="call-gate", metric=m, policy="lrrc"), key=threshold)
        for m in ("calls_per_episode", "preference_success")
    )
    figure = Figure(figsize=(COLUMN, 3.2 if success else 2.0))
    panels = figure.subplots(2 if success else 1, 1, sharex=True, squeeze=False)[:, 0]
    drawn = [(calls, 1, "Calls per episode", LRRC, "calls_per_episode")]
    drawn += [(success, 100, "Success (%)", SECOND, "preference_success")] if success else []
    for axes, (rows, scale, label, colour, metric) in zip(panels, drawn, strict=True):
        x = [threshold(r) for r in rows]
        axes.errorbar(x, [scale * r["value"] for r in rows], errors(rows, scale), marker="o", color=colour, ms=4)
        for r in summary.find(
            evaluation="replay", metric=metric, policy="lrrc", rank=summary.rank, budget=summary.budget
        ):
            axes.axhline(scale * r["value"], color=FAINT, lw=0.8, ls="--", zorder=1)
            axes.text(
                1,
                scale * r["value"],
                "as calibrated",
                transform=axes.get_yaxis_transform(),
                fontsize=6.5,
                color=FAINT,
                ha="right",
                va="bottom",
            )
        axes.set_ylabel(label, color=colour)
    if success:
        draw_chance_line(panels[1], summary, min(map(threshold, success)), max(map(threshold, success)))
    panels[-1].set_xlabel("Threshold τ: call one agent where the head is surer")
    footnote(figure, f"LRRC r = {summary.rank}. Mean and 95 % interval. {sentence(calls)}")
    return figure


def threshold(record: Mapping) -> float:
    """0.3 of a record with the variant "tau=0.30"."""
    return float(record["variant"].rpartition("=")[2])
