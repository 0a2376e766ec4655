"""The answer in a few sentences: what LRRC saves and loses against Full-Context and the best other policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lrrc.summary import FLOORS, find, main_line, name, provenance, record


@dataclass(frozen=True)
class Card:
    """One number to look at first."""

    title: str
    value: str
    note: str


def best_other(summary: Mapping, rank: int, budget: int) -> dict[str, Any] | None:
    """Success of the compressing policy, LRRC apart, that succeeds most; fewer tokens break ties."""
    tokens = {r["policy"]: r["value"] for r in main_line(summary, "tokens_per_episode", rank, budget)}
    others = [r for r in main_line(summary, "preference_success", rank, budget)
              if r["policy"] not in ("lrrc", "full-context", *FLOORS)]  # fmt: skip
    return min(others, key=lambda r: (-r["value"], tokens[r["policy"]]), default=None)


def banner(summary: Mapping, rank: int, budget: int) -> str:
    """What the numbers are of, and what they are not."""
    measured = record(summary, "preference_success", policy="lrrc", rank=rank, budget=budget)
    text = provenance(measured)
    warning = {
        "verifier": " No human voted on these episodes: a program decided each outcome from checks "
        "with known answers, so success here is not the paper's human judgment.",
    }
    return f"Measured on: {text}.{warning.get(measured['judge'], '')}"


def cards(summary: Mapping, rank: int, budget: int) -> list[Card]:
    """Tokens, calls and success of LRRC against Full-Context."""
    at = {"policy": "lrrc", "rank": rank, "budget": budget}
    found = []
    for metric, title in (
        ("token_reduction_vs_full", "fewer tokens"),
        ("call_reduction_vs_full", "fewer calls"),
    ):
        r = record(summary, metric, **at)
        found.append(
            Card(
                f"LRRC r = {rank} against Full-Context: {title}",
                f"{r['value']:.1f} %",
                f"95 % interval {r['low']:.1f} to {r['high']:.1f} %, {_p(r['p_vs_full_context'])}",
            )
        )
    r = record(summary, "success_difference_vs_full", **at)
    found.append(
        Card(
            "Success, LRRC minus Full-Context",
            f"{r['value']:+.1f} points",
            f"95 % interval {r['low']:+.1f} to {r['high']:+.1f}, {_p(r['p_vs_full_context'])}",
        )
    )
    return found


def sentences(summary: Mapping, rank: int, budget: int) -> list[str]:
    """The same in words, with the best other policy and with what the test can see."""
    at = {"policy": "lrrc", "rank": rank, "budget": budget}
    ours, full = ({m: record(summary, m, **who)["value"] for m in
                   ("tokens_per_episode", "calls_per_episode", "preference_success")}
                  for who in (at, {"policy": "full-context"}))  # fmt: skip
    gap = record(summary, "success_difference_vs_full", **at)
    text = [
        f"LRRC at rank {rank} uses {ours['tokens_per_episode']:,.0f} tokens and "
        f"{ours['calls_per_episode']:.2f} calls per episode, Full-Context "
        f"{full['tokens_per_episode']:,.0f} and {full['calls_per_episode']:.2f}. "
        f"Success is {100 * ours['preference_success']:.1f} % against "
        f"{100 * full['preference_success']:.1f} %: {_reading(gap, 'Full-Context')}"
    ]
    if other := best_other(summary, rank, budget):
        tokens, success = (
            record(summary, metric, policy=other["policy"], budget=other["budget"])
            for metric in ("lrrc_token_reduction_vs_policy", "lrrc_success_minus_policy")
        )
        direction = "fewer" if tokens["value"] >= 0 else "more"
        ends = sorted((abs(tokens["low"]), abs(tokens["high"]))) if tokens["low"] * tokens["high"] > 0 else None
        shown = f"{ends[0]:.1f} to {ends[1]:.1f}" if ends else f"{tokens['low']:.1f} to {tokens['high']:.1f} fewer"
        text.append(
            f"The best other policy is {name(other)} with {100 * other['value']:.1f} %. LRRC uses "
            f"{abs(tokens['value']):.1f} % {direction} tokens ({shown} %) and differs in success by "
            f"{success['value']:+.1f} points ({success['low']:+.1f} to {success['high']:+.1f}): "
            f"{_reading(success, name(other))}"
        )
        same = {key: other[key] for key in ("policy", "rank", "budget")}
        gated = {r["metric"]: r["value"] for r in find(summary, evaluation="ablation", variant="gate-on", **same)}
        if "tokens_per_episode" in gated and "preference_success" in gated:
            text.append(
                "LRRC is measured with its call gate, other policies without. Given the same gate, "
                f"{name(other)} uses {gated['tokens_per_episode']:,.0f} tokens and succeeds in "
                f"{100 * gated['preference_success']:.1f} %."
            )
    floor = find(summary, metric="preference_success", policy="random-pick")
    if floor:
        text.append(
            f"Picking an answer at random succeeds in {100 * floor[0]['value']:.1f} % of the episodes: "
            "success is to be read above that floor."
        )
    for r in find(summary, evaluation="power", metric="detectable_success_difference", n=gap["n"]):
        text.append(
            f"With {r['n']} episodes the paired test finds a difference of {r['value']:.1f} points with 80 % "
            "power; smaller ones can go unseen."
        )
    return text


def _reading(gap: Mapping, other: str) -> str:
    if gap["low"] > 0:
        return f"higher than {other}, with an interval above zero."
    if gap["high"] < 0:
        return f"lower than {other}, with an interval below zero."
    return "no difference can be told."


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
