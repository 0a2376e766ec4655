"""A team that is played: what a request costs against how often it is answered right."""

from __future__ import annotations

from collections.abc import Mapping

from lrrc.report.figures.plot import Axis, Panel, Plot, Series, Told, errors, scaled, told
from lrrc.report.figures.style import PAGE, colour_of
from lrrc.results.team_records import REFERENCE, Figures, find, one, pair_name, pairs


def against_success(figures: Figures, metric: str, title: str) -> Plot:
    """A cost per request against success, a point a pair of policies; the gate's curve where the cost is calls."""
    series = []
    for payload, call in pairs(figures):
        cost, success = (
            one(figures, part="played", payload=payload, call=call, kind="all", metric=name)
            for name in (metric, "success")
        )
        role = "reference" if (payload, call) == REFERENCE else "main" if call == "lrrc" else "other"
        series.append(_point(cost, success, pair_name(payload, call), role))
    if metric == "calls":
        curve = [
            each
            for each in find(figures, part="gate", changed="", metric="success")
            if each["call"].startswith("threshold")
        ]
        cost = {each["call"]: each for each in find(figures, part="gate", changed="", metric="calls")}
        curve.sort(key=lambda each: cost[each["call"]]["value"])
        series.append(_curve([cost[each["call"]] for each in curve], curve))
    n = series and find(figures, part="played", kind="all", metric="success")[0]
    note = f"Mean and 95 % interval, {n['n']} requests in {n['episodes']} episodes of the team arena." if n else ""
    return Plot([Panel(Axis(title), Axis("Requests answered right (%)"), series)], (PAGE, 4.3), note)


def _point(cost: Mapping, success: Mapping, name: str, role: str) -> Series:
    lines = (f"{told(cost, shows=',.2f')} per request", told(success, 100, ".1f", " % right"))
    return Series(
        "points",
        scaled([cost]),
        scaled([success], 100),
        [colour_of("lrrc" if role == "main" else "full-context" if role == "reference" else success["payload"])],
        [Told(name, "", lines)],
        name=name,
        x_errors=errors([cost]),
        y_errors=errors([success], 100),
        mark="diamond" if role == "reference" else "circle" if role == "main" else "square",
        role=role,
        label=f"{name}: {cost['value']:,.1f}, {100 * success['value']:.1f} %",
    )


def _curve(costs: Figures, successes: Figures) -> Series:
    lines = [
        Told("LRRC's gate, replayed", f", {s['call']}", (told(c, shows=".2f") + " calls", told(s, 100, ".1f", " %")))
        for c, s in zip(costs, successes, strict=True)
    ]
    name = "LRRC's gate over its threshold, replayed"
    at = len(costs) // 2
    return Series(
        "points",
        scaled(costs),
        scaled(successes, 100),
        [colour_of("lrrc")],
        lines,
        name=name,
        line="solid",
        role="kin",
        label=name,
        labelled=at,
    )
