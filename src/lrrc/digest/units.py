"""The units of a message, by what its blocks are made of: sentences, lines, rows, values."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby, islice
from typing import NamedTuple

from lrrc.digest import blocks
from lrrc.digest.blobs import blobs_in
from lrrc.digest.blocks import Block, Line
from lrrc.digest.json_units import json_units
from lrrc.digest.lists import has_list, with_openings
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
_DIGIT = re.compile(r"\d")
HEAD_ROWS = 8  # rows below the first one that are looked at for whether that is their head
_RULE = " \t\r\n|:-+="  # characters of a line between the head of a table and its rows
_DATUM = re.compile(  # what names no column, if all that stands below is like it: a path, a time, a label, rights
    r"\S*[/\\]\S+|\S+\.[A-Za-z]\w{0,4}|.*\d:\d\d.*|\d{4}-\d\d-\d\d.*|[^:]+:|[-bcdlps](?:[-r][-w][-xsStT]){3}.?"
)
_LONGEST = 120  # characters of a cell that is looked at so
_UNKNOWN = frozenset("n/a na none null nan nil unknown tba tbd open".split())  # noqa: SIM905  in place of a number


def units_of(text: str, limit: int) -> list[Unit]:
    """The units of a message in order. They have no white space at their ends, but for the indentation of code; some
    may have more than `limit` tokens."""
    found: list[Unit] = []
    unit_of_fence: dict[int, int] = {}
    fenced: list[tuple[range, tuple[int, ...]]] = []  # units, and the blocks around them
    frames: set[int] = set()
    announcing: int | None = None  # the last unit before the block, fences left out
    blobs = blobs_in(text)
    for number, block in enumerate(blocks.blocks_of(text)):
        first = len(found)
        if block.kind == blocks.FENCE:
            unit_of_fence[number] = first
        heads = block.kind == blocks.JSON or (block.kind == blocks.TABLE and _has_head(text, block))
        spans = _SPANS[block.kind](text, block, limit)
        for start, end, needs in _without(blobs, text, list(spans), heads) if blobs else spans:
            needed = tuple(first + need for need in needs)
            found.append(Unit(*_stripped(text, start, end, block.kind in _INDENTED), needed))
            if heads:
                frames.update(needed)
        here = range(first, len(found))
        if block.kind == blocks.TRACE and here and announcing is not None and _announces(text, found[announcing]):
            unit = found[announcing]
            found[announcing] = unit._replace(needs=(*unit.needs, *(found[first].needs or (first,))))
        announcing = here[-1] if here and block.kind != blocks.FENCE else announcing
        fenced.append((here, block.fences))
    for units, around in fenced:
        for i in units if around else ():
            fences = tuple(unit_of_fence[number] for number in around)
            found[i] = found[i]._replace(needs=(*fences, *found[i].needs))
            frames.update(fences)
    for i in frames:
        found[i] = found[i]._replace(frame=True)
    return found


def _without(blobs: Sequence[tuple[int, int]], text: str, spans: Sequence[Needing], heads: bool) -> Iterator[Needing]:
    """The units of a block, or what of them is outside of all blobs; no `heads` or keys of blobs alone."""
    kept: list[list[tuple[int, int]]] = []  # of every unit
    ends = [end for _, end in blobs]
    for start, end, _ in spans:
        parts = []
        for a, b in islice(blobs, bisect_right(ends, start), None):
            if a >= end:
                break
            if text[start:a].strip():
                parts.append((start, a))
            start = max(start, b)
        if text[start:end].strip():
            parts.append((start, end))
        kept.append(parts)
    needed = {need for *_, needs in spans for need in needs} if heads else set()
    for number in range(len(spans) - 1, -1, -1):  # heads come before what needs them
        if number in needed:
            kept[number] = []
        elif kept[number]:
            needed.difference_update(spans[number][2])
    firsts = [0, *accumulate(map(len, kept))]
    for (_, _, needs), parts in zip(spans, kept, strict=True):
        here = tuple(number for need in needs for number in range(firsts[need], firsts[need + 1]))
        yield from ((a, b, here) for a, b in parts)


def _stripped(text: str, start: int, end: int, indented: bool) -> tuple[int, int]:
    piece = text[start:end]
    end = start + len(piece.rstrip())
    start += len(piece) - len(piece.lstrip())
    if indented:  # back to the beginning of the line
        while start > 0 and text[start - 1] in " \t":
            start -= 1
    return start, end


def _prose(text: str, block: Block, limit: int) -> Iterator[Needing]:
    """Sentences, and the items of a list with the lines that open it."""
    spans = _sentences(text, block)
    if has_list(text, block.lines[0][0], block.lines[-1][1]):
        return with_openings(text, spans)
    return ((a, b, ()) for a, b in spans)


def _sentences(text: str, block: Block) -> Iterator[tuple[int, int]]:
    for start, end in _readable(text, block.lines, minified_too=True):
        for a, b in sentence_spans(text, start, end):
            if text[a:b].strip() and not _minified(text[a:b]):  # a line of markup or addresses may hold sentences
                yield a, b


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
    """The head, and every row with it; rows alone where the first one is no head."""
    rows, ruled = _rows(text, block)
    if not rows:
        return
    data = not ruled and not _has_head(text, block) and _first_is_data(text, rows)
    yield rows[0][0], rows[ruled][1], ()
    for row in rows[ruled + 1 :]:
        yield *row, () if data or _is_rule(text, row) else (0,)


def _rows(text: str, block: Block) -> tuple[list[Line], int]:
    """The lines of a table, and the number of the one that ends its head: that of dashes, or the first. The frame above
    the first row is part of it."""
    rows = [line for line in block.lines if text[slice(*line)].strip()]
    if len(rows) > 1 and _is_rule(text, rows[0]):
        rows[:2] = [(rows[0][0], rows[1][1])]
    ruled = next((i for i, row in enumerate(rows[:4]) if _is_rule(text, row)), 0)
    return rows, ruled if ruled == 1 or ruled < len(rows) - 1 else 0  # not the frame below the last row


def _is_rule(text: str, row: Line) -> bool:
    line = text[slice(*row)]
    return ("-" in line or "=" in line) and not line.strip(_RULE)


def _first_is_data(text: str, rows: Sequence[Line]) -> bool:
    """Is the first row surely like the others? It has what another has in the same place, or no name of a column."""
    first, *others = (_cells_line(text, row) for row in rows[: HEAD_ROWS + 1])
    split = _splitter(first)
    cells, below = split(first), [split(row) for row in others if row != first and row.strip(_RULE)]
    for i, cell in enumerate(map(str.strip, cells)):
        column = [row[i].strip() for row in below if len(row) > i]
        if any(map(str.isalpha, cell)) and cell in column:
            return True
        if len(column) == len(below) > 0 and all(len(c) <= _LONGEST and _DATUM.fullmatch(c) for c in (cell, *column)):
            return True
    return False


def _cells_line(text: str, row: Line) -> str:
    """A row without the frame above it."""
    return text[slice(*row)].rsplit("\n", 1)[-1].strip(" \t|\r")


def _splitter(head: str) -> Callable[[str], list[str]]:
    """What splits the rows of a table into cells, by its first one."""
    separator = next((mark for mark in "\t|;," if mark in head), None)
    return re.compile(re.escape(separator) if separator else r" {2,}").split


def _has_head(text: str, block: Block) -> bool:
    """Does the first row say nothing by itself? Without a line of dashes below it, it may be data like the others: it
    is a head for sure where it has no numbers, and names a column in which all others have some."""
    rows, ruled = _rows(text, block)
    if ruled or not rows:
        return bool(ruled)
    head, *others = (_cells_line(text, row) for row in rows[: HEAD_ROWS + 1])
    others = [row for row in others if row.strip(_RULE)]
    if not others or _DIGIT.search(head):
        return False
    split = _splitter(head)
    named, below = split(head), [split(row) for row in others]
    return any(
        cell.strip(" \"'").lower() not in _UNKNOWN
        and any(map(str.isalpha, cell))
        and all(len(cells) > i and _DIGIT.search(cells[i]) for cells in below)
        for i, cell in enumerate(named)
    )


def _trace(text: str, block: Block, limit: int) -> Iterator[Needing]:
    """Every error by itself, or with the first of those that it follows directly: `make: *** Error 1` says that
    something failed, and no more. Of the other lines a frame with the line it quotes, and with the nearest error: the
    next one in Python, the last one elsewhere."""
    lines = [line for line in block.lines if text[slice(*line)].strip()]
    units: list[tuple[int, int, bool]] = []
    for (start, end), role in zip(lines, blocks.trace_roles(text, lines), strict=True):
        if role == blocks.MORE:
            units[-1] = (units[-1][0], end, units[-1][2])
        else:
            units.append((start, end, role == blocks.ERROR))
    later: list[int | None] = [None] * len(units)
    for i in range(len(units) - 2, -1, -1):
        later[i] = i + 1 if units[i + 1][2] else later[i + 1]
    earlier, run = None, 0  # of errors that nothing stands between, the first
    for i, (start, end, error) in enumerate(units):
        python = 'File "' in text[start:end] or "Traceback" in text[start:end] or earlier is None
        nearest = (later[i] if later[i] is not None else earlier) if python else earlier
        if error:
            run = run if i and units[i - 1][2] else i
            nearest = run if run < i else None
        yield start, end, () if nearest is None else (nearest,)
        earlier = i if error else earlier


def _announces(text: str, unit: Unit) -> bool:
    """Is this line before a trace the output of what failed, or does it open what follows? A sentence does not."""
    return not text[unit.start : unit.end].rstrip("*_`\"')").endswith((".", "!", "?", "。", "！", "？"))


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
