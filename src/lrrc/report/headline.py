"""The answer in a few sentences: what LRRC saves and loses against Full-Context and the best other policy.

Live success leads where it was measured (live_headline); success on recorded outcomes is second to it, and left
out, and said to be, where no outcome was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lrrc.policy_catalogue import FLOORS
from lrrc.report import live_headline, votes_headline
from lrrc.report.live_headline import p_value, points, reading
from lrrc.report.tables.kinds_tables import kinds_sentence
from lrrc.results.scores import GATE_ON
from lrrc.results.summary import Summary, name, provenance


@dataclass(frozen=True)
class Card:
    """One number to look at first."""

    title: str
    value: str
    note: str


def best_other(summary: Summary) -> dict[str, Any] | None:
    """Success of the compressing policy, LRRC apart, that succeeds most; fewer tokens break ties."""
    tokens = {r["policy"]: r["value"] for r in summary.main_line("tokens_per_episode")}
    others = [
        r for r in summary.main_line("preference_success") if r["policy"] not in ("lrrc", "full-context", *FLOORS)
    ]
    return min(others, key=lambda r: (-r["value"], tokens[r["policy"]]), default=None)


def banner(summary: Summary) -> str:
    """What the numbers are of, and what they are not."""
    measured = summary.origin()
    text = f"Measured on: {provenance(measured)}."
    if not summary.has("success"):
        text += " No outcome is recorded for these episodes: there are tokens and calls, but no success."
    elif measured["judge"] == "verifier":
        text += (
            " No human voted on these episodes: a program decided each outcome from checks with known answers, "
            "so success here is not the paper's human judgment."
        )
    return text + live_headline.remark(summary)


def cards(summary: Summary) -> list[Card]:
    """Tokens, calls and success of LRRC against Full-Context."""
    at = live_headline.operating_point(summary)
    whom = f"LRRC r = {summary.rank} against Full-Context"
    live = [Card(*texts) for texts in live_headline.cards(summary)]
    found = [*live]
    gate = {"evaluation": "ablation", "variant": GATE_ON}
    for metric, title, where in (
        ("token_reduction_vs_full", "fewer tokens", {"evaluation": "replay"}),
        ("call_reduction_vs_full", "fewer calls, with the call gate", gate),
    ):
        if (r := summary.record_or_none(metric, **where, **at)) and not any(title in card.title for card in live):
            interval = f"95 % interval {r['low']:.1f} to {r['high']:.1f} %, {p_value(r)}"
            found.append(Card(f"{whom}: {title}", f"{r['value']:.1f} %", interval))
    if not live and (r := summary.record_or_none("success_difference_vs_full", evaluation="replay", **at)):
        found.append(Card("Success, LRRC minus Full-Context", *points(r)))
    return found


def sentences(summary: Summary) -> list[str]:
    """The same in words, with the best other policy: by people's votes, and live where measured, else on recorded
    outcomes."""
    return votes_headline.sentences(summary) + (live_headline.sentences(summary) or _replayed(summary))


def further_sentences(summary: Summary) -> list[str]:
    """What else was measured, in words: recorded outcomes where live success leads, fidelity, and what is left out."""
    live = live_headline.sentences(summary)
    missing = " ".join(summary.missing_parts())
    return [
        *(_replayed(summary) if live else []),
        *live_headline.fidelity_sentence(summary),
        *live_headline.transfer_sentence(summary),
        *kinds_sentence(summary),
        *([missing] if missing else []),
    ]


def _replayed(summary: Summary) -> list[str]:
    """Tokens, calls and success of the logged episodes."""
    at = live_headline.operating_point(summary)
    ours, full = (
        {m: summary.record_or_none(m, evaluation="replay", **who) for m in ("tokens_per_episode", "preference_success")}
        for who in (at, {"policy": "full-context"})
    )
    before = "Over the logged episodes " if summary.has("live") else ""
    text = [
        f"{before}LRRC at rank {summary.rank} uses {ours['tokens_per_episode']['value']:,.0f} tokens per episode, "
        f"Full-Context {full['tokens_per_episode']['value']:,.0f}."
    ]
    gap = summary.record_or_none("success_difference_vs_full", evaluation="replay", **at)
    if gap is None:
        return text + gate_sentence(summary)
    text[0] += (
        f" Success is {100 * ours['preference_success']['value']:.1f} % against "
        f"{100 * full['preference_success']['value']:.1f} %: {reading(gap, 'Full-Context')}"
    )
    if other := best_other(summary):
        text += _against(summary, other)
    text += gate_sentence(summary)
    if floor := summary.record_or_none("preference_success", evaluation="replay", policy="random-pick"):
        text.append(
            f"Picking an answer at random succeeds in {100 * floor['value']:.1f} % of the episodes: "
            "success is to be read above that floor."
        )
    if summary.beats_floor("preference_success", "random-pick", evaluation="replay") is False:
        text.append(
            "Full-Context itself picks no better than at random here, so on recorded outcomes neither success kept nor "
            "calls saved prove anything."
        )
    for r in summary.find(evaluation="power", metric="detectable_success_difference", n=gap["n"]):
        text.append(
            f"With {r['n']} episodes the paired test finds a difference of {r['value']:.1f} points with 80 % "
            "power; smaller ones can go unseen."
        )
    return text


def _against(summary: Summary, other: Mapping) -> list[str]:
    """LRRC against the best other policy on recorded outcomes, both without the call gate."""
    same = {key: other[key] for key in ("policy", "rank", "budget")}
    tokens, success = (
        summary.record(metric, evaluation="replay", **same)
        for metric in ("lrrc_token_reduction_vs_policy", "lrrc_success_minus_policy")
    )
    direction = "fewer" if tokens["value"] >= 0 else "more"
    ends = sorted((abs(tokens["low"]), abs(tokens["high"]))) if tokens["low"] * tokens["high"] > 0 else None
    shown = f"{ends[0]:.1f} to {ends[1]:.1f}" if ends else f"{tokens['low']:.1f} to {tokens['high']:.1f} fewer"
    text = [
        f"The best other policy is {name(other)} with {100 * other['value']:.1f} %. LRRC uses "
        f"{abs(tokens['value']):.1f} % {direction} tokens ({shown} %) and differs in success by "
        f"{success['value']:+.1f} points ({success['low']:+.1f} to {success['high']:+.1f}): "
        f"{reading(success, name(other))}"
    ]
    return text


def gate_sentence(summary: Summary) -> list[str]:
    """What the call gate saves LRRC and the rival of most success, each by its own outcome head; it is no part of
    what is said of tokens."""
    whom = [live_headline.operating_point(summary)]
    if other := best_other(summary):
        whom.append({key: other[key] for key in ("policy", "rank", "budget")})
    parts = []
    for who in whom:
        where = {"evaluation": "ablation", "variant": GATE_ON, **who}
        calls = summary.record_or_none("call_reduction_vs_full", **where)
        success = summary.record_or_none("preference_success", **where)
        if calls:
            part = f"{calls['value']:.1f} % ({calls['low']:.1f} to {calls['high']:.1f}) of the calls of {name(calls)}"
            parts.append(part + (f", which succeeds in {100 * success['value']:.1f} % then" if success else ""))
    told = "The call gate, which every policy is offered alike and no figure of tokens includes, saves "
    return [f"{told}{'; '.join(parts)}."] if parts else []
