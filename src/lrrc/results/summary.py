"""results/summary.json: what a record is, the metrics there are, writing and reading.

A record is one measured figure: {"evaluation", "data", "judge", "policy", "rank", "budget", "variant",
"metric", "value", "low", "high", "p_vs_full_context", "n", "seeds"}. `low` and `high` are a 95 % interval
over trainings and episodes (lrrc.results.crossed). `p_vs_full_context` is the two-sided paired test against
Full-Context, adjusted by Holm over every configuration of the same evaluation. Records of a comparison carry `test`,
the details; what was trained with several seeds carries `retrained_se`, its standard error over new trainings on the
same episodes. Report, figures, notebooks,
claims and README read numbers from here only; what has no record is left out there, and said to be (PARTS).

Evaluations: "replay" (tokens, calls and the outcome of logged episodes; "ablation", "by-category", "by-language" and
"power" belong to it), "live" (a local model reads a policy's payload and answers checks; "live-shared" is every rank
and budget on the episodes that all met, "live-second" another model reads, "live-ablation" and "live-by-category" name
the variant or the task family),
"fidelity" (the true next reply under a local model; records differ in `data`), "call-gate" (the gate at thresholds
"tau=0.30"), "tune" (settings tried on validation episodes),
"dataset" and "training"; "votes" and what begins with "votes-" are the same on conversations that people judged
(lrrc.results.votes_records); "kinds" and what begins with "kinds-" are kinds of conversation that were left out
(lrrc.results.kinds_records); what begins with "team-" is a team that is played (lrrc.results.team_records).
"live-curve" and "fidelity-curve" are every policy over its own stopping parameter under the settings chosen for it,
"live-equal-tokens" and "fidelity-equal-tokens" each at the mean tokens of LRRC: `tokens` are LRRC's, `spent` the
policy's own, fewer where its longest digests cost less.

    summary = Summary.load("results/summary.json", rank=8, budget=128)
    summary.value("preference_success", evaluation="replay", policy="lrrc", rank=8)
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrrc.policy_catalogue import POLICIES
from lrrc.runtime.files import rounded

# metric -> (label, unit). A claim or a figure may name nothing else.
METRICS = {
    "tokens_per_episode": ("Tokens per episode", "tokens"),
    "prompt_tokens_per_episode": ("Prompt tokens per episode", "tokens"),
    "completion_tokens_per_episode": ("Completion tokens per episode", "tokens"),
    "reusable_prefix_tokens_per_episode": ("Reusable prefix tokens per episode", "tokens"),
    "fresh_prompt_tokens_per_episode": ("Fresh prompt tokens per episode", "tokens"),
    "digest_tokens_per_episode": ("Digest tokens per episode", "tokens"),
    "calls_per_episode": ("Calls per episode", "calls"),
    "preference_success": ("Preference success", "share of episodes"),
    "token_reduction_vs_full": ("Token reduction against Full-Context", "percent"),
    "call_reduction_vs_full": ("Call reduction against Full-Context", "percent"),
    "success_difference_vs_full": ("Success minus Full-Context", "points"),
    "lrrc_token_reduction_vs_policy": ("Tokens LRRC saves against this policy", "percent"),
    "lrrc_success_minus_policy": ("Success of LRRC minus this policy", "points"),
    "power_of_paper_effect": ("Power to see the paper's +2.1 points", "probability"),
    "detectable_success_difference": ("Difference found with 80 % power", "points"),
    "no_loss_p": ("p of two one-sided tests of no loss", "probability"),
    "power_of_no_loss": ("Power of two one-sided tests where nothing is lost", "probability"),
    "prompts": ("Prompts", "prompts"),
    "people_agree": ("Votes of two people that agree", "share of pairs of votes"),
    "episodes": ("Episodes", "episodes"),
    "turns_per_episode": ("Turns per episode", "turns"),
    "tokens_per_turn_mean": ("Tokens per turn, mean", "tokens"),
    "tokens_per_turn_median": ("Tokens per turn, median", "tokens"),
    "tokens_per_turn_p90": ("Tokens per turn, 90th percentile", "tokens"),
    "training_epochs": ("Epochs trained", "epochs"),
    "late_fall": ("Fall of the validation loss that came in the last quarter of the epochs", "percent"),
    "validation_agreement": ("Best validation agreement", "share of episodes"),
    "state_norm_settled_epoch": ("Epoch from which the state norm stays within 5 %", "epoch"),
    "state_norm_drift": ("Change of the state norm in the last quarter of training", "percent"),
    "reconstruction_rise": ("Last reconstruction loss above its minimum", "percent"),
    "active_channels": ("Channels active per turn", "channels"),
    "live_success": ("Live success", "share of checks"),
    "live_tokens_per_episode": ("Tokens per episode, live", "tokens"),
    "live_prompt_tokens_per_check": ("Prompt tokens per check, live", "tokens"),
    "live_token_reduction_vs_full": ("Token reduction against Full-Context, live", "percent"),
    "live_success_difference_vs_full": ("Live success minus Full-Context", "points"),
    "lrrc_live_success_minus_policy": ("Live success of LRRC minus this policy", "points"),
    "nats_over_full_context": ("Surprise of the true next reply beyond Full-Context", "nats per token"),
    "fidelity_tokens_per_call": ("History tokens per call, fidelity", "tokens"),
    "nats_over_best_rule": ("Surprise over the best fixed rule", "nats per token"),
    "nats_over_line": ("Surprise over the line", "nats per token"),
    "words_below_best_rule": ("Words of the reply that digests lack beyond the best fixed rule", "points"),
    "words_below_line": ("Words of the reply that digests lack beyond the line", "points"),
    "linked_recall": ("Digests that hold the message answered", "share of replies"),
    "nats_over_lead": ("Surprise over the place prior alone", "nats per token"),
    "live_success_at_equal_tokens": ("Live success at the mean tokens of LRRC", "share of checks"),
    "lrrc_live_lead_at_equal_tokens": ("Live success of LRRC minus this policy at equal mean tokens", "points"),
    "lrrc_fidelity_gap_at_equal_tokens": (
        "Surprise under LRRC minus under this policy at equal mean tokens",
        "nats per token",
    ),
    "nats_per_token": ("Surprise of the true next reply", "nats per token"),
    "nats_at_equal_tokens": ("Surprise at the mean tokens of LRRC", "nats per token"),
    "captured_gain": ("Nats that digests hold on validation episodes, mean over budgets", "nats"),
    "lrrc_fidelity_minus_policy": ("Surprise under LRRC minus under this policy", "nats per token"),
    "team_success": ("Requests answered right, in the team", "share of requests"),
    "team_calls": ("Calls per request, in the team", "calls"),
    "team_tokens": ("Tokens per request, in the team", "tokens"),
    "team_prompt_tokens": ("Prompt tokens per request, in the team", "tokens"),
    "team_completion_tokens": ("Completion tokens per request, in the team", "tokens"),
    "team_money": ("Price of a request, in the team", "dollars"),
    "team_money_cached": ("Price of a request with prompt caches, in the team", "dollars"),
    "team_success_difference": ("Success minus everybody with everything, in the team", "points"),
    "team_calls_saved": ("Calls saved, in the team", "percent"),
    "team_tokens_saved": ("Tokens saved, in the team", "percent"),
    "team_money_saved": ("Money saved, in the team", "percent"),
    "team_money_cached_saved": ("Money saved with prompt caches, in the team", "percent"),
    "team_success_minus_whole_gate": ("Success minus the whole gate's best agent", "points"),
    "team_gate_minus_rule": ("Success of the gate's best agent minus this rule's", "points"),
    "team_area_under_curve": ("Confidence tells deciding facts from none, area under the curve", "share of pairs"),
}
LIVE_AGENT = "SmolLM2-135M-Instruct"  # reads payloads and answers, where a record names no other `agent`
DATA = {
    "embedded": "embedded arena, small local models",
    "lmsys": "Chatbot Arena conversations",
    "mt_bench_human": "MT-Bench human judgments",
    "mt_bench_human_dev": "MT-Bench human judgments",
    "tau_bench_airline_dev": "tau-bench airline logs",
    "team": "team arena, small local models",
    "files": "own files",
}
JUDGES = {"verifier": "judged by a program", "human": "judged by people", None: "not judged"}
# parts of the results that a run may lack: what names their records, what they are, and who writes them
PARTS = {
    "success": (
        {"evaluation": "replay", "metric": "preference_success"},
        "Preference success",
        "no episode has a recorded outcome to predict",
    ),
    "live": ({"evaluation": "live", "metric": "live_success"}, "Live success", "no agent answered checks in this run"),
    "live-ablation": (
        {"evaluation": "live-ablation", "metric": "live_success"},
        "The live ablation",
        "no variant was evaluated live in this run",
    ),
    "live-by-category": (
        {"evaluation": "live-by-category", "metric": "live_success"},
        "Live success by task family",
        "no family was evaluated live in this run",
    ),
    "live-second": (
        {"evaluation": "live-second", "metric": "live_success"},
        "Live success by another reader",
        "one local model alone answered checks in this run",
    ),
    "live-curves": (
        {"evaluation": "live-curve", "metric": "live_success"},
        "The comparison at equal mean tokens",
        "no policy was met at several sizes of its digests in this run",
    ),
    "fidelity": (
        {"evaluation": "fidelity", "metric": "nats_over_full_context"},
        "Fidelity to the full history",
        "no reply was scored by a language model in this run",
    ),
    "transfer": (
        {"evaluation": "transfer", "metric": "nats_over_full_context"},
        "Transfer between data sets",
        "it was not measured in this run, as transfer.files names no data sets",
    ),
    "votes": (
        {"evaluation": "votes", "metric": "preference_success"},
        "Success by people's votes",
        "no votes of people were measured in this run",
    ),
    "team": (
        {"evaluation": "team-played", "metric": "team_success"},
        "The closed loop of a team",
        "no episode of the team arena was played",
    ),
    "kinds": (
        {"evaluation": "kinds", "metric": "nats_over_best_rule"},
        "Regret on kinds of conversation left out",
        "it was not measured in this run, as kinds.files names no data sets",
    ),
    "call-gate": (
        {"evaluation": "call-gate", "metric": "calls_per_episode"},
        "The curve of the call gate",
        "no other threshold was tried in this run",
    ),
}
KEYS = ("evaluation", "data", "policy", "rank", "budget", "variant", "metric", "n")  # they name a record
NUMBERS = ("rank", "budget", "n")


def new_record(
    base: Mapping,
    metric: str,
    value: float,
    low: float | None = None,
    high: float | None = None,
    *,
    n: int,
    seeds: int,
    **more: Any,
) -> dict[str, Any]:
    """One record; `base` names evaluation, data, judge, policy, rank, budget and variant."""
    assert metric in METRICS, metric
    measured = {"metric": metric, "value": value, "low": low, "high": high, "p_vs_full_context": None}
    return {**base, **measured, "n": n, "seeds": seeds, **more}


@dataclass(frozen=True)
class Summary:
    """The records of results/summary.json, and the rank and budget at which LRRC is compared with others."""

    records: Sequence[dict[str, Any]]
    rank: int
    budget: int

    @classmethod
    def of(cls, records: Iterable[dict[str, Any]], rank: int, budget: int) -> Summary:
        """Rounded records in a fixed order, each named once."""
        ordered = sorted(
            records,
            key=lambda r: [
                (r[key] is not None, r[key] or 0, "") if key in NUMBERS else (True, 0, r[key] or "") for key in KEYS
            ],
        )
        names = [tuple(record[key] for key in KEYS) for record in ordered]
        assert len(set(names)) == len(names), "two records with one name"
        return cls(rounded(ordered), rank, budget)

    @classmethod
    def load(cls, path: str | Path, rank: int, budget: int) -> Summary:
        """Read summary.json. Raises ValueError where the file is missing or of another schema."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{path}: cannot be read ({error.strerror}); `dvc repro stats` makes it") from None
        if not isinstance(content, dict) or content.get("schema") != 1:
            raise ValueError(f"{path}: not a summary of schema 1; `dvc repro stats` makes one")
        return cls(content["records"], rank, budget)

    def content(self) -> dict[str, Any]:
        """What summary.json holds."""
        return {"schema": 1, "records": self.records}

    def find(self, *, evaluation: str, **wanted: Any) -> list[dict[str, Any]]:
        """Records of one evaluation whose fields equal all of `wanted`."""
        here = self._by_evaluation.get(evaluation, ())
        return [record for record in here if all(key in record and record[key] == wanted[key] for key in wanted)]

    @functools.cached_property
    def _by_evaluation(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for record in self.records:
            found.setdefault(record["evaluation"], []).append(record)
        return found

    def record(self, metric: str, *, evaluation: str, **wanted: Any) -> dict[str, Any]:
        """The one record of `metric` that fits. Raises ValueError where none or several do."""
        if metric not in METRICS:
            raise ValueError(f"summary: no metric {metric!r}; known are {', '.join(METRICS)}")
        found = self.find(evaluation=evaluation, metric=metric, **wanted)
        if len(found) == 1:
            return found[0]
        differ = [key for key in KEYS if len({str(r[key]) for r in found}) > 1]
        hint = f"{len(found)} records fit, give {', '.join(differ)}" if found else "no record fits"
        raise ValueError(f"summary: {metric} of {evaluation} with {wanted}: {hint}")

    def record_or_none(self, metric: str, *, evaluation: str, **wanted: Any) -> dict[str, Any] | None:
        """The one record of `metric` that fits, or None where nothing was recorded; several are a ValueError."""
        where = {"evaluation": evaluation, **wanted}
        return self.record(metric, **where) if self.find(metric=metric, **where) else None

    def value(self, metric: str, *, evaluation: str, **wanted: Any) -> float:
        """The value of the one record of `metric` that fits, as `record`."""
        return self.record(metric, evaluation=evaluation, **wanted)["value"]

    def has(self, part: str) -> bool:
        """Are there records of a part (PARTS)?"""
        return bool(self.find(**PARTS[part][0]))

    def missing_parts(self) -> list[str]:
        """One sentence for every part without a record.

        Where nothing was live, its ablations and families go unsaid.
        """
        missing = [part for part in PARTS if not self.has(part)]
        said = [part for part in missing if not (part.startswith("live-") and "live" in missing)]
        return [f"{PARTS[part][1]} is left out: {PARTS[part][2]}." for part in said]

    def beats_floor(self, metric: str, floor: str, *, evaluation: str) -> bool | None:
        """Does Full-Context's interval of `metric` lie above the mean of a floor? None where one was not measured."""
        full, low = (
            self.record_or_none(metric, evaluation=evaluation, policy=p, variant="") for p in ("full-context", floor)
        )
        return None if full is None or low is None else full["low"] > low["value"]

    def origin(self) -> dict[str, Any]:
        """A record that says on which data the replay was done. Raises ValueError where there is none."""
        found = self.find(evaluation="replay")
        if not found:
            raise ValueError("summary: no record of the replay; `dvc repro replay stats` makes them")
        return max(found, key=lambda r: (r["n"], r["seeds"]))

    def by_votes(self) -> Summary:
        """What people's votes measured, under the names of the replay: for figures about people. The same where
        nobody's were measured at this rank and budget."""
        at = {"policy": "lrrc", "rank": self.rank, "budget": self.budget}
        if not self.find(evaluation="votes", metric="preference_success", **at):
            return self
        return replace(self, records=[{**r, "evaluation": "replay"} for r in self.find(evaluation="votes")])

    def at_budget(self) -> Summary:
        """The same without digests of other budgets, so that a policy and rank name one record."""
        return replace(self, records=[r for r in self.records if r["budget"] in (None, self.budget)])

    def at_operating_point(self, *, evaluation: str, metric: str, **wanted: Any) -> list[dict[str, Any]]:
        """Records of `metric` for LRRC at the operating rank and every policy at the operating budget."""
        found = self.find(evaluation=evaluation, metric=metric, **wanted)
        return [r for r in found if r["rank"] in (None, self.rank) and r["budget"] in (None, self.budget)]

    def main_line(self, metric: str) -> list[dict[str, Any]]:
        """What the replay measured of `metric` at the operating point, one record per policy in order."""
        return in_order(self.at_operating_point(evaluation="replay", metric=metric))

    def policies(self) -> list[dict[str, Any]]:
        """A record of every policy, as `main_line`: of its success, or of its tokens where success was not recorded."""
        success = self.main_line("preference_success")
        known = {r["policy"] for r in success}
        return in_order([*success, *(r for r in self.main_line("tokens_per_episode") if r["policy"] not in known)])

    def headline_metrics(self) -> dict[str, dict[str, float]]:
        """The few numbers that `dvc metrics diff` compares: metric by policy (lrrc-r8 for LRRC at rank 8)."""
        found: dict[str, dict[str, float]] = {}
        for metric, evaluation in (
            ("tokens_per_episode", "replay"),
            ("calls_per_episode", "replay"),
            ("preference_success", "replay"),
            ("token_reduction_vs_full", "replay"),
            ("live_success", "live"),
            ("live_tokens_per_episode", "live"),
        ):
            for r in self.find(evaluation=evaluation, metric=metric):
                if r["budget"] in (None, self.budget):
                    label = r["policy"] if r["policy"] != "lrrc" else f"lrrc-r{r['rank']}"
                    found.setdefault(label, {})[metric] = r["value"]
        return found


def name(record: Mapping) -> str:
    """Name of a record's configuration for people: policy, and rank where it has one."""
    shown = POLICIES.get(record["policy"], record["policy"])
    return shown if record["rank"] is None else f"{shown} r = {record['rank']}"


def provenance(record: Mapping) -> str:
    """What a record was measured on, for the foot of a figure or table."""
    seeds = f", {record['seeds']} seed{'s' * (record['seeds'] > 1)}" if record["seeds"] else ""
    where = DATA.get(record["data"], record["data"])
    counted = "replies" if record["evaluation"] in ("fidelity", "transfer") else "episodes"
    return f"{where}, {JUDGES.get(record['judge'], record['judge'])}; n = {record['n']} {counted}{seeds}"


def in_order(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records in the order of POLICIES, then by rank and budget."""
    order = list(POLICIES)
    place = {policy: i for i, policy in enumerate(order)}
    return sorted(records, key=lambda r: (place.get(r["policy"], len(order)), r["rank"] or 0, r["budget"] or 0))
