"""What is sent instead of a request, put together.

A payload is, in this order: system and developer messages and whatever else must stay; the digest of the turns before
the cut; everything from the cut on, as it stands. Where a tool exchange reaches over the cut, the digest stands before
that exchange: nothing may come between a call and its results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from lrrc.digest.selection import Span
from lrrc.episodes.chat_message import read_text
from lrrc.middleware.chat_messages import ROOT, ReadMessage
from lrrc.middleware.dialect import Dialect
from lrrc.middleware.prompt import Prompt

DIGEST = -1  # stands for the digest among the indices of a payload
Group = tuple[int, ...]


@dataclass(frozen=True)
class DigestInForce:
    """The digest in force for an agent. It stands for the first `turns` turns, up to the body's position `cut`, of
    which the messages at `kept` are sent as they stand; those from `place` on come after it, and where it is `behind`
    so do those from the user's last message before that. Span.message is a position in the body. `text` is what is
    sent, in a dialect that is `merged` or not, `named` or not."""

    cut: int = 0
    turns: int = 0
    link: bytes = ROOT  # the chain at the cut: an edited history has another
    kept: tuple[int, ...] = ()
    place: int = 0
    behind: bool | None = None  # None: as the roles of the request ask for
    merged: bool = False
    named: bool = False
    text: str = ""
    tokens: int = 0
    spans: tuple[Span, ...] = ()
    standing: tuple[Span, ...] = ()  # those of them that are standing rules
    regret: float = 0.0


@dataclass(frozen=True)
class Request:
    """A whole prompt, its messages read; `made` has messages written for it before."""

    prompt: Prompt
    items: Sequence[ReadMessage]
    dialect: Dialect
    made: Mapping[bytes, ReadMessage]

    @cached_property
    def place(self) -> list[int]:
        """The index of every message of the body."""
        return [i for i, item in enumerate(self.items) if item.role != "system"]

    @cached_property
    def rank(self) -> dict[int, int]:
        """The position in the body of every index."""
        return {i: position for position, i in enumerate(self.place)}

    @cached_property
    def pairs(self) -> set[tuple[str | None, str]]:
        """Roles that may follow each other."""
        return self.dialect.pairs({(one.end, other.role) for one, other in pairwise(self.items)})

    @cached_property
    def saying(self) -> tuple[list[int], list[int]]:
        """Of the messages whose content has the word that must be said: positions in the body, and indices of system
        messages."""
        word = self.prompt.beside.word
        if word is None:
            return [], []
        contents = ({"content": message.get("content")} for message in self.prompt.messages)
        found = {i for i, content in enumerate(contents) if word in read_text(content, "message").text.lower()}
        fixed = found.difference(self.place)
        return [p for p, i in enumerate(self.place) if i in found], sorted(fixed)


def arrange(request: Request, digest: DigestInForce) -> list[Group]:
    """The groups of a payload. The digest stands at its place, or where roles would then follow each other as they do
    nowhere in the request, directly behind the user's last message before it."""
    place, items = request.place, request.items
    cut = place[digest.cut] if digest.cut < len(place) else len(items)
    at = place[digest.place] if digest.place < len(place) else len(items)
    stay = {place[i] for i in digest.kept}
    order = [*(i for i in range(cut) if i in stay or items[i].role == "system"), *range(cut, len(items))]
    if not digest.tokens:
        return _grouped(request, order)
    before = sum(i < at for i in order)
    behind = max((n for n, i in enumerate(order[:before], 1) if items[i].role == "user"), default=before)
    places = (before, behind) if digest.behind is None else (behind if digest.behind else before,)
    found = [_grouped(request, [*order[:n], DIGEST, *order[n:]]) for n in places]
    return next((groups for groups in found if odd_pair(request, groups) is None), found[0])


def settled(request: Request, digest: DigestInForce) -> DigestInForce:
    """The digest with its place chosen: later requests may show other pairs of roles, and a cached prefix would end
    where it moved."""
    ways = [replace(digest, behind=behind) for behind in (False, True)]
    return next((way for way in ways if odd_pair(request, arrange(request, way)) is None), ways[0])


def _grouped(request: Request, order: Sequence[int]) -> list[Group]:
    """In the dialect of the request: where it merges, no two messages of the user in a row that were not."""
    if not request.dialect.merged:
        return [(i,) for i in order]
    rank = request.rank
    groups: list[Group] = []
    last: Group = ()  # the group of the user that may go on
    for i in order:
        role = "user" if i == DIGEST else request.items[i].role
        if role == "user":
            moved = any(request.items[n].ordered for n in last[:-1] if n != DIGEST)  # its place is behind the whole
            if last and (moved or DIGEST in (i, last[-1]) or rank[i] != rank[last[-1]] + 1):
                groups.remove(last)  # system messages between the two come first
                last = (*last, i)
            else:
                last = (i,)
            groups.append(last)
        else:
            groups.append((i,))
            last = last if role == "system" else ()
    return groups


def odd_pair(request: Request, groups: Sequence[Group]) -> int | None:
    """The index, in the request, behind which the first pair of roles comes that it has nowhere, or a digest alone that
    must not be. A server that takes the request may refuse such a pair: a user behind a tool's result, a system message
    behind a reply."""
    before, end = None, -1
    for group in groups:
        role = "user" if DIGEST in group else request.items[group[-1]].role
        if (before, role) not in request.pairs or (group == (DIGEST,) and not request.dialect.alone):
            return end
        ordered = any(request.items[i].ordered for i in group if i != DIGEST)
        before, end = "system" if ordered else role, max(group[-1], end)
    return None


class Payload:
    """The messages for a call: `groups` of indices of the request, DIGEST for the digest. A group of more than one
    becomes one message; what stays from before the cut loses thoughts that are bound to it. `written` has the messages
    that are not the request's own by their group's number, `made` how they read; `marks` and `sizes` begin with what
    goes beside the messages."""

    def __init__(self, request: Request, digest: DigestInForce = DigestInForce()):
        self.request, self.digest = request, digest
        self.groups = arrange(request, digest) if digest.cut else [(i,) for i in range(len(request.items))]
        self.written: dict[int, dict[str, Any]] = {}
        self.made: dict[bytes, ReadMessage] = {}
        given = request.items
        items = [
            given[group[0]]  # most of a long history
            if len(group) == 1 and group[0] != DIGEST and not given[group[0]].thoughts
            else self._read(n, group)
            for n, group in enumerate(self.groups)
        ]
        self.marks = [request.prompt.beside.mark, *(item.fingerprint for item in items)]
        self.sizes = [request.prompt.beside.tokens, *(item.tokens for item in items)]
        self.tokens = sum(self.sizes)
        self.kinds = tuple(sorted(kind for item in items for kind in item.kinds))

    @property
    def kept(self) -> Group:
        """Indices of what is sent as it stands."""
        return tuple(group[0] for n, group in enumerate(self.groups) if n not in self.written)

    @property
    def merged(self) -> tuple[Group, ...]:
        """For every message put together, the indices of those whose content it has."""
        members = [tuple(i for i in self.groups[n] if i != DIGEST) for n in self.written]
        return tuple(group for group in members if group)

    def messages(self, originals: Sequence[Any]) -> list[Any]:
        """What to send, of `originals` where it stands as it was given."""
        return [self.written[n] if n in self.written else originals[group[0]] for n, group in enumerate(self.groups)]

    def _read(self, n: int, group: Group) -> ReadMessage:
        """The message of a group; where it is none of the request's own, it is written."""
        request, own = self.request, [i for i in group if i != DIGEST]
        bare = len(group) == 1 and bool(own) and request.items[own[0]].thoughts and self._before_cut(own[0])
        if len(group) == 1 and own and not bare:
            return request.items[own[0]]
        text = self.digest.text if DIGEST in group else ""
        messages = [request.prompt.messages[i] for i in own]
        if bare:
            written = request.dialect.without_thoughts(messages[0])
        else:
            written = request.dialect.merge(messages, text) if own else request.dialect.message(text)
        self.written[n] = written
        seen = hashlib.blake2b(repr((written.get("name"), text)).encode("utf-8", "replace"), digest_size=16)
        for i in own:
            seen.update(request.items[i].fingerprint)
        mark = seen.digest()
        self.made[mark] = request.made.get(mark) or request.prompt.form.read(written, mark, "digest")
        return self.made[mark]

    def _before_cut(self, i: int) -> bool:
        place = self.request.place
        return self.digest.cut >= len(place) or i < place[self.digest.cut]
