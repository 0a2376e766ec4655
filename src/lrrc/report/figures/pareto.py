"""Tokens per episode against success, every policy with its name beside it: live checks, and replayed outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lrrc.policy_catalogue import FLOORS, REFERENCES
from lrrc.report.figures.plot import Axis, Panel, Plot, Series, Told, chance_lines, errors, scaled, told
from lrrc.report.figures.style import PAGE, colour_of, sentence
from lrrc.report.tables.live_tables import live_note
from lrrc.results.summary import Summary, in_order, name

MARKS = {"lrrc": "circle", "full-context": "diamond", "no-history": "cross", "oracle": "star"}  # others: squares
TOKENS = Axis("Tokens per episode (fewer is better)", printed="Tokens per episode (fewer is better: left)")
Pairs = list[tuple[Mapping, Mapping]]  # (tokens, success) of one policy and rank, by ascending budget


def pareto(summary: Summary) -> Plot:
    """Replay: every policy and rank at the operating budget, 95 % intervals."""
    found = summary.find(evaluation="replay", metric="preference_success")
    success = [r for r in found if r["policy"] not in FLOORS and r["budget"] in (None, summary.budget)]
    groups = paired(success, summary.find(evaluation="replay", metric="tokens_per_episode"))
    series = [_series(pairs, summary, " % success") for pairs in groups]
    shown = [pairs[_labelled(pairs, summary.budget)][1] for pairs in groups]
    panel = Panel(TOKENS, Axis("Task success (%)"), series, lines=chance_lines(summary))
    text = f"Mean and 95 % interval over episodes, digest budget {summary.budget} tokens. "
    return Plot([panel], (PAGE, 3.6), text + sentence(shown))


def live_pareto(summary: Summary) -> Plot:
    """Live: every policy, rank and budget; the budgets of a policy are joined."""
    groups = live_pairs(summary, "live-shared")
    series = [_series(pairs, summary, " % of checks right", budgets=True) for pairs in groups]
    budgets = sorted({s["budget"] for pairs in groups for _, s in pairs if s["budget"]})
    shown = "Mean and 95 % interval over episodes."
    if len(budgets) > 1:
        shown += f" Lines join budgets of {_listed(budgets)} tokens; names tell {summary.budget}."
    y = Axis("Checks answered right (%)", printed="Checks answered right (%), live")
    note = f"{shown} {live_note([s for pairs in groups for _, s in pairs])}"
    return Plot([Panel(TOKENS, y, series)], (PAGE, 4.3), note)


def second_pareto(summary: Summary) -> Plot:
    """Live, by another reader: every policy at the operating budget."""
    groups = live_pairs(summary, "live-second")
    series = [_series(pairs, summary, " % of checks right") for pairs in groups]
    y = Axis("Checks answered right (%)", printed="Checks answered right (%), live")
    note = f"Mean and 95 % interval over episodes. {live_note([s for pairs in groups for _, s in pairs])}"
    return Plot([Panel(TOKENS, y, series)], (PAGE, 4.3), note)


def live_curves(summary: Summary) -> Plot:
    """Live: every policy as one line over its own stopping parameter, settings tuned; references are points."""
    points, costs = (
        summary.find(evaluation="live-curve", metric=m) for m in ("live_success", "live_tokens_per_episode")
    )
    cost = {(r["policy"], r["variant"]): r for r in costs}
    grouped: dict[str, Pairs] = {}
    for r in in_order(points):
        grouped.setdefault(r["policy"], []).append((cost[r["policy"], r["variant"]], r))
    alone = [pairs for pairs in live_pairs(summary, "live") if pairs[0][1]["policy"] in REFERENCES]
    lines = [sorted(pairs, key=lambda pair: pair[0]["value"]) for pairs in grouped.values()]
    series = [_series(pairs, summary, " % of checks right", at=len(pairs) // 2) for pairs in (*alone, *lines)]
    y = Axis("Checks answered right (%)", printed="Checks answered right (%), live")
    note = (
        "Mean and 95 % interval over episodes. A line is a policy over its own stopping parameter, its settings chosen "
        "on validation episodes with as many trials as any other's. "
    )
    return Plot([Panel(TOKENS, y, series)], (PAGE, 4.3), note + live_note(points))


def live_pairs(summary: Summary, evaluation: str) -> list[Pairs]:
    """Tokens and success, live: of what met all episodes ("live"), of every rank and budget ("live-shared"), or by
    another reader ("live-second")."""
    return paired(*(summary.find(evaluation=evaluation, metric=m) for m in ("live_success", "live_tokens_per_episode")))


def paired(success: Sequence[dict[str, Any]], tokens: Sequence[Mapping]) -> list[Pairs]:
    """Tokens and success of every configuration that has both, by policy and rank."""
    cost = {(r["policy"], r["rank"], r["budget"]): r for r in tokens}
    grouped: dict[tuple, Pairs] = {}
    for r in in_order(success):
        if (r["policy"], r["rank"], r["budget"]) in cost:
            grouped.setdefault((r["policy"], r["rank"]), []).append((cost[r["policy"], r["rank"], r["budget"]], r))
    return list(grouped.values())


def _labelled(pairs: Pairs, budget: int) -> int:
    """The place of the pair at the operating budget, else of the last."""
    return next((i for i, (_, s) in enumerate(pairs) if s["budget"] == budget), len(pairs) - 1)


def _series(pairs: Pairs, summary: Summary, unit: str, budgets: bool = False, at: int | None = None) -> Series:
    tokens, success = zip(*pairs, strict=True)
    policy, rank = success[0]["policy"], success[0]["rank"]
    if policy == "lrrc":
        role, group = ("main", name(success[0])) if rank == summary.rank else ("kin", "LRRC, other ranks")
    else:
        role, group = ("reference", name(success[0])) if policy in REFERENCES else ("other", "other policies")
    at = _labelled(pairs, summary.budget) if at is None else at
    return Series(
        "points",
        scaled(tokens),
        scaled(success, 100),
        [colour_of(policy)],
        [
            Told(
                name(s),
                f", {s['variant'] or 'budget ' + str(s['budget'])}" if s["budget"] else "",
                (f"{told(t)} tokens", told(s, 100, ".1f", unit), f"n = {s['n']}, seeds: {s['seeds']}"),
            )
            for t, s in pairs
        ],
        name=group,
        x_errors=errors(tokens),
        y_errors=errors(success, 100),
        mark=MARKS.get(policy, "square"),
        line="solid" if len(pairs) > 1 else "",
        role=role,
        beside=[f"{s['budget'] or ''}" for s in success] if budgets and role == "main" else (),
        label=f"{name(success[at])}: {tokens[at]['value']:,.0f} tokens, {100 * success[at]['value']:.1f} %",
        labelled=at,
    )


def _listed(values: Sequence[int]) -> str:
    *first, last = map(str, values) if values else ("no",)
    return f"{', '.join(first)} and {last}" if first else last
