"""The dialect of a request: what a payload may use because the request did, and the digest as a message in it.

Some servers refuse `name` on a message of the user, and many chat templates refuse two of them in a row. A request that
has neither came from an application that may talk to such a server, so its payload has neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lrrc.digest.rendering import END, label_of
from lrrc.middleware.bound_thoughts import LEFT_OUT, without
from lrrc.middleware.chat_messages import ReadMessage
from lrrc.policies.base import DIGEST_NAME
from lrrc.pretrained import tokens

TAIL = f"\n{END}"  # where the user's own text follows in the same message
GAP = "\n\n"  # between the texts of one message
ALWAYS = ((None, "user"), (None, "system"), ("system", "user"), ("user", "assistant"), ("assistant", "user"))


@dataclass(frozen=True)
class Dialect:
    """`named`: messages of the user may have a name. `merged`: no two messages of the user stand in a row that did not
    in the request; the digest goes into one of them."""

    named: bool
    merged: bool

    def frame(self, text: str) -> str:
        """The digest as it is sent; nothing of nothing."""
        return f"{text}{TAIL}" if text and self.merged else text

    @property
    def alone(self) -> bool:
        """May the digest be a message of its own, between two replies?"""
        return True

    def pairs(self, found: set[tuple[str | None, str]]) -> set[tuple[str | None, str]]:
        """Roles that may follow each other: as `found` in the request, as all servers take them, two of the user where
        the dialect allows them, and a system message behind another or the user's where one stands behind anything."""
        found = {*ALWAYS, *found}
        if not self.merged:
            found.add(("user", "user"))
        if any((role, "system") in found for role in ("user", "assistant", "tool")):
            found |= {("user", "system"), ("system", "system")}
        return found

    @property
    def frame_tokens(self) -> int:
        """What that adds to a digest."""
        return tokens.count(TAIL) if self.merged else 0

    def message(self, framed: str) -> dict[str, Any]:
        """The digest as a message of its own."""
        return {"role": "user", **({"name": DIGEST_NAME} if self.named else {}), "content": framed}

    def merge(self, messages: Sequence[Mapping[str, Any]], framed: str) -> dict[str, Any]:
        """One message of the user for several: a copy of the last, the others before its content, and directly before
        it the digest, or a mark that something is left out. Pictures and other parts stay the objects that they
        were."""
        *others, last = messages
        name = last.get("name")
        contents = []
        for message in others:
            if message.get("name") != name:  # else the last one's name would claim it
                contents.append(f"{label_of(message.get('name'), 'user')}:")
            contents.append(message.get("content"))
        contents = [content for content in (*contents, framed or LEFT_OUT, last.get("content")) if content]
        if all(isinstance(content, str) for content in contents):
            return {**last, "content": GAP.join(contents)}
        parts: list[Any] = []
        for content in contents:
            parts += [{"type": "text", "text": content}] if isinstance(content, str) else content
        return {**last, "content": parts}

    def without_thoughts(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A copy without the thoughts that are bound to what stood before them."""
        return without(message)


def dialect_of(items: Sequence[ReadMessage], wanted: str) -> Dialect:
    """The dialect of a request; `wanted` is Settings.dialect."""
    named = any(item.role == "user" and item.name for item in items)
    in_a_row = ("user", "user") in pairwise(item.role for item in items)
    return Dialect(named, wanted == "merged" or (wanted == "auto" and not in_a_row))
