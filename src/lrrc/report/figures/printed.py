"""A plot for print: matplotlib, with every value that matters written beside its point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from lrrc.report.figures.plot import Axis, Line, Panel, Plot, Series
from lrrc.report.figures.style import FAINT, INK, LRRC, footnote, spread, styled

MARKERS = {"circle": "o", "square": "s", "diamond": "D", "cross": "X", "star": "*"}
DASHES = {"": "", "solid": "-", "dashed": "--", "dotted": ":"}
ROLES = {
    "main": {"lw": 1.6, "elinewidth": 1.1, "ms": 6, "alpha": 1, "zorder": 4},
    "reference": {"lw": 0.6, "elinewidth": 0.5, "ms": 5, "alpha": 1, "zorder": 3},
    "kin": {"lw": 0.6, "elinewidth": 0.5, "ms": 5, "alpha": 0.55, "zorder": 3},
    "other": {"lw": 0.6, "elinewidth": 0.5, "ms": 3.5, "alpha": 0.55, "zorder": 2},
    "": {},
}
WRAPPED = {
    "Truncated-History": "Truncated-\nHistory",
    "Embedding retrieval": "Embedding\nretrieval",
    "RIMs-only": "RIMs-\nonly",
    "CCF-only (style)": "CCF-only\n(style)",
    "TokenSqueeze-only (style)": "Token-\nSqueeze-only\n(style)",
    "Full-Context": "Full-\nContext",
    "First sentences": "First\nsentences",
}
HALO = [withStroke(linewidth=2, foreground="white")]  # numbers stay legible over lines
NEAR = 0.35  # inches between points of a line whose printed numbers would meet
NUDGE = 0.05  # of the points of two axes over one name, so that their error bars do not meet


@styled
def printed(plot: Plot) -> Figure:
    """The plot as matplotlib draws it."""
    figure = Figure(figsize=plot.size)
    margin = None
    if any(series.label for series in plot.panels[0].series):
        *panels, margin = figure.subplots(1, 2, width_ratios=(1, 0.62), sharey=True)
        margin.axis("off")
    else:
        shape = (len(plot.panels), 1) if plot.share == "x" else (1, len(plot.panels))
        share = {f"share{plot.share}": True} if plot.share else {}
        panels = figure.subplots(*shape, squeeze=False, **share).flat
    panels = list(panels)
    for axes, panel in zip(panels, plot.panels, strict=True):
        _panel(axes, panel, small=plot.share == "x")
        if margin is not None:
            _names_beside(axes, margin, panel.series, plot.size[1])
        for line in panel.lines:
            if line.axis == "y" or line.dash != "solid":
                _draw_line(axes, line, panel)
        for series in panel.series:
            if series.kind == "points" and series.beside:
                _say_beside(axes, series)
    if names := plot.panels[0].y.names:
        panels[0].set_yticks(range(len(names)), names)
        _colour_names(panels[0].get_yticklabels(), plot.panels[0].y)
    footnote(figure, plot.note)
    return figure


def _panel(axes: Axes, panel: Panel, small: bool) -> None:
    right = axes.twinx() if panel.right else None
    if panel.here:
        axes.axvspan(panel.here[0] - 0.3, panel.here[0] + 0.3, color="#F0F1F3", lw=0)
    for line in panel.lines:
        if line.axis == "x" and line.dash == "solid":  # under the points; others lie over them
            axes.axvline(line.at, color=line.colour, lw=0.8)
    for series in panel.series:
        place = right if series.right else axes
        if series.kind == "points":
            nudge = (NUDGE if series.right else -NUDGE) if right and panel.x.names else 0
            _points(place, series, nudge, 4 if small else None)
        else:
            {"dots": _dots, "bars": _bars, "band": _band}[series.kind](place, series)
    if panel.ends_named:
        _name_ends(axes)
    _titles(axes, right, panel)
    if panel.x.names:
        axes.set_xticks(range(len(panel.x.names)), [_wrapped(name) for name in panel.x.names])
        _colour_names(axes.get_xticklabels(), panel.x)
    if panel.x.limits:
        axes.set_xlim(panel.x.limits)
    for place, axis in ((axes, panel.y), (right, panel.right)):
        if axis and axis.limits:
            place.set_ylim(axis.limits)
        if axis and axis.most is not None:
            ends = axis.limits
            place.set_yticks([tick for tick in place.get_yticks() if ends[0] <= tick <= min(axis.most, ends[1])])
    kinds = {series.kind for series in panel.series}
    if "bars" in kinds:
        axes.set_zorder(right.get_zorder() + 1)
        axes.patch.set_visible(False)
    if "band" in kinds:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel.ends_named:
        last = max(len(series.x) for series in panel.series)
        axes.set_xticks([tick for tick in axes.get_xticks() if 0 < tick <= last])
    if panel.y.names:
        axes.margins(x=0.18)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    if panel.here:
        place, words = panel.here
        over = axes.get_xaxis_transform()
        axes.text(place, 1.0, words, transform=over, ha="center", va="bottom", fontsize=7, color=INK)


def _wrapped(name: str) -> str:
    """A name over several lines; a policy of that name has one rank, which is left out."""
    return WRAPPED.get(name.partition(" r = ")[0], name)


def _titles(axes: Axes, right: Axes | None, panel: Panel) -> None:
    if panel.title:
        axes.set_title(panel.title)
    axes.set_xlabel(panel.x.printed or panel.x.title)
    axes.set_ylabel(panel.y.printed or panel.y.title, **_coloured(panel.y))
    if right:
        right.spines["right"].set_visible(True)
        right.set_ylabel(panel.right.printed or panel.right.title, **_coloured(panel.right))


def _coloured(axis: Axis) -> dict[str, str]:
    return {"color": axis.colour} if axis.colour else {}


def _weight(colour: str) -> str:
    """What is LRRC's is bold."""
    return "bold" if colour == LRRC else "normal"


def _colour_names(texts: Sequence[Text], axis: Axis) -> None:
    for text, colour in zip(texts, axis.colours, strict=False):
        text.set(color=colour, fontweight=_weight(colour))


def _points(axes: Axes, series: Series, nudge: float, size: float | None) -> None:
    """Points joined by their line."""
    look = {**ROLES[series.role], "color": series.colours[0]}
    if series.role:
        look.update(capsize=0, ecolor=series.colours[0])
    if series.mark == "star" and series.role != "main":
        look["ms"] = 7
    if size:
        look["ms"] = size
    axes.errorbar(
        [x + nudge for x in series.x],
        series.y,
        yerr=series.y_errors,
        xerr=series.x_errors,
        marker=MARKERS[series.mark],
        ls=DASHES[series.line],
        **look,
    )


def _say_beside(axes: Axes, series: Series) -> None:
    """What is printed at the upper left of points; those of points too near to each other in one label."""
    inches = axes.transData.transform(np.column_stack([series.x, series.y])) / axes.figure.dpi
    groups: list[list[int]] = []
    for i in range(len(series.x)):
        near = groups and min(np.hypot(*(inches[i] - inches[j])) for j in groups[-1]) < NEAR
        groups[-1].append(i) if near else groups.append([i])
    look = {"fontsize": 7, "color": series.colours[0], "fontweight": "bold", "zorder": 6, "path_effects": HALO}
    for group in groups:
        left = min(group, key=lambda i: series.x[i])
        place = {"xytext": (-4, 4), "textcoords": "offset points", "ha": "right"}
        words = series.beside[group[0]] + (f"–{series.beside[group[-1]]}" if len(group) > 1 else "")
        axes.annotate(words, (series.x[left], series.y[left]), **place, **look)


def _dots(axes: Axes, series: Series) -> None:
    """Points one by one, the number of each beside the end of its interval."""
    upright = series.x_errors is None
    errors = series.y_errors if upright else series.x_errors
    points = zip(series.x, series.y, *errors, series.colours, series.beside, strict=True)
    for x, y, below, above, colour, text in points:
        reach = [[below], [above]]
        if upright:
            axes.errorbar(x, y, yerr=reach, fmt="o", color=colour, zorder=5)
            place, look = (x, y + above), {"xytext": (0, 3), "ha": "center", "fontweight": _weight(colour)}
        else:
            axes.errorbar(x, y, xerr=reach, fmt="o", color=colour, ms=4, elinewidth=1)
            place, look = (x + above, y), {"xytext": (4, 0), "va": "center"}
        look |= {"fontsize": 7, "color": colour, "path_effects": HALO}
        axes.annotate(text, place, textcoords="offset points", **look)
    if not upright:
        axes.set_ylim(-0.7, max(series.y, default=0) + 0.7)


def _bars(axes: Axes, series: Series) -> None:
    """Bars with their numbers at the foot."""
    thin = {"ecolor": FAINT, "elinewidth": 0.8}
    axes.bar(series.x, series.y, 0.62, yerr=series.y_errors, color=series.colours, error_kw=thin)
    foot = 0.02 * axes.get_ylim()[1]
    for x, text in zip(series.x, series.beside, strict=True):
        axes.text(x, foot, text, ha="center", fontsize=7, color=INK)


def _band(axes: Axes, series: Series) -> None:
    """A curve, and around it what lies between its errors."""
    colour, y, (below, above) = series.colours[0], np.asarray(series.y), series.y_errors
    axes.fill_between(series.x, below, above, color=colour, alpha=0.15, lw=0)
    axes.plot(series.x, y, color=colour, label=series.name, ls=DASHES[series.line])


def _name_ends(axes: Axes) -> None:
    """Names at the right end of the curves, pushed apart where they would overlap."""
    lines = sorted(axes.get_lines(), key=lambda line: line.get_ydata()[-1])
    low, high = axes.get_ylim()
    step, last = 0.075 * (high - low), -np.inf
    for line in lines:
        x, y = line.get_xdata()[-1], line.get_ydata()[-1]
        last = max(y, last + step)
        axes.annotate(
            line.get_label(),
            (x, y),
            xytext=(x + 0.03 * x, last),
            color=line.get_color(),
            va="center",
            fontsize=7.5,
        )
    last = lines[0].get_xdata()[-1]
    axes.set_xlim(0.5, 1.35 * last)
    axes.spines["bottom"].set_bounds(0.5, last)


def _names_beside(axes: Axes, margin: Axes, all_series: Sequence[Series], height: float) -> None:
    """Names in the margin, in the order of what they name, with a line to the point."""
    ordered = sorted(all_series, key=lambda series: series.y[series.labelled])
    low, high = axes.get_ylim()
    step = max((high - low) * 0.155 / height, 0)
    heights = spread([series.y[series.labelled] for series in ordered], step, low + step / 2, high - step / 2)
    for series, place in zip(ordered, heights, strict=True):
        colour = series.colours[0]
        label = margin.annotate(
            series.label,
            (series.x[series.labelled], series.y[series.labelled]),
            xycoords=axes.transData,
            xytext=(0.02, place),
            textcoords=margin.get_yaxis_transform(),
            va="center",
            fontsize=7,
            color=colour,
            fontweight="bold" if series.role == "main" else "normal",
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


def _draw_line(axes: Axes, line: Line, panel: Panel) -> None:
    """A line to compare with; its label stands before the line where that leaves room, else over it, off the points."""
    if line.axis == "x":
        axes.axvline(line.at, color=line.colour, lw=0.8, ls=DASHES[line.dash])
        return
    left, right = axes.get_xlim()
    start, end = line.ends or (left, right)
    axes.plot([start, end], [line.at] * 2, color=line.colour, lw=0.9, ls=DASHES[line.dash], zorder=1)
    look = {"fontsize": 6.5, "color": line.colour, "path_effects": HALO, "zorder": 6}
    if line.label_first and panel.x.names:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(start, line.at, f" {line.label}", va="center", bbox=box, **look)
    else:
        above = any(other.label and other.at > line.at for other in panel.lines)  # its label stands there
        side = "top" if above else "bottom"
        axes.text(_free(panel, (left, right)), line.at, line.label, ha="center", va=side, **look)
    axes.set_xlim(left, right)


def _free(panel: Panel, ends: tuple[float, float]) -> float:
    """The place along the x axis that is farthest from all points, and from both ends."""
    taken = np.array([*ends, *(x for series in panel.series for x in series.x)])
    tried = np.linspace(*ends, 101)
    return float(tried[np.abs(tried[:, None] - taken).min(axis=1).argmax()])
