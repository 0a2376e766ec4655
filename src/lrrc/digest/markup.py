"""HTML and XML in one long line, as pages and services send them: cut between elements, never inside one.

An element that fits into a unit stays whole, with its tags, which say what its text is; of a larger one the parts do,
text by sentences. Scripts and styles are nobody's to read.
"""

from __future__ import annotations

import re
from collections import Counter

from lrrc.digest.json_units import MOST_CHARACTERS
from lrrc.digest.sentences import sentence_spans
from lrrc.pretrained import tokens

LONG, TAGS = 300, 8  # characters of a line, and closing tags in it, from which on it is markup and no prose with some
_TAG = re.compile(r"<[!?][^<>]*>|<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<more>[^<>]*?)(?P<empty>/?)>")
_HIDDEN = {name: re.compile(f"</{name}\\s*>", re.IGNORECASE) for name in ("script", "style", "svg")}
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
Spans = list[tuple[int, int]]


def is_markup(text: str, start: int, end: int) -> bool:
    """Is this line one of many elements?"""
    return end - start >= LONG and text.count("</", start, end) + text.count("/>", start, end) >= TAGS


def markup_units(text: str, start: int, end: int, limit: int) -> Spans:
    """Bounds of units of about `limit` tokens at most, in order."""
    opened: list[tuple[str, int, Spans]] = [("", start, [])]  # name, where it begins, units inside
    at, names = start, Counter[str]()
    for tag in _TAG.finditer(text, start, end):
        if tag.start() < at:
            continue  # inside of a script
        opened[-1][2].extend(_sentences(text, at, tag.start()))
        at, name = tag.end(), (tag["name"] or "").lower()
        if tag["close"]:
            if not names[name]:
                continue  # nobody opened it
            while opened[-1][0] != name:  # elements that nobody closes
                names[_close(text, opened, tag.start(), limit)] -= 1
            names[_close(text, opened, tag.end(), limit)] -= 1
        elif name in _HIDDEN:
            close = _HIDDEN[name].search(text, at, end)
            at = close.end() if close else end
        elif tag["empty"] and "=" in tag["more"] and name not in _VOID:  # it says something by its attributes
            opened[-1][2].append(tag.span())
        elif name and not tag["empty"] and name not in _VOID:
            opened.append((name, tag.start(), []))
            names[name] += 1
    opened[-1][2].extend(_sentences(text, at, end))
    while len(opened) > 1:
        _close(text, opened, end, limit)
    return opened[0][2]


def _close(text: str, opened: list[tuple[str, int, Spans]], end: int, limit: int) -> str:
    """The innermost element ends: one unit with all inside it, where that fits. Returns its name."""
    name, start, inside = opened.pop()
    fits = end - start <= MOST_CHARACTERS * limit and tokens.count(text[start:end]) <= limit
    opened[-1][2].extend([(start, end)] if inside and fits else inside)
    return name


def _sentences(text: str, start: int, end: int) -> Spans:
    return [span for span in sentence_spans(text, start, end) if text[slice(*span)].strip()]
