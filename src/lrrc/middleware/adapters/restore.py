"""For adapters: a payload in a framework's own messages, from messages that were read as dicts; and what to do where
they cannot be read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic, TypeVar

from lrrc.middleware.chat_messages import fingerprint
from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.receipt import Receipt
from lrrc.runtime.errors import reason_of

T = TypeVar("T")


def restore(
    payload: Iterable[Mapping[str, Any]],
    read: Sequence[Mapping[str, Any]],
    originals: Sequence[T],
    written: Callable[[Mapping[str, Any]], T],
    bare: Mapping[int, T] | None = None,
) -> list[T]:
    """`read[i]` is `originals[i]` as a dict. What the payload has of `read` becomes the original itself, a message
    of the user that the coordinator wrote what `written` makes of it, and a reply that it wrote what `bare` has for
    it."""
    found = {id(message): original for message, original in zip(read, originals, strict=True)} | dict(bare or {})
    return [found[id(m)] if id(m) in found else written(m) for m in payload]


def without_thoughts(
    payload: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]], receipt: Receipt
) -> list[tuple[Mapping[str, Any], int]]:
    """The replies that the coordinator wrote anew, without their thoughts, and the index of what each was in `given`,
    the list that it was given."""
    own = {id(message) for message in given}
    replies = [message for message in payload if id(message) not in own and message["role"] == "assistant"]
    indices = [group[0] for group in receipt.merged if given[group[0]]["role"] == "assistant"]
    return list(zip(replies, indices, strict=True))


def thoughts(said: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The field of a reply's thoughts, of their texts and signatures. Those with a signature are bound to their place;
    a framework knows of others, too, what their maker signed for itself."""
    said = list(said)
    if any(signature for _, signature in said):
        return {"thinking_blocks": [{"type": "thinking", "thinking": t, "signature": str(s or "")} for t, s in said]}
    text = "".join(text for text, _ in said)
    return {"reasoning_content": text} if text else {}


@dataclass
class Pieces(Generic[T]):
    """A framework's messages, each cut into as many chat messages as it makes: a request of the user that carries
    results of tools too, say. `things` has whatever is no text (pictures, files) by the id of the part that stands for
    it."""

    read: list[dict[str, Any]] = field(default_factory=list)
    owners: list[tuple[T, Any]] = field(default_factory=list)  # for every one its message, and the part that it was
    things: dict[int, Any] = field(default_factory=dict)

    def add(self, read: dict[str, Any], whole: T, part: Any) -> None:
        self.read.append(read)
        self.owners.append((whole, part))

    def thing(self, thing: Any, kind: str) -> dict[str, Any]:
        """The part of a content that stands for it; the same again for the same thing."""
        part = {"type": kind, kind: fingerprint(json.loads(json.dumps(thing, default=repr)), kind).hex()}
        self.things[id(part)] = thing
        return part

    def contents(self, message: Mapping[str, Any]) -> list[Any]:
        """Of a message that the coordinator wrote: texts and things, in their order."""
        content = message["content"]
        parts = [content] if isinstance(content, str) else content
        return [self.things.get(id(p), p if isinstance(p, str) else p.get("text")) for p in parts]

    def bare(
        self,
        payload: Sequence[Mapping[str, Any]],
        given: Sequence[Mapping[str, Any]],
        receipt: Receipt,
        made: Callable[[T], T],
    ) -> dict[int, T]:
        """For `rejoined`: every reply that is to be sent without its thoughts as `made(it)`. `given` ends with what was
        read."""
        before = len(given) - len(self.read)
        return {id(m): made(self.owners[i - before][0]) for m, i in without_thoughts(payload, given, receipt)}

    def rejoined(
        self,
        payload: Iterable[Mapping[str, Any]],
        remade: Callable[[T, list[Any]], T],
        written: Callable[[Mapping[str, Any]], T],
        bare: Mapping[int, T] | None = None,
    ) -> list[T]:
        """The payload in the framework's messages: one that is sent whole as the object that it was, one of which parts
        are sent as `remade(message, parts)`, one of the user that the coordinator wrote as `written(it)`, and a reply
        that it wrote as what `bare` has for it."""
        owners = {id(read): owner for read, owner in zip(self.read, self.owners, strict=True)}
        counts = Counter(id(whole) for whole, _ in self.owners)
        made: list[T] = []
        for key, group in groupby(payload, key=lambda m: id(owners[id(m)][0]) if id(m) in owners else -id(m)):
            messages = list(group)
            if key not in counts:
                made.append(bare[-key] if bare and -key in bare else written(messages[0]))
                continue
            whole = owners[id(messages[0])][0]
            parts = [owners[id(message)][1] for message in messages]
            made.append(whole if len(parts) == counts[key] else remade(whole, parts))
        return made


@contextmanager
def passing_on(coordinator: Coordinator, agent: str | None = None, conversation: str | None = None) -> Iterator[None]:
    """Where something inside fails, the messages are to be sent as they are, and a receipt says why: an agent's call is
    worth more than its saving."""
    try:
        yield
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        coordinator.pass_on(f"not read: {kind}{reason_of(error)}", agent, conversation)
