"""The coordinator as middleware: message lists of an application in, shorter payloads with receipts out.

from lrrc.middleware import Coordinator

coordinator = Coordinator(policy="lrrc", budget=128)
payload, receipt = coordinator.compose(messages, agent="planner", conversation="ticket-17")

coordinator    the one entry; settings, receipt: what goes in and comes out beside messages
conversation   what is remembered of one conversation; conversations tells them apart
body, chat_messages, prompt_cache, tariff
               a list of messages read, the price of a prefix, and what providers charge (prices.yaml)
choosing       which of several agents to call
recall         what a digest leaves out, for who asks
beside         what goes with them: tools, the form of the answer
dialect, payload
               what a request allows, and what is sent in its place
persistence    a coordinator on disk
requests       one request with its history shortened
adapters/, proxy/

May import policy_catalogue, runtime, pretrained, episodes, digest, policies: nothing of the experiment.
"""

from __future__ import annotations

from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.receipt import Receipt
from lrrc.middleware.settings import Settings

__all__ = ["Coordinator", "Receipt", "Settings"]
