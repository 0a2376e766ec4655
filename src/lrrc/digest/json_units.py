"""Where JSON can be cut: between values, never inside one. Reads what was cut off at its end, and Python's literals.

A value that fits into a unit stays whole; of a larger one the parts do, each with the last keys that lead to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lrrc.pretrained import tokens

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<open>[{\[])|(?P<close>[}\]])|(?P<comma>,)|(?P<colon>:)"""
    r"""|(?P<atom>-?\d[\d.eE+-]*|true|false|null|True|False|None|NaN)(?![\w.]))"""
)
_ENDS, _BEGINS = re.compile(r"[\s,}\]]*"), re.compile(r"\s*")
_PAIRS = {"}": "{", "]": "["}
KEYS = 4  # that a value comes with, at most
MOST_CHARACTERS = 8  # of a token, on average: what is longer is not counted


@dataclass
class Value:
    """text[start:end], its key included; `inside` is where the content of an object or array begins."""

    start: int
    end: int = -1
    inside: int = -1
    parts: list[Value] = field(default_factory=list)

    @property
    def named(self) -> bool:
        """Has it a key?"""
        return self.inside > self.start + 1


def parse(text: str, start: int, end: int) -> tuple[Value | None, int]:
    """The object or array that begins at `start`, and where reading ended. None where this is no JSON."""
    stack: list[tuple[Value, str]] = []
    key, at, read = -1, start, 0
    while at < end:
        match = _TOKEN.match(text, at, end)
        if match is None:
            break
        kind, first = match.lastgroup, match.start(match.lastgroup)
        at = match.end()
        if kind in ("comma", "colon"):
            if not stack:
                return None, at
            if kind == "comma":
                key = -1
            continue
        if kind == "close":
            if not stack or stack[-1][1] != _PAIRS[match["close"]]:
                return None, at
            value, _ = stack.pop()
            value.end, key = at, -1
            if not stack:
                return value, at
            continue
        if kind == "text" and stack and stack[-1][1] == "{" and key < 0:
            key = first
            continue
        value = Value(first if key < 0 else key, at)
        read += 1
        if stack:
            stack[-1][0].parts.append(value)
        if kind == "open":
            value.inside = at
            stack.append((value, match["open"]))
        elif not stack:
            return None, at
        key = -1
    if text[at:end].strip() and not _cut_off(text, at, end) or read < 4:
        return None, at
    for value, _ in stack:  # cut off at its end, as long tool results are
        value.end = end
    return stack[0][0] if stack else None, end


def _cut_off(text: str, at: int, end: int) -> bool:
    """Is the rest a text or a word that was cut off?"""
    rest = text[at:end].strip()
    return "\n" not in rest and (rest[0] in "\"'" or rest in ("...", "…") or rest[:4].isalnum())


def json_units(text: str, root: Value, limit: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """(start, end, numbers of the units that it needs) of units of about `limit` tokens at most, in order: a value with
    its key, or neighbours that fit together. Nothing but white space lies between two of them."""
    found: list[tuple[int, int, tuple[int, ...]]] = []
    todo: list[tuple[Value, tuple[int, ...]]] = [(root, ())]
    packed: tuple[int, tuple[int, ...], int] | None = None  # unit that may grow, its needs, its tokens
    while todo:
        value, needs = todo.pop()
        size = _size(text, value, limit)
        if size <= limit or not value.parts:
            if packed and not value.parts and packed[1] == needs and packed[2] + size <= limit:
                number, _, before = packed
                found[number] = (found[number][0], value.end, needs)
                packed = (number, needs, before + size)
            else:
                found.append((value.start, value.end, needs))
                packed = (len(found) - 1, needs, size) if not value.parts else None
            continue
        packed = None
        if value.named:
            found.append((value.start, value.inside, needs))
            needs = (*needs, len(found) - 1)[-KEYS:]
        todo += [(part, needs) for part in reversed(value.parts)]
    return _touching(text, root, found)


def _size(text: str, value: Value, limit: int) -> int:
    length = value.end - value.start
    return length if length > MOST_CHARACTERS * limit else tokens.count(text[value.start : value.end]) + 1


def _touching(text: str, root: Value, found: list) -> list:
    """Commas and closing brackets go with what is before them, opening brackets with what follows."""
    touching, begin = [], root.start
    for number, (_, end, needs) in enumerate(found):
        following = found[number + 1][0] if number + 1 < len(found) else root.end
        stop = max(end, _ENDS.match(text, end, following).end())
        touching.append((begin, stop, needs))
        begin = _BEGINS.match(text, stop, max(stop, following)).end()
    return touching
