"""For adapters: a payload in a framework's own messages, from messages that were read as dicts; and what to do where
they cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from lrrc.middleware.coordinator import Coordinator
from lrrc.runtime.errors import reason_of

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


@contextmanager
def passing_on(coordinator: Coordinator, agent: str | None = None, conversation: str | None = None) -> Iterator[None]:
    """Where something inside fails, the messages are to be sent as they are, and a receipt says why: an agent's call is
    worth more than its saving."""
    try:
        yield
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        coordinator.pass_on(f"not read: {kind}{reason_of(error)}", agent, conversation)
