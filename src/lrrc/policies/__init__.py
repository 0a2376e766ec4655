"""Who decides what is sent in place of the history.

May import params, runtime, pretrained, episodes, digest, model, inference: nothing of training.

base        Policy, Session
spec        PolicySpec: everything that says which policy is meant
untrained, bm25, learned, pruning
            the policies; scoring is what those with a network have in common
registry    builds any of them, with networks in torch
serving     the same for those who use them: LRRC in numpy, the packaged one where none is named
packaging   makes the packaged one
checkpoint  trained ones on disk
run_items   names of everything that is trained
payload     a selection as messages
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {"Policy": "base", "Session": "base", "PolicySpec": "spec", "load_policy": "registry"}
__all__ = ["Policy", "PolicySpec", "Session", "load_policy"]


def __getattr__(name: str) -> Any:  # names of items are read in stages that need no policy
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
