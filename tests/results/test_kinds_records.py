"""Regret: the best rule is chosen on other conversations than it is compared on, and clusters are drawn whole."""

import numpy as np
import pandas as pd
import pytest
from helpers import made_up_results as synthetic
from scipy import stats

from lrrc.report.tables.kinds_tables import by_kind, kinds_sentence, kinds_tables
from lrrc.report.verdicts import unchosen
from lrrc.results.kinds_records import MEAN, WORST, clustered, read_kinds, regrets


def test_regret_is_taken_from_the_rule_that_is_best_on_the_other_half():
    clusters = ["0", "0", "1", "1"]  # the first two calls are one half
    nats = pd.DataFrame({"recency": [1.0, 1.0, 3.0, 3.0], "bm25": [2.0, 2.0, 1.0, 2.0], "lrrc": [0.0, 1.0, 1.0, 1.0]})
    regret, best = regrets(nats, clusters)
    assert best == ("bm25", "recency")  # best on the second half, compared on the first; and back
    assert regret["lrrc"].tolist() == [-2.0, -1.0, -2.0, -2.0]
    assert regret["recency"].tolist() == [-1.0, -1.0, 0.0, 0.0]


def test_where_all_calls_begin_alike_the_best_rule_of_all_is_what_counts():
    losses = pd.DataFrame({"recency": [1.0, 2.0], "bm25": [2.0, 2.0], "lrrc": [0.0, 0.0]})
    for cluster in ("a", "b"):
        regret, best = regrets(losses, [cluster, cluster])
        assert best == ("recency", "recency") and regret["lrrc"].tolist() == [-1.0, -2.0]


def test_interval_of_single_clusters_is_students_and_of_copies_is_no_narrower():
    values = np.random.default_rng(3).normal(size=12)
    single = clustered(values, [str(i) for i in range(12)])
    low, high = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert single == pytest.approx((values.mean(), low, high))
    doubled = clustered(np.repeat(values, 2), [str(i // 2) for i in range(24)])
    assert doubled == pytest.approx(single)
    assert clustered([1.0, 2.0], ["a", "a"]) == (1.5, 1.5, 1.5)


def test_interval_covers_the_mean_of_new_clusters():
    rng, hits = np.random.default_rng(11), 0
    for _ in range(400):
        shared = np.repeat(rng.normal(size=30), 5)
        found = clustered(shared + rng.normal(size=150), [str(i // 5) for i in range(150)])
        hits += found.low <= 0 <= found.high
    assert 0.91 <= hits / 400 <= 0.985


def test_records_over_kinds_and_what_is_said_of_them(tmp_path):
    synthetic.write_kinds(tmp_path)
    records = read_kinds(tmp_path)
    found = {
        (r["policy"], r["data"]): r for r in records if r["metric"] == "nats_over_best_rule" and r["budget"] == 128
    }
    per_kind = [found["additive", kind]["value"] for kind in ("chess", "letters", "tools")]
    assert found["additive", MEAN]["value"] == pytest.approx(np.mean(per_kind))
    assert found["additive", WORST]["value"] == max(per_kind) == found["additive", "chess"]["value"]
    assert found["additive", "letters"]["rule"] == "lead" and found["additive", "letters"]["high"] < 0
    assert found["bm25", "chess"]["value"] == 0 and found["additive", "chess"]["rule"] == "bm25"
    (gap,) = [r for r in records if r["metric"] == "nats_over_line" and r["data"] == MEAN and r["budget"] == 128]
    assert gap["low"] < 0.15 < gap["high"]


def test_means_are_over_kinds_on_which_every_policy_was_met(tmp_path):
    synthetic.write_kinds(tmp_path)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    rows[~((rows["kind"] == "tools") & (rows["policy"] == "lrrc"))].to_parquet(tmp_path / "rows.parquet", index=False)
    for record in (r for r in read_kinds(tmp_path) if r["data"] == MEAN):
        assert record["n"] == 2, record


def test_tables_and_sentence_of_the_summary():
    summary = synthetic.summary()
    first, second, words, more_words, recall = kinds_tables(summary)
    assert (words.name, more_words.name) == ("kinds_words_128", "kinds_words_256")
    assert first.title.endswith("128 tokens") and second.title.endswith("256 tokens")
    header, rows = first.shown()
    assert header[:4] == ["Policy", "Tokens", "Mean over kinds", "Worst kind"] and "chess (n = 24)" in header
    assert {row[0] for row in rows} == {"Recency", "Lead", "BM25", "MMR", "Additive line", "LRRC"}
    assert len(recall.rows) == 6
    (sentence,) = kinds_sentence(summary)
    assert "3 kinds of conversation" in sentence and "Additive line" in sentence
    assert kinds_sentence(synthetic.without("kinds")) == [] and kinds_tables(synthetic.without("kinds")) == []


def test_nothing_where_the_stage_left_nothing(tmp_path):
    assert read_kinds(tmp_path) == []


def test_verdict_and_table_by_kind_say_who_loses_least():
    summary = synthetic.summary()
    verdict = unchosen(summary)
    assert verdict.answer.startswith("Additive line loses least on average")
    assert "3 kinds, 24 replies of each" in verdict.data
    head, _, mean, worst, *kinds = by_kind(summary).splitlines()
    assert [cell.strip() for cell in head.split("|")[2:4]] == ["Additive line", "LRRC"], "ours first"
    assert mean.startswith("| mean over kinds |") and worst.startswith("| worst kind |") and len(kinds) == 3
    assert unchosen(synthetic.without("kinds")) is None and by_kind(synthetic.without("kinds")) == ""


def test_calls_that_nobody_read_count_by_their_words_alone(tmp_path):
    synthetic.write_kinds(tmp_path)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    rows.loc[rows["call"].str.endswith("3"), "nats"] = None
    rows.to_parquet(tmp_path / "rows.parquet")
    found = {(r["evaluation"], r["data"]): r["n"] for r in read_kinds(tmp_path) if r["policy"] == "lead"}
    assert found["kinds-words", "letters"] == 24 and found["kinds", "letters"] == 21
    rows.assign(nats=None).to_parquet(tmp_path / "rows.parquet")
    assert {r["evaluation"] for r in read_kinds(tmp_path)} == {"kinds-words", "kinds-recall"}
