"""Items of a list, and the lines that open it.

Without the line before it that ends in a colon ("These are not allowed:") an item may say the contrary of what was
meant; so may one without the item above it that ends in one. So an item needs them, and a digest has them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

PARENTS = 4  # items above an item of a list that it needs, at most
LEADING_LINES = 3  # of an opening line that is broken into several
_COLONS = ":：﹕︰፦"
_OPENING = frozenset(_COLONS)  # a set, as an empty text is in every text
_CLOSERS = " \t\r\n*_\"'”’»)]`~-—–"  # behind a colon
_ITEM = re.compile(  # of a list; what its mark is like
    r"(?P<indent>[ \t>]*)(?:(?P<bullet>[-*+–—·]\s|[•‣◦▪▫●○■□・･※→➤✓✗✔✘☐☑❌✅⛔🚫])"
    r"|(?P<number>[(（\[]?\d{1,3}(?:\.\d{1,3})*(?:[.)\]]\s|[）、．]|(?<=\.\d)\s))"
    r"|(?P<letter>[(（\[]?(?:[A-Za-z]|[ivxIVX]{1,4})[.)\]]\s|[①-⑳一二三四五六七八九十]{1,2}[、．）]?(?<=[①-⑳、．）])))"
)
_OPENS_A_LIST = {  # an expression for each mark, as one that begins with a single character is found fast
    mark: re.compile(rf"{mark}(?:[^\w\n]|_)*(?:\n\s*)+(?:{_ITEM.pattern.replace('?P<', '?P<opens_')})")
    for mark in _COLONS
}


def has_opened_list(text: str, start: int, end: int) -> bool:
    """Is there a list in text[start:end] behind a line that ends in a colon?"""
    marks = ":" if text.isascii() else _COLONS
    return any(_OPENS_A_LIST[mark].search(text, start, end) for mark in marks)


def with_openings(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """The sentences of a text, each with the numbers of those that it needs."""
    lead: tuple[int, ...] = ()  # units of the last sentence outside of lists, which may be broken into lines
    opened = inside = False  # does that sentence end in a colon; is this a list
    opening: tuple[int, ...] = ()  # the sentence that opens it
    parents: list[tuple[int, str, int]] = []  # how far to the right, the kind of mark, the unit
    needs: tuple[int, ...] = ()
    edge, before = 0, 0  # how far to the right the last item stands, where the last unit ends
    for number, (a, b) in enumerate(spans):
        piece = text[a:b]
        start, end = a + len(piece) - len(piece.lstrip()), a + len(piece.rstrip())
        margin = text.rfind("\n", 0, start) + 1
        fresh = not text[margin:start].strip(" \t>")  # it begins a line
        wrapped = text[start].islower() and text.count("\n", before, start) == 1
        opens = opens_a_list(piece)
        if fresh and (mark := _ITEM.match(text, margin, end)):
            if not inside:
                inside, opening = True, lead if opened else ()
            edge, kind = len(mark["indent"].expandtabs(4)), mark.lastgroup or ""
            if parents:
                parents = _above(parents, edge, kind)
            needs = (*opening, *(unit for _, _, unit in parents[-PARENTS:])) if parents else opening
            if opens:
                parents.append((edge, kind, number))
        elif inside and fresh and not wrapped and len(text[margin:start].expandtabs(4)) <= edge:
            inside, parents, needs, lead = False, [], (), ()
        elif inside and opens:  # opens a list inside of the item
            parents.append((edge + 1, "", number))
        if not inside:
            lead = (*lead, number)[-LEADING_LINES:] if fresh and wrapped else (number,)
            opened = opens
        yield a, b, needs
        before = end


def opens_a_list(sentence: str) -> bool:
    """Does it end in a colon, in any script?"""
    return sentence.rstrip(_CLOSERS)[-1:] in _OPENING


def _above(parents: list[tuple[int, str, int]], edge: int, kind: str) -> list[tuple[int, str, int]]:
    """Those further left than an item, or as far left with another kind of mark: `1. Not on:`, then `- Friday`."""
    same = next((i for i, (far, of, _) in enumerate(parents) if (far, of) == (edge, kind)), len(parents))
    return [parent for parent in parents[:same] if parent[0] <= edge]
