"""Curves over a stopping parameter: read off at equal tokens by hand, paired, and never beyond what was measured."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lrrc.results.curves import LIVE, Curve, best_rival, compare, curve_of, curve_records
from lrrc.results.scores import Settings
from lrrc.results.summary import Summary

SETTINGS = Settings(rank=8, budget=64, stop=0.1)
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


def curve(tokens, values):
    """Of one training on one episode, points in any order."""
    order = np.argsort(tokens)
    return Curve(order.tolist(), np.array(tokens, float)[order, None, None], np.array(values, float)[order, None, None])


def test_a_curve_is_linear_between_its_points_and_level_beyond_them():
    made = curve([400, 100, 200], [0.6, 0.3, 0.6])
    there = [made.at(x) for x in (100, 150, 200, 400)]
    assert [reading.values_SE.item() for reading in there] == pytest.approx([0.3, 0.45, 0.6, 0.6])
    assert made.at(10).values_SE == 0.3 and made.at(9000).values_SE == 0.6
    assert made.at(10).slope == made.at(9000).slope == 0 and made.at(150).slope == pytest.approx(0.003)
    assert made.begun_by(curve([0], [0.0])).at(10).values_SE.item() == pytest.approx(0.03)


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 1)), min_size=1, max_size=6), st.floats(-10, 600))
def test_it_agrees_with_numpy(points, x):
    tokens, values = (np.array(side) for side in zip(*sorted(points), strict=True))
    if len(tokens) > 1 and np.diff(tokens).min() < 1e-3:
        return  # where two points cost the same a curve jumps
    there = curve(tokens, values).at(x)
    assert there.values_SE.item() == pytest.approx(np.interp(x, tokens, values))
    assert there.tokens_SE.item() == pytest.approx(np.clip(x, tokens[0], tokens[-1]))


def test_at_equal_tokens_by_hand():
    found = compare(curve_of(OURS, LIVE), 0, curve_of(BM25, LIVE), None)
    there = np.array([0.5 * 0.2 + 0.5 * 0.6, 0.5 * 0.4 + 0.5 * 0.6])  # 150 is half way from 100 to 200
    assert found.lead.value == pytest.approx(0.7 - there.mean())
    assert found.theirs.value == pytest.approx(there.mean()) and found.tokens == found.spent == 150
    # there it spends 135 and 165 tokens where LRRC spends 140 and 160, and a token is worth 0.3 / 100
    moved = np.array([0.9, 0.5]) - there - 0.003 * np.array([140 - 135, 160 - 165])
    assert found.lead.p() == pytest.approx(scipy_stats.ttest_1samp(moved, 0).pvalue)


def test_nothing_sent_is_a_point_of_every_curve():
    cheap = rows_of("lrrc", {0.1: ([60, 90], [0.3, 0.3])})
    nothing = curve_of(NONE, LIVE)
    alone, more = (compare(curve_of(cheap, LIVE), 0, curve_of(BM25, LIVE), n) for n in (None, nothing))
    assert alone.spent == 100 and alone.theirs.value == pytest.approx(0.3)  # its shortest digests
    assert more.spent == 75 and more.theirs.value == pytest.approx(0.175)  # nothing in every other episode


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


def test_an_interval_covers_trainings_too():
    ours = rows_of("lrrc", {0.1: ([140, 160] * 10, [0.9, 0.5] * 10)}, seeds=(0, 1))
    rule = rows_of("bm25", {1: ([80, 120] * 10, [0.2, 0.4] * 10), 2: ([190, 210] * 10, [0.6, 0.6] * 10)})
    same = compare(curve_of(ours, LIVE), 0, curve_of(rule, LIVE), None).lead
    ours.loc[ours["seed"] == 1, "success"] -= 0.2
    apart = compare(curve_of(ours, LIVE), 0, curve_of(rule, LIVE), None).lead
    assert curve_of(ours, LIVE).values_PSE.shape == (1, 2, 20) and apart.trainings == 2
    assert apart.value == pytest.approx(same.value - 0.1) and apart.half_width() > 3 * same.half_width()


def test_points_on_different_episodes_are_refused():
    with pytest.raises(ValueError, match="different episodes"):
        curve_records(pd.concat([BM25, OURS[OURS["unit"] == "e0"]]), NONE, BASE, LIVE, SETTINGS)
    with pytest.raises(ValueError, match="different episodes"):
        curve_records(pd.concat([BM25[1:], OURS]), NONE, BASE, LIVE, SETTINGS)


def test_an_interval_of_equal_policies_holds_zero_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for _ in range(60):
        tokens, skill = rng.normal(200, 30, 40), rng.random(40)
        made = lambda t, add: (t, skill + add + rng.normal(0, 0.2, 40))  # noqa: B023, E731
        theirs = rows_of("bm25", {1: made(tokens - 100, 0.0), 2: made(tokens + 100, 0.4)})
        ours = rows_of("lrrc", {0.1: made(tokens, 0.2)})
        interval = compare(curve_of(ours, LIVE), 0, curve_of(theirs, LIVE), None).lead.interval()
        held += interval.low <= 0 <= interval.high
    assert 50 <= held <= 60


def test_the_best_rival_leaves_the_smallest_lead():
    of = lambda policy, value: {"policy": policy, "value": value}  # noqa: E731
    records = [of("bm25", 3.0), of("recency", 9.0), of("ccf-only", -1.0), of("rims-only", 2.0)]
    assert best_rival(records, trained=False)["policy"] == "bm25"
    assert best_rival(records, trained=True)["policy"] == "ccf-only"
    assert best_rival(records, trained=False, lower_is_better=True)["policy"] == "recency"
    assert best_rival(records[:2], trained=True) is None
