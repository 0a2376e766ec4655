"""Segments: the units that a digest is made of (docs/method.md 3.1).

A segment is a slice of one message, so that every line of a digest can be traced to its source, and a unit of what the
message is made of: a sentence, some lines of code, a row of a table, the error of a stack trace, a value of JSON with
its key. It is sent as it stands or not at all. What has no place to be cut and is longer than a segment may be (base64,
minified code, long addresses) is in none: nobody reads it, so no budget is spent on it.
"""

from __future__ import annotations

from typing import NamedTuple

from lrrc.digest.cutting import cut
from lrrc.digest.units import units_of
from lrrc.pretrained import tokens


class Segment(NamedTuple):
    """`text` = message[start:end] without white space at its ends, but for the indentation of its first line of code;
    `tokens` = n(text). `needs` are the segments without which it says little (the head of its table, the key of its
    value), by their distance: -2 is the one before the last. A `frame` is sent for others' sake alone."""

    start: int
    end: int
    text: str
    tokens: int
    needs: tuple[int, ...] = ()
    frame: bool = False


def split_segments(text: str, max_tokens: int = 60) -> list[Segment]:
    """The segments of one message, in order; together they cover everything but white space and blobs.

    A segment has at most `max_tokens` tokens. An empty message has none.
    """
    units = units_of(text, max_tokens)
    counts = tokens.count_batch([text[unit.start : unit.end] for unit in units])
    pieces: list[tuple[int, int, int, int]] = []  # start, end, tokens, number of the unit
    pieces_of: list[range] = []  # every unit
    for number, (unit, count) in enumerate(zip(units, counts, strict=True)):
        whole = count <= max_tokens
        here = [(unit.start, unit.end, count)] if whole else cut(text, unit.start, unit.end, max_tokens)
        pieces_of.append(range(len(pieces), len(pieces) + len(here)))
        pieces += [(*piece, number) for piece in here]
    found = []
    for i, (start, end, count, number) in enumerate(pieces):
        unit = units[number]
        needs = tuple(j - i for need in unit.needs for j in pieces_of[need])
        found.append(Segment(start, end, text[start:end], count, needs, unit.frame))
    return found
