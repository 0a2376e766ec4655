"""Signals: hundreds of wordings by language, found as fast as a word.

Alternatives with the same beginning share it, letter by letter, so that few are tried at any place; they match where
the plain `a|b|c` does (tested).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

_MOST = 400  # alternatives that one may be written out into
SPACED = (
    "en",
    "de",
    "es",
    "fr",
    "it",
    "pt",
    "ru",
    "nl",
    "pl",
    "tr",
)  # languages that write blanks between words; the others do not


_CLAUSE_OPENS = re.compile(
    r"(?:^|[,;:.!?–—(•*-][ \t]*|(?:^|[\s(])(?:and|or|please|pls|but|so|then|just|always|never|only|do|ok|okay"
    r"|also|on|onwards?"
    r"|forward|now|instead|first|thanks|rule|anyway) )\W{0,3}\Z"
)


class Signal:
    """Patterns by language; those of languages with blanks match whole words of a lower-case text. `clause` are verbs
    that count only where they open a clause, as English knows an order by its place."""

    def __init__(self, by_language: Mapping[str, str], clause: str = ""):
        self.words = "|".join(pattern for language, pattern in by_language.items() if language in SPACED)
        self.signs = "|".join(pattern for language, pattern in by_language.items() if language not in SPACED)
        self.clause = clause

    # made at the first search: all of them take two seconds, and many a process needs few
    @functools.cached_property
    def _word(self) -> re.Pattern[str] | None:
        return _words(self.words)

    @functools.cached_property
    def _sign(self) -> re.Pattern[str] | None:
        return _signs(self.signs)

    @functools.cached_property
    def _verb(self) -> re.Pattern[str] | None:
        return _words(self.clause)

    def search(self, text: str) -> bool:
        """Whether a lower-case text has the signal."""
        if (self._word and self._word.search(text)) or (not text.isascii() and self._sign and self._sign.search(text)):
            return True
        return bool(self._verb) and any(
            _CLAUSE_OPENS.search(text, max(0, match.start() - 16), match.start()) for match in self._verb.finditer(text)
        )


def _words(patterns: str) -> re.Pattern[str] | None:
    if not patterns:
        return None
    return re.compile(f"(?<![\\w'])(?:{shared_beginnings(patterns)})(?:(?!\\w)|(?<=\\s))")


def _signs(patterns: str) -> re.Pattern[str] | None:
    return re.compile(shared_beginnings(patterns)) if patterns else None


def any_of(*signals: Signal) -> Signal:
    """A signal where one of these may be: verbs count wherever they stand."""
    words = "|".join(part for signal in signals for part in (signal.words, signal.clause) if part)
    return Signal({"en": words, "ja": "|".join(signal.signs for signal in signals if signal.signs)})


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
    while (
        end < len(pattern)
        and pattern[end] not in "\\.^$*+?{}[]()|"
        and pattern[end + 1 : end + 2] not in ("?", "*", "+", "{")
    ):
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
