"""The best first, against a sort of all; what the best promise, whatever stands beside them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest import ranking
from lrrc.digest.ranking import BEST, best_first, promise


@given(st.integers(0, 2**31), st.integers(0, 90), st.sampled_from([1, 3, 1000]), st.integers(1, 20))
def test_the_order_is_that_of_a_stable_sort(seed, count, kinds, head):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, kinds, count).astype(float)
    scores[rng.random(count) < 0.2] = -np.inf
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "HEAD", head)
        assert list(best_first(scores)) == np.argsort(-scores, kind="stable").tolist()


@given(st.lists(st.floats(-30, 10), min_size=1, max_size=40))
def test_the_best_promise_the_same_however_many_worse_ones_there_are(scores):
    scores = np.array(scores)
    best = np.sort(scores)[::-1][:BEST]
    assert promise(scores) == pytest.approx(np.logaddexp.reduce(best))
    more = np.concatenate([scores, np.full(1000, best.min() - 1), [-np.inf] * 3])
    if len(scores) >= BEST:
        assert promise(more) == pytest.approx(promise(scores))


def test_nothing_promises_nothing():
    assert promise(np.zeros(0)) == promise(np.full(3, -np.inf)) == -np.inf
