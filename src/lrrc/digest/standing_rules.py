"""Standing rules: what a user asks for once and expects to hold (format, language, names, prohibitions, allergies).

A sentence is recognised by its wording (`lrrc.digest.rule_wording`), where it is said in the user's own voice
(`lrrc.digest.voice`), whole and with the list that it opens. No network has a part in it, so that every policy with a
digest keeps the same rules. A rule holds until a later one on the same matter replaces it or a sentence takes it back;
system messages are never compressed in the first place.
"""

from __future__ import annotations

import functools
import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from lrrc.digest import rule_wording as wording
from lrrc.digest.history import History
from lrrc.digest.voice import SHOWN, of_somebody_else, own_words, plain, reports, sentences
from lrrc.digest.words import word_weight, words_of

HELD = 256  # rules in force at most: more than half of any budget holds, and what a new one is compared with
LONG = 2_000  # characters; of a message that is longer, only this much at both ends is read: the rest is pasted
SAME_MATTER = 0.6  # share of the weight of the shorter of two rules' words that the other must have to replace it
STEM = 6  # letters of a word that are compared: `comment` and `comments` are one
COMMON = 0.35  # weight of a word that says nothing of what a rule is about

_PAIR = re.compile(r"(?=([\u3040-\u30ff\u3400-\u9fff]{2}))")  # characters of scripts without blanks, two by two

_QUESTION = re.compile(r"[?？]\W*$|(?:吗|呢|か)[。.]?\W*$")
_TAG = re.compile(
    r",? (?:ok|okay|k|please|pls|right|yes|ja|gut|klar|vale|si|de acuerdo|d'accord|hein|va bene"
    r"|chiaro|ta|certo|ne)\W*$",
    re.I,
)
_ASKED = re.compile(
    r"\b(?:(?:can|could|would|will) (?:you|u)|kannst du|konntest du|konnen sie|konnten sie|puedes|podrias"
    r"|puede|podria|peux-tu|pourrais-tu"
    r"|pouvez-vous|pourriez-vous|puoi|potresti|pode|poderia|podes)\b|能不能|可不可以|(?:もらえ|くれ|いただけ)ますか",
    re.I,
)
_ALL = re.compile(
    r"\W*(?:all|every|each|alle|jede|tod[oa]s|cada|tou(?:te)?s|chaque|tutt[ei]|ogni|所有|每|すべて|全て|各)"
)
_EVERY = re.compile(r"\b(?:all|every|alle[sn]?|tod[oa]s|tou(?:te)?s|tutt[ei])\b|所有|全部|すべて|全て")
_ITEM = re.compile(
    r"\s*(?:[-*+•·–—‣▪○●]\s?|\(?\d{1,2}[.)、]\s?|\(?[a-zA-Z][.)]\s|[一二三四五六七八九十]{1,2}[、.]|[①-⑳])(?=\S)"
)


@dataclass(frozen=True)
class Rule:
    """message[start:end], whole sentences. `words` and `matters` say what it is about; a `lasting` one is a fact of the
    speaker, a `listed` one has a list of them. One that only `lifts` takes earlier ones back and asks for nothing."""

    start: int
    end: int
    words: frozenset[str]
    matters: frozenset[str]
    lasting: bool = False
    changes: bool = False
    listed: bool = False
    lifts: bool = False

    def ends(self, earlier: Rule) -> bool:
        """Whether an earlier rule no longer holds after this one: it is about the same, told by words or matter."""
        shared = self.words & earlier.words
        if (self.listed or earlier.listed) and not self.lifts:  # of several things: one of them ends nothing
            return self.listed >= earlier.listed and _most(shared, earlier.words)
        if self.lifts or self.changes:
            return bool(shared or self.matters & earlier.matters)
        if self.matters & earlier.matters and not (self.words and earlier.words and not shared):
            return True
        return _most(shared, min(self.words, earlier.words, key=_weight))


@functools.lru_cache(maxsize=1024)
def recognise(message: str) -> tuple[Rule, ...]:
    """The rules that the writer of a message gives in it, in order, and what takes rules back."""
    if len(message) <= 2 * LONG:
        return tuple(_recognise(message, 0))
    last = len(message) - LONG
    return (*_recognise(message[:LONG], 0), *_recognise(message[last:], last))


def _recognise(text: str, offset: int) -> Iterator[Rule]:
    words = plain(text).lower()
    if not (wording.TOUCHED.search(words) or ("\n" in words and wording.LIST_OPENING.search(words))):
        return
    own = own_words(text)
    spans = list(sentences(own))
    items = [bool(_ITEM.match(own, start)) and _opens_line(own, start) for start, _ in spans]
    i = 0
    while i < len(spans):
        start, end = spans[i]
        sentence = own[start:end].lower()
        last = _list_end(own, spans, items, i)
        if last > i and opens_list(sentence):
            yield replace(_rule(own, start, spans[last][1], offset), listed=True)
            i = last + 1
            continue
        i += 1
        announces = sentence.endswith(":") and own[end:].lstrip().startswith(SHOWN)
        if announces or not wording.TOUCHED.search(sentence) or reports(sentence):
            continue
        if states_rule(sentence):
            yield _rule(own, start, end, offset)
        elif wording.LIFT.search(sentence) and not _QUESTION.search(sentence):
            yield replace(_rule(own, start, end, offset), lifts=True, listed=bool(_EVERY.search(sentence)))


def _rule(own: str, start: int, end: int, offset: int) -> Rule:
    text = own[start:end].lower()
    about = frozenset(matter for matter, signal in wording.MATTERS.items() if signal.search(text))
    lasting, changes = wording.FACT.search(text), wording.CHANGE.search(text)
    return Rule(start + offset, end + offset, _content_words(text), about, lasting, changes)


def _content_words(text: str) -> frozenset[str]:
    """The words that say what a rule is about: none that rules are worded with."""
    found = {
        word
        for word in words_of(text)
        if len(word) > 3 and word.isascii() and word.isalnum() and word_weight(word) > COMMON
    }
    found |= {match.group(1) for match in _PAIR.finditer(text)}
    return frozenset(word[:STEM] for word in found if not _worded_with(word))


@functools.lru_cache(maxsize=16_384)
def _worded_with(word: str) -> bool:
    """Whether rules on anything are worded with it."""
    return any(signal.search(word) for signal in wording.GENERAL)


def _most(shared: frozenset[str], words: frozenset[str]) -> bool:
    return bool(words) and _weight(shared) >= SAME_MATTER * _weight(words)


def _weight(words: frozenset[str]) -> float:
    return math.fsum(map(word_weight, words))


def _opens_line(own: str, start: int) -> bool:
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
    return bool(
        wording.LIST_OPENING.search(sentence) or wording.ONWARD.search(sentence) or wording.OUTPUT.search(sentence)
    )


def states_rule(sentence: str) -> bool:
    """Whether a sentence of somebody's own words is worded as a standing rule."""
    if wording.ONCE.search(sentence):
        return False
    tag = _TAG.search(sentence)
    if _QUESTION.search(sentence) and not tag:
        return bool((wording.LASTS.search(sentence) or wording.STRONG.search(sentence)) and _ASKED.search(sentence))
    if wording.FACT.search(sentence):
        return True
    if of_somebody_else(sentence):
        return False
    if any(signal.search(sentence) for signal in (wording.ADDRESS, wording.ANSWER, wording.REMEMBER)):
        return True
    if wording.TALE.search(sentence):
        head, colon, rest = sentence.partition(":")
        return bool(colon) and states_rule(rest.strip())
    prohibit = wording.PROHIBIT.search(sentence)
    if wording.STRONG.search(sentence) or (prohibit and _forbids_for_good(sentence, bool(tag))):
        return True
    if wording.TASK.search(sentence) and not wording.LASTS.search(sentence):
        return False
    always, output, manner, limit = (
        signal.search(sentence) for signal in (wording.ALWAYS, wording.OUTPUT, wording.MANNER, wording.LIMIT)
    )
    direct = wording.DIRECT.search  # the dearest of all, so it is asked last
    if wording.ONWARD.search(sentence) and (prohibit or always or output or manner or limit or direct(sentence)):
        return True
    if output and (prohibit or always or limit or direct(sentence)):
        return True
    if (always or manner or wording.CUSTOM.search(sentence)) and direct(sentence):
        return True
    return bool((manner and (always or _ALL.match(sentence))) or (prohibit and always))


def _forbids_for_good(sentence: str, tag: bool) -> bool:
    """Of a sentence that forbids: whether it does more than for this once."""
    return tag or any(signal.search(sentence) for signal in (wording.BROAD, wording.STYLE, wording.SAYING))


@dataclass
class _Given:
    """A rule of a history: the segments that hold it, and the segments that there were when it ceased to hold."""

    rule: Rule
    segments: range
    until: int | None = None


class _Index:
    """The rules of a growing history: every message is read once."""

    def __init__(self) -> None:
        self.read = 0  # messages
        self.given: list[_Given] = []
        self.in_force: list[_Given] = []

    def read_on(self, history: History) -> None:
        for number in range(self.read, len(history.messages)):
            message = history.messages[number]
            if message.role == "user":
                for rule in recognise(message.content):
                    self._take(rule, segments_of(history, number, rule))
        self.read = len(history.messages)

    def _take(self, rule: Rule, held: range) -> None:
        ended = [given for given in self.in_force if rule.ends(given.rule)]
        if rule.lifts and not (rule.words or rule.matters):  # back to normal: the newest rule, or all of them
            wishes = [given for given in self.in_force if not given.rule.lasting]
            ended = wishes if rule.listed else wishes[-1:]
        for given in ended:
            given.until = held.stop
        self.in_force = [given for given in self.in_force if given.until is None][-HELD + 1 :]
        if held and not rule.lifts:
            given = _Given(rule, held)
            self.given.append(given)
            self.in_force.append(given)


_known: WeakKeyDictionary[History, _Index] = WeakKeyDictionary()


def rules_in_force(history: History, seen: int | None = None) -> list[range]:
    """The segments of every rule that holds, newest first; of the first `seen` segments, where they are not all."""
    index = _known.setdefault(history, _Index())
    index.read_on(history)
    if seen is None or seen == len(history.segments):
        return [given.segments for given in reversed(index.in_force)]
    held = [g for g in index.given if g.segments.stop <= seen and (g.until is None or g.until > seen)]
    return [given.segments for given in reversed(held)][:HELD]


def segments_of(history: History, message: int, rule: Rule) -> range:
    """The segments that have a part of the rule."""
    first, last = bisect_left(history.message, message), bisect_left(history.message, message + 1)
    while first < last and history.segments[first].end <= rule.start:
        first += 1
    while first < last and history.segments[last - 1].start >= rule.end:
        last -= 1
    return range(first, last)
