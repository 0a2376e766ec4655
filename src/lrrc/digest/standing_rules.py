"""Standing rules: what a user asks for once and expects to hold (format, language, names, prohibitions, allergies).

A sentence is recognised by its wording (`lrrc.digest.rule_wording`), where it is said in the user's own voice
(`lrrc.digest.voice`), whole and with the list that it opens. No network has a part in it, so that every policy with a
digest keeps the same rules. A rule holds until a later one on the same matter replaces it or a sentence takes it back;
system messages are never compressed in the first place.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from lrrc.digest import rule_wording as wording
from lrrc.digest.history import History
from lrrc.digest.voice import ENDED, SHOWN, own_words, reports, sentences

HELD = 256  # rules in force at most: more than half of any budget holds, and what a new one is compared with
LONG = 20_000  # characters; of a message that is longer, only this much at both ends is read: the rest is pasted
SAME_MATTER = 0.3  # share of the rarer words of the shorter of two rules that the other has too

_QUESTION = re.compile(r"[?？]\W*$|(?:吗|呢|か)[。.]?\W*$")
_TAG = re.compile(r",? (?:ok|okay|k|please|pls|right|yes|ja|gut|klar|vale|si|de acuerdo|d'accord|hein|va bene|chiaro|ta|certo|ne)\W*$", re.I)
_ASKED = re.compile(
    r"\b(?:(?:can|could|would|will) (?:you|u)|kannst du|konntest du|konnen sie|konnten sie|puedes|podrias|puede|podria|peux-tu|pourrais-tu"
    r"|pouvez-vous|pourriez-vous|puoi|potresti|pode|poderia|podes)\b|能不能|可不可以|(?:もらえ|くれ|いただけ)ますか",
    re.I,
)
_ITEM = re.compile(r"\s*(?:[-*+•·–—‣▪○●]\s?|\(?\d{1,2}[.)、]\s?|\(?[a-zA-Z][.)]\s|[一二三四五六七八九十]{1,2}[、.]|[①-⑳])(?=\S)")


@dataclass(frozen=True)
class Rule:
    """message[start:end], whole sentences; `words` and `matters` say what it is about. A rule that only `lifts` takes
    earlier ones back and asks for nothing."""

    start: int
    end: int
    words: frozenset[str]
    matters: frozenset[str]
    lifts: bool = False


def recognise(message: str) -> list[Rule]:
    """The rules that the writer of a message gives in it, in order, and what takes rules back."""
    if len(message) <= 2 * LONG:
        return list(_recognise(message, 0))
    last = len(message) - LONG
    return [*_recognise(message[:LONG], 0), *_recognise(message[last:], last)]


def _recognise(text: str, offset: int) -> Iterator[Rule]:
    own = own_words(text)
    spans = list(sentences(own))
    items = [_at_line_start(own, start) and bool(_ITEM.match(own, start)) for start, _ in spans]
    i = 0
    while i < len(spans):
        start, end = spans[i]
        sentence = own[start:end]
        last = _list_end(own, spans, items, i)
        if last > i and opens_list(sentence):
            yield _rule(own, start, spans[last][1], offset)
            i = last + 1
            continue
        i += 1
        if not sentence.strip(SHOWN + ENDED + " \n.") or reports(sentence):
            continue
        if states_rule(sentence):
            yield _rule(own, start, end, offset)
        elif wording.LIFT.search(sentence) and not _QUESTION.search(sentence):
            yield _rule(own, start, end, offset, lifts=True)


def _at_line_start(own: str, start: int) -> bool:
    return not own[own.rfind("\n", 0, start) + 1 : start].strip()


def _list_end(own: str, spans: list[tuple[int, int]], items: list[bool], i: int) -> int:
    """The last sentence of the list that follows directly behind sentence i; i itself where none does."""
    last = j = i
    if items[i] or j + 1 >= len(spans) or not items[j + 1]:
        return i
    for j in range(i + 1, len(spans)):
        gap = own[spans[j - 1][1] : spans[j][0]]
        if not items[j] and "\n" in gap:
            break
        last = j
    return last


def opens_list(sentence: str) -> bool:
    """Whether a sentence in front of a list makes rules of it."""
    if reports(sentence) or wording.ONCE.search(sentence) or _QUESTION.search(sentence):
        return False
    if not sentence.rstrip().endswith((":", "：")) and len(sentence.split()) > 12:
        return False
    return bool(wording.LIST_OPENING.search(sentence) or wording.ONWARD.search(sentence) or wording.OUTPUT.search(sentence))


def states_rule(sentence: str) -> bool:
    """Whether a sentence of somebody's own words is worded as a standing rule."""
    if wording.ONCE.search(sentence):
        return False
    tag = _TAG.search(sentence)
    if _QUESTION.search(sentence) and not tag:
        return bool(wording.ONWARD.search(sentence) and _ASKED.search(sentence))
    if any(signal.search(sentence) for signal in (wording.FACT, wording.ADDRESS, wording.ANSWER, wording.REMEMBER)):
        return True
    if wording.TALE.search(sentence):
        head, colon, rest = sentence.partition(":")
        return bool(colon) and states_rule(rest.strip())
    direct, prohibit, always = (signal.search(sentence) for signal in (wording.DIRECT, wording.PROHIBIT, wording.ALWAYS))
    output, manner, limit = (signal.search(sentence) for signal in (wording.OUTPUT, wording.MANNER, wording.LIMIT))
    if wording.ONWARD.search(sentence) and (direct or prohibit or always or output or manner or limit):
        return True
    if output and (direct or prohibit or always or limit):
        return True
    if direct and (always or manner):
        return True
    return bool(prohibit and (tag or wording.BROAD.search(sentence)))


def _rule(own: str, start: int, end: int, offset: int, lifts: bool = False) -> Rule:
    text = own[start:end].lower()
    words = frozenset(words_of(text)) if not lifts else frozenset(words_of(text))
    return Rule(start + offset, end + offset, words, frozenset(m for m, pattern in wording.MATTERS.items() if pattern.search(text)), lifts)


def words_of(text):
    import re
    return re.findall(r"\w{3,}", text)
