"""Regular expressions of hundreds of alternatives, as fast as a search for a word: alternatives with the same beginning
share it, letter by letter, so that few are tried at any place. They match where the plain `a|b|c` does (tested)."""

from __future__ import annotations

import functools
import re

_MOST = 400  # alternatives that one may be written out into


def shared_beginnings(pattern: str) -> str:
    """The same alternatives as a tree of their beginnings."""
    root: dict = {}
    for alternative in _split(pattern):
        for written_out in _written_out(alternative):
            letters, rest = _letters(written_out)
            node = root
            for letter in letters:
                node = node.setdefault(letter, {})
            node.setdefault("", []).append(rest)
    return _joined(root)


def _joined(node: dict) -> str:
    """The pattern of a node: its own rests, and its children behind their letters."""
    parts = list(dict.fromkeys(node.get("", ())))
    parts += [letter + _joined(child) for letter, child in node.items() if letter]
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _letters(pattern: str) -> tuple[list[str], str]:
    """The plain letters that a pattern begins with, and the rest."""
    end = 0
    while end < len(pattern) and pattern[end] not in "\\.^$*+?{}[]()|" and pattern[end + 1 : end + 2] not in ("?", "*", "+", "{"):
        end += 1
    return list(pattern[:end]), pattern[end:]


@functools.cache
def _split(pattern: str) -> tuple[str, ...]:
    """The alternatives of a pattern that stand in no group."""
    parts, first, depth = [], 0, 0
    for match in re.finditer(r"\\.|\[(?:\\.|[^\]\\])*\]|[()|]", pattern, re.S):
        sign = match.group()
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            parts.append(pattern[first : match.start()])
            first = match.end()
    return (*parts, pattern[first:])


def _written_out(pattern: str) -> list[str]:
    """(?:a|b)c as ac, bc, and (?:a)?c as ac, c, where that gives beginnings to share."""
    if not pattern.startswith("(?:") or pattern.startswith("(?:(?<"):
        return [pattern]
    depth = 0
    for match in re.finditer(r"\\.|\[(?:\\.|[^\]\\])*\]|[()]", pattern, re.S):
        depth += (match.group() == "(") - (match.group() == ")")
        if match.group() == ")" and not depth:
            break
    inner, rest = pattern[3 : match.start()], pattern[match.end() :]
    if rest[:1] in ("*", "+", "{"):
        return [pattern]
    heads = list(_split(inner))
    if rest[:1] == "?":
        heads, rest = [*heads, ""], rest[1:]
    found = [written for head in heads for written in _written_out(head + rest)]
    return found if len(found) <= _MOST else [pattern]
