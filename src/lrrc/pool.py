"""Independent tasks side by side on the cores of the machine, each worker on its own."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lrrc.lifetime import end_with


def side_by_side(work: Callable[..., Any], tasks: Iterable[tuple]) -> Iterator[tuple[tuple, Any]]:
    """Every task (the arguments of a call of `work`) with its result, in the order in which they finish.

    An error in one, or in the loop over them, cancels those that have not begun. Raises ChildProcessError where a
    worker was killed. Workers end with this process.
    """
    tasks = list(tasks)
    # fork spares every worker the seconds that importing torch and transformers takes
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    workers = max(1, min(len(tasks), os.cpu_count() or 1))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with, initargs=(os.getpid(),)) as pool:
        try:
            waiting = {pool.submit(work, *task): task for task in tasks}
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BrokenProcessPool:
            raise ChildProcessError(
                "a worker process was killed, most likely because memory ran out: free some, then run it again"
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
