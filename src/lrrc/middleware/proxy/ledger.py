"""What `lrrc serve` knows of the calls that went through it: counts for ever, texts of live conversations for a while.

Nothing of a request but its messages, model name and receipt comes here; headers, and keys with them, never do.
"""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from lrrc.episodes import chat_message
from lrrc.middleware import anthropic_messages, openai_responses
from lrrc.middleware.proxy.books import Books, Call
from lrrc.middleware.proxy.reading import CHAT, MESSAGES, RESPONSES
from lrrc.middleware.proxy.spans import Spans
from lrrc.middleware.receipt import Receipt

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds
RECENT = 1000  # compositions behind the quantiles
CALLS = 50  # last calls listed of a conversation
ACTIONS = ("rewritten", "kept", "passed", "malformed", "failed", "unread", "refused", "bypassed")
SAID = {  # who speaks in a message of a kind of prompt, and what it says
    CHAT: (lambda message: message.get("name") or message["role"], chat_message.text_of),
    MESSAGES: (lambda message: message["role"], anthropic_messages.text_of),
    RESPONSES: (openai_responses.role_of, openai_responses.text_of),
}
REASONS = 100  # most that are told apart: each is a time series for a monitor


@dataclass
class LedgerEntry:
    """One live conversation: sums over its calls, and the last call whole."""

    name: str
    started: float  # seconds since the epoch
    seen: float
    calls: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    reusable: int = 0
    size: int = 0  # bytes of the last request
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=CALLS))
    messages: Sequence[Mapping[str, Any]] = ()  # of the last call, in the form of its kind of prompt
    kind: str = CHAT
    receipt: Receipt | None = None

    def row(self) -> dict[str, Any]:
        """Numbers alone."""
        return {
            "conversation": self.name,
            "calls": self.calls,
            "tokens_before": self.tokens_before,
            "tokens_after": self.tokens_after,
            "tokens_saved": self.tokens_before - self.tokens_after,
            "tokens_reusable": self.reusable,
            "started": round(self.started, 1),
            "seen": round(self.seen, 1),
            "agents": list(dict.fromkeys(call["agent"] or call["model"] or "assistant" for call in self.recent)),
        }

    def detail(self) -> dict[str, Any]:
        """The last call too: texts, what was sent as it stood, and every line of the digest with its source."""
        speaker_of, text_of = SAID[self.kind]
        texts = [{"speaker": speaker_of(message), "text": text_of(message)} for message in self.messages]
        last = self.recent[-1] | {
            "messages": texts,
            "kept": list(self.receipt.kept),
            "merged": [i for group in self.receipt.merged for i in group],
            "digest": lines(self.receipt) if self.receipt.digest_tokens else [],
        }
        return {**self.row(), "recent": list(self.recent), "last": last}


class Ledger:
    """Counts and live conversations. Not for several threads: it belongs to the event loop.

    Kept are at most `most` conversations, of `most_bytes` of requests together, and none longer than `idle` seconds
    after its last call. `books` has the calls as they were billed, and `spans` are told of them.
    """

    def __init__(
        self,
        most: int = 256,
        idle: float = 3600,
        most_bytes: int = 100_000_000,
        books: Books | None = None,
        spans: Spans | None = None,
    ):
        self.books, self.spans = books or Books(), spans
        self.most, self.idle, self.most_bytes = most, idle, most_bytes
        self.conversations: OrderedDict[str, LedgerEntry] = OrderedDict()  # by last call, oldest first
        self.seconds: deque[float] = deque(maxlen=RECENT)
        self.failure: str | None = None  # the last one
        self.reasons: dict[str, dict[str, int]] = {}  # why requests went on unshortened: by action, then in words
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("lrrc_requests", "Prompts, by what was done to them", ["action"], registry=registry)
        self.unshortened = Counter(
            "lrrc_unshortened",
            "Prompts that went on as they came, by what was done and why",
            ["action", "reason"],
            registry=registry,
        )
        self.tokens = Counter(
            "lrrc_prompt_tokens",
            "cl100k tokens: as given (before), as sent (after), and of those sent, in a prefix sent before (reusable)",
            ["count"],
            registry=registry,
        )
        self.bill = Counter(
            "lrrc_prompt_bill",
            "Price of the prompts by Settings, cache hits included: as given (before), as sent (after)",
            ["count"],
            registry=registry,
        )
        self.replies = Counter(
            "lrrc_replies",
            "Answers: the upstream's status, or refused, unreachable, broken (ended early), cancelled (by the client)",
            ["status"],
            registry=registry,
        )
        self.compose = Histogram(
            "lrrc_compose_seconds", "Time to compose a payload", buckets=BUCKETS, registry=registry
        )
        self.open = Gauge("lrrc_open_requests", "Requests under way", registry=registry)
        live = Gauge("lrrc_conversations", "Conversations held", registry=registry)
        live.set_function(lambda: len(self.conversations))
        for action in ACTIONS:
            self.requests.labels(action)  # shown as 0 from the start
        for count in ("before", "after", "reusable"):
            self.tokens.labels(count)

    def composed(self, request: Mapping[str, Any], size: int, receipt: Receipt, seconds: float) -> None:
        """Enter a call whose request has `size` bytes, under the conversation that its receipt names."""
        now, name = time.time(), receipt.conversation
        self.forget(now - self.idle)
        entry = self.conversations.setdefault(name, LedgerEntry(name, now, now))
        self.conversations.move_to_end(name)
        entry.seen, entry.calls = now, entry.calls + 1
        entry.tokens_before += receipt.tokens_before
        entry.tokens_after += receipt.tokens_after
        entry.reusable += receipt.reusable_tokens
        entry.recent.append(
            {
                "agent": receipt.agent,
                "model": request.get("model"),
                "action": receipt.action,
                "reason": receipt.reason,
                "tokens_before": receipt.tokens_before,
                "tokens_after": receipt.tokens_after,
                "digest_tokens": receipt.digest_tokens,
                "tokens_reusable": receipt.reusable_tokens,
                "at": round(now, 1),
            }
        )
        entry.messages, entry.receipt, entry.size = request["messages"], receipt, size
        entry.kind = request.get("kind", CHAT)
        self._shrink()
        self.requests.labels(receipt.action).inc()
        if receipt.action == "passed":
            self._count(receipt.action, receipt.reason)
        for count, value in (
            ("before", receipt.tokens_before),
            ("after", receipt.tokens_after),
            ("reusable", receipt.reusable_tokens),
        ):
            self.tokens.labels(count).inc(value)
        self.bill.labels("before").inc(receipt.billed_before)
        self.bill.labels("after").inc(receipt.billed_after)
        self.compose.observe(seconds)
        self.seconds.append(seconds)

    def untouched(self, action: str, reason: str) -> bool:
        """A request went on as it came, without being composed. Is it for the first time that reason?"""
        self.requests.labels(action).inc()
        if action != "bypassed":
            self.failure = f"{action}: {reason}"
        return self._count(action, reason) == 1

    def _count(self, action: str, reason: str) -> int:
        """How often it was that reason by now."""
        if reason not in self.reasons.get(action, ()) and sum(map(len, self.reasons.values())) >= REASONS:
            reason = "another reason"
        counts = self.reasons.setdefault(action, {})
        counts[reason] = counts.get(reason, 0) + 1
        self.unshortened.labels(action, reason).inc()
        return counts[reason]

    def replied(self, status: str) -> None:
        self.replies.labels(status).inc()

    def answered(self, call: Call) -> None:
        """Enter what a composed call turned out to cost."""
        self.books.enter(call)
        if self.spans:
            self.spans.add(call, self.books.known_as(call.receipt.conversation).hex())

    async def close(self) -> None:
        """Once nothing is answered any more."""
        if self.spans:
            await self.spans.flush()
        self.books.close()

    def forget(self, before: float) -> None:
        """Drop conversations without a call since `before`."""
        while self.conversations and next(iter(self.conversations.values())).seen < before:
            self.conversations.popitem(last=False)

    def _shrink(self) -> None:
        while len(self.conversations) > self.most or (
            len(self.conversations) > 1 and sum(c.size for c in self.conversations.values()) > self.most_bytes
        ):
            self.conversations.popitem(last=False)

    def summary(self) -> dict[str, Any]:
        """Everything but texts and the books' own, ready for JSON."""
        self.forget(time.time() - self.idle)
        value = self.registry.get_sample_value
        tokens = {c: int(value("lrrc_prompt_tokens_total", {"count": c})) for c in ("before", "after", "reusable")}
        bill = {c: round(value("lrrc_prompt_bill_total", {"count": c}) or 0, 1) for c in ("before", "after")}
        p50, p95 = np.quantile(self.seconds or [0.0], (0.5, 0.95))
        return {
            "requests": {a: int(value("lrrc_requests_total", {"action": a})) for a in ACTIONS},
            "reasons": self.reasons,
            "replies": {
                s.labels["status"]: int(s.value)
                for m in self.replies.collect()
                for s in m.samples
                if s.name.endswith("_total")
            },
            "tokens": tokens | {"saved": tokens["before"] - tokens["after"]},
            "bill": bill,
            "compose_ms": {"p50": round(1e3 * p50, 2), "p95": round(1e3 * p95, 2)},
            "open": int(value("lrrc_open_requests")),
            "last_failure": self.failure,
            "conversations": [entry.row() for entry in reversed(self.conversations.values())],
        }


def lines(receipt: Receipt) -> list[dict[str, Any]]:
    """The digest's lines: the message each was copied from, the spans of its text, and which of them are standing
    rules."""
    made = []
    for message, spans in itertools.groupby(receipt.sources, key=lambda span: span.message):
        found = list(spans)
        rules = [number for number, span in enumerate(found) if span in receipt.standing]
        made.append({"message": message, "spans": [[span.start, span.end] for span in found], "rules": rules})
    return made
