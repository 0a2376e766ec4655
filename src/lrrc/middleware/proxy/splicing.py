"""A request's body with other messages or items, and every byte else as it came: numbers, escapes and spaces of what
stays."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

SPACE = re.compile(r"[ \t\n\r]*")
decode = json.JSONDecoder().raw_decode


def spliced(
    body: bytes, messages: Sequence[Mapping[str, Any]], payload: Sequence[Mapping[str, Any]], field: str = "messages"
) -> bytes:
    """`body`, read as JSON with `messages` as its `field`, with `payload` in their place. Those of the payload that are
    objects of `messages` are copied as they stand. Raises ValueError for numbers that JSON does not have."""
    encoding, text = json.detect_encoding(body), text_of(body)
    start, end, spans = _places(text, field)
    places = {id(message): span for message, span in zip(messages, spans, strict=True)}
    parts = [
        text[slice(*places[id(message)])] if id(message) in places else json.dumps(message, allow_nan=False)
        for message in payload
    ]
    return f"{text[:start]}[{','.join(parts)}]{text[end:]}".encode(encoding, "surrogatepass")


def text_of(body: bytes) -> str:
    """JSON as text, by whichever encoding it is in."""
    return body.decode(json.detect_encoding(body), "surrogatepass")


def _places(text: str, field: str) -> tuple[int, int, list[tuple[int, int]]]:
    """Where the value of the last `field` of an object begins and ends, and each of its elements."""
    found = (0, 0, [])
    i = _behind(text, 0) + 1
    while text[i := _behind(text, i)] != "}":
        if text[i] == ",":
            i = _behind(text, i + 1)
        key, i = decode(text, i)
        start = _behind(text, _behind(text, i) + 1)
        if key == field and text[start] == "[":
            spans = _elements(text, start)
            i = _behind(text, spans[-1][1] if spans else start + 1) + 1
            found = (start, i, spans)
        else:
            _, i = decode(text, start)
    return found


def _elements(text: str, start: int) -> list[tuple[int, int]]:
    """Of the array that begins at `start`."""
    spans: list[tuple[int, int]] = []
    i = _behind(text, start + 1)
    while text[i] != "]":
        if text[i] == ",":
            i = _behind(text, i + 1)
        _, end = decode(text, i)
        spans.append((i, end))
        i = _behind(text, end)
    return spans


def _behind(text: str, i: int) -> int:
    """The next place that is no space."""
    return SPACE.match(text, i).end()
