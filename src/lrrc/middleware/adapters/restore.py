"""For adapters: a payload in a framework's own messages, from messages that were read as dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def restore(
    payload: Iterable[Mapping[str, Any]],
    read: Sequence[Mapping[str, Any]],
    originals: Sequence[T],
    written: Callable[[Mapping[str, Any]], T],
) -> list[T]:
    """`read[i]` is `originals[i]` as a dict. What the payload has of `read` becomes the original itself, and a message
    of the user that the coordinator wrote what `written` makes of it."""
    found = {id(message): original for message, original in zip(read, originals, strict=True)}
    return [found[id(m)] if id(m) in found else written(m) for m in payload]
