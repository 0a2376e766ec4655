"""A figure as data: what `printed` draws for the paper and `interactive` for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lrrc.report.figures.style import FAINT
from lrrc.results.summary import Summary

Errors = Sequence[Sequence[float]]  # lengths of error bars: those below, those above


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    `printed` is the title where no legend tells what belongs to the axis. `names` stand at 0, 1, 2, ...,
    in `colours`. No tick is drawn above `most`.
    """

    title: str
    colour: str = ""
    printed: str = ""
    limits: Sequence[float] | None = None
    names: Sequence[str] = ()
    colours: Sequence[str] = ()
    most: float | None = None


@dataclass(frozen=True)
class Told:
    """What is said of a point that is touched: what it is, where, and its numbers line by line."""

    what: str
    where: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """Points that belong together.

    `kind`: "points" are joined by a `line` where there is one; "dots" have a colour each; "bars" stand on
    the axis; a "band" surrounds a curve, and `y_errors` are then its edges. `name` is for the legend, `label` the
    name printed beside the point number `labelled`, `beside` what is printed next to every point, `told` what
    is said when one is touched. `role` makes it stand out, or not.
    """

    kind: Literal["points", "dots", "bars", "band"]
    x: Sequence[float]
    y: Sequence[float]
    colours: Sequence[str]
    told: Sequence[Told]
    name: str = ""
    x_errors: Errors | None = None
    y_errors: Errors | None = None
    mark: Literal["circle", "square", "diamond", "cross", "star"] = "circle"
    line: Literal["", "solid", "dashed"] = ""
    role: Literal["", "main", "kin", "reference", "other"] = ""
    right: bool = False
    beside: Sequence[str] = ()
    label: str = ""
    labelled: int = 0


@dataclass(frozen=True)
class Line:
    """A line to compare with, across `axis` at a value; `label` stands at its start if that is given, else its end."""

    axis: Literal["x", "y"]
    at: float
    colour: str
    dash: Literal["solid", "dashed", "dotted"] = "solid"
    label: str = ""
    ends: tuple[float, float] | None = None
    label_first: bool = False


@dataclass(frozen=True)
class Panel:
    """Series over one x axis, with a second y axis at the right where there is one.

    `here` marks a name of the x axis: (its place, words). `ends_named`: names stand at the ends of curves.
    """

    x: Axis
    y: Axis
    series: Sequence[Series]
    right: Axis | None = None
    lines: Sequence[Line] = ()
    title: str = ""
    here: tuple[int, str] | None = None
    ends_named: bool = False


@dataclass(frozen=True)
class Plot:
    """A figure: panels, its size in print (inches), and a note at the foot.

    Panels that `share` x stand above each other. Others stand beside each other in print; on the page those
    that share y are laid over each other and the rest stand above each other.
    """

    panels: Sequence[Panel]
    size: tuple[float, float]
    note: str
    share: Literal["", "x", "y"] = ""


def told(record: Mapping, scale: float = 1, shows: str = ",.0f", unit: str = "") -> str:
    """A number with its interval."""
    text = f"{scale * record['value']:{shows}}{unit}"
    if record["low"] is None:
        return text
    return f"{text} [{scale * record['low']:{shows}}, {scale * record['high']:{shows}}]"


def scaled(records: Sequence[Mapping], scale: float = 1) -> list[float]:
    """The values of records."""
    return [scale * r["value"] for r in records]


def errors(records: Sequence[Mapping], scale: float = 1) -> Errors:
    """Lengths of error bars below and above; none where no interval was recorded."""
    low, high = ([r[end] if r[end] is not None else r["value"] for r in records] for end in ("low", "high"))
    return [
        [scale * (r["value"] - end) for r, end in zip(records, low, strict=True)],
        [scale * (end - r["value"]) for r, end in zip(records, high, strict=True)],
    ]


def chance_lines(summary: Summary, ends: tuple[float, float] | None = None) -> list[Line]:
    """A dotted line at the success of random picks, where that was measured."""
    found = summary.find(evaluation="replay", metric="preference_success", policy="random-pick")
    return [Line("y", 100 * r["value"], FAINT, "dotted", "random pick", ends, label_first=True) for r in found]
