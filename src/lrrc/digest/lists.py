"""Items of a list, and the lines that open it.

Without the line before it that ends in a colon ("These are not allowed:") an item may say the contrary of what was
meant; so may one without the item above it that ends in one, or without the heading of its list ("### Never"). So an
item needs them, and a digest has them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

PARENTS = 4  # items above an item of a list that it needs, at most
HEADINGS = 2  # above a list that its items need, at most: `## Rabbits`, `### Never`
LEADING_LINES = 3  # of an opening line that is broken into several
SHORT_WORDS, SHORT_CHARACTERS = 6, 60  # of a line that is a heading without any marks, at most
_COLONS = ":：﹕︰፦"
_OPENING = frozenset(_COLONS)  # a set, as an empty text is in every text
_CLOSERS = " \t\r\n*_\"'”’»)]`~-—–"  # behind a colon
_ITEM = re.compile(  # of a list; what its mark is like
    r"(?P<indent>[ \t>]*)(?:(?P<bullet>[-*+–—·]\s|[•‣◦▪▫●○■□・･※→➤✓✗✔✘☐☑❌✅⛔🚫])"
    r"|(?P<number>[(（\[]?\d{1,3}(?:\.\d{1,3})*(?:[.)\]]\s|[）、．]|(?<=\.\d)\s))"
    r"|(?P<letter>[(（\[]?(?:[A-Za-z]|[ivxIVX]{1,4})[.)\]]\s|[①-⑳一二三四五六七八九十]{1,2}[、．）]?(?<=[①-⑳、．）])))"
)
_LISTED = re.compile(rf"\n(?:{_ITEM.pattern})")
_HEADING = re.compile(  # `#`, or nothing but bold text in a line
    r"[ \t>]*(?:(?P<marks>#{1,6})[ \t]+\S"
    r"|(?:\*\*(?:[^*\n]|\*(?!\*))+\*\*\*?|__(?:[^_\n]|_(?!_))+___?)[ \t\r:：\\]*(?:\n|\Z))"
)
_BOLD_LEVEL = 7  # below all of Markdown
_END_MARKS = frozenset(".!?…,;。！？｡、，；।॥۔؟።፧។៕")


def has_list(text: str, start: int, end: int) -> bool:
    """Is there an item of a list below the first line of text[start:end]?"""
    return bool(_LISTED.search(text, start, end))


def with_openings(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """The sentences of a text, each with the numbers of those that it needs."""
    lead: tuple[int, ...] = ()  # units of the last sentence outside of lists, which may be broken into lines
    opened = inside = False  # does that sentence end in a colon; is this a list
    titled = heads = False  # is that sentence a short line; is this line a heading
    headings: list[tuple[int, tuple[int, ...]]] = []  # those that this text stands below: level, units
    opening: tuple[int, ...] = ()  # what opens the list
    parents: list[tuple[int, str, int]] = []  # how far to the right, the kind of mark, the unit
    needs: tuple[int, ...] = ()
    edge, before = 0, 0  # how far to the right the last item stands, where the last unit ends
    for number, (a, b) in enumerate(spans):
        piece = text[a:b]
        start, end = a + len(piece) - len(piece.lstrip()), a + len(piece.rstrip())
        margin = text.rfind("\n", before, start) + 1  # 0 behind another unit in its line
        fresh = (margin > 0 or not before) and not text[margin:start].strip(" \t>")  # it begins a line
        breaks = text.count("\n", before, start)
        wrapped = text[start].islower() and breaks == 1
        opens = opens_a_list(piece)
        level = _level(text, margin) if fresh and text[start] in "#*_>" else 0
        if fresh and (mark := _ITEM.match(text, margin, end)):
            if not inside:
                above = {unit for _, units in headings[-HEADINGS:] for unit in units}
                inside, opening = True, tuple(sorted(above.union(lead if opened or (titled and breaks == 1) else ())))
            edge, kind = len(mark["indent"].expandtabs(4)), mark.lastgroup or ""
            _leave(parents, edge, kind)
            needs = (*opening, *(unit for _, _, unit in parents[-PARENTS:])) if parents else opening
            if opens:
                parents.append((edge, kind, number))
            elif _is_short(text[mark.end() : end]):  # opens a list that stands further right
                parents.append((edge + 1, "", number))
        elif inside and fresh and not wrapped and len(text[margin:start].expandtabs(4)) <= edge:
            inside, parents, needs, lead = False, [], (), ()
            if headings and headings[-1][0] == _BOLD_LEVEL:  # holds for one list
                headings.pop()
        elif inside and (opens or level):  # opens a list inside of the item
            parents.append((edge + 1, "", number))
            if len(parents) > PARENTS and parents[-PARENTS - 1][:2] == (edge + 1, ""):
                del parents[-PARENTS - 1]  # never needed again
        if not inside:
            if level:
                while headings and headings[-1][0] >= level:
                    headings.pop()
                headings.append((level, (number,)))
            elif heads and not fresh:  # a heading of several sentences
                headings[-1] = (headings[-1][0], (*headings[-1][1], number)[-LEADING_LINES:])
            lead = (*lead, number)[-LEADING_LINES:] if fresh and wrapped else (number,)
            opened, titled = opens, fresh and not wrapped and _is_short(piece)
        heads = bool(level) or (heads and not fresh)
        yield a, b, needs
        before = end


def opens_a_list(sentence: str) -> bool:
    """Does it end in a colon, in any script?"""
    return sentence.rstrip(_CLOSERS)[-1:] in _OPENING


def _level(text: str, margin: int) -> int:
    """Of the heading that begins at `margin`; 0 where none does."""
    heading = _HEADING.match(text, margin)
    if not heading:
        return 0
    return len(heading["marks"]) if heading["marks"] else _BOLD_LEVEL


def _is_short(line: str) -> bool:
    """Can this line be a heading, though nothing marks it as one?"""
    line = line.strip()
    return (
        0 < len(line) <= SHORT_CHARACTERS
        and len(line.split()) <= SHORT_WORDS
        and line.rstrip(_CLOSERS)[-1:] not in _END_MARKS
        and any(map(str.isalpha, line))
    )


def _leave(parents: list[tuple[int, str, int]], edge: int, kind: str) -> None:
    """Keep those further left than an item, or as far left with another kind of mark: `1. Not on:`, then `- Friday`.
    They stand in order of how far to the right they are."""
    while parents and parents[-1][0] > edge:
        parents.pop()
    same = len(parents)
    for i in range(len(parents) - 1, -1, -1):
        if parents[i][0] < edge:
            break
        if parents[i][1] == kind:
            same = i
    del parents[same:]
