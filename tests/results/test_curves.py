"""Curves over a stopping parameter: read off at equal tokens by hand, paired, and never beyond what was measured."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lrrc.results.curves import (
    LIVE,
    at_tokens,
    best_rival,
    compare,
    curve_of,
    curve_records,
    difference_at_equal_tokens,
)
from lrrc.results.scores import Settings
from lrrc.results.summary import Summary

SETTINGS = Settings(rank=8, budget=64, bootstrap=200, stop=0.1)
BASE = {"evaluation": "live", "data": "embedded", "judge": "verifier"}


def rows_of(policy, points, seeds=(0,)):
    """`points`: stop -> (tokens, success) of every episode."""
    return pd.DataFrame(
        [
            {"policy": policy, "stop": stop, "seed": seed, "unit": f"e{i}", "total_tokens": t, "success": s}
            for stop, (tokens, success) in points.items()
            for seed in seeds
            for i, (t, s) in enumerate(zip(tokens, success, strict=True))
        ]
    )


BM25 = rows_of("bm25", {1: ([80, 120], [0.2, 0.4]), 2: ([190, 210], [0.6, 0.6]), 0: ([390, 410], [0.5, 0.7])})
OURS = rows_of("lrrc", {0.1: ([140, 160], [0.9, 0.5]), 0.0: ([300, 300], [1.0, 0.6])})
NONE = rows_of("no-history", {0: ([50, 50], [0.0, 0.1])})


def test_a_curve_is_linear_between_its_points_and_level_beyond_them():
    tokens, values = [400, 100, 200], [0.6, 0.3, 0.6]  # in any order
    assert [at_tokens(x, tokens, values) for x in (100, 150, 200, 400)] == pytest.approx([0.3, 0.45, 0.6, 0.6])
    assert at_tokens(10, tokens, values) == 0.3 and at_tokens(9000, tokens, values) == 0.6
    assert at_tokens(10, [400, 100, 200, 0], [0.6, 0.3, 0.6, 0.0]) == pytest.approx(0.03)


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 1)), min_size=1, max_size=6), st.floats(-10, 600))
def test_it_agrees_with_numpy(points, x):
    tokens, values = (np.array(side) for side in zip(*sorted(points), strict=True))
    if len(tokens) > 1 and np.diff(tokens).min() < 1e-3:
        return  # where two points cost the same a curve jumps
    assert at_tokens(x, tokens, values) == pytest.approx(np.interp(x, tokens, values))


def test_at_equal_tokens_by_hand():
    found = compare(curve_of(OURS, LIVE), 0, curve_of(BM25, LIVE), None, SETTINGS)
    there = np.array([0.5 * 0.2 + 0.5 * 0.6, 0.5 * 0.4 + 0.5 * 0.6])  # 150 is half way from 100 to 200
    assert found["interval"].value == pytest.approx(0.7 - there.mean())
    assert found["theirs"].value == pytest.approx(there.mean()) and found["tokens"] == found["spent"] == 150
    assert found["test"]["p_raw"] == pytest.approx(scipy_stats.ttest_rel([0.9, 0.5], there).pvalue)


def test_nothing_sent_is_a_point_of_every_curve():
    cheap = rows_of("lrrc", {0.1: ([60, 90], [0.3, 0.3])})
    nothing = curve_of(NONE, LIVE)
    alone, more = (compare(curve_of(cheap, LIVE), 0, curve_of(BM25, LIVE), n, SETTINGS) for n in (None, nothing))
    assert alone["spent"] == 100 and alone["theirs"].value == pytest.approx(0.3)  # its shortest digests
    assert more["spent"] == 75 and more["theirs"].value == pytest.approx(0.175)  # nothing in every other episode


def test_records():
    records = curve_records(pd.concat([BM25, OURS]), NONE, BASE, LIVE, SETTINGS)
    summary = Summary.of(records, 8, 64)
    point = summary.record("live_success", evaluation="live-curve", policy="bm25", variant="top=2")
    assert (point["value"], point["n"], point["rank"], point["budget"]) == (0.6, 2, None, 64)
    assert summary.value("live_tokens_per_episode", evaluation="live-curve", variant="least_share=0.1") == 150
    (lead,) = summary.find(evaluation="live-equal-tokens", metric="lrrc_live_lead_at_equal_tokens")
    assert lead["value"] == pytest.approx(100 * (0.7 - 0.45)) and lead["policy"] == "bm25"
    assert lead["low"] <= lead["value"] <= lead["high"] and (lead["tokens"], lead["spent"]) == (150, 150)
    assert curve_records(BM25[:0], NONE, BASE, LIVE, SETTINGS) == []
    assert not [r for r in curve_records(BM25, NONE, BASE, LIVE, SETTINGS) if "equal" in r["evaluation"]]


def test_seeds_are_averaged_first():
    two = rows_of("lrrc", {0.1: ([140, 160], [0.9, 0.5])}, seeds=(0, 1))
    two.loc[two["seed"] == 1, "success"] -= 0.2
    assert curve_of(two, LIVE).values_PE[0] == pytest.approx([0.8, 0.4]) and curve_of(two, LIVE).seeds == 2


def test_points_on_different_episodes_are_refused():
    with pytest.raises(ValueError, match="different episodes"):
        curve_records(pd.concat([BM25, OURS[OURS["unit"] == "e0"]]), NONE, BASE, LIVE, SETTINGS)
    with pytest.raises(ValueError, match="different episodes"):
        curve_records(pd.concat([BM25[1:], OURS]), NONE, BASE, LIVE, SETTINGS)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_statistic_works_side_by_side(seed):
    rng = np.random.default_rng(seed)
    samples = rng.random((8, 5, 7))  # five resamples of seven episodes
    together = difference_at_equal_tokens(*samples)
    assert together == pytest.approx([difference_at_equal_tokens(*samples[:, i]) for i in range(5)])


def test_an_interval_of_equal_policies_holds_zero_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for _ in range(60):
        tokens, skill = rng.normal(200, 30, 40), rng.random(40)
        made = lambda t, add: (t, skill + add + rng.normal(0, 0.2, 40))  # noqa: B023, E731
        theirs = rows_of("bm25", {1: made(tokens - 100, 0.0), 2: made(tokens + 100, 0.4)})
        ours = rows_of("lrrc", {0.1: made(tokens, 0.2)})
        low, high = compare(curve_of(ours, LIVE), 0, curve_of(theirs, LIVE), None, SETTINGS)["interval"][1:]
        held += low <= 0 <= high
    assert 50 <= held <= 60


def test_the_best_rival_leaves_the_smallest_lead():
    of = lambda policy, value: {"policy": policy, "value": value}  # noqa: E731
    records = [of("bm25", 3.0), of("recency", 9.0), of("ccf-only", -1.0), of("rims-only", 2.0)]
    assert best_rival(records, trained=False)["policy"] == "bm25"
    assert best_rival(records, trained=True)["policy"] == "ccf-only"
    assert best_rival(records, trained=False, lower_is_better=True)["policy"] == "recency"
    assert best_rival(records[:2], trained=True) is None
