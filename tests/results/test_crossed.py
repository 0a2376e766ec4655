"""Intervals over trainings and episodes: by hand, against scipy where one part is missing, and their coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from lrrc.results.crossed import Crossed, crossed, crossed_reduction, side_by_side
from lrrc.results.scores import shared


def test_by_hand():
    # rows 3 and 5, columns 2, 4, 6; nothing left over: A = 3 * 2 = 6, B = 2 * 4 = 8, R = 0; variance (6 + 8) / 6
    found = crossed([[1, 3, 5], [3, 5, 7]])
    assert (found.value, found.by_training, found.by_episode) == pytest.approx((4, 1, 4 / 3))
    assert found.retrained == pytest.approx(np.std([3, 5], ddof=1) / np.sqrt(2)) == found.by_training**0.5
    half = np.sqrt(scipy_stats.t.ppf(0.975, 1) ** 2 + 4 / 3 * scipy_stats.t.ppf(0.975, 2) ** 2)
    assert found.interval() == pytest.approx((4, 4 - half, 4 + half))


def test_one_training_is_students_t():
    values = np.random.default_rng(0).normal(2, 3, 40)
    found, expected = crossed([values]), scipy_stats.ttest_1samp(values, 0)
    assert found.retrained is None and found.p() == pytest.approx(expected.pvalue)
    assert found.interval()[1:] == pytest.approx(tuple(expected.confidence_interval()))
    for margin in (1.5, 3):
        assert found.p_within(margin) == pytest.approx(ttost_paired(values, np.zeros(40), -margin, margin)[0])
    expected = TTestPower().power(0.5 / found.spread, 40, 0.05)
    assert found.power(0.5) == pytest.approx(expected, abs=1e-6)
    assert found.power(found.detectable()) == pytest.approx(0.8)


def test_trainings_that_are_all_alike_add_nothing():
    values = np.random.default_rng(1).normal(size=30)
    one, three = crossed([values]), crossed([values] * 3)
    assert three.interval() == pytest.approx(one.interval()) and three.retrained == 0 and three.by_training == 0


def test_what_does_not_vary_has_an_interval_of_one_point():
    for value in (0.1, 0.7, 123.456):
        found = crossed(np.full((3, 7), value))
        assert found.interval() == (found.value,) * 3 and found.value == pytest.approx(value)
        assert (found.p(), found.p_within(value / 2), found.detectable()) == (0, 1, 0)
    assert crossed(np.zeros((2, 4))).p() == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.floats(0.5, 0.999))
def test_the_p_value_is_where_the_interval_ends(seed, trainings, confidence):
    rng = np.random.default_rng(seed)
    found = crossed(rng.normal(size=(trainings, 1)) + rng.normal(size=20) + rng.normal(size=(trainings, 20)))
    low = found.interval(confidence).low
    assert found.p(low) == pytest.approx(1 - confidence, rel=1e-6)
    assert found.p(low - 1) < found.p(low) < found.p(found.value) == 1


def drawn(rng, times, trainings, episodes, ratio, interaction=0.5):
    """[times, S, E] of mean 0; the variance of the mean from trainings is `ratio` times that from episodes."""
    training = np.sqrt(ratio / episodes * trainings)
    return (
        training * rng.normal(size=(times, trainings, 1))
        + rng.normal(size=(times, 1, episodes))
        + interaction * rng.normal(size=(times, trainings, episodes))
    )


@pytest.mark.parametrize("trainings", [2, 3, 5])
@pytest.mark.parametrize("ratio", [0, 0.3, 1, 3, 10])
def test_coverage(trainings, ratio):
    """Of the 95 % interval, where trainings make no difference to where they make nearly all of it."""
    times, rng = 3000, np.random.default_rng([trainings, int(10 * ratio)])
    found = map(crossed, drawn(rng, times, trainings, 100, ratio))
    covered = sum(abs(one.value) <= one.half_width() for one in found)
    error = 2 * np.sqrt(0.05 * 0.95 / times)  # of the simulation itself; 100,000 draws give 0.939 to 0.968
    assert 0.93 - error < covered / times < 0.97 + error


def test_episodes_alone_cover_too_little():
    """So that the test above can fail: what was printed before, episodes resampled and trainings averaged."""
    rng, hits = np.random.default_rng(0), 0
    for scores_SE in drawn(rng, 2000, 3, 24, 3):
        low, high = scipy_stats.ttest_1samp(scores_SE.mean(0), 0).confidence_interval()
        hits += low <= 0 <= high
    assert hits / 2000 < 0.8


def test_clusters_are_drawn_whole():
    """Members that are all alike are one episode more often counted; unequal clusters keep the mean over episodes."""
    rng = np.random.default_rng(2)
    once = rng.normal(size=(3, 12))
    names = np.repeat([f"prompt {i}" for i in range(12)], 4)
    whole, repeated = crossed(once), crossed(np.repeat(once, 4, axis=1), names)
    assert repeated.interval() == pytest.approx(whole.interval()) and repeated.episodes == 12
    assert crossed(np.repeat(once, 4, axis=1)).half_width() < 0.8 * whole.half_width()
    unequal = crossed(once, ["a"] * 5 + ["b"] * 3 + list("cdef"))
    assert unequal.value == pytest.approx(once.mean()) and unequal.episodes == 6


def test_coverage_with_clusters():
    rng, hits, times = np.random.default_rng(3), 0, 4000
    names = np.repeat(np.arange(20), rng.integers(1, 6, 20))
    for _ in range(times):
        topic = rng.normal(size=20)[names] + 0.5 * rng.normal(size=len(names))
        hits += abs((found := crossed([topic], names)).value) <= found.half_width()
    assert 0.92 < hits / times < 0.97


def test_reduction_is_that_of_the_totals_and_its_interval_covers():
    rng, hits, times = np.random.default_rng(4), 0, 3000
    for _ in range(times):
        length = rng.lognormal(0, 0.5, 60)
        share = 0.4 + 0.05 * rng.normal(size=(3, 1)) + 0.1 * rng.normal(size=60) + 0.05 * rng.normal(size=(3, 60))
        found = crossed_reduction(share * length, np.tile(length, (3, 1)))
        hits += abs(found.value - 60) <= found.half_width()
    assert found.value == pytest.approx(100 * (1 - (share * length).sum() / (3 * length.sum())))
    assert 0.93 < hits / times < 0.97


def test_sides():
    a, b = np.arange(6.0).reshape(3, 2), np.arange(4.0).reshape(2, 2)
    assert [len(x) for x in side_by_side(a, b)] == [2, 2]
    left, right = side_by_side(a, b[:1])
    assert (left == a).all() and (right == b[0]).all() and len(right) == 3


def test_shared_seeds_and_episodes():
    mine = pd.DataFrame([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], index=[0, 1, 2], columns=list("abc"))
    theirs = pd.DataFrame([[10.0, 20], [30, 40]], index=[1, 2], columns=list("bc"))
    left, right = shared(mine, theirs)
    assert left.tolist() == [[5, 6], [8, 9]] and right.tolist() == [[10, 20], [30, 40]]
    left, right = shared(mine, theirs.loc[[2]])  # trained once: held against every training
    assert left.tolist() == [[2, 3], [5, 6], [8, 9]] and right.tolist() == [[30, 40]] * 3


def test_power_on_other_numbers_of_episodes_keeps_what_trainings_add():
    found = Crossed(0.0, 0.01, 0.02, 1.0, 0.1, 3, 50)
    assert found.on(100).by_episode == pytest.approx(0.01) and found.on(100).by_training == 0.01
    assert found.power(0.3) < found.on(400).power(0.3) < found.on(10**7).power(0.3) < 1


@given(arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.floats(-1e6, 1e6)))
def test_any_scores_have_an_interval_around_their_mean(scores_SE):
    found = crossed(scores_SE)
    low, high = found.interval()[1:]
    assert low <= found.value <= high and 0 <= found.p() <= 1


@pytest.mark.parametrize("scores", [[1, 2], [[]], [[1, float("nan")]]])
def test_holes_are_refused(scores):
    with pytest.raises(ValueError, match="trainings x episodes"):
        crossed(scores)


def test_power_of_no_loss_is_how_often_it_is_found():
    rng = np.random.default_rng(5)
    trainings, episodes, margin = 4, 60, 0.05
    found, powers = [], []
    for _ in range(400):
        scores = 0.01 * rng.standard_normal((trainings, 1)) + 0.12 * rng.standard_normal(episodes)
        seen = crossed(scores + 0.05 * rng.standard_normal((trainings, episodes)))
        found.append(seen.p_within(margin) < 0.05)
        powers.append(seen.power_within(margin))
    assert abs(np.mean(found) - np.mean(powers)) < 0.08 and 0.3 < np.mean(found) < 0.95
    assert crossed(np.zeros((2, 5))).power_within(0.01) == 1 and seen.power_within(1e-6) == 0


def test_one_side_alone_excludes_a_loss():
    """A gain beyond the margin is no loss; its test is the half of the two-sided one, and finds what its power says."""
    rng = np.random.default_rng(6)
    found, powers = [], []
    for _ in range(400):
        seen = crossed(0.12 * rng.standard_normal((1, 60)))
        found.append(seen.p_above(-0.04) < 0.05)
        powers.append(seen.power_above(-0.04))
    assert abs(np.mean(found) - np.mean(powers)) < 0.08 and 0.5 < np.mean(found) < 0.95
    gain = crossed(0.2 + 0.05 * rng.standard_normal((2, 60)))
    assert gain.p_above(-0.04) < 1e-6 < 0.99 < gain.p_within(0.04)
    assert gain.p_above(0.0) == pytest.approx(gain.p() / 2) and gain.p_above(0.5) > 0.99
    assert crossed(np.zeros((2, 5))).p_above(-1) == 0 and crossed(np.zeros((2, 5))).p_above(0) == 1
