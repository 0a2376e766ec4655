"""The headline's words on live checks and on fidelity to the full history; nothing where they were not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrrc.policy_catalogue import POLICIES
from lrrc.report.tables.live_tables import fidelity_records, standing_rules
from lrrc.results.curves import best_rival
from lrrc.results.summary import DATA, LIVE_AGENT, Summary, name


def _at(summary: Summary, metric: str, **who: Any) -> dict[str, Any] | None:
    return summary.record_or_none(metric, evaluation="live", **who)


def operating_point(summary: Summary) -> dict[str, Any]:
    """What names the records of LRRC at the operating point."""
    return {"policy": "lrrc", "rank": summary.rank, "budget": summary.budget}


def rivals(summary: Summary) -> list[tuple[str, dict[str, Any]]]:
    """(what it is, LRRC's lead): the rule and the learned policy that leave LRRC the smallest lead at its mean tokens.

    They are picked on the very episodes on which they are compared, which favours them.
    """
    found = summary.find(evaluation="live-equal-tokens", metric="lrrc_live_lead_at_equal_tokens")
    leads = ((kind, best_rival(found, trained)) for kind, trained in (("rule", False), ("learned rival", True)))
    return [(kind, dict(lead)) for kind, lead in leads if lead]


def remark(summary: Summary) -> str:
    """What live success is, for the banner."""
    r = _at(summary, "live_success", **operating_point(summary))
    if r is None:
        return ""
    return (
        f" Live success: {r.get('agent', LIVE_AGENT)}, a small local model, answers the checks of "
        f"{r['n']} held-out episodes from what a policy sends; a program compares with the known answers."
    )


def cards(summary: Summary) -> list[tuple[str, str, str]]:
    """(title, value, note): tokens and success of LRRC against Full-Context, live."""
    ours, full = (
        _at(summary, "live_tokens_per_episode", **who) for who in (operating_point(summary), {"policy": "full-context"})
    )
    saved = _at(summary, "live_token_reduction_vs_full", **operating_point(summary))
    found = []
    if ours and full and saved:
        found.append(
            (
                f"LRRC r = {summary.rank} against Full-Context: "
                f"{'fewer' if saved['value'] >= 0 else 'more'} tokens, live",
                f"{abs(saved['value']):.1f} %",
                f"95 % interval {saved['low']:.1f} to {saved['high']:.1f} % saved; {ours['value']:,.0f} against "
                f"{full['value']:,.0f} per episode",
            )
        )
    if gap := _at(summary, "live_success_difference_vs_full", **operating_point(summary)):
        found.append(("Checks answered right, live, LRRC minus Full-Context", *points(gap)))
    for kind, lead in rivals(summary):
        title = f"Checks answered right, live, LRRC minus the best tuned {kind}, at equal mean tokens"
        value, interval = points(lead)
        found.append((title, value, f"{interval}; {name(lead)}"))
    return found


def sentences(summary: Summary) -> list[str]:
    """LRRC against Full-Context and the best rivals at equal mean tokens, the references, and on standing rules."""
    ours, full = (
        {m: _at(summary, m, **who) for m in ("live_success", "live_tokens_per_episode")}
        for who in (operating_point(summary), {"policy": "full-context"})
    )
    gap = _at(summary, "live_success_difference_vs_full", **operating_point(summary))
    if not (gap and all([*ours.values(), *full.values()])):
        return []
    agent = ours["live_success"].get("agent", LIVE_AGENT)
    text = [
        f"Live, {agent} answers {_share(ours['live_success'])} of the checks right from what LRRC at rank "
        f"{summary.rank} sends (digests of at most {summary.budget} tokens, "
        f"{ours['live_tokens_per_episode']['value']:,.0f} tokens per episode), "
        f"and {_share(full['live_success'])} from the full history ({full['live_tokens_per_episode']['value']:,.0f}). "
        f"The difference is {gap['value']:+.1f} points ({gap['low']:+.1f} to {gap['high']:+.1f}): "
        f"{reading(gap, 'Full-Context')}"
    ]
    text += against_rivals(summary)
    none, facts = (_at(summary, "live_success", policy=policy) for policy in ("no-history", "oracle"))
    if none and facts:
        text.append(
            f"With no history at all it answers {_share(none)}; with digests of that length written in knowledge "
            f"of the answer, as no policy can, {_share(facts)}."
        )
    text += by_another(summary)
    if rules := standing_rules(summary):
        text.append(f"{rules}.")
    return text


def second_gap(summary: Summary) -> Mapping[str, Any] | None:
    """LRRC's success minus Full-Context's by another reader; None where none was asked."""
    at = operating_point(summary)
    return summary.record_or_none("live_success_difference_vs_full", evaluation="live-second", **at)


def by_another(summary: Summary) -> list[str]:
    """What another reader makes of LRRC's digests and of the full history; [] where none was asked."""
    gap, at = second_gap(summary), {"metric": "live_success", "evaluation": "live-second"}
    if gap is None:
        return []
    shares = [
        f"{_share(found)} from {said}"
        for said, policy in (
            ("them", operating_point(summary)),
            ("the full history", {"policy": "full-context"}),
            ("no history", {"policy": "no-history"}),
            ("digests written in knowledge of the answer", {"policy": "oracle"}),
        )
        if (found := summary.record_or_none(**at, **policy))
    ]
    between = f"{gap['value']:+.1f} points ({gap['low']:+.1f} to {gap['high']:+.1f})"
    return [
        f"By another reader, {gap['agent']}, on {gap['n']} episodes at the same digests: right {', '.join(shares)}. "
        f"LRRC's difference from the full history is {between}: {reading(gap, 'Full-Context')}"
    ]


def against_rivals(summary: Summary) -> list[str]:
    """LRRC at equal mean tokens against the best tuned rule and the best tuned learned rival; [] where not measured."""
    found = rivals(summary)
    if not found:
        return []
    tokens = found[0][1]["tokens"]
    text = (
        f"Every policy with the settings chosen for it on validation episodes, as many trials for each, and read off "
        f"its curve at LRRC's {tokens:,.0f} tokens per episode."
    )
    for kind, lead in found:
        theirs = summary.record_or_none(
            "live_success_at_equal_tokens", evaluation="live-equal-tokens", policy=lead["policy"]
        )
        text += f" The best {kind} is {name(lead)}" + (f" with {_share(theirs)}" if theirs else "")
        if lead["spent"] < 0.99 * tokens:
            text += f", whose longest digests cost {lead['spent']:,.0f}"
        text += f"; LRRC's success is {lead['value']:+.1f} points from it ({lead['low']:+.1f} to {lead['high']:+.1f}): "
        text += reading(lead, name(lead))
    return [text]


def _share(record: Mapping) -> str:
    return f"{100 * record['value']:.1f} %"


def fidelity_sentence(summary: Summary) -> list[str]:
    """On every data set: how much more the true next reply surprises a model that reads LRRC's payload."""
    if not summary.has("fidelity"):
        return []
    found, parts = fidelity_records(summary), []
    for data in sorted({r["data"] for r in found}):
        rows = {r["policy"]: r for r in found if r["data"] == data}
        ours = rows.pop("lrrc", None)
        rival = min((r for r in rows.values() if r["budget"] is not None), key=lambda r: r["value"], default=None)
        if ours is None:
            continue
        part = f"{DATA.get(data, data)}: {ours['value']:+.3f} [{ours['low']:+.3f}, {ours['high']:+.3f}]"
        parts.append(part + (f", {name(rival)} {rival['value']:+.3f}" if rival else ""))
        gaps = summary.find(evaluation="fidelity-equal-tokens", metric="lrrc_fidelity_gap_at_equal_tokens", data=data)
        if tuned := best_rival(gaps, trained=False, lower_is_better=True):
            parts[-1] += f", and LRRC {_gap(tuned)} from {name(tuned)}, the best tuned rule at equal mean tokens"
    agent = next((r.get("agent", LIVE_AGENT) for r in found), LIVE_AGENT)
    lead = f"Extra nats per token of the true next reply under {agent}, against the full history, of LRRC and the best "
    return [f"{lead}other policy at {summary.budget} tokens: {'; '.join(parts)}."] if parts else []


def transfer_sentence(summary: Summary) -> list[str]:
    """On data sets left out, after training on all others: against the best rule, and against the prior alone."""
    found = summary.find(evaluation="transfer", metric="nats_over_best_rule")
    parts = []
    for data in sorted({r["data"] for r in found}):
        rule = max((r for r in found if r["data"] == data), key=lambda r: r["variant"].count(" + "))
        lead = summary.record_or_none("nats_over_lead", evaluation="transfer", data=data, variant=rule["variant"])
        part = f"{DATA.get(data, data)}: {_gap(rule)} against {POLICIES[rule['test']['rule']]}, the best rule"
        parts.append(part + (f", {_gap(lead)} against its place prior alone" if lead else ""))
    if not parts:
        return []
    said = f"On conversations of a kind it was not trained on, at equal mean tokens ({found[0]['n']} replies), the "
    said += "true reply surprises the model that reads LRRC's digest by so many nats a token more: "
    return [f"{said}{'; '.join(parts)}."]


def _gap(record: Mapping) -> str:
    return f"{record['value']:+.3f} [{record['low']:+.3f}, {record['high']:+.3f}]"


def reading(gap: Mapping, other: str) -> str:
    """A difference in words."""
    if gap["low"] > 0:
        return f"higher than {other}, with an interval above zero."
    if gap["high"] < 0:
        return f"lower than {other}, with an interval below zero."
    return "no difference can be told."


def points(gap: Mapping) -> tuple[str, str]:
    """A difference of shares as (value, interval and p)."""
    shown = f"95 % interval {gap['low']:+.1f} to {gap['high']:+.1f}"
    return f"{gap['value']:+.1f} points", shown + (f", {p_value(gap)}" if gap["p_vs_full_context"] is not None else "")


def p_value(record: Mapping) -> str:
    """The p-value against Full-Context."""
    return told_p(record["p_vs_full_context"])


def told_p(p: float) -> str:
    """A p-value for people."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
