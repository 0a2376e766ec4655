"""Records of summary.json -> tables: policies, ranks, ablations, tests, subgroups, data set, training."""

from __future__ import annotations

from collections.abc import Mapping

from lrrc.policy_catalogue import FLOORS
from lrrc.report.tables.kinds_tables import kinds_tables
from lrrc.report.tables.live_tables import live_tables
from lrrc.report.tables.table import Cell, Column, Table, interval_columns, single_column, tabulate
from lrrc.report.tables.team_tables import team_tables
from lrrc.report.tables.votes_tables import votes_tables
from lrrc.results.scores import GATE_ON
from lrrc.results.summary import Summary, in_order, name
from lrrc.results.team_records import figures_of

SPLITS = ("train", "val", "test", "total")
ACCOUNTINGS = {"per_side": "one side", "joint": "both sides"}
DATASET = {
    "episodes": ("Episodes", "d"),
    "turns_per_episode": ("Turns / episode", ".1f"),
    "tokens_per_turn_mean": ("Tokens / turn, mean", ",.1f"),
    "tokens_per_turn_median": ("median", ",.0f"),
    "tokens_per_turn_p90": ("90th %ile", ",.0f"),
    "tokens_per_episode": ("Tokens / episode", ",.0f"),
}
COMPARED = (
    *interval_columns("Tokens / episode", "tokens_per_episode", ",.0f"),
    *interval_columns("Tokens saved, %", "token_reduction_vs_full", ".1f"),
    *single_column("Calls / episode", "calls_per_episode", ".2f"),
    *single_column("Calls saved, %", "call_reduction_vs_full", ".1f"),
    *interval_columns("Success, %", "preference_success", ".1f", 100),
    *interval_columns("Points vs Full-Context", "success_difference_vs_full", "+.1f"),
    *single_column("p", "success_difference_vs_full", "p", "p_vs_full_context"),
)
SPENT = (
    *single_column("Tokens", "tokens_per_episode", ",.0f"),
    *single_column("Prompt", "prompt_tokens_per_episode", ",.0f"),
    *single_column("of it reusable prefix", "reusable_prefix_tokens_per_episode", ",.0f"),
    *single_column("of it fresh", "fresh_prompt_tokens_per_episode", ",.0f"),
    *single_column("Completion", "completion_tokens_per_episode", ",.0f"),
    *single_column("Digests", "digest_tokens_per_episode", ",.0f"),
    *single_column("Calls", "calls_per_episode", ".2f"),
)
TESTED = (
    *interval_columns("Points vs Full-Context (t)", "success_difference_vs_full", "+.1f"),
    *interval_columns("the same (BCa)", "success_difference_vs_full", "+.1f", 1, "_bca"),
    *single_column("d_z", "success_difference_vs_full", "+.2f", "effect"),
    *single_column("p, t-test", "success_difference_vs_full", "p", "p_raw"),
    *single_column("p, Holm", "success_difference_vs_full", "p", "p_vs_full_context"),
    *single_column("p, McNemar", "success_difference_vs_full", "p", "p_mcnemar"),
    *single_column("p, TOST", "success_difference_vs_full", "p", "p_tost"),
)
AHEAD = (
    *interval_columns("LRRC saves, %", "lrrc_token_reduction_vs_policy", ".1f"),
    *interval_columns("LRRC's success minus its, points", "lrrc_success_minus_policy", "+.1f"),
    *single_column("p", "lrrc_success_minus_policy", "p", "p_holm"),
)


def all_tables(summary: Summary) -> list[Table]:
    """Every table of results/tables that has something to show, in the order of the report."""
    main = summary.policies()
    spending = [r for r in main if r["policy"] not in FLOORS]
    ours = [r for r in main if r["policy"] == "lrrc"]
    others = [r for r in main if r["policy"] != "lrrc"]
    against = [r for r in main if r["policy"] != "full-context"]
    ranks = in_order(
        summary.find(evaluation="replay", policy="lrrc", budget=summary.budget, metric="tokens_per_episode")
    )
    changed = summary.find(evaluation="ablation", metric="tokens_per_episode")
    own = [r for r in changed if r["policy"] == "lrrc" and r["rank"] == summary.rank]
    ablated = ours + [r for r in own if r["variant"] == GATE_ON or not r["variant"].endswith(GATE_ON)]
    gated = in_order([r for r in changed if r["variant"] == GATE_ON])

    def made(table_name: str, title: str, first: str, records: list[dict], label, columns) -> Table:
        return tabulate(summary, table_name, title, {first: [label(r) for r in records]}, records, columns)

    tables = [
        *votes_tables(summary),
        *team_tables(figures_of(summary)),
        *live_tables(summary),
        *kinds_tables(summary),
        made("policies", "Policies", "Policy", main, name, COMPARED),
        made("lrrc_vs_policies", f"LRRC r = {summary.rank} against each policy", "Policy", others, name, AHEAD),
        made("tokens", "Where the tokens go, per episode", "Policy", spending, name, SPENT),
        made("ranks", "Coordinator rank", "Rank", ranks, lambda r: str(r["rank"]), COMPARED),
        made("ablations", f"Ablations at r = {summary.rank}", "Variant", ablated, variant, COMPARED),
        made("gates", "Every policy with the call gate, offered to all alike", "Policy", gated, name, COMPARED),
        made("tests", "Tests of success against Full-Context", "Policy", against, name, TESTED),
        subgroup_table(summary),
        power_table(summary),
        dataset_table(summary),
        training_table(summary),
    ]
    return [table for table in tables if table.rows]


def variant(record: Mapping) -> str:
    """Name of an ablation; the policy itself where nothing is changed."""
    return record["variant"] or name(record)


def subgroup_table(summary: Summary) -> Table:
    """LRRC against Full-Context inside each language and task family (paper section 4.5)."""
    found = [
        r
        for kind in ("by-category", "by-language")
        for r in summary.find(evaluation=kind, metric="token_reduction_vs_full")
    ]
    columns = (*interval_columns("Tokens saved, %", "token_reduction_vs_full", ".1f"), *TESTED[:3])
    first = {"Subgroup": [r["variant"] for r in found], "Episodes": [r["n"] for r in found]}
    note = "95 % intervals within the subgroup"
    return tabulate(summary, "subgroups", "LRRC against Full-Context, by subgroup", first, found, columns, note)


def power_table(summary: Summary) -> Table:
    """What the paired test of success can see."""
    found = summary.find(evaluation="power", metric="power_of_paper_effect")
    least = {r["n"]: r for r in summary.find(evaluation="power", metric="detectable_success_difference")}
    rows = tuple((r["n"], 100 * r["value"], least[r["n"]]["value"]) for r in found)
    columns = (
        Column("Episodes", "d"),
        Column("Power to see +2.1 points, %", ".0f"),
        Column("Found with 80 % power from, points", ".1f"),
    )
    return Table("power", "Power of the paired test", columns, rows, "with the spread of differences seen here")


def dataset_table(summary: Summary) -> Table:
    """Table 1 and Figure 5 of the paper: counts per split under both accountings."""
    cells: dict[str, dict[str, Cell]] = {}
    for r in summary.find(evaluation="dataset"):
        cells.setdefault(r["variant"], {})[r["metric"]] = r["value"]
    agents = sorted({variant.partition("/")[0] for variant in cells} - set(ACCOUNTINGS))
    order = {f"{a}/{s}": (ACCOUNTINGS.get(a, a), s) for a in (*ACCOUNTINGS, *agents) for s in SPLITS}
    rows = tuple(
        (a, s, *(cells[variant].get(metric) for metric in DATASET))
        for variant, (a, s) in order.items()
        if variant in cells
    )
    columns = (Column("Accounting"), Column("Split"), *(Column(*shown) for shown in DATASET.values()))
    return Table("dataset", "Data set", columns, rows)


def training_table(summary: Summary) -> Table:
    """How training ended, per rank (paper section 4.3)."""
    columns = {
        "training_epochs": ("Epochs", ".1f"),
        "late_fall": ("Fall of the loss in the last quarter, %", ".1f"),
        "validation_agreement": ("Validation agreement", ".3f"),
        "state_norm_settled_epoch": ("State norm settled at epoch", ".1f"),
        "state_norm_drift": ("Drift of the norm, %", ".1f"),
        "reconstruction_rise": ("Reconstruction loss above best, %", ".1f"),
        "active_channels": ("Channels active", ".2f"),
    }
    if not summary.has("success"):  # agreement with outcomes that there are not
        del columns["validation_agreement"]
    cells: dict[int, dict[str, Cell]] = {}
    for r in summary.find(evaluation="training"):
        cells.setdefault(r["rank"], {})[r["metric"]] = r["value"]
    rows = tuple((rank, *(cells[rank].get(metric) for metric in columns)) for rank in sorted(cells))
    shown = (Column("Rank", "d"), *(Column(*column) for column in columns.values()))
    return Table("training", "Training", shown, rows, "means over folds and seeds")
