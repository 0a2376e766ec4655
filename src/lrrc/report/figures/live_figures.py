"""Records of summary.json -> the live ablations, fidelity to the full history, and the call gate, as plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lrrc.report.figures.plot import Axis, Line, Panel, Plot, Series, Told, chance_lines, errors, scaled, told
from lrrc.report.figures.style import COLUMN, FAINT, INK, LRRC, PAGE, SECOND, colour_of, sentence
from lrrc.report.tables.live_tables import fidelity_note, fidelity_records, live_note
from lrrc.results.scores import GATE_ON
from lrrc.results.summary import DATA, Summary, name


def live_ablations(summary: Summary) -> Plot:
    """Checks that the whole model answers right beyond one with a part changed, on the same episodes and seeds."""
    found = summary.find(evaluation="live-ablation", metric="lrrc_live_success_minus_policy")
    rows = sorted(found, key=lambda r: r["value"])
    names = [r["variant"] for r in rows]
    series = _dots(rows, range(len(rows)), names, [INK] * len(rows), ("+.1f", " points"))
    x, zero = Axis("Points that LRRC is better, live"), Line("x", 0, LRRC)
    note = (
        f"LRRC r = {summary.rank}, budget {summary.budget}, minus one with a part changed: above zero, the part helps. "
        f"Paired mean and 95 % interval. {live_note(rows)}"
    )
    panel = Panel(x, Axis("", names=names), [series], lines=[zero])
    return Plot([panel], (COLUMN, 0.95 + 0.2 * len(rows)), note)


def fidelity(summary: Summary) -> Plot:
    """Extra nats per token of the true next reply against the full history, a panel per data set."""
    found = fidelity_records(summary)
    order = by_fidelity(found)
    labels = {r["policy"]: name(r) for r in found}
    x = Axis("Nats per token over Full-Context (lower is better)", printed="Nats per token over Full-Context")
    y = Axis("", names=[labels[policy] for policy in order], colours=[colour_of(policy) for policy in order])
    panels = []
    for data in sorted({r["data"] for r in found}, key=lambda data: (data != "embedded", data)):
        rows = sorted((r for r in found if r["data"] == data), key=lambda r: order.index(r["policy"]))
        title = DATA.get(data, data)
        names = [f"{name(r)}, {title}" for r in rows]
        colours = [colour_of(r["policy"]) for r in rows]
        places = [order.index(r["policy"]) for r in rows]
        series = replace(_dots(rows, places, names, colours, ("+.3f", " nats per token")), name=title)
        panels.append(Panel(x, y, [series], lines=[Line("x", 0, SECOND)], title=title[0].upper() + title[1:]))
    note = fidelity_note(summary)
    text = f"Mean and 95 % interval, digest budget {summary.budget} tokens. {note[0].upper()}{note[1:]}"
    return Plot(panels, (PAGE, 1.0 + 0.19 * len(order)), text, share="y")


def by_fidelity(records: Sequence[Mapping]) -> list[str]:
    """Policies from the least faithful to the most, by their mean over data sets."""
    values: dict[str, list[float]] = {}
    for r in records:
        values.setdefault(r["policy"], []).append(r["value"])
    return sorted(values, key=lambda policy: -np.mean(values[policy]))


def _dots(
    rows: Sequence[Mapping],
    places: Sequence[float],
    names: Sequence[str],
    colours: Sequence[str],
    words: tuple[str, str],
) -> Series:
    """A dot for every record at its height; `words`: format and unit of a value."""
    shows, unit = words
    said = [Told(n, "", (told(r, 1, shows, unit), f"n = {r['n']}")) for r, n in zip(rows, names, strict=True)]
    beside = [format(r["value"], shows) for r in rows]
    return Series("dots", scaled(rows), places, colours, said, x_errors=errors(rows), beside=beside)


def call_gate(summary: Summary) -> Plot:
    """Calls per episode (above) and success (below) against the threshold of the gate; dashed: as calibrated."""
    calls, success = (
        sorted(summary.find(evaluation="call-gate", metric=m, policy="lrrc"), key=threshold)
        for m in ("calls_per_episode", "preference_success")
    )
    x = Axis("Threshold τ", printed="Threshold τ for calling one agent")
    at = {"policy": "lrrc", "rank": summary.rank, "budget": summary.budget}
    panels = []
    for metric, rows, y, scale, words in (
        ("calls_per_episode", calls, Axis("Calls per episode", LRRC), 1, (".2f", " calls")),
        ("preference_success", success, Axis("Success (%)", SECOND), 100, (".1f", " % success")),
    ):
        if not rows:
            continue
        taus = [threshold(r) for r in rows]
        said = [Told(f"τ = {tau:.2f}", "", (told(r, scale, *words),)) for tau, r in zip(taus, rows, strict=True)]
        reach = errors(rows, scale)
        series = Series("points", taus, scaled(rows, scale), [y.colour], said, y_errors=reach, line="solid")
        usual = summary.find(evaluation="ablation", variant=GATE_ON, metric=metric, **at)
        lines = [Line("y", scale * r["value"], FAINT, "dashed", "as calibrated") for r in usual]
        if metric == "preference_success":
            lines += chance_lines(summary, (min(taus), max(taus)))
        panels.append(Panel(Axis(""), y, [series], lines=lines))
    panels[-1] = replace(panels[-1], x=x)
    note = f"LRRC r = {summary.rank}. Mean and 95 % interval. {sentence(calls)}"
    return Plot(panels, (COLUMN, 3.2 if success else 2.0), note, share="x")


def threshold(record: Mapping) -> float:
    """0.3 of a record with the variant "tau=0.30"."""
    return float(record["variant"].rpartition("=")[2])
