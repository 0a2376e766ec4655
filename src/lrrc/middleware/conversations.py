"""The conversations in memory: found by name or by their beginning, the least recently used one forgotten."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from lrrc.middleware.conversation import Conversation


class Conversations:
    """At most `limit` conversations by key, made by `make(name)`. Safe between threads."""

    def __init__(self, limit: int, make: Callable[[str | None], Conversation]):
        self.limit, self.make = limit, make
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Conversation] = OrderedDict()  # least recently used first
        self._ends: dict[bytes, Conversation] = {}  # of those without a name

    def __len__(self) -> int:
        return len(self._held)

    def all(self) -> list[Conversation]:
        """The least recently used first."""
        with self._lock:
            return list(self._held.values())

    def find(self, name: str | None, links: Sequence[bytes] = ()) -> Conversation:
        """The conversation of that name or key; without one, that whose body, or whose turns before the cut, are a
        beginning of the body with this chain; else a new one."""
        with self._lock:
            if name is None:
                found = next((self._ends[link] for link in reversed(links) if link in self._ends), None)
            else:
                found = self._held.get(name)
            found = found or self.make(name)
            self._hold(found)
        return found

    def known(self, key: str) -> Conversation | None:
        """The conversation of that name or key, where there is one."""
        with self._lock:
            return self._held.get(key)

    def note(self, conversation: Conversation, ends: Sequence[bytes]) -> None:
        """Recognise a conversation by new ends (chains) from now on."""
        with self._lock:
            self._drop(conversation)
            conversation.ends = tuple(end for end in ends if end)
            self._hold(conversation)
            if conversation.name is None:
                self._ends |= dict.fromkeys(conversation.ends, conversation)

    def _hold(self, conversation: Conversation) -> None:
        self._held[conversation.key] = conversation
        self._held.move_to_end(conversation.key)
        while len(self._held) > self.limit:
            self._drop(self._held.popitem(last=False)[1])

    def _drop(self, conversation: Conversation) -> None:
        for end in conversation.ends:
            if self._ends.get(end) is conversation:
                del self._ends[end]
