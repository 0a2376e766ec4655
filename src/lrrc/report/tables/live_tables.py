"""Records of summary.json -> tables of what real models made of the payloads: live checks, fidelity, the call gate."""

from __future__ import annotations

from collections.abc import Mapping

from lrrc.policy_catalogue import REFERENCES
from lrrc.report.tables.table import Cell, Column, Table, interval_columns, single_column, tabulate
from lrrc.results.summary import DATA, LIVE_AGENT, Summary, in_order, name, provenance

FAMILIES = {  # task family of a check -> what it asks of a digest
    "recall": "facts stated once and needed later",
    "correction": "facts that change, with stale values that tempt",
    "rule": "standing rules: set once by the user, to be obeyed in every later answer",
    "constraint": "wishes that add up",
    "quantity": "counts that change",
    "assignment": "who does what",
    "whereabouts": "things that move",
}
SUCCESS = interval_columns("Live success, %", "live_success", ".1f", 100)
LIVE = (
    *single_column("Tokens / episode", "live_tokens_per_episode", ",.0f"),
    *interval_columns("Tokens saved, %", "live_token_reduction_vs_full", ".1f"),
    *single_column("Prompt tokens / check", "live_prompt_tokens_per_check", ",.0f"),
    *SUCCESS,
    *interval_columns("Points vs Full-Context", "live_success_difference_vs_full", "+.1f"),
    *single_column("p", "live_success_difference_vs_full", "p", "p_vs_full_context"),
    *interval_columns("LRRC minus it, points", "lrrc_live_success_minus_policy", "+.1f"),
    *single_column("p ", "lrrc_live_success_minus_policy", "p", "p_holm"),
)
FIDELITY = (
    *single_column("History tokens / call", "fidelity_tokens_per_call", ",.0f"),
    *interval_columns("Nats per token over Full-Context", "nats_over_full_context", "+.3f"),
    *interval_columns("LRRC minus it, nats", "lrrc_fidelity_minus_policy", "+.3f"),
    *single_column("p", "lrrc_fidelity_minus_policy", "p", "p_holm"),
)
TRANSFER = (
    *single_column("History tokens / call", "fidelity_tokens_per_call", ",.0f"),
    *interval_columns("Nats per token over Full-Context", "nats_over_full_context", "+.3f"),
    *interval_columns("Over the best rule, nats", "nats_over_best_rule", "+.3f"),
    *single_column("p", "nats_over_best_rule", "p", "p_vs_full_context"),
    *interval_columns("Over its place prior alone, nats", "nats_over_lead", "+.3f"),
)
EQUAL = (
    *interval_columns("Live success there, %", "live_success_at_equal_tokens", ".1f", 100),
    *interval_columns("LRRC minus it, points", "lrrc_live_lead_at_equal_tokens", "+.1f"),
    *single_column("p", "lrrc_live_lead_at_equal_tokens", "p", "p_holm"),
)
POINTS = (*single_column("Tokens / episode", "live_tokens_per_episode", ",.0f"), *SUCCESS)
NEAR = (
    *interval_columns("Nats per token there", "nats_at_equal_tokens", ".3f"),
    *interval_columns("LRRC minus it, nats", "lrrc_fidelity_gap_at_equal_tokens", "+.3f"),
    *single_column("p", "lrrc_fidelity_gap_at_equal_tokens", "p", "p_holm"),
)
GATE = (
    *interval_columns("Calls / episode", "calls_per_episode", ".2f"),
    *interval_columns("Preference success, %", "preference_success", ".1f", 100),
)


def live_tables(summary: Summary) -> list[Table]:
    """Tables of what was evaluated live, by fidelity, transfer and call-gate; empty where not run."""
    live = in_order(summary.find(evaluation="live", metric="live_success"))
    second = in_order(summary.find(evaluation="live-second", metric="live_success"))
    changed = summary.find(evaluation="live-ablation", metric="live_success")
    whole = summary.at_operating_point(evaluation="live-shared", metric="live_success", policy="lrrc")
    ablated = [*whole, *sorted(changed, key=lambda r: r["variant"])] if changed else []
    faithful = in_order(summary.find(evaluation="fidelity", metric="nats_over_full_context"))
    faithful.sort(key=lambda r: r["data"])
    moved = in_order(summary.find(evaluation="transfer", metric="nats_over_full_context"))
    moved.sort(key=lambda r: r["data"])
    gates = summary.find(evaluation="call-gate", metric="calls_per_episode")
    return [
        live_matrix(summary),
        tabulate(
            summary,
            "live_details",
            "Live: every policy and budget",
            {"Policy": [name(r) for r in live], "Budget": [r["budget"] for r in live]},
            live,
            LIVE,
            live_note(live),
        ),
        tabulate(
            summary,
            "live_second",
            "Live: another reader" + (f", {second[0]['agent']}" if second else ""),
            {"Policy": [name(r) for r in second], "Budget": [r["budget"] for r in second]},
            second,
            LIVE,
            live_note(second),
        ),
        *curve_tables(summary),
        families_table(summary),
        tabulate(
            summary,
            "live_ablations",
            f"Ablations at r = {summary.rank}, live",
            {"Variant": [r["variant"] or name(r) for r in ablated]},
            ablated,
            LIVE,
            live_note(ablated),
        ),
        tabulate(
            summary,
            "fidelity",
            "Fidelity: surprise of the true next reply",
            {
                "Data": [DATA.get(r["data"], r["data"]) for r in faithful],
                "Policy": [name(r) for r in faithful],
                "Budget": [r["budget"] for r in faithful],
            },
            faithful,
            FIDELITY,
            fidelity_note(summary),
        ),
        tabulate(
            summary,
            "transfer",
            "Transfer: trained on some kinds of conversation, tested on another",
            {
                "Tested on": [DATA.get(r["data"], r["data"]) for r in moved],
                "Policy": [name(r) for r in moved],
                "Trained on": [r["variant"] for r in moved],
            },
            moved,
            TRANSFER,
            transfer_note(moved),
        ),
        tabulate(
            summary,
            "call_gate",
            "The call gate at other thresholds",
            {"Threshold": [r["variant"] for r in gates], "Policy": [name(r) for r in gates]},
            gates,
            GATE,
        ),
    ]


def curve_tables(summary: Summary) -> list[Table]:
    """What was chosen for every policy, each as a curve over its own stopping parameter, and all at equal tokens."""
    chosen = in_order(summary.find(evaluation="tune", metric="captured_gain", variant="chosen"))
    points = in_order(summary.find(evaluation="live-curve", metric="live_success"))
    equal = in_order(summary.find(evaluation="live-equal-tokens", metric="live_success_at_equal_tokens"))
    near = in_order(summary.find(evaluation="fidelity-equal-tokens", metric="nats_at_equal_tokens"))
    given = {
        r["policy"]: r["value"] for r in summary.find(evaluation="tune", metric="captured_gain", variant="as given")
    }
    rows = tuple(
        (name(r), r["trials"], given[r["policy"]], r["value"], " | ".join(dict.fromkeys(r["settings"]))) for r in chosen
    )
    columns = (
        Column("Policy"),
        Column("Trials", "d"),
        Column("Nats captured, as given", ".2f"),
        Column("as chosen", ".2f"),
        Column("Settings chosen, different ones by fold"),
    )
    note = "what digests hold on validation episodes, mean over 0 to the budget of mean tokens; chosen per fold"
    at = f" at the {equal[0]['tokens']:,.0f} tokens per episode of LRRC r = {summary.rank}" if equal else ""
    return [
        tabulate(
            summary,
            "live_equal_tokens",
            f"Live, settings tuned:{at or ' at equal mean tokens'}",
            {"Policy": [name(r) for r in equal], Column("Tokens", ",.0f"): [r["spent"] for r in equal]},
            equal,
            EQUAL,
            live_note(equal),
        ),
        tabulate(
            summary,
            "live_curves",
            "Live, settings tuned: every policy over its own stopping parameter",
            {"Policy": [name(r) for r in points], "Stops at": [r["variant"] for r in points]},
            points,
            POINTS,
            live_note(points),
        ),
        tabulate(
            summary,
            "fidelity_equal_tokens",
            "Fidelity, settings tuned: at the mean tokens of LRRC",
            {"Policy": [name(r) for r in near], Column("Tokens", ",.0f"): [r["spent"] for r in near]},
            near,
            NEAR,
            fidelity_note(summary),
        ),
        Table("tuned", "Settings chosen on validation episodes, with equal trials", columns, rows, note),
    ]


def live_note(records: list[Mapping]) -> str:
    """What the live figures are of."""
    if not records:
        return ""
    most = max(records, key=lambda r: r["seeds"])
    agent = most.get("agent", LIVE_AGENT)
    return f"{agent} reads the payload and picks an answer, a program checks it; {provenance(most)}"


def fidelity_records(summary: Summary) -> list[Mapping]:
    """Fidelity of every policy but Full-Context, which it is measured from."""
    found = summary.at_operating_point(evaluation="fidelity", metric="nats_over_full_context")
    return [r for r in found if r["policy"] != "full-context"]


def fidelity_note(summary: Summary) -> str:
    """What fidelity is, and on how many replies of each data set it was measured."""
    most: dict[str, Mapping] = {}
    for r in summary.find(evaluation="fidelity", metric="nats_over_full_context"):
        most[r["data"]] = max(r, most.get(r["data"], r), key=lambda r: (r["n"], r["seeds"]))
    agent = next((r.get("agent", LIVE_AGENT) for r in most.values()), LIVE_AGENT)
    sizes = "; ".join(provenance(r) for _, r in sorted(most.items()))
    return f"extra nats per token of the logged reply under {agent} against the full history, lower is better; {sizes}"


def transfer_note(records: list[Mapping]) -> str:
    """What transfer is, and on how many replies."""
    if not records:
        return ""
    return (
        f"extra nats per token of the logged reply under {records[0]['agent']} against the full history, lower is "
        f"better, at equal mean tokens; trained on no conversation of the data set tested; "
        f"{min(r['n'] for r in records)} replies of each"
    )


def live_matrix(summary: Summary) -> Table:
    """Policy x budget: share of checks answered right."""
    live = in_order(summary.find(evaluation="live-shared", metric="live_success"))
    budgets = sorted({r["budget"] for r in live}, key=lambda b: (b is None, b))
    cells = {(name(r), r["budget"]): r for r in live}
    rows = tuple(
        (label, *(cell for b in budgets for cell in _share(cells.get((label, b)))))
        for label in dict.fromkeys(name(r) for r in live)
    )
    headers = [Column(f"{b} tokens, %" if b else "no budget, %", ".1f") for b in budgets]
    columns = (Column("Policy"), *(c for header in headers for c in (header, Column("", "low"), Column("", "high"))))
    return Table("live", "Live success by policy and digest budget", columns, rows, live_note(live))


def families_table(summary: Summary) -> Table:
    """Policy x task family: share of checks answered right; in the note what the families ask and how rules fare."""
    found = summary.at_operating_point(evaluation="live-by-category", metric="live_success")
    sizes = {r["variant"]: r["n"] for r in found}
    order = [*(f for f in FAMILIES if f in sizes), *sorted(set(sizes) - set(FAMILIES))]
    cells = {(name(r), r["variant"]): r for r in found}
    rows = tuple(
        (label, *(cell for f in order for cell in _share(cells.get((label, f)))))
        for label in dict.fromkeys(name(r) for r in in_order(found))
    )
    headers = [Column(f"{f} (n = {sizes[f]}), %", ".0f") for f in order]
    columns = (Column("Policy"), *(c for header in headers for c in (header, Column("", "low"), Column("", "high"))))
    words = "; ".join(f"{f}: {FAMILIES[f]}" for f in order if f in FAMILIES)
    note = ". ".join(filter(None, (standing_rules(summary), words, live_note(found))))
    return Table("live_families", f"Live success by task family, budget {summary.budget}", columns, rows, note)


def standing_rules(summary: Summary) -> str:
    """How rules that the user sets once are kept, in words; empty where no check of a rule was evaluated."""
    found = summary.at_operating_point(evaluation="live-by-category", metric="live_success", variant="rule")
    shown = {r["policy"]: r for r in found}
    rivals = [r for r in found if r["policy"] not in ("lrrc", *REFERENCES) and r["budget"] is not None]
    best = max(rivals, key=lambda r: r["value"], default=None)
    lines = [r for r in (shown.get("lrrc"), best, *(shown.get(policy) for policy in REFERENCES)) if r]
    told = (f"{name(r)} {100 * r['value']:.0f} % [{100 * r['low']:.0f}, {100 * r['high']:.0f}]" for r in lines)
    rules = "Checks of standing rules (set once by the user, to be obeyed in every later answer) answered right: "
    return rules + ", ".join(told) if lines else ""


def _share(record: Mapping | None) -> tuple[Cell, ...]:
    ends = ("value", "low", "high")
    return tuple(None if record is None or record[end] is None else 100 * record[end] for end in ends)
