"""Message lists in the form of OpenAI's chat completions, as the coordinator reads them.

The messages themselves are never changed: what is sent as it stands is the object that was given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrrc.digest.rendering import label_of
from lrrc.episodes.chat_message import blocks_in, read_text, repair_surrogates
from lrrc.episodes.episode import ROLES, Message
from lrrc.episodes.unquoted import unquoted_of
from lrrc.middleware.blocks import answered, calls_of, continued
from lrrc.middleware.bound_thoughts import is_bound
from lrrc.pretrained import tokens
from lrrc.runtime.files import invalid_value

ROOT = b""  # the chain of no message


@dataclass(frozen=True)
class ReadMessage:
    """A message read: `text` is what a digest may quote.

    `name` is the speaker's as a digest writes it. `unknown` counts parts without text (images, audio, files). `calls`
    are (id, tool) of the calls it makes, `answers` is the id of the call whose result it is. `tokens` are n(text) and
    n of what no digest quotes but goes with the message: thoughts, a refusal. `kinds` names what is sent and not
    counted: the unknown parts, sealed thoughts, fields of unknown meaning. `thoughts`: does it hold thoughts that are
    bound to what stood before them? `said`: does a tool's result hold words of the user's own, too? `ordered`: a
    mark of the system's instruction that goes with it. `continues` are ids of calls of earlier replies that it goes on
    from.
    """

    role: str  # "system" | "user" | "assistant" | "tool"
    text: str
    name: str | None
    tokens: int
    unknown: int
    calls: tuple[tuple[str, str], ...]
    answers: str | None
    fingerprint: bytes  # of the whole message
    kinds: tuple[str, ...] = ()
    thoughts: bool = False
    said: bool = False
    ordered: str = ""
    continues: tuple[str, ...] = ()

    @property
    def end(self) -> str:
        """Who speaks at its end: behind it may stand an instruction of the system's."""
        return "system" if self.ordered else self.role

    @property
    def spoken(self) -> Message:
        """As policies take it."""
        return Message(self.role, self.text, self.name)


_AS_JSON = json.JSONEncoder(sort_keys=True)


def fingerprint(value: Any, where: str) -> bytes:
    """A hash of anything that JSON can say. Raises ValueError for the rest."""
    if type(value) is dict and len(value) == 2:  # most messages of a long history
        role, content = value.get("role"), value.get("content")
        if type(role) is str and type(content) is str:
            return text_mark(role, content)
    try:
        text = _AS_JSON.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{where}: cannot be sent as JSON: {reason}") from None
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def text_mark(role: str, text: str) -> bytes:
    """The hash of a message that has a role, a text, and no more; another form than that of chat completions puts its
    name before the role. Apart from JSON's, which begins with no quotation mark here."""
    return hashlib.blake2b(f'"{role}"{text}'.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def prefix_hashes(fingerprints: Iterable[bytes]) -> list[bytes]:
    """Hashes of every prefix, the empty one first: equal hashes, equal beginnings."""
    links = [ROOT]
    for each in fingerprints:
        links.append(hashlib.blake2b(links[-1] + each, digest_size=16).digest())
    return links


def read_message(message: Mapping[str, Any], mark: bytes, where: str) -> ReadMessage:
    """Raises ValueError that names `where` and the field."""
    role, name = ROLES[message["role"]], message.get("name")
    if name is not None and not isinstance(name, str):
        raise invalid_value(where, "name", name, "a text or null")
    read, blocks = read_text(message, where), blocks_in(message.get("content"))
    answers = message.get("tool_call_id")
    if answers is None and message["role"] == "function":
        answers = f"function {name}"
    if answers is not None and not isinstance(answers, str):
        raise invalid_value(where, "tool_call_id", answers, "a text or null")
    answers = repair_surrogates(answers) if answers is not None and role == "tool" else None
    if role == "user" and (given := answered(blocks)) is not None:
        role, answers = "tool", given  # as Anthropic's API has results of tools: nothing of ours may go before them
    name = label_of(repair_surrogates(name), role) if name else None
    more = unquoted_of(message, bool(read.calls))
    return ReadMessage(
        role=role,
        text=read.text,
        name=name,
        tokens=tokens.count(read.text) + more.tokens,
        unknown=read.unknown,
        calls=(*read.calls, *(call for call in calls_of(blocks) if call[0] not in dict(read.calls))),
        answers=answers,
        fingerprint=mark,
        kinds=tuple(more.kinds),
        thoughts=role == "assistant" and is_bound(message),
        said=role == "tool" and message["role"] == "user" and bool(read.text),
        continues=continued(blocks),
    )


def exchange_roots(items: Sequence[ReadMessage]) -> list[int]:
    """For every message the index of the first one of its tool exchange; of a message outside of any, its own.

    A result belongs to the latest call of its id, and to the exchange that it stands directly behind: ids may be
    missing, alike, or other ones on both sides. A reply may go on from calls of earlier ones.
    """
    opened: dict[str, int] = {}
    roots: list[int] = []

    def first(i: int) -> int:
        while roots[i] != i:
            roots[i] = roots[roots[i]]
            i = roots[i]
        return i

    for i, item in enumerate(items):
        roots.append(i)
        if item.role == "tool" and i > 0 and (items[i - 1].calls or items[i - 1].role == "tool"):
            roots[i] = first(i - 1)
        for key in (item.answers, *item.continues) if item.role == "tool" else item.continues:
            if key in opened:
                one, other = first(i), first(opened[key])
                roots[max(one, other)] = min(one, other)
        for key, _ in item.calls:
            opened[key] = i
    return [first(i) for i in range(len(roots))]
