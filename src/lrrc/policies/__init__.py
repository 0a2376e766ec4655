"""Who decides what is sent in place of the history. Needs nothing of training.

base        Policy, Session, and what a session selects
untrained, bm25, learned, pruning
            the policies
registry    builds any of them
checkpoint  trained ones on disk
run_items   names of everything that is trained
payload     a selection as messages
"""

from __future__ import annotations

from lrrc.policies.base import Policy, Session
from lrrc.policies.registry import load_policy

__all__ = ["Policy", "Session", "load_policy"]
