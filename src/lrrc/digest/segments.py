"""Sentence-like segments: the units that a digest is made of (docs/method.md 3.1).

A segment is a slice of one message, so that every line of a digest can be traced to its source. Words are weighed by
how rare they are: the rank of a token in the byte-pair vocabulary stands in for its frequency, which needs no
fitting, leaks nothing from the evaluation data, and works for any language.
"""

from __future__ import annotations

import functools
import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from lrrc.pretrained import tokens

# the look-behind keeps a long run of dots from being tried anew at every dot
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]+[\"')\]»”’]*\s+|[。！？]+|\n+")
_WORD = re.compile(r"\w+(?:['’]\w+)?")
_PIECE = re.compile(r"\S+\s*|\s+")
_VOCABULARY_SIZE = 100_256


@dataclass(frozen=True)
class Segment:
    """`text` = message[start:end], stripped of white space at both ends; `tokens` = n(text)."""

    start: int
    end: int
    text: str
    tokens: int


def _pieces(text: str, start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """Cut text[start:end] at white space (else anywhere) into pieces of about `limit` tokens at most."""
    if tokens.count(text[start:end]) <= limit:
        return [(start, end)]
    units: list[tuple[int, int]] = []
    for match in _PIECE.finditer(text, start, end):
        a, b = match.span()
        # a unit without white space (a long URL, CJK text) is cut into stretches of at most limit/4 characters:
        # a character is at most four tokens
        short = 4 * (b - a) <= limit or tokens.count(text[a:b]) <= limit
        step = b - a if short else max(1, limit // 4)
        units += [(i, min(i + step, b)) for i in range(a, b, step)]
    pieces, first, cost = [], start, 0
    for (a, _), n in zip(units, tokens.count_batch([text[i:j] for i, j in units]), strict=True):
        if cost + n > limit and a > first:
            pieces.append((first, a))
            first, cost = a, 0
        cost += n
    return [*pieces, (first, end)]


def split_segments(text: str, max_tokens: int = 60) -> list[Segment]:
    """The segments of one message, in order; together they cover everything but white space.

    A segment has at most `max_tokens` tokens. An empty message has none.
    """
    bounds, first = [], 0
    for match in _SENTENCE_END.finditer(text):
        bounds.append((first, match.end()))
        first = match.end()
    bounds.append((first, len(text)))
    spans = []
    for a, b in bounds:
        for start, end in _pieces(text, a, b, max_tokens) if text[a:b].strip() else ():
            spans += _stripped(text, start, end)
    counts = tokens.count_batch([text[a:b] for a, b in spans])
    whole = []
    for (a, b), n in zip(spans, counts, strict=True):
        whole += [Segment(a, b, text[a:b], n)] if n <= max_tokens else _halved(text, a, b, max_tokens)
    return whole


def _stripped(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The bounds without white space at the ends, or none where nothing else is there."""
    piece = text[start:end]
    start, end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
    return [(start, end)] if start < end else []


def _halved(text: str, start: int, end: int, limit: int) -> list[Segment]:
    """Segments of a piece that came out too long: byte-pair counts of parts do not quite add up."""
    middle, found = (start + end) // 2, []
    for a, b in (*_stripped(text, start, middle), *_stripped(text, middle, end)):
        n = tokens.count(text[a:b])
        found += [Segment(a, b, text[a:b], n)] if n <= limit else _halved(text, a, b, limit)
    return found


def words(text: str) -> list[str]:
    """Lower-case words of a text, in order."""
    return [word.lower() for word in _WORD.findall(text)]


def word_spans(text: str) -> list[tuple[int, int, str]]:
    """(start, end, lower-case word) of every word of a text."""
    return [(*match.span(), match.group().lower()) for match in _WORD.finditer(text)]


@functools.lru_cache(maxsize=65_536)
def word_weight(word: str) -> float:
    """How much a lower-case word says, from 0 (`the`) to 1 (a rare name, any number)."""
    if any(character.isdigit() for character in word):
        return 1.0
    ids = tokens.encoding().encode_ordinary(" " + word)
    if len(ids) > 1:
        return 1.0
    # ids below 1,000 are mostly function words; the logarithm spreads the rest
    return min(1.0, max(0.0, math.log(ids[0] / 250) / math.log(_VOCABULARY_SIZE / 250)))


def overlap(left: Sequence[str], right: Sequence[str]) -> float:
    """Share of the weight of `left`'s words that `right` has too, from 0 to 1."""
    mine, theirs = set(left), set(right)
    total = math.fsum(map(word_weight, mine))  # exact, as the order of a set is not
    return math.fsum(map(word_weight, mine & theirs)) / total if total else 1.0


def word_bucket(word: str) -> int:
    """A stable 32-bit hash of a word; modulo the vocabulary size it names an output of the decoder."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))
