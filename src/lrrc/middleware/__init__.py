"""The coordinator as middleware: message lists of an application in, shorter payloads with receipts out.

from lrrc.middleware import Coordinator

coordinator = Coordinator(policy="lrrc", budget=128)
payload, receipt = coordinator.compose(messages, agent="planner", conversation="ticket-17")
"""

from __future__ import annotations

from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.receipt import Receipt
from lrrc.middleware.settings import Settings

__all__ = ["Coordinator", "Receipt", "Settings"]
