"""Tokens per episode against success, every policy with its name beside it: live checks, and replayed outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrrc.policy_catalogue import FLOORS, REFERENCES
from lrrc.report.figures.style import (
    INK,
    LRRC,
    PAGE,
    SECOND,
    draw_chance_line,
    errors,
    footnote,
    sentence,
    spread,
    styled,
)
from lrrc.report.tables.live_tables import live_note
from lrrc.results.summary import Summary, in_order, name

MARKERS = {"lrrc": "o", "full-context": "D", "no-history": "X", "oracle": "*"}  # others: squares


@dataclass(frozen=True)
class Series:
    """One policy and rank: (tokens, success) records by ascending budget, and the one its name is put at."""

    points: tuple[tuple[Mapping, Mapping], ...]
    shown: int
    bold: bool

    @property
    def at(self) -> tuple[Mapping, Mapping]:
        return self.points[self.shown]


def replayed(summary: Summary) -> list[Series]:
    """Every policy and rank of the replay at `budget`."""
    found = summary.find(evaluation="replay", metric="preference_success")
    success = [r for r in found if r["policy"] not in FLOORS and r["budget"] in (None, summary.budget)]
    return _series(
        success, summary.find(evaluation="replay", metric="tokens_per_episode"), summary.rank, summary.budget
    )


def live(summary: Summary) -> list[Series]:
    """Every policy, rank and budget that the live evaluation asked on all of its episodes; others do not compare."""
    success, tokens = (summary.find(evaluation="live", metric=m) for m in ("live_success", "live_tokens_per_episode"))
    most = max((r["n"] for r in success), default=0)
    return _series([r for r in success if r["n"] == most], tokens, summary.rank, summary.budget)


def _series(success: Sequence[dict[str, Any]], tokens: Sequence[Mapping], rank: int, budget: int) -> list[Series]:
    cost = {(r["policy"], r["rank"], r["budget"]): r for r in tokens}
    grouped: dict[tuple, list[tuple[Mapping, Mapping]]] = {}
    for r in in_order(success):
        if (r["policy"], r["rank"], r["budget"]) in cost:
            grouped.setdefault((r["policy"], r["rank"]), []).append((cost[r["policy"], r["rank"], r["budget"]], r))
    return [
        Series(
            tuple(points),
            next((i for i, (_, s) in enumerate(points) if s["budget"] == budget), len(points) - 1),
            key == ("lrrc", rank),
        )
        for key, points in grouped.items()
    ]


def colour_of(policy: str) -> str:
    """LRRC, Full-Context and the references stand out; the rest is grey."""
    return {"lrrc": LRRC, "full-context": SECOND, "oracle": "#009E73", "no-history": "#8C5A8A"}.get(policy, INK)


@styled
def pareto(summary: Summary) -> Figure:
    """Replay: every policy and rank at `budget`, 95 % intervals, names at the right."""
    series = replayed(summary)
    figure, axes = _draw(series, 3.6)
    left, right = axes.get_xlim()
    draw_chance_line(axes, summary, left + 0.01 * (right - left), right)
    axes.set_xlim(left, right)
    axes.set_ylabel("Task success (%)")
    text = f"Mean and 95 % interval over episodes, digest budget {summary.budget} tokens. "
    footnote(figure, text + sentence([s.at[1] for s in series]))
    return figure


@styled
def live_pareto(summary: Summary) -> Figure:
    """Live: every policy, rank and budget; the budgets of a policy are joined, its name tells the one at `budget`."""
    series = live(summary)
    figure, axes = _draw(series, 4.3)
    for tokens, success in next((s.points for s in series if s.bold), ()):
        if success["budget"]:
            axes.annotate(
                f"{success['budget']}",
                (tokens["value"], 100 * success["value"]),
                xytext=(-4, 4),
                textcoords="offset points",
                ha="right",
                fontsize=7,
                color=LRRC,
                fontweight="bold",
                zorder=6,
            )
    axes.set_ylabel("Checks answered right (%), live")
    budgets = sorted({s["budget"] for one in series for _, s in one.points if s["budget"]})
    shown = "Mean and 95 % interval over episodes."
    if len(budgets) > 1:
        shown += f" Lines join budgets of {_listed(budgets)} tokens; names tell {summary.budget}."
    every = summary.find(evaluation="live", metric="live_success")
    if len(every) > sum(len(one.points) for one in series):
        shown += " Ranks and budgets that fewer episodes met are in the table."
    footnote(figure, f"{shown} {live_note([s for one in series for _, s in one.points])}")
    return figure


def _listed(values: Sequence[int]) -> str:
    *first, last = map(str, values) if values else ("no",)
    return f"{', '.join(first)} and {last}" if first else last


def _draw(series: Sequence[Series], height: float) -> tuple[Figure, Axes]:
    """Points with error bars at the left, and names in the order of their success at the right."""
    figure = Figure(figsize=(PAGE, height))
    axes, margin = figure.subplots(1, 2, width_ratios=(1, 0.62), sharey=True)
    margin.axis("off")
    for one in series:
        policy = one.points[0][1]["policy"]
        colour, plain = colour_of(policy), policy not in ("lrrc", *REFERENCES)
        tokens, success = zip(*one.points, strict=True)
        faint = 0.55 if plain or (policy == "lrrc" and not one.bold) else 1
        axes.errorbar(
            [t["value"] for t in tokens],
            [100 * s["value"] for s in success],
            yerr=errors(success, 100),
            xerr=errors(tokens),
            fmt=MARKERS.get(policy, "s"),
            ls="-" if len(tokens) > 1 else "",
            lw=1.6 if one.bold else 0.6,
            color=colour,
            ecolor=colour,
            elinewidth=1.1 if one.bold else 0.5,
            capsize=0,
            ms=6 if one.bold else 7 if policy == "oracle" else 3.5 if plain else 5,
            alpha=faint,
            zorder=4 if one.bold else 3 if not plain else 2,
        )
    ordered = sorted(series, key=lambda one: one.at[1]["value"])
    low, high = axes.get_ylim()
    step = max((high - low) * 0.155 / height, 0)
    heights = spread([100 * one.at[1]["value"] for one in ordered], step, low + step / 2, high - step / 2)
    for one, place in zip(ordered, heights, strict=True):
        tokens, success = one.at
        colour = colour_of(success["policy"])
        label = margin.annotate(
            f"{name(success)}: {tokens['value']:,.0f} tokens, {100 * success['value']:.1f} %",
            (tokens["value"], 100 * success["value"]),
            xycoords=axes.transData,
            xytext=(0.02, place),
            textcoords=margin.get_yaxis_transform(),
            va="center",
            fontsize=7,
            color=colour,
            fontweight="bold" if one.bold else "normal",
            arrowprops={
                "arrowstyle": "-",
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 2,
                "color": colour,
                "lw": 0.35,
                "alpha": 0.6,
            },
            annotation_clip=False,
        )
        label.set_in_layout(False)  # its line reaches into the other axes
    axes.set_ylim(low, high)
    axes.set_xlabel("Tokens per episode (fewer is better: left)")
    return figure, axes
