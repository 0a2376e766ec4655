"""Statistics against scipy, statsmodels and arrays worked by hand."""

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from lrrc.results import statistics


@pytest.fixture
def sample():
    rng = np.random.default_rng(3)
    a = rng.normal(100, 15, 40)
    return a, a + rng.normal(4, 6, 40)


def test_t_interval_is_statsmodels(sample):
    found = statistics.t_interval(sample[0])
    assert (found.low, found.high) == pytest.approx(DescrStatsW(sample[0]).tconfint_mean())
    assert statistics.t_interval([2, 2, 2]) == statistics.Interval(2, 2, 2)


def test_paired_is_scipy(sample):
    a, b = sample
    found, expected = statistics.paired(a, b), scipy_stats.ttest_rel(a, b)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((interval.low, interval.high))
    assert found.effect == pytest.approx(expected.statistic / np.sqrt(len(a)))


def test_paired_by_hand():
    # differences 1, 2, 3: mean 2, sd 1, t = 2 sqrt(3), d_z = 2
    found = statistics.paired([2, 4, 6], [1, 2, 3])
    assert (found.difference.value, found.sd, found.effect, found.n) == (2, 1, 2, 3)
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(2 * np.sqrt(3), 2))


def test_paired_without_variation():
    assert statistics.paired([1, 2], [1, 2]).p == 1
    assert statistics.paired([2, 3], [1, 2]).p == 0 and statistics.paired([2, 3], [1, 2]).effect is None
    with pytest.raises(ValueError, match="equally long"):
        statistics.paired([1, 2, 3], [1, 2])


def test_mcnemar_is_statsmodels():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    table = [[np.sum((a == i) & (b == j)) for j in (0, 1)] for i in (0, 1)]
    assert statistics.mcnemar(a, b) == pytest.approx(sm_mcnemar(table, exact=True).pvalue)
    assert statistics.mcnemar([1, 1, 1, 0], [0, 0, 0, 0]) == pytest.approx(0.25)  # 3 against 0: 2 / 8
    assert statistics.mcnemar([1, 0], [1, 0]) == 1
    with pytest.raises(ValueError, match="0 or 1"):
        statistics.mcnemar([0.5, 1], [1, 0])


def test_holm_is_statsmodels():
    p = [0.01, 0.04, 0.03, 0.005, 0.9]
    assert statistics.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert statistics.holm([0.02, 0.01]) == pytest.approx([0.02, 0.02])
    assert statistics.holm([]) == []


def test_smallest_p_is_a_true_lower_bound():
    """No 0/1 pairs with that mean difference give less, and those without a loss give exactly that."""
    n, rng = 40, np.random.default_rng(0)
    bound = statistics.smallest_p(4 / n, n)
    assert statistics.paired([1] * 4 + [0] * 36, [0] * n).p == pytest.approx(bound)
    for lost in range(1, 10):
        difference = rng.permutation([1] * (4 + lost) + [-1] * lost + [0] * (n - 4 - 2 * lost))
        assert statistics.paired(difference == 1, difference == -1).p > bound
    halves = statistics.paired([0.5] * 8 + [0] * 32, [0] * n).p
    assert statistics.smallest_p(4 / n, n, step=0.5) == pytest.approx(halves) and halves < bound
    with pytest.raises(ValueError, match="difference"):
        statistics.smallest_p(0, 30)


def test_counts_behind_by_hand():
    assert statistics.counts_behind(50.0, 30) == 1  # 15 of 30
    assert statistics.counts_behind(68.4, 19) == 1  # 13 of 19
    assert statistics.counts_behind(68.4, 30) == 0  # 20 of 30 is 66.7, 21 is 70.0
