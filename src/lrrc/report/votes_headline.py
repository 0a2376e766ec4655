"""What people's votes say, in sentences; empty where nobody's were measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrrc.report.live_headline import operating_point
from lrrc.report.verdicts import amount, fewer_calls, less, signed
from lrrc.results.scores import GATE_ON
from lrrc.results.summary import DATA, Summary, name


def sentences(summary: Summary) -> list[str]:
    """Success and tokens against Full-Context and the floors, what the call gate saves, and what could be seen."""
    at = operating_point(summary)
    ours = summary.record_or_none("preference_success", evaluation="votes", **at)
    if ours is None:
        return []
    saved, gap = (
        summary.record(metric, evaluation="votes", **at)
        for metric in ("token_reduction_vs_full", "success_difference_vs_full")
    )
    floor, lead = (
        summary.record_or_none(metric, evaluation="votes", policy="longer-answer")
        for metric in ("preference_success", "lrrc_success_minus_policy")
    )
    text = (
        f"By people's votes ({DATA.get(ours['data'], ours['data'])}, {ours['n']} pairs of answers to "
        f"{ours['prompts']} prompts) LRRC at rank {summary.rank} picks an answer not voted worse in "
        f"{share(ours)} of the pairs, {signed(gap)} points against Full-Context, with {amount(saved)} % "
        f"{less(saved)} tokens."
    )
    if floor and lead:
        text += f" Who always picks the longer answer succeeds in {share(floor)}: LRRC by {signed(lead)} points more."
    if ours["seeds"] == 1:
        text += " One training stands behind these numbers: their intervals cover other prompts, not another training."
    return [text, *_gate(summary, at), *_no_loss(summary, at)]


def _gate(summary: Summary, at: Mapping[str, Any]) -> list[str]:
    where = {"evaluation": "votes-ablation", "variant": GATE_ON, **at}
    calls = summary.record_or_none("call_reduction_vs_full", **where)
    if calls is None:
        return []
    gap = summary.record("success_difference_vs_full", **where)
    told = [f"With the call gate it makes {amount(calls)} % {less(calls)} calls, and differs by {signed(gap)} points."]
    return told + fewer_calls(summary)


def _no_loss(summary: Summary, at: Mapping[str, Any]) -> list[str]:
    parts = []
    for record in summary.find(evaluation="votes-no-loss", metric="no_loss_p", **{**at, "variant": "margin=5"}):
        power = summary.value("power_of_no_loss", **{key: record[key] for key in ("evaluation", "policy", "variant")})
        excluded = "is excluded" if record["value"] < 0.05 else "is not excluded"
        parts.append(
            f"A loss of 5 points {excluded} ({name(record)}, two one-sided tests, p = {record['value']:.3f}; where "
            f"nothing is lost, they say so in {100 * power:.0f} % of such experiments)."
        )
    return parts


def share(record: Mapping[str, Any]) -> str:
    low, high = (100 * record[end] for end in ("low", "high"))
    return f"{100 * record['value']:.1f} % ({low:.1f} to {high:.1f})"
