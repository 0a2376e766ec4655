"""The verdicts that matter, each with the way to what it rests on: figure or table, command, MLflow runs.

What README and the report open with. A verdict whose records are missing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrrc.report.live_headline import operating_point, rivals, second_gap, told_p
from lrrc.report.tables import kinds_tables
from lrrc.results.kinds_records import MEAN, WORST
from lrrc.results.scores import GATE_ON
from lrrc.results.summary import DATA, LIVE_AGENT, Summary, name
from lrrc.results.team_records import BEST_ALONE, CALLS, CEILING, GATE, MARGIN
from lrrc.results.votes_records import CLAIMED

OVER_KINDS = ("mean over kinds", "worst kind")
NAMED = 4  # of the rules that lose least over kinds, beside LRRC's own; the table has all
UNTOLD = "no difference can be told"
PLAYED = {"evaluation": "team-against", "policy": "lrrc", "variant": GATE}  # LRRC's digests and gate, in a team


@dataclass(frozen=True)
class Verdict:
    """A question, its answer in a few words, what was measured, and where to look: `shown` names a figure or a table
    of the report (its anchor)."""

    question: str
    answer: str
    measured: str
    data: str
    shown: str
    command: str
    runs: str


def verdicts(summary: Summary) -> list[Verdict]:
    """Those that this run can answer, the most important first."""
    return [found for ask in QUESTIONS if (found := ask(summary))]


def people(summary: Summary) -> Verdict | None:
    """Success by people's votes, and whether a loss is excluded."""
    at = operating_point(summary)
    ours = summary.record_or_none("preference_success", evaluation="votes", **at)
    if ours is None:
        return None
    gap, saved = (
        summary.record(metric, evaluation="votes", **at)
        for metric in ("success_difference_vs_full", "token_reduction_vs_full")
    )
    measured = f"{signed(gap)} points of success against Full-Context, with {amount(saved)} % {less(saved)} tokens"
    for loss in summary.find(evaluation="votes-no-loss", metric="no_loss_p", **{**at, "variant": "margin=5"}):
        told = "is excluded" if loss["value"] < 0.05 else "is not excluded"
        measured += f"; a loss of 5 points {told} ({told_p(loss['value'])})"
    floor = summary.record_or_none("lrrc_success_minus_policy", evaluation="votes", policy="longer-answer")
    if floor:
        measured += f"; {signed(floor)} points against always picking the longer answer"
    if ours["seeds"] == 1:
        measured += "; one training"
    return Verdict(
        "Do people prefer its answers less?",
        direction(gap),
        measured,
        f"{DATA.get(ours['data'], ours['data'])}, {ours['n']} pairs, {ours['prompts']} prompts",
        "table-votes",
        "dvc repro -sf votes; dvc repro",
        "votes",
    )


def calls(summary: Summary) -> Verdict | None:
    """What the call gate saves: by people's votes where measured, and on recorded outcomes of the arena."""
    at = {"variant": GATE_ON, **operating_point(summary)}
    parts, found = [], []
    for evaluation in ("votes-ablation", "ablation"):
        saved = summary.record_or_none("call_reduction_vs_full", evaluation=evaluation, **at)
        gap = summary.record_or_none("success_difference_vs_full", evaluation=evaluation, **at)
        if saved and gap:
            found.append(saved)
            parts.append(
                f"{DATA.get(saved['data'], saved['data'])}: {amount(saved)} % {less(saved)} with the call gate, "
                f"success {signed(gap)} points from Full-Context"
            )
    if not found:
        return None
    parts += [told[:1].lower() + told[1:] for told in fewer_calls(summary)]
    told = {direction(r, up="some", down="none", even="none") for r in found}
    votes = found[0]["evaluation"] == "votes-ablation"
    return Verdict(
        "Does it save calls?",
        told.pop()
        if len(told) == 1
        else f"{direction(found[0], 'some', 'none', 'none')} by people's votes, none on the arena",
        "; ".join(part.removesuffix(".") for part in parts) + ". Logged answers are picked among",
        ", ".join(f"n = {r['n']}" for r in found),
        "table-votes_gates" if votes else "table-gates",
        "dvc repro stats report",
        "votes, replay" if votes else "replay",
    )


def fewer_calls(summary: Summary) -> list[str]:
    """What the gate loses where it saves as many calls as the paper; whether losses are excluded."""
    at = operating_point(summary)
    found = summary.find(evaluation="votes-fewer-calls", metric="success_difference_vs_full", **at)
    if not found:
        return []
    (gap,) = found
    saved = summary.record("call_reduction_vs_full", evaluation="votes-fewer-calls", variant=gap["variant"])
    lost = [
        r
        for r in summary.find(evaluation="votes-no-loss", metric="no_loss_p")
        if r["variant"].startswith(gap["variant"])
    ]
    parts = [
        f"{r['variant'].rpartition('=')[2]} points {'is' if r['value'] < 0.05 else 'is not'} excluded "
        f"({told_p(r['value'])})"
        for r in lost
    ]
    return [
        f"At the highest threshold tried that saves the paper's {CLAIMED} % of the calls ({amount(saved)} %), success "
        f"differs by {signed(gap)} points from Full-Context; a loss of {', one of '.join(parts)}."
    ]


def team(summary: Summary) -> Verdict | None:
    """A team that is played: LRRC's gate and digests against everybody with everything, and the best router."""
    gap = summary.record_or_none("team_success_difference", **PLAYED)
    if gap is None:
        return None
    saved, tokens_saved = (summary.record(metric, **PLAYED) for metric in ("team_calls_saved", "team_tokens_saved"))
    lost = "is excluded" if gap["no_loss_p"] < 0.05 else "is not excluded"
    routers = summary.find(evaluation="team-rules", metric="team_gate_minus_rule")
    leads = [r for r in routers if r["call"] not in (CEILING, "random")]
    measured = (
        f"{amount(saved)} % {less(saved)} calls, {amount(tokens_saved)} % {less(tokens_saved)} tokens, success "
        f"{signed(gap)} points from calling everybody with everything; a loss of {MARGIN} points {lost} "
        f"({told_p(gap['no_loss_p'])})"
    )
    if leads:
        least = min(leads, key=lambda r: r["value"])
        measured += f"; at as many calls as {CALLS[least['call']]}, the best router, {signed(least)} points from it"
    return Verdict(
        "Who need not be called, in a team whose agents know different things?",
        direction(saved, "fewer calls", "more calls", "no fewer calls")
        + (", no loss" if gap["no_loss_p"] < 0.05 else direction(gap, ", more right", ", fewer right", ", loss open")),
        measured,
        f"{DATA['team']}, {gap['n']} requests in {gap['episodes']} episodes",
        "table-team_pairs",
        "dvc repro team report",
        "team",
    )


def kinds(summary: Summary) -> Verdict | None:
    """Surprise of the true reply on kinds of conversation left out of training, against the best fixed rule of each."""
    at = {"evaluation": "kinds", "metric": "nats_over_best_rule", "budget": summary.budget}
    lined = summary.find(policy="lrrc-line", **at)
    left_out = lined or summary.find(policy="lrrc", **at)
    found = [r for r in left_out if r["low"] is not None and r["data"] not in OVER_KINDS]
    stage, over = "kinds", [r for r in left_out if r["data"] in OVER_KINDS]
    if not found:
        rows = summary.find(evaluation="transfer", metric="nats_over_best_rule")
        named = sorted({r["data"] for r in rows})
        most = {data: [r for r in rows if r["data"] == data] for data in named}
        found, stage = [max(part, key=lambda r: r["variant"].count(" + ")) for part in most.values()], "transfer"
    if not found:
        return None
    better, worse = (sum(end) for end in ((r["high"] < 0 for r in found), (r["low"] > 0 for r in found)))
    shown = over or found
    parts = [f"{DATA.get(r['data'], r['data'])} {signed(r, 3)}" for r in shown if r["low"] is not None]
    parts += [f"{r['data']} {r['value']:+.3f}" for r in shown if r["low"] is None]
    packaged = "the packaged coordinator, whose digests a line of few weights decides there: " if lined else ""
    return Verdict(
        "Does it carry over to kinds of conversation it was not trained on?",
        f"better than the best fixed rule on {better or 'none'} of {len(found)} kinds, worse on {worse or 'none'}",
        packaged
        + "nats a token by which the true reply surprises more than after the best fixed rule: "
        + "; ".join(parts),
        f"{sum(r['n'] for r in found)} replies, {found[0].get('agent', LIVE_AGENT)}",
        "table-transfer" if stage == "transfer" else f"table-kinds_{summary.budget}",
        f"dvc repro -sf {stage}; dvc repro",
        stage,
    )


def unchosen(summary: Summary) -> Verdict | None:
    """Regret over kinds left out: who needs no choosing."""
    over = {"evaluation": "kinds", "metric": "nats_over_best_rule", "budget": summary.budget}
    mean, worst = ({r["policy"]: r for r in summary.find(data=data, **over)} for data in (MEAN, WORST))
    if "additive" not in mean:
        return None
    least, safest = (min(found, key=lambda p: found[p]["value"]) for found in (mean, worst))
    called = {policy: kinds_tables.shown(policy) for policy in mean}
    ranked = sorted(mean, key=lambda policy: mean[policy]["value"])
    named = [policy for i, policy in enumerate(ranked) if i < NAMED or policy.startswith("lrrc")]
    told = [f"{called[p]} {mean[p]['value']:+.3f} (worst kind {worst[p]['value']:+.3f})" for p in named]
    if others := [mean[policy]["value"] for policy in ranked if policy not in named]:
        told.append(f"{len(others)} others {others[0]:+.3f} to {others[-1]:+.3f}")
    calls = [r["n"] for r in summary.find(policy="additive", **over) if r["data"] not in (MEAN, WORST, "embedded")]
    return Verdict(
        "Which rule needs no choosing, on kinds that nothing of it was fitted on?",
        f"{called[least]} loses least on average"
        + (" and on its worst kind" if safest == least else f", {called[safest]} on its worst kind"),
        f"nats a token lost beyond the best rule for each kind, mean over kinds: {'; '.join(told)}",
        f"{mean['additive']['n']} kinds, {' to '.join(map(str, sorted({min(calls), max(calls)})))} replies of each, "
        f"{LIVE_AGENT}",
        f"table-kinds_{summary.budget}",
        "dvc repro -sf kinds; dvc repro",
        "kinds",
    )


def tokens(summary: Summary) -> Verdict | None:
    """Tokens and checks against the full history, live."""
    at = operating_point(summary)
    saved = summary.record_or_none("live_token_reduction_vs_full", evaluation="live", **at)
    gap = summary.record_or_none("live_success_difference_vs_full", evaluation="live", **at)
    if not (saved and gap):
        return None
    told, measured = direction(gap, up="yes", down="no"), f"{signed(gap)} points of checks right"
    if other := second_gap(summary):
        theirs = direction(other, up="yes", down="no")
        both = f"{told} ({gap.get('agent', LIVE_AGENT)}); {theirs} ({other['agent']})"
        told = f"{told}, by both readers" if told == theirs else both
        measured += f" ({other['agent']}: {signed(other)}, {other['n']} episodes)"
    return Verdict(
        "Does a short digest help a small model?",
        told,
        f"{amount(saved)} % {less(saved)} tokens, and {measured} against the full history",
        f"{_where(gap)}, {gap.get('agent', LIVE_AGENT)}",
        "live_curves",
        "dvc repro live stats figures report",
        "live",
    )


def rules(summary: Summary) -> Verdict | None:
    """The best tuned rule and the best tuned learned rival at equal mean tokens."""
    found = rivals(summary)
    if not found:
        return None
    parts = [f"{signed(lead)} points against {name(lead)} (the best {kind})" for kind, lead in found]
    told = [direction(lead) for _, lead in found]
    return Verdict(
        "Does it beat simpler ways of choosing, at equal tokens?",
        told[0] if len(set(told)) == 1 else "; ".join(f"{kind}: {t}" for (kind, _), t in zip(found, told, strict=True)),
        "; ".join(parts),
        f"{_where(found[0][1])}, every policy tuned alike",
        "table-live_equal_tokens",
        "dvc repro tune live stats report",
        "tune, live",
    )


def recurrence(summary: Summary) -> Verdict | None:
    """The coordinator without its recurrence, live."""
    found = summary.record_or_none(
        "lrrc_live_success_minus_policy", evaluation="live-ablation", variant="recurrence-off"
    )
    if found is None:
        return None
    measured = f"{signed(found)} points of checks right with it, against the same network without"
    where, parts = f"{_where(found)}, {found['seeds']} trainings", [found]
    state = {"evaluation": "team-gate-readers", "variant": f"{BEST_ALONE} state-off"}
    if without := summary.record_or_none("team_success_minus_whole_gate", **state):
        turned = {**without, "value": -without["value"], "low": -without["high"], "high": -without["low"]}
        measured += f"; of a team's agents {signed(turned)} points more often the right one called with the state"
        where, parts = f"{where}; {without['n']} requests to agents that make no errors", [*parts, turned]
    told = {direction(part, up="yes", down="no, it harms") for part in parts}
    return Verdict(
        "Is recurrence, the paper's idea, what helps?",
        told.pop() if len(told) == 1 else "; ".join(direction(part, up="yes", down="no") for part in parts),
        measured,
        where,
        "live_ablations",
        "dvc repro ablate live stats figures report",
        "live",
    )


SHOWN = {  # evaluation -> where the report shows its records
    "replay": "table-policies",
    "ablation": "table-gates",
    "call-gate": "call_gate",
    "by-category": "table-subgroups",
    "dataset": "figure5",
    "power": "table-power",
    "training": "figure4",
    "live": "table-live_details",
    "live-shared": "table-live",
    "live-second": "table-live_second",
    "live-ablation": "live_ablations",
    "live-by-category": "table-live_families",
    "live-equal-tokens": "table-live_equal_tokens",
    "fidelity": "fidelity",
    "fidelity-equal-tokens": "table-fidelity_equal_tokens",
    "transfer": "table-transfer",
    "kinds": "table-kinds_128",
    "team-played": "table-team_pairs",
    "team-against": "table-team_pairs",
    "team-gate": "table-team_gate",
    "team-rules": "table-team_gate",
    "team-gate-readers": "table-team_gate_readers",
    "team-rules-readers": "table-team_gate_readers",
    "votes": "table-votes",
    "votes-ablation": "table-votes_gates",
    "votes-no-loss": "table-votes_no_loss",
    "votes-fewer-calls": "table-votes_no_loss",
}


def seen_in(tests: Sequence[Mapping[str, Any]]) -> str:
    """The anchor in the report of what the tests of a claim look at; "" where it shows no such thing."""
    for test in tests:
        if "any" in test:
            return seen_in(test["any"])
        if "proof" in test or "certificate" in test:
            return "proofs"
        if "metric" in test and (shown := SHOWN.get(test.get("evaluation", "replay"))):
            return shown
    return ""


QUESTIONS: tuple[Callable[[Summary], Verdict | None], ...] = (
    people,
    calls,
    team,
    unchosen,
    kinds,
    tokens,
    rules,
    recurrence,
)


def in_short(summary: Summary) -> str:
    """What README says first, a sentence each: against the full history, in a team, what is told apart from what, and
    kinds left out."""
    found = []
    at = operating_point(summary)
    saved = summary.record_or_none("live_token_reduction_vs_full", evaluation="live", **at)
    gap = summary.record_or_none("live_success_difference_vs_full", evaluation="live", **at)
    if saved and gap:
        found.append(
            f"to a small model its digests cost {abs(saved['value']):.0f} % {less(saved)} tokens than the full "
            f"history, and {abs(gap['value']):.0f} points {_more(gap)} checks come out right"
        )
    if played := summary.record_or_none("team_success_difference", **PLAYED):
        fewer = summary.record("team_calls_saved", **PLAYED)
        found.append(
            f"in a team whose agents know different things its gate makes {abs(fewer['value']):.0f} % {less(fewer)} "
            f"calls than asking everybody, and {abs(played['value']):.0f} points {_more(played)} requests come out "
            f"right"
        )
    told: dict[str, list[str]] = {}
    for record, against in _compared(summary):
        answer = direction(record, "it is better than", "it is worse than", f"{UNTOLD} from")
        told.setdefault(answer, []).append(against)
    found += [f"{answer} {_listed(against)}" for answer, against in told.items()]
    if left_out := kinds(summary):
        found.append(f"on kinds of conversation left out of every fit what is packaged is {left_out.answer}")
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in found)


def _compared(summary: Summary) -> list[tuple[Mapping[str, Any], str]]:
    """(difference, from what) of everything that the sentence compares LRRC with."""
    votes = summary.record_or_none("success_difference_vs_full", evaluation="votes", **operating_point(summary))
    off = summary.record_or_none("lrrc_live_success_minus_policy", evaluation="live-ablation", variant="recurrence-off")
    found = [(lead, f"the best tuned {kind} ({name(lead)})") for kind, lead in rivals(summary)]
    found += [(off, "itself without recurrence")] if off else []
    return found + ([(votes, "the full history by people's votes")] if votes else [])


def _listed(parts: list[str]) -> str:
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def signed(record: Mapping[str, Any], places: int = 1) -> str:
    """A difference with its interval."""
    value, low, high = (f"{record[key]:+.{places}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def amount(record: Mapping[str, Any]) -> str:
    """The size of a saving with its interval; `less` says its direction."""
    sign = 1 if record["value"] >= 0 else -1
    low, high = sorted((sign * record["low"], sign * record["high"]))
    return f"{sign * record['value']:.1f} ({low:.1f} to {high:.1f})"


def less(saved: Mapping[str, Any]) -> str:
    return "fewer" if saved["value"] >= 0 else "more"


def _more(gap: Mapping[str, Any]) -> str:
    return "more" if gap["value"] > 0 else "fewer"


def direction(record: Mapping[str, Any], up: str = "higher", down: str = "lower", even: str = UNTOLD) -> str:
    """A difference in words: its interval above zero, below, or neither."""
    if record["low"] > 0:
        return up
    return down if record["high"] < 0 else even


def _where(record: Mapping[str, Any]) -> str:
    return f"{DATA.get(record['data'], record['data'])}, {record['n']} episodes"
