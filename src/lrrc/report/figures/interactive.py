"""Records of summary.json -> plotly figures for the report: hovering or tapping a point shows its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from matplotlib.ticker import MaxNLocator

from lrrc.policy_catalogue import FLOORS, REFERENCES
from lrrc.report.figures import pareto
from lrrc.report.figures.live_figures import ablated, by_fidelity, threshold
from lrrc.report.figures.paper_figures import apart, over_bars, second_measure
from lrrc.report.figures.style import LRRC, SECOND, standard_error
from lrrc.report.tables.live_tables import fidelity_records
from lrrc.results.summary import DATA, Summary, name
from lrrc.results.training_curves import curves_of

SYMBOLS = {"lrrc": "circle", "full-context": "diamond", "no-history": "x", "oracle": "star"}
GREY = "#9AA5AE"


def to_html(figure: go.Figure, element: str) -> str:
    """A <div> that draws itself; plotly.js must be on the page. Same bytes every time."""
    config = {"responsive": True, "displaylogo": False, "displayModeBar": False}
    return figure.to_html(
        full_html=False, include_plotlyjs=False, div_id=element, config=config, default_height="26rem"
    )


def layout(figure: go.Figure, **axes) -> go.Figure:
    """The look of every figure on the page."""
    figure.update_layout(
        template="simple_white",
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        dragmode=False,
        font={"size": 13},
        **axes,
    )
    return figure


def told(record: Mapping, scale: float = 1, shows: str = ",.0f", unit: str = "") -> str:
    """A number with its interval."""
    text = f"{scale * record['value']:{shows}}{unit}"
    if record["low"] is None:
        return text
    return f"{text} [{scale * record['low']:{shows}}, {scale * record['high']:{shows}}]"


def at_budget(record: Mapping) -> str:
    """The budget of a record that has one."""
    return f", budget {record['budget']}" if record["budget"] else ""


def error(records: Sequence[Mapping], scale: float = 1) -> dict:
    """Error bars; none where no interval was recorded."""
    reach = [
        (
            r["value"],
            r["low"] if r["low"] is not None else r["value"],
            r["high"] if r["high"] is not None else r["value"],
        )
        for r in records
    ]
    return {
        "type": "data",
        "symmetric": False,
        "thickness": 1,
        "width": 3,
        "array": [scale * (high - value) for value, _, high in reach],
        "arrayminus": [scale * (value - low) for value, low, _ in reach],
    }


def replayed(summary: Summary) -> go.Figure:
    """Tokens per episode against success, on recorded outcomes."""
    figure = _scatter(pareto.replayed(summary), " % success")
    return layout(figure, xaxis={"title": "Tokens per episode (fewer is better)"}, yaxis={"title": "Task success (%)"})


def live(summary: Summary) -> go.Figure:
    """Tokens per episode against checks answered right; lines join the budgets of a policy."""
    figure = _scatter(pareto.live(summary), " % of checks right")
    return layout(
        figure, xaxis={"title": "Tokens per episode (fewer is better)"}, yaxis={"title": "Checks answered right (%)"}
    )


def _scatter(series: Sequence[pareto.Series], unit: str) -> go.Figure:
    figure = go.Figure()
    groups = set()
    for one in sorted(series, key=lambda one: (not one.bold, one.points[0][1]["policy"] not in REFERENCES)):
        tokens, success = zip(*one.points, strict=True)
        policy = success[0]["policy"]
        plain = policy not in ("lrrc", *REFERENCES)
        group = (
            "other policies"
            if plain
            else "LRRC, other ranks"
            if policy == "lrrc" and not one.bold
            else name(success[0])
        )
        colour = GREY if plain else pareto.colour_of(policy)
        figure.add_scatter(
            x=[t["value"] for t in tokens],
            y=[100 * s["value"] for s in success],
            mode="lines+markers" if len(tokens) > 1 else "markers",
            name=group,
            legendgroup=group,
            showlegend=group not in groups,
            opacity=1 if one.bold or not plain else 0.8,
            line={"width": 3 if one.bold else 1},
            marker={"color": colour, "size": 11 if one.bold else 8, "symbol": SYMBOLS.get(policy, "square")},
            error_x=error(tokens),
            error_y=error(success, 100),
            hovertext=[
                f"<b>{escape(name(s))}</b>{at_budget(s)}<br>{told(t)} tokens<br>{told(s, 100, '.1f', unit)}"
                f"<br>n = {s['n']}, seeds: {s['seeds']}"
                for t, s in one.points
            ],
            hoverinfo="text",
        )
        figure.data[-1].line.color = colour
        groups.add(group)
    return figure


def policies(summary: Summary) -> go.Figure:
    """Figure 2: success, else calls (points, left axis) and tokens (bars, right axis), standard errors."""
    metric, scale, unit, label, _ = second_measure(summary)
    tokens = [r for r in summary.main_line("tokens_per_episode") if r["policy"] not in FLOORS]
    points = [r for r in summary.main_line(metric) if r["policy"] not in FLOORS]
    lower, upper = over_bars(summary, points, tokens, scale)
    figure = go.Figure()
    figure.add_bar(
        x=[broken(name(r)) for r in tokens],
        y=[r["value"] for r in tokens],
        yaxis="y2",
        error_y={"type": "data", "thickness": 1, "width": 3, "array": [standard_error(r) for r in tokens]},
        name="tokens per episode",
        marker={"color": ["#A9CFE8" if r["policy"] == "lrrc" else "#DADDE0" for r in tokens]},
        hovertext=[f"<b>{escape(name(r))}</b><br>{told(r)} tokens" for r in tokens],
        hoverinfo="text",
    )
    figure.add_scatter(
        x=[broken(name(r)) for r in points],
        y=[scale * r["value"] for r in points],
        mode="markers",
        name=label.lower(),
        error_y={"type": "data", "thickness": 1, "width": 3, "array": [scale * standard_error(r) for r in points]},
        marker={"color": [LRRC if r["policy"] == "lrrc" else "#222222" for r in points], "size": 9},
        hovertext=[f"<b>{escape(name(r))}</b><br>{told(r, scale, '.1f', unit)}" for r in points],
        hoverinfo="text",
    )
    left = {"title": label, "range": lower, "overlaying": "y2"}
    right = {"title": "Tokens per episode", "range": upper, "side": "right"}
    return layout(figure, xaxis={"automargin": True}, yaxis=left, yaxis2=right)


def broken(label: str) -> str:
    """A name over several lines, for a narrow column."""
    label = escape(label).replace(" = ", "\u00a0=\u00a0")
    return label.replace(" ", "<br>").replace("-", "-<br>", 1)


def ranks(summary: Summary) -> go.Figure:
    """Figure 3: token reduction and success, else calls against the coordinator rank, on two axes."""
    metric, scale, unit, label, _ = second_measure(summary)
    saved, second = (
        sorted(
            summary.find(evaluation="replay", metric=m, policy="lrrc", budget=summary.budget), key=lambda r: r["rank"]
        )
        for m in ("token_reduction_vs_full", metric)
    )
    upper, lower = apart(saved, second, scale)
    figure = go.Figure()
    for records, times, shown, title, colour, symbol, axis in (
        (saved, 1, " %", "tokens saved (%)", LRRC, "circle", "y"),
        (second, scale, unit, label.lower(), SECOND, "square", "y2"),
    ):
        figure.add_scatter(
            x=[str(r["rank"]) for r in records],
            y=[times * r["value"] for r in records],
            yaxis=axis,
            name=title,
            mode="lines+markers",
            marker={"color": colour, "size": 9, "symbol": symbol},
            error_y=error(records, times),
            hovertext=[f"<b>r = {r['rank']}</b><br>{told(r, times, '.1f', shown)}" for r in records],
            hoverinfo="text",
        )
    second_axis = {"title": label, "color": SECOND, "overlaying": "y", "side": "right", "range": lower}
    if scale == 100:  # no share is above all
        second_axis["tickvals"] = [t for t in MaxNLocator(6).tick_values(*lower).tolist() if t <= 100]
    return layout(
        figure,
        xaxis={"title": "Coordinator rank r", "type": "category"},
        yaxis={"title": "Tokens saved (%)", "color": LRRC, "range": upper},
        yaxis2=second_axis,
    )


def training(histories: Mapping[tuple[int, int], list[Mapping]], rank: int) -> go.Figure:
    """Figure 4: means over runs of losses, norm of the state and channels active, by epoch."""
    curves = [c for (r, _), history in sorted(histories.items()) if r == rank for c in curves_of(history)]
    figure = go.Figure()
    for key, label, colour, axis in (
        ("val_loss", "validation loss", SECOND, "y"),
        ("train_loss", "training loss", LRRC, "y"),
        ("loss_rec", "reconstruction", "#009E73", "y"),
        ("state_norm", "norm of the state", "#222222", "y2"),
        ("active_channels", "channels active", "#CC79A7", "y2"),
    ):
        if key not in curves[0]:
            continue
        table = np.full((len(curves), max(len(c["epoch"]) for c in curves)), np.nan)
        for row, curve in zip(table, curves, strict=True):
            row[: len(curve[key])] = curve[key]
        mean = np.nanmean(table, 0).round(4)
        epochs = np.arange(1, table.shape[1] + 1)
        figure.add_scatter(
            x=epochs.tolist(),
            y=mean.tolist(),
            yaxis=axis,
            mode="lines+markers",
            name=label,
            marker={"size": 5},
            line={"color": colour, "dash": "dot" if axis == "y2" else "solid"},
            hovertext=[f"<b>{label}</b>, epoch {e}<br>{v:.3f}" for e, v in zip(epochs, mean, strict=True)],
            hoverinfo="text",
        )
    second = {"title": "Norm, channels (dotted)", "overlaying": "y", "side": "right", "rangemode": "tozero"}
    return layout(figure, xaxis={"title": "Epoch"}, yaxis={"title": "Loss"}, yaxis2=second)


def live_ablations(summary: Summary) -> go.Figure:
    """Points that the whole model is better than one with a part changed, on the same episodes and seeds."""
    rows = ablated(summary)
    labels = [escape(r["variant"]) for r in rows]
    figure = go.Figure()
    _dots(figure, rows, labels, range(len(rows)), ["#222222"] * len(rows), 1, "+.1f", " points")
    figure.add_vline(x=0, line_color=LRRC, line_width=1)
    return layout(figure, xaxis={"title": "Points that LRRC is better, live"}, yaxis=_named(labels)).update_layout(
        showlegend=False
    )


def fidelity(summary: Summary) -> go.Figure:
    """Extra nats per token of every policy on every data set."""
    found = fidelity_records(summary)
    order, sets = by_fidelity(found), sorted({r["data"] for r in found})
    figure = go.Figure()
    for i, (data, colour) in enumerate(zip(sets, (LRRC, SECOND, "#009E73", "#CC79A7"), strict=False)):
        rows = [r for r in found if r["data"] == data]
        places = [order.index(r["policy"]) + 0.2 * ((len(sets) - 1) / 2 - i) for r in rows]
        labels = [f"{escape(name(r))}, {escape(DATA.get(data, data))}" for r in rows]
        _dots(figure, rows, labels, places, colour, 1, "+.3f", " nats per token")
        figure.data[-1].name = DATA.get(data, data)
    labels = {r["policy"]: escape(name(r)) for r in found}
    return layout(
        figure,
        xaxis={"title": "Nats per token over Full-Context (lower is better)"},
        yaxis=_named([labels[policy] for policy in order]),
    )


def _named(labels: Sequence[str]) -> dict:
    return {
        "automargin": True,
        "tickvals": [*range(len(labels))],
        "ticktext": labels,
        "range": [-0.7, len(labels) - 0.3],
    }


def _dots(
    figure: go.Figure,
    rows: Sequence[Mapping],
    labels: Sequence[str],
    places: Sequence[float],
    colour,
    scale: float,
    shows: str,
    unit: str,
) -> None:
    figure.add_scatter(
        x=[scale * r["value"] for r in rows],
        y=[*places],
        mode="markers",
        marker={"color": colour, "size": 9},
        error_x=error(rows, scale),
        hovertext=[
            f"<b>{label}</b><br>{told(r, scale, shows, unit)}<br>n = {r['n']}"
            for r, label in zip(rows, labels, strict=True)
        ],
        hoverinfo="text",
    )


def call_gate(summary: Summary) -> go.Figure:
    """Calls against success, a point for every threshold of the gate."""
    calls, success = (
        {threshold(r): r for r in summary.find(evaluation="call-gate", metric=m, policy="lrrc")}
        for m in ("calls_per_episode", "preference_success")
    )
    figure = go.Figure()
    taus = sorted(calls)
    label: Callable[[float], str] = lambda tau: f"<b>τ = {tau:.2f}</b><br>{told(calls[tau], 1, '.2f')} calls"  # noqa: E731
    if set(taus) <= set(success):
        rows, scale, unit, title = [success[tau] for tau in taus], 100, " % success", "Success (%)"
        x, axis = [calls[tau]["value"] for tau in taus], "Calls per episode (fewer is better)"
    else:
        rows, scale, unit, title = [calls[tau] for tau in taus], 1, " calls", "Calls per episode"
        x, axis = taus, "Threshold τ"
    figure.add_scatter(
        x=x,
        y=[scale * r["value"] for r in rows],
        mode="lines+markers+text",
        text=[f"τ {tau:.2f}" for tau in taus],
        textposition="bottom right",
        marker={"color": LRRC, "size": 9},
        error_y=error(rows, scale),
        hovertext=[f"{label(tau)}<br>{told(r, scale, '.1f', unit)}" for tau, r in zip(taus, rows, strict=True)],
        hoverinfo="text",
    )
    return layout(figure, xaxis={"title": axis}, yaxis={"title": title}).update_layout(showlegend=False)
