"""Records of summary.json -> plotly figures for the report: hovering or tapping a point shows its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from lrrc.plots import LRRC, SECOND, apart
from lrrc.summary import FLOORS, find, name

INK = "#222222"


def to_html(figure: go.Figure, element: str) -> str:
    """A <div> that draws itself; plotly.js must be on the page. Same bytes every time."""
    config = {"responsive": True, "displaylogo": False, "displayModeBar": False}
    return figure.to_html(full_html=False, include_plotlyjs=False, div_id=element, config=config,
                          default_height="26rem")  # fmt: skip


def _layout(figure: go.Figure, **axes) -> go.Figure:
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


def _error(records: Sequence[Mapping], scale: float = 1) -> dict:
    return {"type": "data", "symmetric": False, "thickness": 1, "width": 3,
            "array": [scale * (r["high"] - r["value"]) for r in records],
            "arrayminus": [scale * (r["value"] - r["low"]) for r in records]}  # fmt: skip


def pareto(summary: Mapping, budget: int) -> go.Figure:
    """Tokens per episode against success."""
    success = [r for r in find(summary, metric="preference_success")
               if r["policy"] not in FLOORS and r["budget"] in (None, budget)]  # fmt: skip
    cost = {(r["policy"], r["rank"]): r for r in find(summary, metric="tokens_per_episode")
            if r["budget"] in (None, budget)}  # fmt: skip
    groups = {"LRRC": ("lrrc", LRRC, "circle"), "Full-Context": ("full-context", SECOND, "diamond"),
              "other policies": (None, INK, "square")}  # fmt: skip
    figure = go.Figure()
    for label, (policy, colour, symbol) in groups.items():
        mine = [
            r for r in success if (r["policy"] == policy if policy else r["policy"] not in ("lrrc", "full-context"))
        ]
        tokens = [cost[r["policy"], r["rank"]] for r in mine]
        hover = [
            f"<b>{escape(name(s))}</b><br>{t['value']:,.0f} tokens [{t['low']:,.0f}, {t['high']:,.0f}]"
            f"<br>{100 * s['value']:.1f} % success [{100 * s['low']:.1f}, {100 * s['high']:.1f}]"
            f"<br>n = {s['n']}, seeds: {s['seeds']}"
            for s, t in zip(mine, tokens, strict=True)
        ]
        figure.add_scatter(
            x=[t["value"] for t in tokens],
            y=[100 * s["value"] for s in mine],
            mode="markers",
            name=label,
            marker={"color": colour, "size": 10, "symbol": symbol},
            error_x=_error(tokens),
            error_y=_error(mine, 100),
            hovertext=hover,
            hoverinfo="text",
        )
    return _layout(figure, xaxis={"title": "Tokens per episode (fewer is better)"}, yaxis={"title": "Task success (%)"})


def ranks(summary: Mapping, budget: int) -> go.Figure:
    """Token reduction and success against the coordinator rank, on two axes."""
    saved, success = (
        sorted(find(summary, metric=metric, policy="lrrc", budget=budget), key=lambda r: r["rank"])
        for metric in ("token_reduction_vs_full", "preference_success")
    )
    upper, lower = apart(saved, success)
    figure = go.Figure()
    for records, scale, label, colour, symbol, axis in (
        (saved, 1, "tokens saved (%)", LRRC, "circle", "y"),
        (success, 100, "task success (%)", SECOND, "square", "y2"),
    ):
        figure.add_scatter(
            x=[str(r["rank"]) for r in records],
            y=[scale * r["value"] for r in records],
            yaxis=axis,
            name=label,
            mode="lines+markers",
            marker={"color": colour, "size": 9, "symbol": symbol},
            error_y=_error(records, scale),
            hovertext=[
                f"<b>r = {r['rank']}</b><br>{scale * r['value']:.1f} % [{scale * r['low']:.1f}, "
                f"{scale * r['high']:.1f}]"
                for r in records
            ],
            hoverinfo="text",
        )
    return _layout(
        figure,
        xaxis={"title": "Coordinator rank r", "type": "category"},
        yaxis={"title": "Tokens saved (%)", "color": LRRC, "range": upper},
        yaxis2={
            "title": "Task success (%)",
            "color": SECOND,
            "overlaying": "y",
            "side": "right",
            "range": lower,
        },
    )
