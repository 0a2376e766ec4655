"""Processes that end with the one that started them, so that nobody is left to write into a later run's files.

SIGKILL lets a process tell no one. On Linux the kernel tells its children; elsewhere they run to their end.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def end_with(parent: int) -> None:
    """SIGKILL this process once its parent, whose process id is given, has ended; exit where it already has."""
    _watch()
    if os.getppid() != parent:
        os._exit(1)


def end_with_dvc() -> None:
    """The same for a stage. DVC and its stages are one process group: an orphan's new parent belongs to another."""
    _watch()
    if hasattr(os, "getpgid") and os.getpgid(os.getppid()) != os.getpgrp():
        sys.exit("error: the dvc that started this stage has ended, so the stage ends, too")


def _watch() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
