"""A plot for the page: plotly, where hovering or tapping a point shows its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import plotly.graph_objects as go
from matplotlib.ticker import MaxNLocator

from lrrc.report.figures.plot import Axis, Errors, Line, Panel, Plot, Series, Told
from lrrc.report.figures.style import LRRC, SECOND

SYMBOLS = {"circle": "circle", "square": "square", "diamond": "diamond", "cross": "x", "star": "star"}
DASHES = {"": "solid", "solid": "solid", "dashed": "dash", "dotted": "dot"}
GREY = "#9AA5AE"  # of what does not stand out
OVERLAID = (LRRC, SECOND, "#009E73", "#CC79A7")  # a colour for every panel of those laid over each other
ORDER = {"": 0, "main": 0, "reference": 1, "kin": 2, "other": 2}  # of traces, and so of the legend
GAP = 0.16  # between panels, of the height of the figure


def to_html(plot: Plot, element: str) -> str:
    """A <div> that draws itself; plotly.js must be on the page. Same bytes every time."""
    config = {"responsive": True, "displaylogo": False, "displayModeBar": False}
    height = 26 if plot.share == "y" else 26 + 14 * (len(plot.panels) - 1)
    return interactive(plot).to_html(
        full_html=False, include_plotlyjs=False, div_id=element, config=config, default_height=f"{height}rem"
    )


def interactive(plot: Plot) -> go.Figure:
    """The plot as plotly draws it."""
    figure = go.Figure()
    if plot.share == "y":
        _overlay(figure, plot.panels)
    else:
        _stack(figure, plot.panels, plot.share)
    figure.update_layout(
        template="simple_white",
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        showlegend=any(series.name for panel in plot.panels for series in panel.series),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        dragmode=False,
        font={"size": 13},
    )
    return figure


def _overlay(figure: go.Figure, panels: Sequence[Panel]) -> None:
    """Panels with the same axes laid over each other, told apart by a colour and a shift each."""
    for i, (panel, colour) in enumerate(zip(panels, OVERLAID, strict=False)):
        shift = 0.2 * ((len(panels) - 1) / 2 - i)
        for series in panel.series:
            y = [place + shift for place in series.y]
            figure.add_trace(_trace(replace(series, y=y, colours=[colour]), panel))
    _axes(figure, panels[0], 1, (0, 1))


def _stack(figure: go.Figure, panels: Sequence[Panel], share: str) -> None:
    """Panels above each other."""
    height = (1 + GAP) / len(panels) - GAP
    shares = [(round(i * (height + GAP), 4), round(i * (height + GAP) + height, 4)) for i in range(len(panels))]
    seen: set[str] = set()
    for number, (panel, domain) in enumerate(zip(panels, reversed(shares), strict=True), start=1):
        for series in sorted(panel.series, key=lambda series: ORDER[series.role]):
            trace = _trace(series, panel)
            trace.update(xaxis=_axis("x", number), yaxis=_axis("y", 2 * number - 1 + series.right))
            trace.showlegend = bool(series.name) and series.name not in seen
            seen.add(series.name)
            figure.add_trace(trace)
        _axes(figure, panel, number, domain)
        if share == "x" and number > 1:
            figure.layout[f"xaxis{number}"].matches = "x"


def _axis(letter: str, number: int) -> str:
    return letter if number == 1 else f"{letter}{number}"


def _trace(series: Series, panel: Panel) -> go.Bar | go.Scatter:
    """One series with what is said of its points."""
    x = [broken(panel.x.names[place]) for place in series.x] if panel.x.names else [*series.x]
    colours = [GREY] if series.role == "other" else series.colours
    said = {"name": series.name or None, "hovertext": [said_of(told) for told in series.told], "hoverinfo": "text"}
    where = {"x": x, "y": [*series.y], **said, "marker": {"color": colours[0] if len(colours) == 1 else [*colours]}}
    if series.kind == "bars":
        return go.Bar(**where, error_y=error(series.y_errors))
    trace = go.Scatter(**where, mode="lines+markers" if series.line else "markers")
    if series.line or series.role:
        trace.line = {"color": colours[0], "dash": DASHES[series.line]}
    trace.marker.size, trace.marker.symbol = 9, SYMBOLS[series.mark]
    if series.role:
        main, trace.legendgroup = series.role == "main", series.name
        trace.line.width, trace.marker.size = (3, 11) if main else (1, 8)
        trace.opacity = 0.8 if series.role == "other" else 1
    if series.kind == "band":
        trace.marker.size = 5
    else:
        trace.error_x, trace.error_y = error(series.x_errors), error(series.y_errors)
    return trace


def error(errors: Errors | None) -> dict[str, Any] | None:
    """Error bars."""
    if errors is None:
        return None
    below, above = errors
    look = {"type": "data", "symmetric": False, "thickness": 1, "width": 3}
    return {**look, "array": [*above], "arrayminus": [*below]}


def said_of(told: Told) -> str:
    """What is said of a point, as HTML."""
    return "<br>".join([f"<b>{escape(told.what)}</b>{escape(told.where)}", *map(escape, told.lines)])


def broken(label: str) -> str:
    """A name over several lines, for a narrow column."""
    label = escape(label).replace(" = ", "\u00a0=\u00a0")
    return label.replace(" ", "<br>").replace("-", "-<br>", 1)


def _axes(figure: go.Figure, panel: Panel, number: int, domain: tuple[float, float]) -> None:
    """The axes of a panel, its bands, and the lines to compare with; `domain` is its part of the height."""
    x, y, right = _axis("x", number), _axis("y", 2 * number - 1), _axis("y", 2 * number)
    bars = any(series.kind == "bars" for series in panel.series)  # they lie under the points
    found = {x: {**_look(panel.x), "anchor": y}, y: {**_look(panel.y), "domain": domain, "anchor": x}}
    if panel.x.names:
        found[x] |= {"type": "category", "automargin": True}
    if panel.y.names:
        found[y] |= _names(panel.y.names)
    if panel.right:
        found[right] = {**_look(panel.right), "side": "right", "anchor": x}
        found[right] |= {"domain": domain} if bars else {"overlaying": y}
        found[y] |= {"overlaying": right} if bars else {}
    figure.update_layout({f"{key[0]}axis{key[1:]}": look for key, look in found.items()})
    for line in panel.lines:
        figure.add_shape(_line(line, x, y))
    for series in panel.series:
        if series.kind == "band":
            figure.add_shape(_band(series, x, right if series.right else y))
    if panel.here:
        place, words = panel.here
        label = {"text": words, "textposition": "top center", "font": {"size": 11}}
        ends = {"x0": place - 0.3, "x1": place + 0.3, "xref": x, "y0": 0, "y1": 1, "yref": f"{y} domain"}
        look = {"fillcolor": "#F0F1F3", "line": {"width": 0}, "layer": "below"}
        figure.add_shape(type="rect", **ends, **look, label=label)


def _look(axis: Axis) -> dict[str, Any]:
    """Title, colour, range and ticks of an axis."""
    look: dict[str, Any] = {"title": axis.title} if axis.title else {}
    if axis.colour:
        look["color"] = axis.colour
    if axis.limits and None in axis.limits:
        look["rangemode"] = "tozero"
    elif axis.limits and not axis.names:
        look["range"] = [*axis.limits]
    if axis.most is not None:
        look["tickvals"] = [t for t in MaxNLocator(6).tick_values(*axis.limits).tolist() if t <= axis.most]
    return look


def _names(names: Sequence[str]) -> dict[str, Any]:
    """Names along an upright axis."""
    ticks = {"tickvals": [*range(len(names))], "ticktext": [*map(escape, names)]}
    return {"automargin": True, **ticks, "range": [-0.7, len(names) - 0.3]}


def _line(line: Line, x: str, y: str) -> dict[str, Any]:
    """A line across the whole panel, with its label inside."""
    at, across = ("x", "y") if line.axis == "x" else ("y", "x")
    axis = {"x": x, "y": y}
    shape = {
        "type": "line",
        f"{at}0": line.at,
        f"{at}1": line.at,
        f"{at}ref": axis[at],
        f"{across}0": 0,
        f"{across}1": 1,
        f"{across}ref": f"{axis[across]} domain",
        "line": {"color": line.colour, "width": 1, "dash": DASHES[line.dash]},
    }
    if line.label:
        place = "start" if line.label_first else "end"
        shape["label"] = {"text": line.label, "textposition": place, "font": {"size": 11, "color": line.colour}}
    return shape


def _band(series: Series, x: str, y: str) -> dict[str, Any]:
    """The outline of a band; a shape, so that there is no trace without points to touch."""
    low, high = series.y_errors
    there, back = _path(series.x, low), _path(reversed(series.x), reversed(high))
    look = {"fillcolor": series.colours[0], "opacity": 0.15, "line": {"width": 0}, "layer": "below"}
    return {"type": "path", "path": f"M{there}L{back}Z", "xref": x, "yref": y, **look}


def _path(x: Iterable[float], y: Iterable[float]) -> str:
    return "L".join(f"{a},{b:.5g}" for a, b in zip(x, y, strict=True))
