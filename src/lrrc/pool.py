"""Independent tasks side by side on the cores of the machine, each worker on its own."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any


def side_by_side(work: Callable[..., Any], tasks: Iterable[tuple]) -> Iterator[tuple[tuple, Any]]:
    """Every task (the arguments of a call of `work`) with its result, in the order in which they finish.

    An error in one, or in the loop over them, cancels those that have not begun.
    """
    tasks = list(tasks)
    # fork spares every worker the seconds that importing torch and transformers takes
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(max(1, min(len(tasks), os.cpu_count() or 1)), mp_context=context) as pool:
        waiting = {pool.submit(work, *task): task for task in tasks}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
