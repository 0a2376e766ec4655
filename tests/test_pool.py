"""Tasks side by side: all results, each with its task; an error ends the rest."""

import os
import time
from pathlib import Path

import pytest

from lrrc.pool import side_by_side


def power(base, exponent):
    return base**exponent, os.getpid()


def test_every_task_has_its_result():
    tasks = [(base, exponent) for base in range(5) for exponent in range(3)]
    found = list(side_by_side(power, tasks))
    assert sorted(task for task, _ in found) == tasks
    assert all(value == base**exponent and pid != os.getpid() for (base, exponent), (value, pid) in found)
    assert list(side_by_side(power, [])) == []


def leave_a_mark(folder, number):
    if number == 0:
        raise ValueError("the first one fails")
    time.sleep(0.02)
    Path(folder, str(number)).touch()


@pytest.mark.parametrize("first", [0, 1])
def test_an_error_cancels_what_has_not_begun(tmp_path, first):
    """In a task, or in the loop over the results."""
    tasks = [(str(tmp_path), number) for number in range(first, 400)]
    with pytest.raises(ValueError, match="the first one fails" if first == 0 else "enough"):
        for _ in side_by_side(leave_a_mark, tasks):
            if first:
                raise ValueError("enough")
    assert len(list(tmp_path.iterdir())) < 200
