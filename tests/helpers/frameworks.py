"""For tests of adapters, each in an environment of its own (`make test-adapters`): what all of them ask."""

import os
from importlib.util import find_spec

import pytest

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings

STEPS = 13
QUESTION = "Which shelf holds the heliotrope ledger?"
ANSWER = "Shelf 4 holds it."


def needed(module, package):
    """Skip the tests of this file where the framework is not there; where it must be, fail."""
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:  # of a parent package
        there = False
    if not there:
        reason = f"needs {package}, in an environment of its own: make test-adapters"
        if os.environ.get("CI") == "true" and os.environ.get("LRRC_ADAPTERS"):
            raise RuntimeError(reason)
        pytest.skip(reason, allow_module_level=True)


def shelf(number):
    """What the tool says: long, and each of them different."""
    said = "The heliotrope ledger stands here. " if number == 4 else ""
    return said + " ".join(f"Shelf {number} has volume {number}-{i} of the harbour records." for i in range(14))


class Watched:
    """A coordinator that keeps few tokens of a running turn, and its receipts."""

    def __init__(self, fails=False):
        self.receipts = []
        settings = Settings(rewrite="always", turn_tokens=400)
        self.coordinator = Coordinator("bm25", 120, settings, on_receipt=self.receipts.append)
        if fails:
            self.coordinator.compose_prompt = self.fail

    def fail(self, *args, **options):
        raise RuntimeError("a mistake of the coordinator's")

    def check(self, sent, whole):
        """`sent` are the texts of what each of the model's calls was sent, `whole` of the last one without us."""
        assert len(sent) == STEPS + 1
        last = sent[-1]
        assert HEAD.strip() in last and "heliotrope ledger stands here" in last and QUESTION in last
        assert len(last) < 0.5 * len(whole) and HEAD.strip() not in whole
        assert shelf(STEPS) in last  # the last exchange as it was
        assert any(receipt.action == "rewritten" for receipt in self.receipts)
        assert not any(receipt.reason.startswith("not read") for receipt in self.receipts), self.receipts[-1].reason

    def check_passed_on(self, sent, whole):
        """What a coordinator that fails leaves: everything, and a receipt that says why."""
        assert len(sent) == STEPS + 1 and HEAD.strip() not in "".join(sent)
        assert len(sent[-1]) >= 0.9 * len(whole)
        assert {receipt.reason for receipt in self.receipts} == {
            "not read: RuntimeError: a mistake of the coordinator's"
        }
