"""Rows that grow hold what concatenating would hold."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest.growing_rows import GrowingRows


@given(st.lists(st.integers(0, 9), max_size=12), st.sampled_from([(), (0,), (3,)]))
def test_rows_are_what_concatenating_gives(counts, shape):
    rng = np.random.default_rng(len(counts))
    parts = [rng.random((count, *shape), np.float32) for count in counts]
    grown, seen = GrowingRows(*shape), []
    for part in parts:
        grown.extend(part)
        seen.append((grown.rows, grown.rows.copy()))
    assert np.array_equal(grown.rows, np.concatenate([np.zeros((0, *shape), np.float32), *parts]))
    assert all(np.array_equal(view, copy) for view, copy in seen)  # what was read before stays as it was


def test_rows_that_follow_one_another_are_not_copied():
    rows = GrowingRows(2)
    rows.extend(np.arange(12, dtype=np.float32).reshape(6, 2))
    for some in ([], [2], [1, 2, 3], [0, 2, 5], [*range(6)]):
        found = rows.at(np.array(some, int))
        np.testing.assert_array_equal(found, rows.rows[some])
        assert np.shares_memory(found, rows.rows) == (bool(some) and some[-1] - some[0] == len(some) - 1)
