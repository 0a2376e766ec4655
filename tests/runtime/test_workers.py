"""Tasks side by side: all results, each with its task; an error ends the rest."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrrc.runtime.executor import map_in_order
from lrrc.runtime.workers import map_as_completed


def power(base, exponent):
    return base**exponent, os.getpid()


def test_every_task_has_its_result():
    tasks = [(base, exponent) for base in range(5) for exponent in range(3)]
    found = list(map_as_completed(power, tasks))
    assert sorted(task for task, _ in found) == tasks
    assert all(value == base**exponent and pid != os.getpid() for (base, exponent), (value, pid) in found)
    assert list(map_as_completed(power, [])) == []


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
        for _ in map_as_completed(leave_a_mark, tasks):
            if first:
                raise ValueError("enough")
    assert len(list(tmp_path.iterdir())) < 200


def be_killed(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("run", [map_as_completed, map_in_order])
def test_a_killed_worker_is_an_error_of_one_line(run):
    with pytest.raises(ChildProcessError, match="^a worker process was killed[^\n]*run it again$"):
        list(run(be_killed, [(0,), (1,)]))


PARENT = """
import time
from lrrc.runtime.workers import map_as_completed
def work(number):
    print(number, flush=True)
    time.sleep(600)
list(map_as_completed(work, [(0,), (1,)]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells no one elsewhere")
def test_workers_end_with_the_process_that_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout.read(1) in (b"0", b"1")
    parent.kill()
    parent.communicate(timeout=30)  # the workers hold the pipe as long as they live
