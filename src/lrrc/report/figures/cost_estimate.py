"""The picture of `lrrc estimate`: money by policy and kind of token."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from lrrc.evaluation.cost_estimate import REFERENCE, Estimate, amount
from lrrc.report.figures.style import FAINT, INK, LRRC, PAGE, SECOND, styled
from lrrc.runtime.files import atomic

PARTS = (("fresh prompt tokens", LRRC), ("cached prompt tokens", "#A9CFE8"), ("completion tokens", "#DADDE0"))


@styled
def draw_estimate(result: Estimate) -> Figure:
    """A bar for every policy, cheapest on top; a line at Full-Context, in red what costs more."""
    rows, y = result.rows, range(len(result.rows))
    figure = Figure(figsize=(PAGE, 0.9 + 0.24 * len(rows)))
    axes = figure.subplots()
    money = [result.prices.parts(row.cost) for row in rows]
    left = [0.0] * len(rows)
    for values, (label, colour) in zip(zip(*money, strict=True), PARTS, strict=True):
        axes.barh(y, values, 0.7, left=left, color=colour, label=label)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.axvline(result.prices.money(result.full.cost), color=FAINT, lw=0.9, ls=":")
    for i, (row, end) in enumerate(zip(rows, left, strict=True)):
        change = "" if row.policy == REFERENCE else f" ({-result.saved(row):+.1%})"
        colour = SECOND if result.costs_more(row) else INK
        place = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.annotate(amount(end) + change, (end, i), fontsize=7, color=colour, bbox=box, **place)
    axes.set_yticks(y, [row.label for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.2 * max(left) or 1)
    axes.set_xlabel("Money for all episodes, in the unit of the prices; dotted line: Full-Context")
    figure.legend(loc="outside upper left", ncols=3, frameon=False)
    return figure


def save_estimate(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all, with the same bytes every time."""
    with atomic(path) as temporary, matplotlib.style.context("lrrc.report.figures.lrrc"):
        figure.savefig(temporary, format="png", metadata={"Software": None})
