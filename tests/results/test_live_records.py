"""Live answers to records: shares, tokens, paired differences and families worked out by hand."""

import json
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lrrc.evaluation.live.checks import live_schema
from lrrc.results.live_records import live_records, read_live
from lrrc.results.scores import Settings, Source
from lrrc.results.statistics import holm, paired
from lrrc.results.summary import Summary

SETTINGS = Settings(rank=8, budget=64)
SOURCE = Source("embedded", "verifier")
EPISODES = ("a", "b", "c", "d")


def rows_of(
    policy, right, budget=64, rank=None, seed=0, variant="", prompt=100, families=("recall", "rule"), stop=None
):
    """Two checks an episode: `right` is one text of 0 and 1 per episode; every answer costs 10 tokens."""
    return [
        {
            "policy": policy,
            "variant": variant,
            "item": "",
            "episode_id": episode,
            "category": families[turn],
            "budget": budget,
            "rank": rank,
            "seed": seed,
            "fold": 0,
            "turn": turn,
            "choice": 0,
            "right": int(mark),
            "prompt_tokens": prompt + 10 * turn,
            "completion_tokens": 10,
            "digest_tokens": 0,
            "reported_prompt_tokens": None,
            "reported_completion_tokens": None,
            "stop": stop,
        }
        for episode, marks in zip(EPISODES, right, strict=False)
        for turn, mark in enumerate(marks)
    ]


ROWS = [
    *rows_of("full-context", ("01", "00", "11", "01"), budget=None, prompt=400),
    *rows_of("no-history", ("00", "00", "01", "00"), budget=None, prompt=50),
    *rows_of("bm25", ("11", "10", "11", "01")),
    *rows_of("bm25", ("01", "10"), budget=32, prompt=80),  # two of the episodes
    *rows_of("lrrc", ("11", "11", "11", "01"), rank=8),
    *rows_of("lrrc", ("11", "11", "11", "11"), rank=8, seed=1),
    *rows_of("lrrc", ("11", "01"), rank=8, budget=32, prompt=80),
    *rows_of("lrrc", ("01", "11"), rank=8, seed=1, variant="gate-off"),
    *rows_of("lrrc", ("10", "00"), rank=4),
    *rows_of("oracle", ("11", "11", "11", "11"), prompt=120),
]


def frame(rows):
    return pd.DataFrame(rows).astype({"rank": "Int64", "budget": "Int64"})


@pytest.fixture(scope="module")
def summary():
    return Summary.of(live_records(frame(ROWS), SOURCE, SETTINGS), 8, 64)


def of(summary, metric, policy, evaluation="live", **wanted):
    return summary.record(metric, evaluation=evaluation, policy=policy, **wanted)


def test_success_is_a_mean_over_episodes(summary):
    full = of(summary, "live_success", "full-context")
    shares = [0.5, 0, 1, 0.5]
    assert full["value"] == 0.5 and (full["n"], full["seeds"], full["budget"]) == (4, 1, None)
    low, high = scipy_stats.t.interval(0.95, 3, 0.5, scipy_stats.sem(shares))
    assert (full["low"], full["high"]) == (pytest.approx(low), pytest.approx(high))
    ours = of(summary, "live_success", "lrrc", rank=8, budget=64)
    assert ours["value"] == mean([1, 1, 1, 0.75])  # over both seeds first
    assert ours["seeds"] == 2 and ours["retrained_se"] == pytest.approx(stdev([0.875, 1.0]) / 2**0.5)
    assert of(summary, "live_success", "bm25", "live-shared", budget=32)["value"] == 0.5
    assert of(summary, "live_success", "bm25", "live-shared", budget=32)["n"] == 2


def test_an_episode_with_more_checks_weighs_no_more():
    rows = [*rows_of("full-context", ("0", "1"), budget=None), *rows_of("full-context", ("", "", "11"), budget=None)]
    assert of(Summary.of(live_records(frame(rows), SOURCE, SETTINGS), 8, 64), "live_success", "full-context")[
        "value"
    ] == (pytest.approx(2 / 3))


def test_tokens(summary):
    full = of(summary, "live_tokens_per_episode", "full-context")
    assert full["value"] == 400 + 410 + 2 * 10 and of(summary, "live_prompt_tokens_per_check", "bm25", budget=64)[
        "value"
    ] == pytest.approx(105)
    saved = of(summary, "live_token_reduction_vs_full", "bm25", budget=64)
    assert saved["value"] == pytest.approx(100 * (1 - 230 / 830))
    assert of(summary, "live_token_reduction_vs_full", "bm25", "live-shared", budget=32)["n"] == 2


def test_the_difference_is_paired_over_episodes(summary):
    ours, full = np.array([1, 0.5, 1, 0.5]), np.array([0.5, 0, 1, 0.5])
    gap = of(summary, "live_success_difference_vs_full", "bm25", budget=64)
    expected = paired(ours, full)
    assert gap["value"] == 25 and gap["low"] == pytest.approx(100 * expected.difference.low)
    assert gap["test"]["p_raw"] == pytest.approx(scipy_stats.ttest_rel(ours, full).pvalue)
    assert gap["test"]["sd"] == pytest.approx(100 * np.std(ours - full, ddof=1)) and gap["test"]["margin"] == 5
    few = of(
        summary, "live_success_difference_vs_full", "bm25", "live-shared", budget=32
    )  # on the episodes that both met
    assert few["value"] == pytest.approx(100 * np.mean([0.5 - 0.5, 0.5 - 0])) and few["n"] == 2
    assert not summary.find(evaluation="live", policy="full-context", metric="live_success_difference_vs_full")


def test_lrrc_is_held_against_every_policy_at_its_budget(summary):
    lead = lambda policy, **wanted: of(summary, "lrrc_live_success_minus_policy", policy, **wanted)["value"]  # noqa: E731
    assert lead("bm25", budget=64) == pytest.approx(100 * np.mean([0, 0.5, 0, 0.25]))
    assert lead("bm25", evaluation="live-shared", budget=32) == pytest.approx(100 * np.mean([0.5, 0]))
    assert lead("full-context", evaluation="live-shared") == pytest.approx(100 * np.mean([0.5, 1]))
    assert lead("full-context") == pytest.approx(100 * np.mean([0.5, 1, 0, 0.25]))
    assert lead("oracle") == pytest.approx(-100 * np.mean([0, 0, 0, 0.25]))
    assert lead("lrrc", evaluation="live-shared", rank=4) == pytest.approx(100 * np.mean([0.5, 1]))
    assert not summary.find(evaluation="live", policy="lrrc", rank=8, metric="lrrc_live_success_minus_policy")


def test_what_was_trained_once_is_compared_with_every_training_of_lrrc(summary):
    where = {"evaluation": "live-ablation", "rank": 8, "variant": "gate-off"}
    assert of(summary, "live_success", "lrrc", **where)["value"] == 0.75
    lead = of(summary, "lrrc_live_success_minus_policy", "lrrc", **where)
    assert lead["value"] == pytest.approx(100 * np.mean([1 - 0.5, 1 - 1])) and lead["n"] == 2


def test_the_oracle_is_a_reference_without_a_budget(summary):
    assert of(summary, "live_success", "oracle")["budget"] is None
    assert not summary.find(evaluation="live", policy="oracle", metric="live_token_reduction_vs_full")


def test_families(summary):
    """Rules are the second check of every episode."""
    where = {"evaluation": "live-by-category", "variant": "rule"}
    assert of(summary, "live_success", "full-context", **where)["value"] == 0.75
    assert of(summary, "live_success", "bm25", **where)["value"] == 0.75
    gap = of(summary, "live_success_difference_vs_full", "bm25", evaluation="live-by-category", variant="recall")
    assert gap["value"] == pytest.approx(100 * np.mean([1, 1, 0, 0]))
    shown = summary.find(evaluation="live-by-category")
    assert {r["variant"] for r in shown} == {"recall", "rule"}
    assert {(r["rank"], r["budget"]) for r in shown} == {(None, None), (None, 64), (8, 64)}


def test_p_values_are_adjusted_within_an_evaluation(summary):
    for metric, adjusted in (
        ("live_success_difference_vs_full", lambda r: r["p_vs_full_context"]),
        ("lrrc_live_success_minus_policy", lambda r: r["test"]["p_holm"]),
    ):
        for evaluation, n in (("live", 4), ("live-shared", 2)):  # all rows of a comparison are of the same episodes
            family = summary.find(evaluation=evaluation, metric=metric)
            assert {r["n"] for r in family} == {n}
            assert len(family) > 1
            assert [adjusted(r) for r in family] == pytest.approx(holm([r["test"]["p_raw"] for r in family]))
    (ablation,) = summary.find(evaluation="live-ablation", metric="lrrc_live_success_minus_policy")
    assert ablation["test"]["p_holm"] == ablation["test"]["p_raw"]  # alone in its family


def test_without_lrrc_or_full_context_the_rest_stands():
    alone = Summary.of(live_records(frame(rows_of("bm25", ("11", "01"))), SOURCE, SETTINGS), 8, 64)
    assert {r["metric"] for r in alone.find(evaluation="live")} == {
        "live_success",
        "live_tokens_per_episode",
        "live_prompt_tokens_per_check",
    }


def test_from_the_files_of_the_stage(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lrrc.runtime.files import write_json

    meta = {"data": "embedded", "judge": "verifier", "agent": "a-model", "second": "another", "episodes": 4}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    at_home = [row for row in ROWS if row["budget"] in (None, 64) and row["rank"] in (None, 8) and not row["variant"]]
    for rows, second in ((ROWS, at_home), (ROWS, []), ([], [])):
        for name, some in (("rows", rows), ("second", second)):
            pq.write_table(pa.Table.from_pylist(some, schema=live_schema()), tmp_path / f"{name}.parquet")
        records = read_live(tmp_path, SETTINGS)
        assert bool(records) == bool(rows)
        theirs = {r["agent"]: r for r in records if r["evaluation"] == "live-second"}
        assert set(theirs) == ({"another"} if second else set())
        assert {r["agent"] for r in records} - set(theirs) == ({"a-model"} if rows else set())
        assert all(r["judge"] == "verifier" for r in records)
        if second:  # the same answers, so the same figures
            same = [{**r, "evaluation": "live", "agent": "a-model"} for r in records if r["agent"] == "another"]
            assert all(record in records for record in same if record["metric"] == "live_success") and len(same) > 10
        write_json(tmp_path / "summary.json", Summary.of(records, 8, 64).content())
        assert len(Summary.load(tmp_path / "summary.json", 8, 64).records) == len(records)
