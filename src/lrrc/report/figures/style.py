"""What all figures share: sizes, colours, the style file, notes at the foot, and files of the same bytes every time."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from scipy import stats as scipy_stats

from lrrc.results.summary import provenance
from lrrc.runtime.files import atomic

COLUMN, PAGE = 3.4, 7.0  # inches: one and two columns of a paper
LRRC, SECOND, INK, FAINT = "#0072B2", "#D55E00", "#222222", "#666666"


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


def colour_of(policy: str) -> str:
    """LRRC, Full-Context and the references stand out; the rest is dark grey."""
    return {"lrrc": LRRC, "full-context": SECOND, "oracle": "#009E73", "no-history": "#8C5A8A"}.get(policy, INK)


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
