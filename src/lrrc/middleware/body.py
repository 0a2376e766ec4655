"""The body of a conversation (all but system and developer messages) cut into turns: what may be digested, what must
stay.

Positions count the messages of the body. `cut` is the first position that is sent as it stands; it lies between two
turns. Appending messages never moves an earlier boundary, and moves the cut only forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import accumulate

from lrrc.episodes.episode import Message
from lrrc.middleware.chat_messages import ReadMessage, exchange_roots, prefix_hashes
from lrrc.middleware.settings import Settings
from lrrc.policies.base import split_turns


class Body:
    """`turns` are lists of positions, of which the first `over` may be digested; `links` the chain of the body.
    `thinking`: are there thoughts behind the user's last message that are bound to all before them?"""

    def __init__(self, body: Sequence[ReadMessage], settings: Settings, links: Sequence[bytes] | None = None):
        self.body, self.settings = body, settings
        self.links = links or prefix_hashes(item.fingerprint for item in body)
        self.turns = split_turns(range(len(body)), body)
        self._roots = exchange_roots(body)
        said = [i for i, item in enumerate(body) if item.role == "user"]
        self.goal, self.asked = (said[0], said[-1]) if said else (None, None)
        self.thinking = any(item.thoughts for item in body[0 if self.asked is None else self.asked :])
        self.over = self._over()
        self.cut = self.turns[self.over][0] if self.turns else 0

    def _over(self) -> int:
        """The turn of the last user message and what follows stay, up to `turn_tokens`; the last turn always does."""
        last = len(self.turns) - 1
        if last < 1:
            return 0
        first = last
        if self.asked is not None:
            first = next(t for t in range(last, -1, -1) if self.turns[t][0] <= self.asked)
        after = [*accumulate(reversed([item.tokens for item in self.body]), initial=0)][::-1]  # tokens from a position
        return next((t for t in range(first, last) if after[self.turns[t][0]] <= self.settings.turn_tokens), last)

    def inputs(self) -> list[Message]:
        """What is asked now: the user's messages in the turn of the last one, or the last message of all."""
        if self.asked is None:
            return [item.spoken for item in self.body[-1:]]
        turn = next(turn for turn in reversed(self.turns) if turn[0] <= self.asked)
        return [self.body[i].spoken for i in turn if i <= self.asked and self.body[i].role == "user"]

    @cached_property
    def _wherever(self) -> list[int]:
        """Positions that are sent as they stand wherever the cut is: what has parts without text, the last of an
        instruction of the system's, what excluded tools said, and the last result in which the user put in a word."""
        excluded = self.settings.exclude_tools

        def is_excluded(item: ReadMessage) -> bool:
            tools = [tool for _, tool in item.calls] + ([item.name] if item.role == "tool" else [])
            return any(fnmatchcase(tool or "", name) for tool in tools for name in excluded)

        latest = {item.ordered: i for i, item in enumerate(self.body) if item.ordered}
        put_in = [i for i, item in enumerate(self.body) if item.said and i > (self.asked or 0)]
        held = (i for i, item in enumerate(self.body) if item.unknown or (excluded and is_excluded(item)))
        return [*held, *latest.values(), *put_in[-1:]]

    def kept(self, alternate: bool, also: Sequence[int] = ()) -> tuple[int, ...]:
        """Positions before the cut that are sent as they stand: the goal, the last user message, whatever has parts
        without text, or the last of an instruction of the system's, exchanges with excluded tools, those that reach
        beyond the cut, the last one in which the user put in a word, and `also`; tool exchanges are kept whole. Where
        roles shall `alternate`, replies keep the user message before them."""
        stay = {self._roots[i] for i in (*also, *self._wherever, *range(self.cut, len(self.body)))}
        if self.asked is not None:
            stay.add(self.asked)
            if self.settings.keep_goal:
                stay.add(self.goal)
        if alternate:
            said = None
            for i, item in enumerate(self.body[: self.cut + 1]):
                if item.role == "user":
                    said = i
                elif said is not None and item.role == "assistant" and (i == self.cut or self._roots[i] in stay):
                    stay.add(said)
        return tuple(i for i in range(self.cut) if self._roots[i] in stay)

    def witness(self, alternate: bool, saying: Sequence[int]) -> tuple[int, ...]:
        """Of the messages that say what has to be said, the one to keep: the user's last, else the last. None where
        one of them is sent anyway."""
        if not saying or saying[-1] >= self.cut or set(saying).intersection(self.kept(alternate)):
            return ()
        said = [i for i in saying if self.body[i].role == "user"]
        return ((said or saying)[-1],)

    def gap(self, cut: int, kept: Sequence[int]) -> int:
        """The last position up to the cut at which no tool exchange is under way among what is sent: there a digest
        stands. A running turn is mostly cut between a call and its results."""
        place = min([cut, *self._roots[cut:]])
        for i in reversed(kept):
            if i >= place:
                place = min(place, self._roots[i])
        return place

    def splits(self, cut: int, kept: Sequence[int]) -> bool:
        """Does a tool exchange reach beyond `cut` whose call, before it, is not among `kept`?"""
        return any(root < cut and root not in kept for root in self._roots[cut:])
