"""The team arena for people: calls and tokens against success, tables, and the data card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from lrrc.policy_catalogue import POLICIES
from lrrc.report.figures.plot import Axis, Panel, Plot, Series, Told, errors, scaled, told
from lrrc.report.figures.style import PAGE, colour_of
from lrrc.report.tables.table import Column, Table
from lrrc.results.team_records import REFERENCE

CALLS = {
    "all": "all agents",
    "random": "one at random",
    "in-turn": "in turn",
    "last-forwarded": "the last one forwarded",
    "bm25": "BM25",
    "bm25-2": "BM25, two",
    "embedding": "embedding",
    "embedding-2": "embedding, two",
    "oracle": "oracle (knows who)",
    "lrrc": "LRRC's gate",
}
KINDS = ("private", "said", "joint", "changed", "talk")
TEMPLATE = "team.html.j2"
Figures = Sequence[Mapping[str, Any]]


def find(figures: Figures, **wanted: str) -> list[Mapping[str, Any]]:
    """Figures whose fields equal all of `wanted`."""
    return [each for each in figures if all(each[key] == value for key, value in wanted.items())]


def one(figures: Figures, **wanted: str) -> Mapping[str, Any] | None:
    found = find(figures, **wanted)
    assert len(found) < 2, wanted
    return found[0] if found else None


def pairs(figures: Figures) -> list[tuple[str, str]]:
    """Pairs of payload and call policy, the reference first, then by calls."""
    calls = find(figures, part="played", kind="all", metric="calls")
    ordered = sorted(calls, key=lambda each: (-each["value"], each["payload"], each["call"]))
    found = [(each["payload"], each["call"]) for each in ordered]
    return sorted(found, key=lambda pair: pair != REFERENCE)


def pair_name(payload: str, call: str) -> str:
    return f"{POLICIES[payload]}, {CALLS[call]}"


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
            for each in find(figures, part="gate", variant="", metric="success")
            if each["call"].startswith("threshold")
        ]
        cost = {each["call"]: each for each in find(figures, part="gate", variant="", metric="calls")}
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


def tables(figures: Figures) -> list[Table]:
    """What the report shows of the team arena."""
    return [_pairs_table(figures), _kinds_table(figures), _gate_table(figures), _headroom_table(figures)]


def _pairs_table(figures: Figures) -> Table:
    rows = []
    for payload, call in pairs(figures):
        cells: list[Any] = [POLICIES[payload], CALLS[call]]
        for metric, scale in (("success", 100), ("calls", 1), ("tokens", 1)):
            cells += _cells(one(figures, part="played", payload=payload, call=call, kind="all", metric=metric), scale)
        for metric, scale in (("success_difference", 100), ("calls_saved", 1), ("tokens_saved", 1)):
            cells += _cells(one(figures, part="against", payload=payload, call=call, metric=metric), scale)
        for metric in ("money_saved", "money_cached_saved"):
            saved = one(figures, part="against", payload=payload, call=call, metric=metric)
            cells.append(saved and saved["value"])
        gap = one(figures, part="against", payload=payload, call=call, metric="success_difference")
        rows.append((*cells, gap and gap["no_loss_p"], gap and 100 * gap["no_loss_power"]))
    spread = ("Right %", ".1f"), ("Calls", ".2f"), ("Tokens", ",.0f")
    gaps = ("Minus the first, points", "+.1f"), ("Calls saved %", ".1f"), ("Tokens saved %", ".1f")
    columns = [Column("Payload"), Column("Called")]
    for header, shows in (*spread, *gaps):
        columns += [Column(header, shows), Column("", "low"), Column("", "high")]
    columns += [Column("Money saved %", ".1f"), Column("with prompt caches", ".1f")]
    columns += [Column("p of no loss of 4 points", "p"), Column("its power %", ".0f")]
    return Table("team_pairs", "Who is called, with what, per request", tuple(columns), tuple(rows), _note(figures))


def _kinds_table(figures: Figures) -> Table:
    columns = [Column("Payload"), Column("Called")]
    for kind in KINDS:
        columns += [Column(f"{kind} %", ".1f"), Column("", "low"), Column("", "high")]
    rows = []
    for payload, call in pairs(figures):
        cells: list[Any] = [POLICIES[payload], CALLS[call]]
        for kind in KINDS:
            cells += _cells(one(figures, part="played", payload=payload, call=call, kind=kind, metric="success"), 100)
        rows.append(tuple(cells))
    return Table("team_kinds", "Answered right, by kind of request", tuple(columns), tuple(rows), _note(figures))


def _gate_table(figures: Figures) -> Table:
    rows = []
    for success in find(figures, part="gate", metric="success"):
        if success["call"] not in ("best agent", "calibrated"):
            continue
        named = {"part": "gate", "call": success["call"], "variant": success["variant"]}
        gap = one(figures, **named, metric="success_minus_whole_gate")
        cells = [success["variant"] or "whole", success["call"], *_cells(success, 100)]
        rows.append((*cells, *_cells(one(figures, **named, metric="calls"), 1), *_cells(gap, 100), success["seeds"]))
    for success in find(figures, part="rules", metric="success"):
        named = {"part": "rules", "call": success["call"]}
        gap = one(figures, **named, metric="gate_minus_rule")
        ends = gap and {end: -gap[other] for end, other in (("value", "value"), ("low", "high"), ("high", "low"))}
        cells = [CALLS[success["call"]], "", *_cells(success, 100), *_cells(one(figures, **named, metric="calls"), 1)]
        rows.append((*cells, *_cells(ends, 100), 0))
    columns = [Column("Gate"), Column("Calls")]
    for header, shows in (("Right %", ".1f"), ("Calls", ".2f"), ("Minus the gate's best agent, points", "+.1f")):
        columns += [Column(header, shows), Column("", "low"), Column("", "high")]
    note = "Choices replayed on the answers that all agents gave; every episode by a gate that never saw it."
    return Table("team_gate", "The gate and its parts", (*columns, Column("Seeds", "d")), tuple(rows), note)


def _headroom_table(figures: Figures) -> Table:
    rows = []
    for each in find(figures, part="headroom", metric="success", call="facts"):
        cells: list[Any] = [each["payload"], each["variant"], each["kind"], each["n"]]
        for given in ("facts", "everything", "nothing"):
            named = {"part": "headroom", "payload": each["payload"], "kind": each["kind"], "variant": each["variant"]}
            share = one(figures, **named, call=given, metric="success")
            cells.append(share and 100 * share["value"])
        rows.append(tuple(cells))
    columns = (Column("Model"), Column("By"), Column("What"), Column("Requests", "d"))
    given = (Column("deciding facts %", ".0f"), Column("everything %", ".0f"), Column("nothing %", ".0f"))
    return Table("team_headroom", "Answered right, by what is given", (*columns, *given), tuple(rows), "")


def _cells(found: Mapping[str, Any] | None, scale: float) -> list[float | None]:
    if found is None:
        return [None, None, None]
    return [scale * found[end] for end in ("value", "low", "high")]


def _note(figures: Figures) -> str:
    found = find(figures, part="played", kind="all", metric="success")
    return (
        f"{found[0]['n']} requests in {found[0]['episodes']} episodes; 95 % intervals over episodes." if found else ""
    )


def episodes_page(shown: Sequence[Mapping[str, Any]]) -> str:
    """A page of episodes: who was called and why, what each was sent, what was answered."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lrrc.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(TEMPLATE).render(episodes=shown)
