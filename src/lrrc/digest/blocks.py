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
    (?P<trace>(?=[TFa.CSEUgpt+\#P-])(?:  # so that most lines are done with here
        Traceback\ \(most\ recent|File\ "[^"\n]+",\ line\ \d|at\ [^\s(]+\ ?\(|at\ \S+:\d+:\d+|at\ async\ \S
        |\.\.\.\ \d+\ more$|Caused\ by:\ |Suppressed:\ \S+:\ |--->\ |Exception\ in\ thread|Unhandled\ [Ee]xception[.:]
        |goroutine\ \d+\ \[|panic:\ |thread\ '[^']*'(?:\ \(\d+\))?\ panicked|\+\ Exception\ Group\ Traceback
        |\#\d+\ +(?:\S+\(\d+\):\ |\{main\}|\S+\ \((?:file|package|dart):)
        |Stack\ trace:[ \t]*$|thrown\ in\ \S+\ on\ line\ \d|(?:PHP\ )?Fatal\ error:\ +Uncaught\ ))
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
_RUBY_FRAME = re.compile(r"[ \t]*(?:from )?[^\s:]+:\d+:in [`'\"]")
_CODE_ENDS = ("{", "}", ";", "):", ") =>", "\\")
_ERROR = re.compile(
    r"[ \t]*(?:[A-Za-z_][\w.$]*(?:Error|Exception|Warning|Fault|Interrupt|Exit)\b(?!\ in\ thread)"
    r"|(?:Uncaught\ )?[Ee]rror(?:\[\w+\])?:|Caused by:|Suppressed:|--->|Exception in thread|Unhandled [Ee]xception"
    r"|Uncaught|(?:PHP )?Fatal error:|panic: |(?:[\d/]+ [\d:.]+ )?http: panic|thread '[^']*'(?: \(\d+\))? panicked"
    r"|[^\s:]+:\d+:in [`'\"][^\n]*\([A-Z][\w:]*\)[ \t]*$|fatal|FATAL|make(?:\[\d+\])?: \*\*\*)",
    re.MULTILINE,
)
_FRAME_WORDS = re.compile(
    r"[ \t]+\S|During handling|The above exception|Traceback|\[signal |exit status \d|note: |stack backtrace:|\s*$"
)
# what may be the name of an error and nothing but its place tells that it is one: a class, alone or before its message
_NAMED = re.compile(r"[ \t|]*(?:Uncaught )?[^\W\d][\w.$\\]*(?:::\w+)*(?: \[\w+\])?(?::\s| \(|\s*$)", re.MULTILINE)
_PYTHON_FRAME = re.compile(r'[ \t|]*(?=File ")')
_BELOW = re.compile(r"[ \t]+(?:at|from) |[ \t]*[^\s:]+:\d+:in ")  # a frame of Java, JavaScript, C#, Ruby
_PLACE = re.compile(r"[ \t]+\S+:\d+(?: \+0x[0-9a-f]+)?[ \t]*$", re.MULTILINE)  # the second line of a frame of Go
MOST_OF_A_MESSAGE = 6  # lines between the name of an error and its first frame
ERROR, MORE, FRAME = "error", "more", "frame"  # what a line of a trace is; `more` belongs to the line before it
_GAP = re.compile(r"(?<=\S)(?: {2,}|\t+)(?=\S)")
_JSON = re.compile(r"[{\[]\s*(?:[\"'{\[]|-?\d|\Z)")
_SHORTEST_JSON = 80  # characters of one that is worth a block of its own in a line
_SEPARATORS = "\t,;|"
_LONGEST_CELL = 40  # characters, on average
_CROSSED = re.compile(r"[ \t]*(?=[-=]*\+)(?=\+*[-=])[-+=]+[ \t]*$", re.MULTILINE)  # a rule of psql: `---+---`
_FRAMED = re.compile(r"[ \t]*\+(?:[-=]+\+)+[ \t]*$", re.MULTILINE)  # one of MySQL: `+---+---+`
_BULLET = re.compile(r"[ \t>]*(?:[-*+•–—‣◦▪·・]|[(\[]?\w{1,3}[.)\]])\s+\w")
# what is listed in a line is no row: behind a bullet or a label, or with a word before the last thing
_LISTING = re.compile(
    rf"{_BULLET.pattern}|[^,;]{{1,40}}(?::\s|：)|[^\n]*[,;] (?:and|or|und|oder|et|ou|y|o|e|og|och|en)\s"
)


def error_line(text: str, line: Line) -> bool:
    """Does this line of a stack trace say what went wrong?"""
    return bool(_ERROR.match(text, *line))


def _python_column(text: str, line: Line) -> int:
    """Where `File` stands in a frame of Python; -1 in any other line."""
    frame = _PYTHON_FRAME.match(text, *line)
    return len(frame[0]) if frame else -1


def _behind_frames(text: str, line: Line, column: int) -> bool:
    """Is this line the error of the frames of Python above it, whatever its class is called? It stands further left."""
    piece = text[slice(*line)]
    return 0 <= len(piece) - len(piece.lstrip(" \t|")) < column and bool(_NAMED.match(text, *line))


def trace_roles(text: str, lines: Sequence[Line]) -> list[str]:
    """ERROR, MORE or FRAME for each of the lines of a stack trace, none of them blank."""
    roles: list[str] = []
    column, told, room, below = -1, False, 0, False  # of the last frame of Python; a message follows, of so many lines
    for number, (start, end) in enumerate(lines):
        line = (start, end)
        shape, margin = _SHAPE.match(text, start, end), text[start] not in " \t"
        framed = shape.lastgroup == "trace" if shape else bool(_RUBY_FRAME.match(text, start, end))
        here = _python_column(text, line)
        error = error_line(text, line) or (not framed and (number == 0 and bool(_NAMED.match(text, start, end))))
        if told:  # the line below `panicked at ...:`
            roles.append(MORE)
            told, room = False, MOST_OF_A_MESSAGE
        elif error or _behind_frames(text, line, column):
            roles.append(ERROR)
            told = _announces(text[start:end])
            room = 0 if number else MOST_OF_A_MESSAGE
            column, below = -1, False
        else:
            if framed or (margin and _FRAME_WORDS.match(text, start, end)):
                room = 0
            quoted = below and here < 0 and not margin
            placed = number > 0 and roles[-1] == FRAME and _PLACE.match(text, start, end)
            more = number > 0 and (quoted or (placed and text[lines[number - 1][0]] not in " \t") or room > 0)
            roles.append(MORE if more else FRAME)
            room -= 1
            if here >= 0:
                column = here
            below = here >= 0 or quoted  # what a frame of Python quotes, with the marks below that
    return roles


def _announces(line: str) -> bool:
    """Does the next line say what a panic of Rust was about?"""
    return " panicked at " in line and line.rstrip().endswith(":")


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
        self.ruby = ":in `" in text or ":in '" in text
        self.shapes = [self._shape_of(*line) for line in self.lines]
        self.traced = "trace" in self.shapes

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
        if shape == "trace" or (self.traced and (framed := self._opens_trace(i, last)) > i):
            return TRACE, self._trace(i, last, i if shape == "trace" else framed)
        if shape == "log":
            return LOG, self._while(i, last, lambda j: self.shapes[j] == "log" or (j > i and self._indented(j)))
        barred = i + 1 < last and "|" in self._line(i) and (self._ruled(i + 1) or self._barred(i + 1))
        if shape == "row" or barred or (i + 1 < last and self.shapes[i + 1] == "row" and self._crossed(i, _FRAMED)):
            stop = self._while(i, last, lambda j: "|" in self._line(j) or self._crossed(j, _CROSSED))
            if stop - i > 1:
                return TABLE, stop
        if plain == PROSE and shape == "code" and (stop := self._code(i, last)) > i:
            return CODE, stop
        return (TABLE, stop) if (stop := self._columns(i, last)) - i > 2 else (plain, i + 1)

    def _shape_of(self, start: int, end: int) -> str | None:
        if match := _SHAPE.match(self.text, start, end):
            return match.lastgroup
        if self.ruby and _RUBY_FRAME.match(self.text, start, end):
            return "trace"
        ends = self.text[max(start, end - 8) : end].rstrip().endswith(_CODE_ENDS)
        return (
            "code" if ends and not _BULLET.match(self.text, start, end) else None
        )  # lists end their items by `;`, too

    def _line(self, i: int) -> str:
        return self.text[slice(*self.lines[i])]

    def _indented(self, i: int) -> bool:
        start, end = self.lines[i]
        return start < end and self.text[start] in " \t" and not self.text[start:end].isspace()

    def _ruled(self, i: int) -> bool:
        """A line of dashes, with bars or a cross below each bar of the head of a table."""
        line = self._line(i)
        if "|" not in line:
            return self._crossed(i, _CROSSED) and line.strip().strip("+").count("+") == self._bars(i - 1)
        return "-" in line and not line.strip(" \t|:-+")

    def _crossed(self, i: int, rule: re.Pattern) -> bool:
        return bool(rule.match(self.text, *self.lines[i]))

    def _bars(self, i: int) -> int:
        """Those inside of a row."""
        return self._line(i).strip().strip("|").count("|")

    def _barred(self, i: int) -> bool:
        """A row between bars, with as many cells as the line above, which has no bars at its ends."""
        if self.shapes[i] != "row":
            return False
        return self._bars(i - 1) == self._bars(i) > 0

    @staticmethod
    def _while(i: int, last: int, holds) -> int:
        while i < last and holds(i):
            i += 1
        return i

    def _opens_trace(self, i: int, last: int) -> int:
        """The first frame of the trace whose error line i says; i where it says none."""
        near = self.shapes[i + 1 : min(last, i + 1 + MOST_OF_A_MESSAGE)]
        if "trace" not in near:
            return i
        first, line = i + 1 + near.index("trace"), self.lines[i]
        directly = not any(map(str.strip, map(self._line, range(i + 1, first))))
        below = _BELOW.match(self.text, *self.lines[first])
        if error_line(self.text, line):
            return first if directly or below else i
        return first if directly and below and not self._indented(i) and _NAMED.match(self.text, *line) else i

    def _trace(self, i: int, last: int, framed: int) -> int:
        """Where the trace ends: frames, what they quote, and the lines that say what went wrong. Its first frame is
        line `framed`."""
        stop, column = i, -1
        while stop < last:
            line = self.lines[stop]
            here = _python_column(self.text, line)
            told = stop > i and _announces(self._line(stop - 1))
            called = stop + 1 < last and _PLACE.match(self.text, *self.lines[stop + 1])  # a frame of Go
            error = _behind_frames(self.text, line, column)
            if not (
                stop <= framed
                or told
                or error
                or called
                or self.shapes[stop] == "trace"
                or error_line(self.text, line)
                or _FRAME_WORDS.match(self.text, *line)
            ):
                break
            column = here if here >= 0 else -1 if error else column
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
                loose = separator in ",;" and separator + " " in line and (count < 3 or _LISTING.match(line))
                if loose or line.rstrip()[-1:] in (".", "!", "?"):
                    continue
                stop = self._while(i, last, lambda j: self._line(j).count(separator) == count)  # noqa: B023
                if stop - i > 2:
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
