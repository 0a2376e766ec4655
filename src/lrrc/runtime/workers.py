"""Processes that end with the one that started them, so that nobody is left to write into a later run's files.

SIGKILL lets a process tell no one. On Linux the kernel tells its children; elsewhere they run to their end.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def die_with_parent(parent: int) -> None:
    """SIGKILL this process once its parent, whose process id is given, has ended; exit where it already has."""
    _watch()
    if os.getppid() != parent:
        os._exit(1)


def die_with_dvc() -> None:
    """The same for a stage. DVC and its stages are one process group: an orphan's new parent belongs to another."""
    _watch()
    if hasattr(os, "getpgid") and os.getpgid(os.getppid()) != os.getpgrp():
        sys.exit("error: the dvc that started this stage has ended, so the stage ends, too")


def _watch() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes, which end with this one; on the way out, tasks that have not begun are cancelled.

    Raises ChildProcessError where a worker was killed.
    """
    # fork spares every worker the seconds that importing torch and transformers takes
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=die_with_parent, initargs=(os.getpid(),))
    try:
        yield pool
    except BrokenProcessPool:
        raise ChildProcessError(
            "a worker process was killed, most likely because memory ran out: free some, then run it again"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def process_apart() -> ProcessPoolExecutor:
    """One process that shares nothing with this one but its environment, and ends with it; idle until it is given work.

    What it is given first makes it start.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=context, initializer=die_with_parent, initargs=(os.getpid(),))
    # a worker waits for its children before it closes its pools: this one would wait for work for ever
    multiprocessing.util.Finalize(None, pool.shutdown, exitpriority=100)
    return pool


def map_as_completed(work: Callable[..., Any], tasks: Iterable[tuple]) -> Iterator[tuple[tuple, Any]]:
    """Every task (the arguments of a call of `work`) with its result, in the order in which they finish.

    An error in one, or in the loop over them, cancels those that have not begun. Raises ChildProcessError where a
    worker was killed. Workers end with this process.
    """
    tasks = list(tasks)
    with workers(max(1, min(len(tasks), os.cpu_count() or 1))) as pool:
        waiting = {pool.submit(work, *task): task for task in tasks}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
