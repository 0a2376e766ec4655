"""Tables of kinds of conversation left out: regret of every policy, and recall of the message that a reply answers."""

from __future__ import annotations

from lrrc.report.tables.table import Cell, Column, Table
from lrrc.results.kinds_records import MEAN, NATS, WORDS, WORST, Reading
from lrrc.results.summary import DATA, LIVE_AGENT, POLICIES, Summary, in_order

NAMES = {  # of what is met here alone
    "mmr": "MMR",
    "last-exchanges": "Last five exchanges",
    "lrrc-line": "LRRC on the line",
    "values-line": "Line of values",
}
OURS = ("lrrc-line", "additive", "lrrc", "values-line")
KINDS = {"embedded": "embedded arena"}


def shown(policy: str) -> str:
    """What a policy or rule is called."""
    return NAMES.get(policy, POLICIES.get(policy, policy))


def kinds_tables(summary: Summary) -> list[Table]:
    """A table of regret for each reading and budget, and recall; empty where the kinds were not measured."""
    made = []
    for reading in (NATS, WORDS):
        found = summary.find(evaluation=reading.evaluation, metric=reading.metric)
        made += [regret_table(summary, reading, budget) for budget in sorted({r["budget"] for r in found})]
    return [*made, *recall_tables(summary)]


def regret_table(summary: Summary, reading: Reading, budget: int) -> Table:
    """Policy x kind: what is lost beyond the best rule for that kind; mean and worst over kinds, and mean tokens."""
    at = {"evaluation": reading.evaluation, "budget": budget}
    found = in_order(summary.find(metric=reading.metric, **at))
    sizes = {r["data"]: r["n"] for r in found if r["data"] not in (MEAN, WORST)}
    cells = {(r["policy"], r["data"]): r for r in found}
    tokens = summary.find(metric="fidelity_tokens_per_call", **at)
    shows = "+.3f" if reading is NATS else "+.1f"
    rows = []
    for policy in dict.fromkeys(r["policy"] for r in found):
        sent = [r["value"] for r in tokens if r["policy"] == policy]
        row: list[Cell] = [shown(policy), sum(sent) / len(sent)]
        for kind in (MEAN, *sizes):
            r = cells.get((policy, kind))
            row += [r and r["value"], r and r["low"], r and r["high"]]
        rows.append((*row[:5], cells[policy, WORST]["value"], *row[5:]))
    intervals = [(Column(f"{KINDS.get(kind, kind)} (n = {n})", shows), *_ENDS) for kind, n in sizes.items()]
    columns = (
        Column("Policy"),
        Column("Tokens", ".0f"),
        Column("Mean over kinds", shows),
        *_ENDS,
        Column("Worst kind", shows),
        *(column for three in intervals for column in three),
    )
    what = f"nats per token of the true reply under {LIVE_AGENT}" if reading is NATS else "points of the reply's words"
    note = (
        f"{what} lost beyond the best rule for that kind, lower is better; the best rule is chosen on one half of a "
        f"kind's conversations and compared on the other, and back, so rules have regret too. Histories of at least "
        f"{2 * budget} tokens. The line and the coordinator never saw the kind. Intervals draw conversations, of the "
        f"mean: kinds"
    )
    title = f"Kinds left out: regret at {budget} tokens{'' if reading is NATS else ', in words of the reply'}"
    return Table(f"{reading.evaluation.replace('-', '_')}_{budget}", title, columns, tuple(rows), note)


_ENDS = (Column("", "low"), Column("", "high"))


def by_kind(summary: Summary) -> str:
    """Kind x policy at the operating budget, in Markdown without intervals; "" where nothing was measured."""
    found = in_order(summary.find(evaluation="kinds", metric="nats_over_best_rule", budget=summary.budget))
    cells = {(r["data"], r["policy"]): r for r in found}
    policies = [*(p for p in OURS if (MEAN, p) in cells)]
    policies += sorted(
        (p for k, p in cells if k == MEAN and p not in OURS), key=lambda policy: cells[MEAN, policy]["value"]
    )
    sizes = {r["data"]: r["n"] for r in found}
    rows = [["nats a token above the best rule", *map(shown, policies)], ["---"] * (len(policies) + 1)]
    kinds = [kind for kind in dict.fromkeys(r["data"] for r in found) if kind not in (MEAN, WORST)]
    for kind in (MEAN, WORST, *kinds):
        label = kind if kind in (MEAN, WORST) else f"{KINDS.get(kind, kind)} (n = {sizes[kind]})"
        told = [cells.get((kind, policy)) for policy in policies]
        rows.append([label, *("–" if r is None else f"{r['value']:+.3f}" for r in told)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n" if found else ""


def recall_tables(summary: Summary) -> list[Table]:
    """A table for every kind whose file says which message a reply answers."""
    found = in_order(summary.find(evaluation="kinds-recall", metric="linked_recall"))
    tables = []
    for kind in dict.fromkeys(r["data"] for r in found):
        rows = []
        for r in (r for r in found if r["data"] == kind):
            at = {"policy": r["policy"], "data": kind, "budget": r["budget"]}
            tokens = summary.value("fidelity_tokens_per_call", evaluation="kinds-recall", **at)
            rows.append((shown(r["policy"]), tokens, *(100 * r[end] for end in ("value", "low", "high"))))
        one = next(r for r in found if r["data"] == kind)
        note = f"{one['n']} replies; the message just before a reply is sent anyway and does not count"
        columns = (Column("Policy"), Column("Tokens", ".0f"), Column("The message answered is there, %", ".1f"), *_ENDS)
        title = f"{DATA.get(kind, kind)}: is the message that a reply answers in a digest of {one['budget']} tokens?"
        tables.append(Table(f"recall_{kind}", title, columns, tuple(rows), note))
    return tables


def kinds_sentence(summary: Summary) -> list[str]:
    """Regret of the line, the coordinator and the rules over kinds left out, in words; [] where not measured."""
    mean, worst = (
        {
            r["policy"]: r
            for r in summary.find(evaluation="kinds", metric="nats_over_best_rule", data=over, budget=summary.budget)
        }
        for over in (MEAN, WORST)
    )
    if "additive" not in mean:
        return []
    rules = sorted((r for r in mean.values() if r["policy"] not in OURS), key=lambda r: r["value"])

    def told(policy: str) -> str:
        return f"{shown(policy)} {mean[policy]['value']:+.3f} (worst {worst[policy]['value']:+.3f})"

    ours = [told(policy) for policy in OURS if policy in mean]
    text = (
        f"On {mean['additive']['n']} kinds of conversation, each left out of what the line was fitted on, "
        f"mean nats a token above the best rule for the kind at {summary.budget} tokens: {', '.join(ours)}; of the "
        f"rules {', '.join(told(r['policy']) for r in rules[:3])}."
    )
    at = {"evaluation": "kinds", "data": MEAN, "budget": summary.budget}
    gap = summary.record_or_none("nats_over_line", policy="lrrc-line", **at)
    if gap:
        text += (
            f" What the network, trained on the embedded arena alone, adds to the line is {gap['value']:+.3f} nats "
            f"[{gap['low']:+.3f}, {gap['high']:+.3f}], over {gap['n']} kinds."
        )
    recall = {
        r["policy"]: r for r in summary.find(evaluation="kinds-recall", metric="linked_recall", budget=summary.budget)
    }
    if "additive" in recall:
        ordered = sorted((p for p in recall if p != "additive"), key=lambda p: -recall[p]["value"])
        text += (
            f" The message that a reply answers is in {100 * recall['additive']['value']:.0f} % of the line's digests "
            f"of {recall['additive']['data']}, in {100 * recall[ordered[0]]['value']:.0f} % of {shown(ordered[0])}'s, "
            f"the best of the others."
        )
    return [text]
