"""Independent tasks side by side on the cores of the machine, each worker on its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lrrc.lifetime import end_with


@contextlib.contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes, which end with this one; on the way out, tasks that have not begun are cancelled.

    Raises ChildProcessError where a worker was killed.
    """
    # fork spares every worker the seconds that importing torch and transformers takes
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=end_with, initargs=(os.getpid(),))
    try:
        yield pool
    except BrokenProcessPool:
        raise ChildProcessError(
            "a worker process was killed, most likely because memory ran out: free some, then run it again"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def side_by_side(work: Callable[..., Any], tasks: Iterable[tuple]) -> Iterator[tuple[tuple, Any]]:
    """Every task (the arguments of a call of `work`) with its result, in the order in which they finish.

    An error in one, or in the loop over them, cancels those that have not begun. Raises ChildProcessError where a
    worker was killed. Workers end with this process.
    """
    tasks = list(tasks)
    with workers(max(1, min(len(tasks), os.cpu_count() or 1))) as pool:
        waiting = {pool.submit(work, *task): task for task in tasks}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
