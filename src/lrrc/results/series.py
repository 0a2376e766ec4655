"""Series of points for `dvc plots`: what figures show as pictures, as tables that experiments can be laid over.

Long form, a row a point, `series` saying of which rank or policy, so that dvc.yaml lists none. And the headline: few
numbers, named for people, for `dvc metrics diff`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrrc.policy_catalogue import FLOORS
from lrrc.results.curves import best_rival
from lrrc.results.summary import Summary, in_order, name
from lrrc.results.training_curves import curves_of

Points = list[dict[str, Any]]
TRAINED = ("val_loss", "train_loss", "loss_sel", "loss_rec", "state_norm", "active_channels", "val_agreement")


def training_points(histories: Mapping[tuple[int, int], Sequence[Mapping]]) -> Points:
    """A point an epoch and rank: means over the fits and seeds that have come so far."""
    points = []
    for rank in sorted({rank for rank, _ in histories}):
        curves = [curve for (r, _), rows in histories.items() if r == rank for curve in curves_of(rows)]
        for epoch in range(max(len(curve["epoch"]) for curve in curves)):
            here = [curve for curve in curves if len(curve["epoch"]) > epoch]
            shown = [key for key in TRAINED if all(key in curve for curve in here)]
            means = {key: float(np.mean([curve[key][epoch] for curve in here])) for key in shown}
            points.append({"series": f"r = {rank}", "epoch": epoch, **means})
    return points


def live_points(summary: Summary) -> Points:
    """Tokens and checks right of every policy, live."""
    return _costs(summary, "live", "live_success", {"tokens": "live_tokens_per_episode"})


def recorded_points(summary: Summary) -> Points:
    """Tokens, calls and success of every policy on recorded outcomes."""
    costs = {"tokens": "tokens_per_episode", "calls": "calls_per_episode"}
    return _costs(summary, "replay", "preference_success", costs)


def _costs(summary: Summary, evaluation: str, success: str, costs: Mapping[str, str]) -> Points:
    """A point for each policy whose costs were all measured: DVC wants the same keys in each."""
    points = []
    for r in in_order(summary.at_operating_point(evaluation=evaluation, metric=success)):
        where = {key: r[key] for key in ("evaluation", "policy", "rank", "budget", "variant")}
        found = {key: summary.record_or_none(metric, **where) for key, metric in costs.items()}
        if all(found.values()):
            spent = {key: record["value"] for key, record in found.items()}
            points.append({"series": name(r), **spent, "success": 100 * r["value"]})
    return points


def rank_points(summary: Summary) -> Points:
    """Tokens saved and success of every trained rank."""
    found = summary.find(evaluation="replay", policy="lrrc", metric="token_reduction_vs_full", budget=summary.budget)
    points = []
    for r in in_order(found):
        at = {"policy": "lrrc", "rank": r["rank"], "budget": r["budget"]}
        success, live = (
            summary.record_or_none(metric, evaluation=evaluation, **at)
            for metric, evaluation in (("preference_success", "replay"), ("live_success", "live-shared"))
        )
        named = {"success": success, "live_success": live}
        shares = {key: 100 * record["value"] for key, record in named.items() if record}
        points.append({"rank": r["rank"], "tokens_saved": r["value"], **shares})
    return points


def gate_points(summary: Summary) -> Points:
    """Calls and success against the threshold of the call gate: by people's votes, and on recorded outcomes."""
    points = []
    for judged, evaluation in (("people's votes", "votes-call-gate"), ("recorded outcomes", "call-gate")):
        for r in summary.find(evaluation=evaluation, metric="calls_per_episode", policy="lrrc"):
            success = summary.record_or_none(
                "preference_success", evaluation=evaluation, policy="lrrc", variant=r["variant"]
            )
            tau = float(r["variant"].rpartition("=")[2])
            share = {"success": 100 * success["value"]} if success else {}
            points.append({"series": judged, "tau": tau, "calls": r["value"], **share})
    return sorted(points, key=lambda point: (point["series"], point["tau"]))


def regret_points(summary: Summary) -> Points:
    """By kind of task: points of live success by which LRRC lies below the best policy there; no floor, no oracle."""
    found = [
        r
        for r in summary.at_operating_point(evaluation="live-by-category", metric="live_success")
        if r["policy"] not in (*FLOORS, "oracle")
    ]
    points = []
    for kind in sorted({r["variant"] for r in found}):
        here = [r for r in found if r["variant"] == kind]
        ours, best = next((r for r in here if r["policy"] == "lrrc"), None), max(here, key=lambda r: r["value"])
        if ours:
            regret = 100 * (best["value"] - ours["value"])
            points.append(
                {"kind": kind.rpartition("=")[2], "regret": regret, "best": name(best), "episodes": ours["n"]}
            )
    return points


def headline(summary: Summary) -> dict[str, dict[str, float]]:
    """What `dvc metrics diff` compares: LRRC at the operating point."""
    at = {"policy": "lrrc", "rank": summary.rank, "budget": summary.budget}
    leads = summary.find(evaluation="live-equal-tokens", metric="lrrc_live_lead_at_equal_tokens")
    wanted = {
        "live": {
            "checks right, %": ("live_success", "live", 100),
            "tokens per episode": ("live_tokens_per_episode", "live", 1),
            "tokens saved, %": ("live_token_reduction_vs_full", "live", 1),
            "points over the full history": ("live_success_difference_vs_full", "live", 1),
        },
        "recorded": {
            "success, %": ("preference_success", "replay", 100),
            "tokens saved, %": ("token_reduction_vs_full", "replay", 1),
            "points over the full history": ("success_difference_vs_full", "replay", 1),
        },
        "fidelity": {"nats a token over the full history": ("nats_over_full_context", "fidelity", 1)},
    }
    found: dict[str, dict[str, float]] = {}
    for group, numbers in wanted.items():
        for label, (metric, evaluation, scale) in numbers.items():
            for record in summary.find(metric=metric, evaluation=evaluation, **at, data=summary.origin()["data"]):
                found.setdefault(group, {})[label] = scale * record["value"]
    for kind, trained in (("rule", False), ("learned rival", True)):
        if lead := best_rival(leads, trained):
            found.setdefault("live", {})[f"points over the best {kind}"] = lead["value"]
    return found
