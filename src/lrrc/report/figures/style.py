"""What all figures share: sizes, colours, the style file, notes at the foot, and files of the same bytes every time."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats as scipy_stats

from lrrc.results.summary import Summary, provenance
from lrrc.runtime.files import atomic

COLUMN, PAGE = 3.4, 7.0  # inches: one and two columns of a paper
LRRC, OTHER, SECOND, INK, FAINT = "#0072B2", "#8A8F94", "#D55E00", "#222222", "#666666"


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw under the project's style file."""

    @functools.wraps(draw)
    def inside(*args: Any, **kwargs: Any) -> Figure:
        with matplotlib.style.context("lrrc.report.figures.lrrc"):
            return draw(*args, **kwargs)

    return inside


def save_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.pdf without dates or version strings."""
    unsaid = {"png": {"Software": None}, "pdf": {"Creator": None, "Producer": None, "CreationDate": None}}
    for kind, metadata in unsaid.items():
        with matplotlib.style.context("lrrc.report.figures.lrrc"), atomic(stem.with_suffix(f".{kind}")) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)


def standard_error(record: Mapping) -> float:
    """Standard error over episodes, back from the record's t interval."""
    return (record["high"] - record["low"]) / 2 / scipy_stats.t.ppf(0.975, record["n"] - 1)


def footnote(figure: Figure, text: str) -> None:
    """A note under the figure, wrapped to its width."""
    width = int(figure.get_figwidth() * 20)  # characters of this size to an inch
    figure.supxlabel(textwrap.fill(text, width), fontsize=6.5, color=FAINT, x=0.01, ha="left")


def errors(records: Sequence[Mapping], scale: float = 1) -> list[list[float]]:
    """Lengths of error bars below and above; none where no interval was recorded."""
    low, high = ([r[end] if r[end] is not None else r["value"] for r in records] for end in ("low", "high"))
    return [
        [scale * (r["value"] - end) for r, end in zip(records, low, strict=True)],
        [scale * (end - r["value"]) for r, end in zip(records, high, strict=True)],
    ]


def draw_chance_line(axes: Axes, summary: Summary, start: float, end: float) -> None:
    """A dotted line at the success of random picks."""
    for record in summary.find(evaluation="replay", metric="preference_success", policy="random-pick"):
        axes.plot([start, end], [100 * record["value"]] * 2, color=FAINT, lw=0.9, ls=":", zorder=1)
        axes.text(
            start,
            100 * record["value"],
            " random pick",
            fontsize=6.5,
            color=FAINT,
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )


def sentence(records: Sequence[Mapping]) -> str:
    """What records were measured on, as a sentence."""
    text = provenance(max(records, key=lambda r: r["seeds"]))
    return text[0].upper() + text[1:]


def spread(wanted: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Heights of labels near the ascending heights `wanted`, `step` apart, within low..high as far as they fit."""
    heights = list(wanted)
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + step)
    if heights and heights[-1] > high:
        heights[-1] = high
        for i in reversed(range(len(heights) - 1)):
            heights[i] = min(heights[i], heights[i + 1] - step)
    return list(np.maximum(heights, low + step * np.arange(len(heights))))
