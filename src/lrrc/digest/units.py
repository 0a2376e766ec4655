"""The units of a message, by what its blocks are made of: sentences, lines, rows, values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from lrrc.digest import blocks
from lrrc.digest.blocks import Block, Line
from lrrc.digest.json_units import json_units
from lrrc.digest.markup import markup_units
from lrrc.digest.sentences import sentence_spans


class Unit(NamedTuple):
    """text[start:end], and the numbers of the units of the message without which it says little. A `frame` says nothing
    by itself: a fence, the head of a table, the key that leads to values."""

    start: int
    end: int
    needs: tuple[int, ...] = ()
    frame: bool = False


_UNBROKEN = re.compile(r"\S{40}")  # without such a run no short line is a blob
_RUN = re.compile(r"\S{200,}")
_BLOB_LINE = re.compile(r"[ \t>]*(?:[A-Za-z0-9+/=_-]{40,}|(?:[0-9a-fA-F]{2}[ :]?){20,})\s*$")
Needing = tuple[int, int, tuple[int, ...]]  # start, end, numbers of the units of its block that it needs
CODE_CHARACTERS = 3  # of a token of code, at least
MINIFIED, RARE = 300, 16  # characters of a line in which white space is rarer than one in RARE


def units_of(text: str, limit: int) -> list[Unit]:
    """The units of a message in order. They have no white space at their ends, but for the indentation of code; some
    may have more than `limit` tokens."""
    found: list[Unit] = []
    unit_of_fence: dict[int, int] = {}
    fenced: list[tuple[range, tuple[int, ...]]] = []  # units, and the blocks around them
    frames: set[int] = set()
    for number, block in enumerate(blocks.blocks_of(text)):
        first = len(found)
        if block.kind == blocks.FENCE:
            unit_of_fence[number] = first
        for start, end, needs in _SPANS[block.kind](text, block, limit):
            here = tuple(first + need for need in needs)
            found.append(Unit(*_stripped(text, start, end, block.kind in _INDENTED), here))
            if block.kind in (blocks.TABLE, blocks.JSON):
                frames.update(here)
        fenced.append((range(first, len(found)), block.fences))
    for units, around in fenced:
        for i in units if around else ():
            fences = tuple(unit_of_fence[number] for number in around)
            found[i] = found[i]._replace(needs=(*fences, *found[i].needs))
            frames.update(fences)
    for i in frames:
        found[i] = found[i]._replace(frame=True)
    return found


def _stripped(text: str, start: int, end: int, indented: bool) -> tuple[int, int]:
    piece = text[start:end]
    end = start + len(piece.rstrip())
    start += len(piece) - len(piece.lstrip())
    if indented:  # back to the beginning of the line
        while start > 0 and text[start - 1] in " \t":
            start -= 1
    return start, end


def _prose(text: str, block: Block, limit: int) -> Iterator[Needing]:
    for start, end in _readable(text, block.lines, minified_too=True):
        for a, b in sentence_spans(text, start, end):
            if text[a:b].strip() and not _minified(text[a:b]):  # a line of markup or addresses may hold sentences
                yield a, b, ()


def _readable(text: str, lines: Sequence[Line], minified_too: bool = False) -> Iterator[tuple[int, int]]:
    """Stretches of consecutive lines without blobs, or without those alone that are no minified code."""
    start, end = lines[0][0], lines[-1][1]
    if not _UNBROKEN.search(text, start, end) and all(b - a < MINIFIED for a, b in lines):
        yield start, end
        return
    encoded = [bool(_BLOB_LINE.match(text, a, b)) and b - a >= 40 for a, b in lines]
    for i in range(len(lines)):
        alone = not any(encoded[max(0, i - 1) : i] + encoded[i + 1 : i + 2])
        encoded[i] = (encoded[i] and not alone) or (not minified_too and _minified(text[slice(*lines[i])]))
    for blob, run in groupby(range(len(lines)), encoded.__getitem__):
        if not blob:
            numbers = list(run)
            yield lines[numbers[0]][0], lines[numbers[-1]][1]


def _minified(line: str) -> bool:
    """A long stretch with hardly any white space, in a script that has some."""
    if len(line) < MINIFIED:
        return False
    line = _RUN.sub("", line)  # left out by itself
    if len(line) < MINIFIED or len(line.split()) * RARE > len(line):
        return False
    return sum(character < "\u0250" for character in line) * 2 > len(line)


def _code(text: str, block: Block, limit: int) -> Iterator[Needing]:
    """Lines that stand together: until a blank line, or one as far to the left as the first; no more than fit."""
    for start, end in _readable(text, block.lines):
        lines = [line for line in block.lines if start <= line[0] and line[1] <= end]
        depths = [_depth(text, *line) for line in lines]
        counts = [1 + (b - a - max(0, d)) // CODE_CHARACTERS for (a, b), d in zip(lines, depths, strict=True)]
        first = 0
        while first < len(lines):
            last = _code_end(first, counts, depths, limit)
            if any(depth >= 0 for depth in depths[first:last]):
                yield lines[first][0], lines[last - 1][1], ()
            first = last


def _depth(text: str, start: int, end: int) -> int:
    """Indentation of a line; -1 of a blank one."""
    line = text[start:end]
    return len(line) - len(line.lstrip()) if line.strip() else -1


def _code_end(first: int, counts: Sequence[int], depths: Sequence[int], limit: int) -> int:
    """Where the lines that begin with number `first` end."""
    room, least, place = limit, None, first + 1
    for i in range(first, len(counts)):
        if depths[i] >= 0 and i > first and (least is None or depths[i] <= least):
            least, place = depths[i], i  # the outermost line so far: the best place to cut
        room -= counts[i]
        if room < 0 and i > first:
            return place
        if depths[i] < 0 and i + 1 < len(depths) and depths[i + 1] == 0:
            return i + 1
    return len(counts)


def _table(text: str, block: Block, limit: int) -> Iterator[Needing]:
    """The head, and every row with it."""
    rows = [line for line in block.lines if text[slice(*line)].strip()]
    if not rows:
        return
    ruled = next((i for i, (a, b) in enumerate(rows[:4]) if "-" in text[a:b] and not text[a:b].strip(" \t|:-+")), 0)
    if ruled == 0 and len(rows) > 1 and "-" in text[slice(*rows[0])] and not text[slice(*rows[0])].strip(" \t|:-+"):
        ruled = 2 if len(rows) > 2 and not text[slice(*rows[2])].strip(" \t|:-+") else 1  # a frame above the head
    yield rows[0][0], rows[ruled][1], ()
    for a, b in rows[ruled + 1 :]:
        yield a, b, (0,)


def _trace(text: str, block: Block, limit: int) -> Iterator[Needing]:
    """Every line that says what went wrong by itself; of the others a frame with the line it quotes, and with the
    nearest error: the next one in Python, the last one elsewhere."""
    lines = [line for line in block.lines if text[slice(*line)].strip()]
    units: list[tuple[int, int, bool]] = []
    for start, end in lines:
        error = blocks.error_line(text, (start, end))
        quotes = units and not units[-1][2] and re.match(r"\s*File \"", text[units[-1][0] : units[-1][1]])
        if quotes and not error and not re.match(r"\s*File \"|\S", text[start:end]):
            units[-1] = (units[-1][0], end, False)
        else:
            units.append((start, end, error))
    errors = [i for i, unit in enumerate(units) if unit[2]]
    for i, (start, end, error) in enumerate(units):
        later = next((j for j in errors if j > i), None)
        earlier = next((j for j in reversed(errors) if j < i), None)
        python = 'File "' in text[start:end] or "Traceback" in text[start:end] or earlier is None
        nearest = (later if later is not None else earlier) if python else earlier
        yield start, end, () if error or nearest is None else (nearest,)


def _lines(text: str, block: Block, limit: int) -> Iterator[Needing]:
    for start, end in _readable(text, block.lines):
        for a, b in block.lines:
            if start <= a and b <= end and text[a:b].strip():
                yield a, b, ()


def _json(text: str, block: Block, limit: int) -> Iterator[Needing]:
    assert block.root is not None
    yield from json_units(text, block.root, limit)


def _markup(text: str, block: Block, limit: int) -> Iterator[Needing]:
    for start, end in block.lines:
        yield from ((a, b, ()) for a, b in markup_units(text, start, end, limit))


_INDENTED = (blocks.CODE, blocks.TRACE, blocks.LOG)
_SPANS = {
    blocks.PROSE: _prose,
    blocks.CODE: _code,
    blocks.TABLE: _table,
    blocks.TRACE: _trace,
    blocks.LOG: _lines,
    blocks.JSON: _json,
    blocks.MARKUP: _markup,
    blocks.FENCE: _lines,
}
