"""What is longer than a segment may be, cut where a reader would: behind words, at best where a clause ends."""

from __future__ import annotations

import regex

from lrrc.digest.words import UNSPACED
from lrrc.pretrained import tokens

# what stands by itself: white space, a word with what is written to it, and of scripts without spaces (and of pictures)
# a character as people see it
_ALONE = rf"{UNSPACED}\p{{Extended_Pictographic}}\p{{Regional_Indicator}}--[\p{{ASCII}}]"
_ATOM = regex.compile(rf"(?V1)(?:(?=\s)\X)+|(?=[{_ALONE}])\X|(?:(?!\s|[{_ALONE}])\X)+")
_CLAUSE_END = regex.compile(r".*(?:\n|[,;:、，；：،؛—–)\]}>。！？!?.][\"'”’»」』]?\s*)$", regex.DOTALL)


def cut(text: str, start: int, end: int, limit: int) -> list[tuple[int, int, int]]:
    """(start, end, tokens) of pieces of text[start:end] of at most `limit` tokens. A word with more is left out."""
    atoms = [match.span() for match in _ATOM.finditer(text, start, end)]
    # a blank is part of the token after it
    costs = [0 if text[a:b] == " " else tokens.count(text[a:b]) for a, b in atoms]
    pieces, first, cost, clause = [], 0, 0, 0
    for k, ((a, b), n) in enumerate(zip(atoms, costs, strict=True)):
        if n > limit and not text[a].isspace():
            pieces.append((first, k))
            first, cost, clause = k + 1, 0, 0
            continue
        if cost + n > limit and not text[a].isspace():
            behind = clause if clause > (first + k) // 2 else k
            pieces.append((first, behind))
            first, cost, clause = behind, sum(costs[behind:k]), 0
        cost += n
        if _CLAUSE_END.match(text, a, b):
            clause = k + 1
    pieces.append((first, len(atoms)))
    found = []
    for first, last in pieces:
        if first < last:
            found += _counted(text, atoms[first][0], atoms[last - 1][1], limit)
    return found


def _counted(text: str, start: int, end: int, limit: int) -> list[tuple[int, int, int]]:
    """The piece without white space at its ends, halved where byte pairs did not quite add up."""
    piece = text[start:end]
    end = start + len(piece.rstrip())
    start += len(piece) - len(piece.lstrip())
    if start >= end:
        return []
    count = tokens.count(text[start:end])
    if count <= limit:
        return [(start, end, count)]
    atoms = [match.span() for match in _ATOM.finditer(text, start, end)]
    if len(atoms) < 2:
        return []
    middle = atoms[len(atoms) // 2][0]
    return [*_counted(text, start, middle, limit), *_counted(text, middle, end, limit)]
