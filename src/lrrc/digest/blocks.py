"""What the lines of a message are: prose, code, a table, a stack trace, a log, JSON, markup.

Told by the shape of lines alone, in one pass. What looks like nothing else is prose, and every line of prose is looked
at as before; so a wrong guess costs little: lines stay whole, with their indentation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lrrc.digest import json_units
from lrrc.digest.markup import is_markup

PROSE, CODE, TABLE, TRACE, LOG, JSON, FENCE = "prose", "code", "table", "trace", "log", "json", "fence"
MARKUP = "markup"
Line = tuple[int, int]  # [start, end) without its line break


@dataclass(frozen=True)
class Block:
    """Consecutive lines of one kind; `fences` are the numbers of the blocks that it stands between, `root` is what was
    read of JSON."""

    kind: str
    lines: Sequence[Line]
    fences: tuple[int, ...] = ()
    root: json_units.Value | None = None


_LINE = re.compile(r"[^\n]*\n|[^\n]+$")
_FENCE = re.compile(r"[ \t]*(```+|~~~+)")
# what a line can be by itself; the first that fits
_SHAPE = re.compile(
    r"""[ \t]*(?:
    (?P<trace>Traceback\ \(most\ recent|File\ "[^"\n]+",\ line\ \d|at\ [^\s(]+\ ?\(|at\ \S+:\d+:\d+|at\ async\ \S
        |\.\.\.\ \d+\ more$|Caused\ by:\ |Exception\ in\ thread|goroutine\ \d+\ \[|panic:\ |thread\ '[^']*'\ panicked)
    |(?P<log>\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[?\d\d:\d\d:\d\d[\].,\s]|[A-Z][a-z]{2}\ +\d{1,2}\ \d\d:\d\d:\d\d[ ]
        |\[?(?:INFO|WARN|WARNING|ERROR|DEBUG|TRACE|FATAL|NOTICE)\b[\]:\s]|\d{1,3}(?:\.\d{1,3}){3}\ -\ \S+\ \[)
    |(?P<row>\|.*\|[ \t]*$|:?-{3,}:?\ *\|[\s:|-]*$)
    |(?P<code>[})\]]+[;,]?[ \t]*$
        |(?:async\ )?(?:def|class|fn|func|function|interface|struct|enum|impl|module|namespace)\ \w[^.!?\n]*[({:=]
        |(?:import|from|package|using|require|include|\#include|use)
            \ [\w.*/"'<>:{]+(?:\ (?:import|as)\ [\w.,*\ ()]+)?;?[ \t]*$
        |[\w.\[\]"'*]{1,60}(?:,\ *\w+)*\ *(?:=|:=|[-+*/]=)\ *\S|[\w.]+\([^)\n]*\)[ \t]*$
        |(?:if|elif|else|for|while|with|try|except|finally|switch|case|async\ for|async\ with)\b[^\n]*[:{][ \t]*$
        |//|/\*|\#!|@\w+|\$\ \w|<\/?[A-Za-z][^>\n]*>|@@\ |diff\ --git|(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER)[ ]
        |(?:pass|continue|break|return(?:\ [^.\n]{0,60})?|raise\ \w.*|yield\ .*)$)
    )""",
    re.VERBOSE | re.MULTILINE,
)
_CODE_ENDS = ("{", "}", ";", "):", ") =>", "\\")
_ERROR = re.compile(
    r"[ \t]*(?:[A-Za-z_][\w.$]*(?:Error|Exception|Warning|Fault|Interrupt|Exit)\b(?!\ in\ thread)"
    r"|(?:Uncaught\ )?[Ee]rror(?:\[\w+\])?:|Caused by:|Exception in thread|Uncaught|panic: |thread '[^']*' panicked"
    r"|fatal|FATAL|make: \*\*\*)"
)
_FRAME_WORDS = re.compile(r"[ \t]+\S|During handling|The above exception|Traceback|\s*$")
_GAP = re.compile(r"(?<=\S)(?: {2,}|\t+)(?=\S)")
_JSON = re.compile(r"[{\[]\s*(?:[\"'{\[]|-?\d|\Z)")
_SHORTEST_JSON = 80  # characters of one that is worth a block of its own in a line
_SEPARATORS = "\t,;|"
_LONGEST_CELL = 40  # characters, on average


def error_line(text: str, line: Line) -> bool:
    """Does this line of a stack trace say what went wrong?"""
    return bool(_ERROR.match(text, *line))


def lines_of(text: str) -> list[Line]:
    """Bounds of the lines of a text, line breaks left out."""
    found = []
    for match in _LINE.finditer(text):
        start, end = match.span()
        while end > start and text[end - 1] in "\r\n":
            end -= 1
        found.append((start, end))
    return found


def blocks_of(text: str) -> list[Block]:
    """The blocks of a message, in order; together they cover everything but white space."""
    if "\n" not in text and not _JSON.search(text) and not is_markup(text, 0, len(text)):
        return [Block(PROSE, [(0, len(text))])]
    reader = _Reader(text)
    reader.read(0, len(reader.lines), PROSE, ())
    return reader.blocks


class _Reader:
    def __init__(self, text: str):
        self.text, self.lines = text, lines_of(text)
        self.blocks: list[Block] = []
        self.no_json_before = 0  # nothing before this place begins any JSON
        self.shapes = [self._shape_of(*line) for line in self.lines]

    def read(self, first: int, last: int, plain: str, fences: tuple[int, ...]) -> None:
        """Blocks of some lines; those of no other kind are `plain`."""
        i, start = first, first
        while i < last:
            stop = self._fenced(i, last, start, plain, fences) if plain == PROSE else i
            if stop > i:
                i = start = stop
                continue
            if is_markup(self.text, *self.lines[i]):
                self._add(plain, start, i, fences)
                self._add(MARKUP, i, i + 1, fences)
                i = start = i + 1
                continue
            if (place := self._json(i, last, start, plain, fences)) is not None:
                i = start = place
                continue
            kind, stop = self._run(i, last, plain)
            if kind == plain:
                i += 1
                continue
            self._add(plain, start, i, fences)
            self._add(kind, i, stop, fences)
            i = start = stop
        self._add(plain, start, last, fences)

    def _add(self, kind: str, first: int, last: int, fences: tuple[int, ...]) -> None:
        if any(a < b for a, b in self.lines[first:last]):
            self.blocks.append(Block(kind, self.lines[first:last], fences))

    def _fenced(self, i: int, last: int, start: int, plain: str, fences: tuple[int, ...]) -> int:
        """Where the fenced lines that begin at line i end; i where none do."""
        opening = _FENCE.match(self.text, *self.lines[i])
        if not opening:
            return i
        self._add(plain, start, i, fences)
        close = next((j for j in range(i + 1, last) if self._closes(j, opening[1])), last)
        number = len(self.blocks)
        self._add(FENCE, i, i + 1, fences)
        self.read(i + 1, close, CODE, (*fences, number))
        if close < last:
            closing, inner = len(self.blocks), self.blocks[number + 1 :]
            self.blocks[number + 1 :] = [Block(b.kind, b.lines, (*b.fences, closing), b.root) for b in inner]
            self._add(FENCE, close, close + 1, fences)
        return min(last, close + 1)

    def _closes(self, j: int, marks: str) -> bool:
        start, end = self.lines[j]
        return self.text[start:end].strip().startswith(marks) and not self.text[start:end].strip().strip(marks[0])

    def _run(self, i: int, last: int, plain: str) -> tuple[str, int]:
        """Kind of the block that begins at line i, and where it ends."""
        shape = self.shapes[i]
        if shape == "trace" or (self._shape(i + 1, last) == "trace" and error_line(self.text, self.lines[i])):
            return TRACE, self._trace(i, last)
        if shape == "log":
            return LOG, self._while(i, last, lambda j: self.shapes[j] == "log" or (j > i and self._indented(j)))
        if shape == "row" or (i + 1 < last and self._ruled(i + 1) and "|" in self._line(i)):
            stop = self._while(i, last, lambda j: "|" in self._line(j))
            if stop - i > 1:
                return TABLE, stop
        if plain == PROSE and shape == "code" and (stop := self._code(i, last)) > i:
            return CODE, stop
        return (TABLE, stop) if (stop := self._columns(i, last)) - i > 2 else (plain, i + 1)

    def _shape_of(self, start: int, end: int) -> str | None:
        if match := _SHAPE.match(self.text, start, end):
            return match.lastgroup
        return "code" if self.text[max(start, end - 8) : end].rstrip().endswith(_CODE_ENDS) else None

    def _shape(self, i: int, last: int) -> str | None:
        return self.shapes[i] if i < last else None

    def _line(self, i: int) -> str:
        return self.text[slice(*self.lines[i])]

    def _indented(self, i: int) -> bool:
        start, end = self.lines[i]
        return start < end and self.text[start] in " \t" and not self.text[start:end].isspace()

    def _ruled(self, i: int) -> bool:
        """A line of dashes and bars below the head of a table."""
        line = self._line(i)
        return "-" in line and "|" in line and not line.strip(" \t|:-+")

    @staticmethod
    def _while(i: int, last: int, holds) -> int:
        while i < last and holds(i):
            i += 1
        return i

    def _trace(self, i: int, last: int) -> int:
        """Frames, what they quote, and the lines that say what went wrong."""
        stop = i + 1
        while stop < last:
            line = self.lines[stop]
            if not (
                self.shapes[stop] == "trace" or error_line(self.text, line) or _FRAME_WORDS.match(self.text, *line)
            ):
                break
            stop += 1
        while stop > i and not self._line(stop - 1).strip():
            stop -= 1
        return stop

    def _code(self, i: int, last: int) -> int:
        """Two lines of code at least, with what is indented or blank between them; i where there are fewer."""
        stop, found, j = i + 1, 1, i + 1
        while j < last:
            if self.shapes[j] == "code":
                found, stop = found + 1, j + 1
            elif self._indented(j):
                stop = j + 1
            elif self._line(j).strip():
                break
            j += 1
        return stop if found > 1 else i

    def _columns(self, i: int, last: int) -> int:
        """Lines from i on that are split into as many cells: by one separator, or by wide gaps."""
        line = self._line(i)
        for separator in _SEPARATORS:
            count = line.count(separator)
            if count >= (1 if separator == "\t" else 2) and len(line) <= _LONGEST_CELL * (count + 1):
                loose = separator in ",;" and separator + " " in line and count < 3
                stop = self._while(i, last, lambda j: self._line(j).count(separator) == count)  # noqa: B023
                if stop - i > 2 and not loose and line.rstrip()[-1:] not in (".", "!", "?"):
                    return stop
        gaps = len(_GAP.findall(line)) if "  " in line or "\t" in line else 0
        if gaps < 2:
            return i
        return self._while(i, last, lambda j: abs(len(_GAP.findall(self._line(j))) - gaps) <= 1)

    def _json(self, i: int, last: int, start: int, plain: str, fences: tuple[int, ...]) -> int | None:
        """The line to go on with where JSON begins in line i; None where none does."""
        line_start, line_end = self.lines[i]
        match = _JSON.search(self.text, max(line_start, self.no_json_before), line_end)
        if match is None:
            return None
        begin, end = match.start(), self.lines[last - 1][1]
        root, stop = json_units.parse(self.text, begin, end)
        if root is None or stop - begin < _SHORTEST_JSON:
            self.no_json_before = max(self.no_json_before, stop)
            return None
        self._add(plain, start, i, fences)
        if self.text[line_start:begin].strip():
            self.blocks.append(Block(plain, [(line_start, begin)], fences))
        self.blocks.append(Block(JSON, [(begin, stop)], fences, root))
        j = next((j for j in range(i, last) if self.lines[j][1] >= stop), last - 1)
        if self.text[stop : self.lines[j][1]].strip():  # the rest of its last line is read as a line of its own
            self.lines[j] = (stop, self.lines[j][1])
            self.shapes[j] = None
            return j
        return j + 1
