"""For adapters: a payload in a framework's own messages, from messages that were read as dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def restore(
    payload: Iterable[Mapping[str, Any]],
    read: Sequence[Mapping[str, Any]],
    originals: Sequence[T],
    digest: Callable[[str], T],
) -> list[T]:
    """`read[i]` is `originals[i]` as a dict. What the payload has of `read` becomes the original itself, and the
    digest what `digest` makes of its text."""
    found = {id(message): original for message, original in zip(read, originals, strict=True)}
    return [found[id(m)] if id(m) in found else digest(m["content"]) for m in payload]
