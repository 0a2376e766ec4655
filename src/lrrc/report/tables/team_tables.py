"""Tables of a team that is played: pairs of policies, kinds of request, the gate and its parts, both models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrrc.policy_catalogue import POLICIES
from lrrc.report.tables.table import Column, Table
from lrrc.results.team_records import CALLS, READERS, Figures, find, one, pairs

KINDS = ("private", "said", "joint", "changed", "talk")


def team_tables(figures: Figures) -> list[Table]:
    """Without rows where nothing was played."""
    gates = (_gate_table(figures, whose) for whose in ("", READERS))
    return [_pairs_table(figures), _kinds_table(figures), *gates, _headroom_table(figures)]


def _pairs_table(figures: Figures) -> Table:
    rows = []
    for payload, call in pairs(figures):
        cells: list[Any] = [POLICIES[payload], CALLS[call]]
        for metric, scale in (("success", 100), ("calls", 1), ("tokens", 1)):
            cells += _cells(one(figures, part="played", payload=payload, call=call, kind="all", metric=metric), scale)
        for metric, scale in (("success_difference", 1), ("calls_saved", 1), ("tokens_saved", 1)):
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
    columns += [Column("p of no loss of 4 points", "p"), Column("its power where nothing is lost %", ".0f")]
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


def _gate_table(figures: Figures, whose: str = "") -> Table:
    rows = []
    for success in find(figures, part=f"gate{whose}", metric="success"):
        if success["call"].startswith("threshold"):
            continue
        named = {"part": success["part"], "call": success["call"], "changed": success["changed"]}
        gap = one(figures, **named, metric="success_minus_whole_gate")
        cells = [f"LRRC's gate, {success['changed'] or 'whole'}", success["call"], *_cells(success, 100)]
        rows.append((*cells, *_cells(one(figures, **named, metric="calls"), 1), *_cells(gap, 1), success["seeds"]))
    for success in find(figures, part=f"rules{whose}", metric="success"):
        named = {"part": success["part"], "call": success["call"]}
        gap = one(figures, **named, metric="gate_minus_rule")
        ends = gap and {end: -gap[other] for end, other in (("value", "value"), ("low", "high"), ("high", "low"))}
        cells = [CALLS[success["call"]], "", *_cells(success, 100), *_cells(one(figures, **named, metric="calls"), 1)]
        rows.append((*cells, *_cells(ends, 1), 0))
    columns = [Column("Who chooses"), Column("Called")]
    for header, shows in (
        ("Right %", ".1f"),
        ("Calls", ".2f"),
        ("Minus the whole gate at as many calls, points", "+.1f"),
    ):
        columns += [Column(header, shows), Column("", "low"), Column("", "high")]
    size = find(figures, part=f"rules{whose}", metric="success")
    met = f"{size[0]['n']} requests in {size[0]['episodes']} episodes; " if size else ""
    note = f"{met}choices replayed on the answers that all agents gave, by gates that were taught on other episodes."
    title = "The gate and its parts" + (", by agents that make no errors of their own" if whose else "")
    name = f"team_gate{whose.replace('-', '_')}"
    return Table(name, title, (*columns, Column("Seeds", "d")), tuple(rows), note)


def _headroom_table(figures: Figures) -> Table:
    rows = []
    for each in find(figures, part="headroom", metric="success", call="facts"):
        cells: list[Any] = [each["payload"], each["changed"], each["kind"], each["n"]]
        for given in ("facts", "everything", "nothing"):
            named = {"part": "headroom", "payload": each["payload"], "kind": each["kind"], "changed": each["changed"]}
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
