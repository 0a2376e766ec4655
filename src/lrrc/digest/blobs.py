"""Stretches of a text that nobody reads, whatever stands around them: bytes in any notation, long vectors, drawings."""

from __future__ import annotations

import re
from itertools import pairwise

_LETTER = re.compile(r"[^\W\d_]")
_ENCODED_LINES = re.compile(
    r"\n[ \t>]*(?:[A-Za-z0-9+/]{24}|M[ -`]{44}|[0-9a-fA-F]{4,16}:?[ \t]+[0-9a-fA-F]{2}[0-9a-fA-F \t]{9}"
    r"|(?:[0-9a-fA-F]{2} ){8})"
)
_DECIMALS = re.compile(r"\.\d+[\deEf+-]{0,5}(?:[,;\s\[\](){}]{1,40}[-+]?\d*\.\d+[\deEf+-]{0,5}){7}")
_DUMP = re.compile(  # of hexdump, xxd, od: place, bytes, text
    r"(?:^[ \t>]*[0-9a-fA-F]{4,16}:?(?:[ \t]+(?:[0-9a-fA-F]{2}){1,8}){1,40}(?:[ \t][^\n]{0,80})?(?:\n|\Z)"
    r"(?:[ \t>]*\*\n)?){2,}(?:^[0-9a-fA-F]{4,16}[ \t]*$)?",
    re.MULTILINE,
)
_BYTES = re.compile(r"(?<!\S)(?:[0-9a-fA-F]{2}[ \t\r\n]+){31,}[0-9a-fA-F]{2}(?!\S)")
_ARRAY = re.compile(
    r"[\[({]*(?:0[xX][0-9a-fA-F]{1,16}[uUlL]*[,:;\s]+){15,}(?:0[xX][0-9a-fA-F]{1,16}[uUlL]*)?[\s\])},;]*"
)
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}[\s\"']*){16,}")
_DECIMAL = r"[-+]?(?:\d*\.\d+|\d+\.|\d+(?=[eE]))(?:[eE][-+]?\d+)?[fF]?"
_VECTOR = re.compile(
    rf"(?:[\[({{]\s*){{0,4}}(?<![\w.]){_DECIMAL}(?:[,;\s\[\](){{}}]+{_DECIMAL}(?![\w.])){{23,}}[\s\])}},;]*"
)
_LONG_DECIMAL = re.compile(r"\.\d{4}|\.\d+[eE]")
_PATH = re.compile(r"(?:<\w+\s+)?\b(?:d|points)=\\?([\"'])[MmLlHhVvCcSsQqTtAaZz0-9.,eE+\s…-]{60,}\\?\1?(?:\s*/?>)?")
_UUENCODED = re.compile(r"(?:^M[ -`]{44,60}\r?\n){2,}(?:[ -`]{1,61}\r?\n)?(?:[` ]\r?\n)?(?:end\b)?", re.MULTILINE)
_WRAPPED = re.compile(  # its last line is shorter, and no word
    r"(?:^[ \t>]*[A-Za-z0-9+/]{24,}[ \t]*\r?\n){3,}"
    r"(?:[ \t>]*(?=[^\n]*(?:[0-9=+/]|[a-z][A-Z]|[A-Z]{2}[a-z]))[A-Za-z0-9+/]+={0,2}[ \t]*$)?",
    re.MULTILINE,
)


def blobs_in(text: str) -> list[tuple[int, int]]:
    """Stretches that nobody reads, in order: bytes, long vectors, paths of drawings. Most messages have none, and are
    looked at for no more than the signs of each."""
    found: list[tuple[int, int]] = []
    if _ENCODED_LINES.search(text):
        found += [match.span() for match in _DUMP.finditer(text) if _counts_on(match[0])]
        found += [match.span() for match in _BYTES.finditer(text) if re.search("[a-fA-F]", match[0])]
        found += [match.span() for match in _UUENCODED.finditer(text)]
        found += [match.span() for match in _WRAPPED.finditer(text) if _evenly_wrapped(match[0])]
    if text.count("0x") + text.count("0X") >= 16:
        found += [match.span() for match in _ARRAY.finditer(text)]
    if "\\x" in text:
        found += [match.span() for match in _ESCAPES.finditer(text)]
    if " d=" in text or " points=" in text:
        found += [match.span() for match in _PATH.finditer(text)]
    if _DECIMALS.search(text):
        found += [match.span() for match in _VECTOR.finditer(text) if _is_vector(text, *match.span())]
    found.sort()
    return [span for span, before in zip(found, [(0, 0), *found], strict=False) if span[1] > before[1]]


def _counts_on(dump: str) -> bool:
    """Do the lines begin with places that go on by as many bytes as a line has?"""
    places = [int(line.lstrip(" \t>").split()[0].rstrip(":"), 16) for line in dump.splitlines()[:3] if line[-1:] != "*"]
    return len(places) > 1 and all(b - a in (4, 8, 16, 24, 32, 64) for a, b in pairwise(places))


def _evenly_wrapped(lines: str) -> bool:
    """Lines of one width, in letters of both cases and digits: no words, names or paths."""
    widths = {len(line.strip(" \t>\r")) for line in lines.split("\n")[:-1]}  # the last is shorter
    return len(widths) == 1 and all(re.search(kind, lines) for kind in ("[a-z]", "[A-Z]", "[0-9]"))


def _is_vector(text: str, start: int, end: int) -> bool:
    """Numbers of many decimals, and no rows below a head that names their columns."""
    run = text[start:end]
    if len(_LONG_DECIMAL.findall(run)) * 2 < run.count("."):
        return False
    begin = text.rfind("\n", 0, start) + 1
    above = text[:begin].rstrip().rpartition("\n")[2].rstrip()
    if text[begin:start].strip() or above[-1:] in ("", ".", ":", "!", "?") or not _LETTER.search(above):
        return True
    row = run.lstrip().partition("\n")[0].rstrip()
    separator = next((mark for mark in ",;\t" if mark in row), None)
    return len(above.strip(separator).split(separator)) != len(row.strip(separator).split(separator))
