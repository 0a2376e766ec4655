"""Tables of what was measured by people's votes: policies, ranks and ablations, the call gate, and "no loss"."""

from __future__ import annotations

from lrrc.report.tables.table import Cell, Column, Table, interval_columns, single_column, tabulate
from lrrc.results.scores import GATE_ON
from lrrc.results.summary import DATA, Summary, in_order, name

POLICIES = (
    *interval_columns("Success, %", "preference_success", ".1f", 100),
    *interval_columns("Points vs Full-Context", "success_difference_vs_full", "+.1f"),
    *interval_columns("LRRC minus it, points", "lrrc_success_minus_policy", "+.1f"),
    *single_column("Tokens / episode", "tokens_per_episode", ",.0f"),
    *interval_columns("Tokens saved, %", "token_reduction_vs_full", ".1f"),
)
GATED = (
    *interval_columns("Calls saved, %", "call_reduction_vs_full", ".1f"),
    *interval_columns("Success, %", "preference_success", ".1f", 100),
    *interval_columns("Points vs Full-Context", "success_difference_vs_full", "+.1f"),
)
CURVE = (
    *interval_columns("Calls / episode", "calls_per_episode", ".2f"),
    *interval_columns("Success, %", "preference_success", ".1f", 100),
)


def votes_tables(summary: Summary) -> list[Table]:
    """Empty where nobody's votes were measured."""
    measured = in_order(summary.at_operating_point(evaluation="votes", metric="preference_success"))
    if not measured:
        return []
    ours = [r for r in measured if r["policy"] == "lrrc"]
    ranks = in_order(summary.find(evaluation="votes", policy="lrrc", metric="preference_success"))
    changed = in_order(summary.find(evaluation="votes-ablation", metric="preference_success", rank=summary.rank))
    changed = [r for r in changed if r["policy"] == "lrrc" and GATE_ON not in r["variant"]]
    gated = in_order(summary.find(evaluation="votes-ablation", metric="call_reduction_vs_full", variant=GATE_ON))
    gated = [r for r in gated if r["rank"] in (None, summary.rank)]
    curve = summary.find(evaluation="votes-call-gate", metric="calls_per_episode")
    other = [r for r in ranks if r["rank"] != summary.rank]
    lines = [*ours, *changed, *other]
    made = (
        ("votes", "By people's votes: every policy", "Policy", measured, list(map(name, measured)), POLICIES),
        (
            "votes_variants",
            "By people's votes: LRRC changed, and at other ranks",
            "Variant",
            lines if len(lines) > 1 else [],
            [r["variant"] or name(r) for r in lines] if len(lines) > 1 else [],
            POLICIES[:6] + POLICIES[9:],
        ),
        ("votes_gates", "By people's votes: with the call gate", "Policy", gated, list(map(name, gated)), GATED),
        (
            "votes_call_gate",
            "By people's votes: LRRC's call gate at other thresholds",
            "Threshold",
            curve,
            [r["variant"] for r in curve],
            CURVE,
        ),
    )
    tables = [
        tabulate(summary, title, words, {first: labels}, records, columns, votes_note(summary))
        for title, words, first, records, labels, columns in made
    ]
    return [*tables, no_loss_table(summary)]


def votes_note(summary: Summary) -> str:
    """What the set is, and what intervals draw."""
    found = max(summary.find(evaluation="votes", metric="preference_success"), key=lambda r: r["seeds"])
    what = f"{DATA.get(found['data'], found['data'])}; {found['n']} pairs of answers to {found['prompts']} prompts"
    if found["data"] == "mt_bench_human":
        what += " of MT-Bench's 80, two turns each, six models, experts' votes"
    agree = summary.find(evaluation="votes-dataset", metric="people_agree")
    more = f" Two people's votes on one pair agree in {100 * agree[0]['value']:.0f} %." if agree else ""
    return f"{what}; a tie counts as success. 95 % intervals draw prompts and trainings.{more}"


def no_loss_table(summary: Summary) -> Table:
    """Two one-sided tests against Full-Context, and how often they would say so where nothing is lost."""
    rows: list[tuple[Cell, ...]] = []
    for r in summary.find(evaluation="votes-no-loss", metric="no_loss_p", rank=summary.rank):
        power = summary.value(
            "power_of_no_loss", **{key: r[key] for key in ("evaluation", "policy", "variant", "rank")}
        )
        gated, _, margin = r["variant"].rpartition("margin=")
        how = f", call gate at {gated.strip()}" if gated.startswith("tau") else ", call gate on" if gated else ""
        rows.append((f"{name(r)}{how}", int(margin), r["value"], 100 * power))
    columns = (
        Column("Policy"),
        Column("Margin, points", "d"),
        Column("p, TOST against Full-Context", "p"),
        Column("Power where nothing is lost, %", ".0f"),
    )
    title = "By people's votes: is a loss excluded?"
    return Table("votes_no_loss", title, columns, tuple(rows), votes_note(summary))
