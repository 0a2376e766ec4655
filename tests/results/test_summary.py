"""Rows -> records: hand-worked rows, the schema, checks of the input, and reading back."""

import numpy as np
import pandas as pd
import pytest
from helpers import made_up_results as synthetic
from helpers.made_up_results import history, replay_rows, table1, write_stage_outputs
from scipy import stats as scipy_stats

from lrrc.evaluation.replay import call_gate_curve
from lrrc.pretrained import language_model
from lrrc.results import call_gate_records
from lrrc.results.collect import all_records
from lrrc.results.crossed import crossed
from lrrc.results.replay_records import dataset_records, evaluation_records
from lrrc.results.scores import Settings, Source
from lrrc.results.summary import LIVE_AGENT, METRICS, Summary, provenance
from lrrc.results.training_curves import drift, late_fall, settled, training_records
from lrrc.runtime.files import canonical_json, rounded

SOURCE, SETTINGS = Source("embedded", "verifier"), Settings(rank=8, budget=128)
SCHEMA = {
    "evaluation",
    "data",
    "judge",
    "policy",
    "rank",
    "budget",
    "metric",
    "value",
    "low",
    "high",
    "p_vs_full_context",
    "n",
    "seeds",
}


@pytest.fixture(scope="module")
def rows():
    return replay_rows(40)


@pytest.fixture(scope="module")
def summary():
    return synthetic.summary()


def summary_of(records):
    return Summary.of(records, 8, 128)


def hand_rows():
    """Two seeds, three episodes: Full-Context costs 100 each; LRRC 50, 60, 70, then 60, 70, 80."""
    rows = []
    for seed in (0, 1):
        for e in range(3):
            costs = {"full-context": 100, "lrrc": 50 + 10 * e + 10 * seed}
            for policy, tokens in costs.items():
                lrrc = policy == "lrrc"
                rows.append(
                    {
                        "policy": policy,
                        "rank": 8 if lrrc else None,
                        "budget": 128 if lrrc else None,
                        "seed": seed,
                        "episode_id": f"e{e}",
                        "calls": 4 - lrrc,
                        "prompt_tokens": tokens - 10,
                        "completion_tokens": 10,
                        "total_tokens": tokens,
                        "reusable_prefix_tokens": 5,
                        "digest_tokens": 0,
                        "success": int(lrrc or e > 0),
                        "gated": False,
                        "variant": "",
                        "language": "English",
                        "category": None,
                    }
                )
    return pd.DataFrame(rows)


def test_hand_worked_rows():
    summary = summary_of(evaluation_records(hand_rows(), SOURCE, SETTINGS))
    assert summary.value("tokens_per_episode", evaluation="replay", policy="lrrc") == 65
    assert summary.value("fresh_prompt_tokens_per_episode", evaluation="replay", policy="lrrc") == 50
    assert summary.value("token_reduction_vs_full", evaluation="replay", policy="lrrc") == pytest.approx(35)
    assert summary.value("call_reduction_vs_full", evaluation="replay", policy="lrrc") == pytest.approx(25)
    assert summary.value("success_difference_vs_full", evaluation="replay", policy="lrrc") == pytest.approx(100 / 3)
    tokens = summary.record("tokens_per_episode", evaluation="replay", policy="lrrc")
    assert (tokens["n"], tokens["seeds"]) == (3, 2)
    by_training = np.var([60, 70], ddof=1) / 2  # episodes differ alike under both: nothing is left over
    assert tokens["retrained_se"] == pytest.approx(np.sqrt(by_training))
    half = np.hypot(5 * scipy_stats.t.ppf(0.975, 1), 10 / np.sqrt(3) * scipy_stats.t.ppf(0.975, 2))
    assert (tokens["low"], tokens["high"]) == pytest.approx((65 - half, 65 + half))
    assert tokens["p_vs_full_context"] == pytest.approx(crossed(np.array([[50, 60, 70], [60, 70, 80]]) - 100).p())


def test_schema_and_units(summary):
    for found in summary.records:
        assert set(found) >= SCHEMA and found["metric"] in METRICS
        if found["low"] is not None and not np.isnan(found["low"]):
            assert found["low"] <= found["value"] <= found["high"]
    assert 0 < summary.value("preference_success", evaluation="replay", policy="lrrc", rank=16) < 1
    assert 10 < summary.value("token_reduction_vs_full", evaluation="replay", policy="lrrc", rank=16) < 90


def test_every_policy_and_rank_once(rows, summary):
    found = summary.find(evaluation="replay", metric="preference_success")
    assert {r["policy"] for r in found} == set(rows["policy"])
    assert sorted(r["rank"] for r in found if r["policy"] == "lrrc") == [4, 8, 16, 32]
    floors = {r["metric"] for r in summary.find(evaluation="replay", policy="random-pick")}
    assert "preference_success" in floors and "tokens_per_episode" not in floors


def test_gate_setting_and_variants_are_ablations(summary):
    variants = {r["variant"] for r in summary.find(evaluation="ablation", metric="tokens_per_episode")}
    assert variants == {"call-gate-on", "top_k-1", "top_k-2", "head_width-32"}
    for policy, rank in (("lrrc", 8), ("embedding", None)):  # the same of every policy
        gated, free = (
            summary.value("calls_per_episode", evaluation="ablation", variant="call-gate-on", policy=policy, rank=rank),
            summary.value("calls_per_episode", evaluation="replay", policy=policy, rank=rank),
        )
        assert gated < free


def test_holm_never_below_raw_and_family_is_whole(summary):
    family = summary.find(evaluation="replay", metric="success_difference_vs_full")
    assert len(family) == 7 + 4 + 2  # other policies, ranks, floors
    smallest = min(family, key=lambda r: r["test"]["p_raw"])
    assert smallest["p_vs_full_context"] == pytest.approx(min(1, 13 * smallest["test"]["p_raw"]))
    assert all(r["p_vs_full_context"] >= r["test"]["p_raw"] for r in family)
    assert summary.record("preference_success", evaluation="replay", policy="full-context")["p_vs_full_context"] is None


def test_lrrc_against_another_policy_is_the_difference_of_the_two(summary):
    gain = summary.value("lrrc_success_minus_policy", evaluation="replay", policy="bm25")
    ours, theirs = (
        summary.value("preference_success", evaluation="replay", **k)
        for k in ({"policy": "lrrc", "rank": 8}, {"policy": "bm25"})
    )
    assert gain == pytest.approx(100 * (ours - theirs))


def test_subgroups_and_power(summary):
    parts = summary.find(evaluation="by-category", metric="token_reduction_vs_full")
    assert sum(r["n"] for r in parts) == 40 and len(parts) == 3
    few, all_ = (summary.value("power_of_paper_effect", evaluation="power", n=n) for n in (30, 40))
    assert 0.05 < few < all_ < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[rows.policy != "full-context"], "full-context"),
        (lambda rows: pd.concat([rows, rows.tail(1)]), "twice"),
        (lambda rows: rows.drop(rows[(rows.policy == "lrrc") & (rows.seed == 1)].index[:1]), "lack a seed"),
        (lambda rows: rows[~((rows.policy == "lrrc") & (rows.episode_id == "e0"))], "same episodes"),
    ],
)
def test_wrong_rows_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        evaluation_records(change(hand_rows()), SOURCE, SETTINGS)


def test_episodes_without_outcome_count_for_tokens_only():
    rows = hand_rows()
    rows["success"] = rows["success"].astype("Int64").mask(rows.episode_id == "e2")
    summary = summary_of(evaluation_records(rows, SOURCE, SETTINGS))
    assert summary.record("tokens_per_episode", evaluation="replay", policy="lrrc")["n"] == 3
    assert summary.record("preference_success", evaluation="replay", policy="lrrc")["n"] == 2


def test_dataset_records():
    summary = summary_of(dataset_records(table1(), SOURCE))
    found = summary.record("tokens_per_episode", evaluation="dataset", variant="joint/total")
    assert (found["value"], found["n"]) == (2860.2, 60)


def test_curves_by_hand():
    assert settled(np.array([1, 2, 9.8, 10])) == 3
    assert settled(np.array([10, 10])) == 1
    assert drift(np.array([1, 2, 4, 5.0])) == pytest.approx(25)  # 5 against the 4 at three quarters
    assert late_fall(np.array([9, 6, 5, 3.0])) == pytest.approx(100 / 3)  # 2 of 6
    assert late_fall(np.array([9, 3, 4, 5.0])) == late_fall(np.array([1, 2.0])) == 0
    records = training_records({(8, 0): history(0, 8), (8, 1): history(1, 8)}, {"data": "x", "judge": None})
    epochs = next(r for r in records if r["metric"] == "training_epochs")
    assert (epochs["value"], epochs["n"], epochs["seeds"]) == (12, 4, 2)


def test_names_that_stages_write_are_those_that_records_have():
    """Records import nothing of the evaluations, so that they say these names again."""
    assert call_gate_records.CURVE == call_gate_curve.FILE
    assert language_model.NAME == LIVE_AGENT


def test_same_bytes_twice_and_reading_back(tmp_path):
    write_stage_outputs(tmp_path, 12)
    folders = tmp_path / "results/replay", table1(), tmp_path / "models"
    texts = [canonical_json(summary_of(all_records(*folders, SETTINGS)).content()) for _ in range(2)]
    assert texts[0] == texts[1] and texts[0].endswith("}\n")
    path = tmp_path / "summary.json"
    path.write_text(texts[0])
    assert {r["evaluation"] for r in Summary.load(path, 8, 128).records} >= {
        "replay",
        "ablation",
        "dataset",
        "training",
    }


def test_rounded_values_are_plain():
    found = rounded({"b": 1 / 3, "a": (np.float64("nan"), np.int64(3), None, True)})
    assert found == {"b": 0.3333333333, "a": [None, 3, None, True]} and type(found["a"][1]) is int


def test_random_pick_is_an_expectation_without_mcnemar(summary):
    found = summary.record("success_difference_vs_full", evaluation="replay", policy="random-pick")
    assert found["test"]["p_mcnemar"] is None and found["test"]["p_raw"] is not None


def test_headline_metrics(summary):
    found = summary.headline_metrics()
    assert found["lrrc-r8"]["live_success"] == 0.54
    assert found["lrrc-r16"]["preference_success"] == summary.value(
        "preference_success", evaluation="replay", policy="lrrc", rank=16
    )
    assert set(found["random-pick"]) == {"preference_success"}


def test_parts_without_records_are_said_to_be_left_out():
    assert synthetic.summary().missing_parts() == []
    assert len(synthetic.without("live", "live-ablation", "live-by-category").missing_parts()) == 1
    assert synthetic.without("fidelity").missing_parts() == [
        "Fidelity to the full history is left out: no reply was scored by a language model in this run."
    ]
    assert synthetic.summary().beats_floor("live_success", "no-history", evaluation="live") is True
    assert synthetic.without("live").beats_floor("live_success", "no-history", evaluation="live") is None
    assert synthetic.without("live").record_or_none("live_success", evaluation="live") is None
    assert synthetic.without("success").origin()["judge"] is None


def test_provenance_names_what_was_counted():
    replay, live = (
        synthetic.summary().record("tokens_per_episode", evaluation="replay", policy="bm25"),
        {"evaluation": "live"},
    )
    assert provenance(replay) == "embedded arena, small local models, judged by a program; n = 40 episodes, 2 seeds"
    assert provenance({**replay, **live}).endswith("n = 40 episodes, 2 seeds")
    assert provenance({**replay, "evaluation": "fidelity", "seeds": 0}).endswith("n = 40 replies")


def test_reading_says_what_is_wrong(summary, tmp_path):
    with pytest.raises(ValueError, match="4 records fit, give rank"):
        summary.value("preference_success", evaluation="replay", policy="lrrc")
    with pytest.raises(ValueError, match="no metric 'sucess'"):
        summary.value("sucess", evaluation="replay")
    with pytest.raises(ValueError, match="no record"):
        summary.value("preference_success", evaluation="replay", policy="nobody")
    with pytest.raises(ValueError, match="dvc repro stats"):
        Summary.load(tmp_path / "none.json", 8, 128)
