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
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from lrrc.digest import rule_wording as wording
from lrrc.digest.history import History
from lrrc.digest.rule_matters import Demand, Lift, clauses, demands_of
from lrrc.digest.voice import SHOWN, of_somebody_else, own_words, plain, reports, sentences
from lrrc.digest.words import word_weight, words_of

HELD = 256  # rules in force at most: more than half of any budget holds, and what a new one is compared with
TELLING = 0.5  # weight of a word that names a matter or a value
LONG = 2_000  # characters; of a message that is longer, only this much at both ends is read: the rest is pasted

_QUESTION = re.compile(r"[?？؟]\W*$|(?:吗|呢|か)[。.]?\W*$")
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
    r"\s*(?:[-*+•·・–—‣▪○●]\s?|\(?\d{1,2}[.)、]\s?|\(?[a-zA-Z][.)]\s|[一二三四五六七八九十]{1,2}[、.]|[①-⑳])(?=\S)"
)


@dataclass(frozen=True)
class Rule:
    """message[start:end], whole sentences. `demands` say what it is about; a `lasting` one is a fact of the speaker, a
    `listed` one has a list of them. One that only `lifts` takes earlier ones back, all of them where it is listed, and
    asks for nothing. Of its `words` some are of what is `gone`: "no longer in dollars"."""

    start: int
    end: int
    demands: tuple[Demand, ...]
    lasting: bool = False
    listed: bool = False
    lifts: Lift | None = None
    words: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    def ends(self, earlier: Rule) -> bool:
        """Whether an earlier rule no longer holds after this one, which says so or has another demand for each of its
        own."""
        if self.gone and self.gone <= earlier.words and (not earlier.forbids or self.words & earlier.words - self.gone):
            return True
        if self.lasting != earlier.lasting or self.listed < earlier.listed:
            return False
        return all(any(mine.replaces(theirs) for mine in self.demands) for theirs in earlier.demands)

    def takes_back(self, earlier: Rule) -> bool:
        """Whether this, which lifts, says what an earlier rule is about, and so means it."""
        if self.lifts is Lift.RULE:
            return any(mine.names(theirs) for mine in self.demands for theirs in earlier.demands)
        if earlier.listed or not self.lifts:
            return False
        return all(any(mine.lifts(theirs, self.lifts) for mine in self.demands) for theirs in earlier.demands)

    @property
    def of_writing(self) -> bool:
        """Whether all that it asks is about how to write."""
        return all(demand.writing for demand in self.demands)

    @property
    def forbids(self) -> bool:
        return any(demand.forbids for demand in self.demands)

    @property
    def matters(self) -> frozenset[str]:
        """The names of what it sets (language, length), or of what else it is about."""
        return frozenset().union(*(demand.settings or demand.words for demand in self.demands))

    @property
    def says_what(self) -> bool:
        """Whether it names what it is about."""
        return any(demand.words or demand.settings for demand in self.demands)


@functools.lru_cache(maxsize=1024)
def recognise(message: str) -> tuple[Rule, ...]:
    """The rules that the writer of a message gives in it, in order, and what takes rules back."""
    tail = len(message) - LONG
    if len(message) <= 2 * LONG:
        return tuple(_recognise(message, len(message), 0)) if _touched(message) else ()
    if _touched(message[:LONG]) or _touched(message[max(0, tail - 2 * LONG) :]):  # where a list may have opened
        return tuple(_recognise(message, LONG, tail))
    return ()


def _touched(text: str) -> bool:
    words = plain(text).lower()
    return wording.TOUCHED.search(words) or ("\n" in words and wording.LIST_OPENING.search(words))


def _recognise(text: str, head: int, tail: int) -> Iterator[Rule]:
    """The rules that have a part in text[:head] or text[tail:]; whose words they are the whole message tells."""
    own = own_words(text)
    spans = list(sentences(own))
    items = [bool(_ITEM.match(own, start)) and _opens_line(own, start) for start, _ in spans]
    described = False  # what is to be made has been described, and may go on to be
    i = 0
    while i < len(spans):
        start, end = spans[i]
        last = _list_end(own, spans, items, i)
        i += 1
        if start >= head and spans[last][1] <= tail:
            continue
        sentence = own[start:end].lower()
        if last >= i and opens_list(sentence):
            yield _rule(own, start, spans[last][1], listed=True)
            i = last + 1
            continue
        if (start >= head and start < tail) or end - start > LONG:
            continue
        described = wording.MADE.search(sentence) or (described and bool(wording.MADE_ON.match(sentence)))
        announces = sentence.endswith(":") and own[end:].lstrip().startswith(SHOWN)
        if described or announces or not wording.TOUCHED.search(sentence) or reports(sentence):
            continue
        if states_rule(sentence) and not _only_lifts(sentence):
            yield _rule(own, start, end)
        elif not _QUESTION.search(sentence):
            yield from _lift(own, start, end)


def _rule(own: str, start: int, end: int, listed: bool = False) -> Rule:
    text = own[start:end].lower()
    gone = frozenset() if listed else _telling(" ".join(wording.gone(text)))
    return Rule(start, end, demands_of(text), wording.FACT.search(text), listed, words=_telling(text), gone=gone)


def _telling(text: str) -> frozenset[str]:
    return frozenset(word for word in words_of(text) if word_weight(word) >= TELLING)


def _only_lifts(sentence: str) -> bool:
    """Whether a sentence worded as a rule asks for nothing: you no longer have to answer in German."""
    if not (wording.LIFT_EXEMPT.search(sentence) or wording.LIFT_RULE.search(sentence)):
        return False
    return not any(
        states_rule(clause)
        for clause in clauses(sentence)
        if not (wording.LIFT_EXEMPT.search(clause) or wording.LIFT_RULE.search(clause))
    )


def _lift(own: str, start: int, end: int) -> Iterator[Rule]:
    sentence = own[start:end].lower()
    signals = (
        (Lift.RULE, wording.LIFT_RULE),
        (Lift.WRITING, wording.LIFT_WRITING),
        (Lift.EXEMPT, wording.LIFT_EXEMPT),
        (Lift.PERMIT, wording.LIFT_PERMIT),
    )
    how = next((lift for lift, signal in signals if signal.search(sentence)), None)
    if how:
        yield Rule(start, end, demands_of(sentence, lifts=True), listed=bool(_EVERY.search(sentence)), lifts=how)


def _opens_line(own: str, start: int) -> bool:
    return not own[own.rfind("\n", 0, start) + 1 : start].strip()


def _list_end(own: str, spans: list[tuple[int, int]], items: list[bool], i: int) -> int:
    """The last sentence of the list that follows directly behind sentence i, as far as it is read; i itself where none
    does."""
    last = j = i
    if items[i] or j + 1 >= len(spans) or not items[j + 1]:
        return i
    for j in range(i + 1, len(spans)):
        gap = own[spans[j - 1][1] : spans[j][0]]
        if (not items[j] and "\n" in gap) or spans[j][1] - spans[i][0] > 2 * LONG:
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
    if (
        wording.STRONG.search(sentence)
        or wording.HANDS_OFF.search(sentence)
        or (prohibit and _forbids_for_good(sentence, bool(tag)))
    ):
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
        self.matters: dict[range, frozenset[str]] = {}

    def read_on(self, history: History) -> None:
        for number in range(self.read, len(history.messages)):
            message = history.messages[number]
            if message.role == "user":
                for rule in recognise(message.content):
                    self._take(rule, segments_of(history, number, rule))
        self.read = len(history.messages)

    def _take(self, rule: Rule, held: range) -> None:
        ended = self._taken_back(rule) if rule.lifts else [given for given in self.in_force if rule.ends(given.rule)]
        for given in ended:
            given.until = held.stop
        self.in_force = [given for given in self.in_force if given.until is None][-HELD + 1 :]
        if held and not rule.lifts:
            given = _Given(rule, held)
            self.given.append(given)
            self.in_force.append(given)
            self.matters[held] = self.matters.get(held, frozenset()) | rule.matters

    def _taken_back(self, rule: Rule) -> list[_Given]:
        """What a sentence that lifts ends: the rules that it names; one that names none means the newest, of those on
        how to write where it gives back the usual way of writing, and a mere permission then means none."""
        wishes = [given for given in self.in_force if not given.rule.lasting]
        if rule.says_what:
            rule = replace(rule, lifts=Lift.PERMIT) if rule.lifts is Lift.WRITING else rule
            return [given for given in self.in_force if rule.takes_back(given.rule)]
        if rule.lifts is Lift.WRITING:
            return [given for given in wishes if given.rule.of_writing][-1:]
        if rule.lifts is Lift.RULE:
            return wishes if rule.listed else wishes[-1:]
        return []


_known: WeakKeyDictionary[History, _Index] = WeakKeyDictionary()


def rules_in_force(history: History, seen: int | None = None) -> list[range]:
    """The segments of every rule that holds, newest first; of the first `seen` segments, where they are not all."""
    index = _known.setdefault(history, _Index())
    index.read_on(history)
    if seen is None or seen == len(history.segments):
        return [given.segments for given in reversed(index.in_force)]
    held = [g for g in index.given if g.segments.stop <= seen and (g.until is None or g.until > seen)]
    return [given.segments for given in reversed(held)][:HELD]


def matters_of(history: History, held: range) -> frozenset[str]:
    """What the rules of `rules_in_force` that stand in these segments are about: two that share one may differ."""
    return _known[history].matters[held]


def segments_of(history: History, message: int, rule: Rule) -> range:
    """The segments that have a part of the rule."""
    first, last = bisect_left(history.message, message), bisect_left(history.message, message + 1)
    while first < last and history.segments[first].end <= rule.start:
        first += 1
    while first < last and history.segments[last - 1].start >= rule.end:
        last -= 1
    return range(first, last)
