"""Runs the work of a stage in parallel, on the cores of this machine or on a Ray cluster (`engine` in params.yaml).

Stages call one function, `map_in_order`. They cut their data into chunks without asking which engine it is; a task is a
pure function of its arguments and has one thread; results come back in the order of the tasks. So neither the engine
nor the number of workers nor a worker that is killed changes a byte. A few tasks are in flight at a time, so memory
stays bounded however many there are.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lrrc.runtime import arithmetic
from lrrc.runtime.workers import workers

AHEAD = 4  # tasks in flight per core: enough for a slow one not to leave the others idle
RETRIES = 20  # of a task whose Ray worker or node dies; its own errors are never tried again


def map_in_order(
    work: Callable[..., Any], tasks: Iterable[tuple], engine: str = "local"
) -> Iterator[tuple[tuple, Any]]:
    """Every task (the arguments of a call of `work`) with its result, in the order of `tasks`.

    `work` is a function of a module, or a partial of one. An error in a task, or in the loop over the results, cancels
    the tasks that have not begun. Raises ValueError where Ray is not installed, ConnectionError where its cluster
    cannot be reached, ChildProcessError where a worker of this machine was killed.
    """
    with (_ray if engine == "ray" else _local)(work) as (submit, result, cores):
        waiting: deque[tuple[tuple, Any]] = deque()
        for task in tasks:
            waiting.append((task, submit(task)))
            if len(waiting) >= AHEAD * cores:
                done, future = waiting.popleft()
                yield done, result(future)
                del future  # what Ray holds for it can go
        while waiting:
            done, future = waiting.popleft()
            yield done, result(future)


def chunks(count: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of stretches of `size` that cover `count` things; the last may be shorter."""
    return ((start, min(start + size, count)) for start in range(0, count, size))


def absolute_path(path: str | Path) -> Path:
    """A path as a worker with another working directory finds it, where the machines share the file system."""
    return Path(path).absolute()


@contextlib.contextmanager
def _local(work: Callable[..., Any]) -> Iterator[tuple[Callable, Callable, int]]:
    cores = os.cpu_count() or 1
    with workers(cores) as pool:
        yield lambda task: pool.submit(_alone, work, task), lambda future: future.result(), cores


@contextlib.contextmanager
def _ray(work: Callable[..., Any]) -> Iterator[tuple[Callable, Callable, int]]:
    ray = start_ray()
    remote = ray.remote(max_retries=RETRIES)(_alone)
    sent = ray.put(work)
    open_refs: set = set()

    def submit(task: tuple) -> Any:
        ref = remote.remote(sent, task)
        open_refs.add(ref)
        return ref

    def result(ref: Any) -> Any:
        open_refs.discard(ref)
        try:
            return ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None  # as it was raised; Ray's own message holds the worker's traceback

    try:
        yield submit, result, max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        for ref in open_refs:
            ray.cancel(ref)


def start_ray() -> Any:
    """The module `ray`, connected: to the cluster that RAY_ADDRESS or `ray start` names, else to one of its own.

    Raises ValueError where it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the default to come; without it Ray warns
    try:
        import ray
    except ImportError:
        raise ValueError("params: engine = 'ray': Ray is not installed: pip install -e '.[scale]'") from None
    if not ray.is_initialized():
        environment = {"env_vars": arithmetic.SETTINGS} if arithmetic.fixed() else None
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", runtime_env=environment)
    return ray


def _alone(work: Callable[..., Any], task: tuple) -> Any:
    """A call in a worker, with one thread: the order of sums, and so their last bit, depends on how many there are."""
    _one_thread()  # `work` has arrived, and with it numpy: what is loaded can be limited
    return work(*task)


@functools.cache
def _one_thread() -> None:
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
