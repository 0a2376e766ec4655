"""What a standing rule is about, and which earlier rules a later sentence ends.

A rule is split into its demands, clause by clause. A demand is one of the same matter as another where it sets the same
thing (language, length, currency) of the same object, or has the same verb and the same object. Where that is in doubt
both stand: a prohibition that is lost does more harm than one that is kept too long.
"""

from __future__ import annotations

import enum
import functools
import math
import re
from dataclasses import dataclass, field

from lrrc.digest import rule_wording as wording
from lrrc.digest.voice import SHOWN
from lrrc.digest.words import word_weight, words_of

STEM = 6  # letters of a word that are compared: `comment` and `comments` are one
COMMON = 0.35  # weight of a word that says nothing of what a rule is about
MOST = 0.6  # share of the weight of a later demand's words that the earlier must have to be about the same object
PART = 0.4  # share of the earlier's that the later must have: it may be wider, as "all temperatures" for the oven's
LIFTED = 0.75  # share of the earlier's that a permission must name
TRAILING = 3  # words at most of a fragment that goes on with a wish; with a prohibition any does: "no tables, or maps"

_CJK = r"\u3040-\u30ff\u3400-\u9fff"
_OF_CJK = re.compile(f"[{_CJK}]")
_CONTENT = re.compile(r"[\u30a0-\u30ff\u3400-\u9fff]+")  # of Japanese, kana but Katakana are endings and particles
_PARTICLES = re.compile("[用使書付入出重新的了在是我你您把被给和与就很这那请都要再吧呢忘]")
_STOP = re.compile(r"[,;:.!?。、！？]+(?:\s|$|(?=[^\x00-\u024f]))|\n+")
_AND = re.compile(r" (?:and|but|or|und|aber|oder|y|pero|o|et|mais|ou|e|ma|mas) ")
_SCOPE = re.compile(
    r"\W*(?:in|for|when(?:ever)?|if|to|at|on|with|fur|bei|wenn|falls|mit|an|en|para|si|cuando|con|pour|dans|quand|a"
    r"|avec|per|nel|nelle|nei|se|quando|em|no|na|nos|nas|com)\b"
)
_REASON = re.compile(
    r"\W*(?:i|i'm|they|it|it's|he|she|we|that|this|my|because|since|as|ich|sie|es|er|das|mein\w*|weil|denn|me|mi|porque|je"
    r"|il|elle|ca|mon|ma|car|parce|perche|mio|mia|pois|meu|minha)\b"
)
_ELIDED = re.compile(r"\b((?:[cdjlmnst]|qu|un|dell|all|nell|sull|dall)')(?=\w)")  # l'anglais, dell'hotel
_ENDING = re.compile(r"(?:ez|[aeiou]?[nrs]|[aeiou])\Z")  # of a verb
_NUMBER = re.compile(r"\d+\Z")
_OBJECT = re.compile(r"(?:readme|functions?|methods?|class(?:es)?|modules?|commits?|docstrings?|files?|slides?)\Z")
_TOKEN = re.compile(r"[^\W_](?:[\w'’.@/+#$-]*[\w+#$])?")  # a word, or a name such as foo.py, port_a or c++
# what prohibitions on anything are worded with; a word that is missing here keeps one too long at worst
_FORBIDDING = re.compile(
    r"(?:the|an?|never|do|don't|not|no|ever|please|pls|plz|de[rmns]|die|das|eine?[nmr]?|nie|niemals|nicht|keine?n?|bitte"
    r"|el|l[aeo]s?|una?|nunca|jamas|por|favor|une|ne|n|pas|jamais|il|gli|i|non|mai|os|uma?|nao)\Z"
)
_JOINING = re.compile(  # and what their words are joined with
    r"(?:this|that|these|those|my|our|your|me|us|you|it|its|to|of|in|on|at|for|with|by|from|into|and|or|but|as|is|are"
    r"|be|always|any|anything|now|again|i|we|so|just|mir|mich|uns|du|sie|ihr|zu[mr]?|im|am|auf|mit|fur|vo[nm]|bei"
    r"|und|oder|immer|wieder|jetzt|ich|wir|es|ab|unos|unas|m[ei]|mis|te|se|nos|del?|a|en|con|para|y|o|siempre|d"
    r"|des|mon|ma|mes|vous|tu|et|ou|avec|pour|dans|sur|toujours|mi[oa]|di|da|nella?|per|e|sempre|as|meu|minha"
    r"|d[oa]s?|em|n[oa]s?|com)\Z"
)


class Lift(enum.Enum):
    """How a sentence takes rules back."""

    RULE = "rule"  # it speaks of the rule as such: forget that rule
    PERMIT = "permit"  # it allows again what was forbidden: you can use emojis again
    EXEMPT = "exempt"  # it asks no longer for what was demanded: you no longer have to use euros
    WRITING = "writing"  # it gives back the usual way of writing: you can write normally again


@dataclass(frozen=True)
class Demand:
    """One clause of a rule. `settings` are the things of one value each that it sets, with the values named; `words`
    what else it is about, `verbs` what is to be done or not. `named` are all its words but those that forbid, None
    where some are only shown and so cannot be compared; `minor` those of them that are too short or too common for
    `words`, but tell one object from another."""

    words: frozenset[str]
    verbs: frozenset[str]
    forbids: bool
    settings: dict[str, frozenset[str]] = field(default_factory=dict)
    writing: bool = False
    instead: bool = False
    named: frozenset[str] | None = None
    minor: frozenset[str] = frozenset()

    def replaces(self, earlier: Demand) -> bool:
        """Whether an earlier demand no longer holds once this one is made."""
        if self.forbids and earlier.forbids and "length" not in earlier.settings:
            return bool(self.named) and self.named == earlier.named
        if self.forbids != earlier.forbids and "length" not in earlier.settings and not self._of_its_names(earlier):
            return False
        if earlier.settings:
            return all(name in self.settings and self._sets_anew(name, earlier) for name in earlier.settings)
        if self.settings or not (self.words and earlier.words):
            return False
        if self.forbids != earlier.forbids:
            return self.words <= earlier.words and self._covers(earlier) and self._verbs_agree(earlier)
        if self.verbs != earlier.verbs:
            return False
        return self.words == earlier.words or (self.instead and not earlier.forbids and self._covers(earlier))

    def _sets_anew(self, name: str, earlier: Demand) -> bool:
        mine, theirs = self.settings[name], earlier.settings[name]
        if name != "length" and (self.forbids or earlier.forbids):
            return mine == theirs and self.words == earlier.words
        if name in wording.OF_THE_SPEAKER or self.words == earlier.words or (self.instead and mine & theirs):
            return True
        shared = self.words & earlier.words
        return _share(shared, self.words) >= MOST and _share(shared, earlier.words) >= PART

    def _of_its_names(self, earlier: Demand) -> bool:
        """Whether this has no short or common word of its own: who may push to dev may not push to main."""
        return earlier.named is None or self.minor <= earlier.named

    def _covers(self, earlier: Demand) -> bool:
        shared = self.words & earlier.words
        return _share(shared, self.words) >= MOST and _share(shared, earlier.words) >= MOST

    def _verbs_agree(self, earlier: Demand) -> bool:
        """Whether what is allowed is what is forbidden; "no tabs" forbids whatever is done with them."""
        forbidden = self.verbs if self.forbids else earlier.verbs
        return not forbidden or self.verbs == earlier.verbs

    def lifts(self, earlier: Demand, how: Lift) -> bool:
        """Whether this, said as a permission or as an exemption, takes an earlier demand back."""
        for name in self.settings.keys() & earlier.settings.keys():
            mine, theirs = self.settings[name], earlier.settings[name]
            if self._frees(mine, theirs, earlier, how) and self.words <= earlier.words:
                # "in English again" is of the answers; euros are of whatever had to be in euros
                return bool(self.words) or not earlier.words or (name != "language" and not earlier.forbids)
        if not self.words or not self.words <= earlier.words or earlier.forbids != (how is Lift.PERMIT):
            return False
        if not self._of_its_names(earlier):
            return False
        agrees = not self.verbs or not earlier.verbs or self.verbs == earlier.verbs
        return agrees and _share(self.words, earlier.words) >= LIFTED

    @staticmethod
    def _frees(mine: frozenset[str], theirs: frozenset[str], earlier: Demand, how: Lift) -> bool:
        """Whether leave for some values, or for any where none is named, is against what an earlier demand wants."""
        if not mine:
            return True
        return bool(mine & theirs) == (earlier.forbids or how is Lift.EXEMPT)

    def names(self, earlier: Demand) -> bool:
        """Whether this, said of a rule as such, means an earlier demand."""
        if self.settings.keys() & earlier.settings.keys():
            return self.words <= earlier.words
        return bool(self.words) and self.words <= earlier.words | {
            word for v in earlier.settings.values() for word in v
        }


@functools.lru_cache(maxsize=1024)
def demands_of(text: str, lifts: bool = False) -> tuple[Demand, ...]:
    """The demands of a rule, given as lower-case text of `lrrc.digest.voice.own_words`."""
    made: list[str] = []
    scope = ""
    for clause in clauses(_ELIDED.sub(r"\1 ", text)):
        if _demands(clause) and not all(map(_is_general, words_of(clause))):
            made.append(scope + clause)
            scope = ""
        elif made and not _REASON.match(clause) and _goes_on(made[-1], clause):
            made[-1] += f" {clause}"
        elif _SCOPE.match(clause):
            scope += f"{clause} "
    return tuple(_demand(clause, lifts) for clause in made or [text])


def _goes_on(before: str, clause: str) -> bool:
    """Whether a clause without an order of its own says more of what the one before is about."""
    if _OF_CJK.search(clause):
        return False
    return len(clause.split()) <= TRAILING or wording.NEGATION.search(before)


def clauses(text: str) -> list[str]:
    """A text cut at commas and the like, and at an `and` behind which another order follows."""
    found = []
    for piece in _STOP.split(text):
        first = 0
        for match in _AND.finditer(piece):
            rest = piece[match.end() :]
            if wording.DIRECT.search(rest[:30]) or wording.NEGATION.search(rest[:12]):
                found.append(piece[first : match.start()])
                first = match.end()
        found.append(piece[first:])
    return [clause.strip() for clause in found if clause.strip()]


def _demands(clause: str) -> bool:
    return any(
        signal.search(clause)
        for signal in (wording.DIRECT, wording.NEGATION, wording.ALWAYS, wording.OUTPUT, *wording.MATTERS.values())
    )


def _demand(clause: str, lifts: bool) -> Demand:
    words = _words(clause)
    settings = {}
    for name, signal in wording.MATTERS.items():
        if signal.search(clause) or (
            lifts and name in wording.MATTER_NAMES and wording.MATTER_NAMES[name].search(clause)
        ):
            values = () if name == "length" else words  # of a length the number and the unit say it, not a word
            settings[name] = frozenset(_stem(word) for word in values if _of_matter(word, name))
    of_matters = {_stem(word) for word in words for name in settings if _of_matter(word, name, named=True)}
    named = _named(clause)
    content = {_stem(word) for word in words if _says(word)} | _signs(clause, settings)
    return Demand(
        frozenset(content - of_matters),
        frozenset(_ENDING.sub("", word)[:STEM] for word in words if _is_verb(word)),
        wording.NEGATION.search(clause),
        settings,
        _of_writing(clause, settings),
        wording.INSTEAD.search(clause),
        None if SHOWN in clause else named,
        frozenset(word for word in named if _is_minor(word)),
    )


def _named(clause: str) -> frozenset[str]:
    """All words of a clause but those that forbid; of a script without blanks every pair of characters."""
    words = {word for word in _TOKEN.findall(clause) if not _OF_CJK.search(word)}
    words |= {word for word in words_of(clause) if _OF_CJK.search(clause)}
    return frozenset(word for word in words if not _FORBIDDING.match(word))


def _of_writing(clause: str, settings: dict[str, frozenset[str]]) -> bool:
    return any(name in wording.OF_WRITING for name in settings) or any(
        signal.search(clause) for signal in (wording.OUTPUT, wording.ANSWER, wording.WRITING, wording.STYLE)
    )


def _words(text: str) -> list[str]:
    """Words of scripts with blanks, and what one of the others names as a value of a matter."""
    found = [word for word in words_of(text) if word.isalnum() and not _OF_CJK.search(word)]
    if _OF_CJK.search(text):
        found += [match.group() for match in _value_signs().finditer(text)]
    return found


def _signs(text: str, settings: dict[str, frozenset[str]]) -> set[str]:
    """What a text of a script without blanks is about: what is left of it without what rules are worded with."""
    if not _OF_CJK.search(text):
        return set()
    for name in settings:
        text = re.sub(wording.MATTERS[name].signs, " ", text) if wording.MATTERS[name].signs else text
    left = _PARTICLES.sub(" ", _general_signs().sub(" ", text))
    return {
        run[i : i + 2]
        for match in _CONTENT.finditer(left)
        for run in [match.group()]
        for i in range(max(1, len(run) - 1))
    }


@functools.cache
def _general_signs() -> re.Pattern[str]:
    signals = (*wording.GENERAL, wording.NEGATION, wording.LIFT)
    return re.compile("|".join(signal.signs for signal in signals if signal.signs))


@functools.cache
def _value_signs() -> re.Pattern[str]:
    names = [name for name in wording.MATTERS if name not in ("length", *wording.OF_THE_SPEAKER)]
    return re.compile("|".join(wording.MATTERS[name].signs for name in names if wording.MATTERS[name].signs))


@functools.lru_cache(maxsize=16_384)
def _says(word: str) -> bool:
    """Whether a word says what a rule is about: none that rules on anything are worded with."""
    if _OBJECT.match(word):  # common, but never the answers as such
        return True
    if len(word) <= 3 or _NUMBER.match(word) or _OF_CJK.search(word) or word_weight(word) <= COMMON:
        return False
    return not (_is_verb(word) or _is_general(word))


def _is_minor(word: str) -> bool:
    """Whether a word that can tell two objects apart is left out of what a rule is about."""
    return not (_JOINING.match(word) or _OF_CJK.search(word) or _says(word) or _is_verb(word) or _is_general(word))


@functools.lru_cache(maxsize=16_384)
def _is_general(word: str) -> bool:
    """Whether rules on anything are worded with it, and it is no verb."""
    if _OF_CJK.search(word):
        return False
    return not _is_verb(word) and any(
        signal.search(word) for signal in (*wording.GENERAL, wording.NEGATION, wording.POLITE)
    )


@functools.lru_cache(maxsize=16_384)
def _of_matter(word: str, name: str, named: bool = False) -> bool:
    """Whether a word alone is a value of a matter; `named`, or its unit or name."""
    names = [wording.MATTERS[name]]
    if named:
        names += [wording.MATTER_NAMES[name]] if name in wording.MATTER_NAMES else []
        names += [wording.LENGTH_UNITS] if name == "length" else []
    return any(signal.search(word) for signal in names)


@functools.lru_cache(maxsize=16_384)
def _is_verb(word: str) -> bool:
    """Whether a word is a verb of orders, in a form of an order or of an infinitive in -n or -r."""
    if len(word) < 3 or wording.POLITE.search(word) or wording.NEGATION.search(word):
        return False
    return any(
        wording.DIRECT.search(form) for form in dict.fromkeys((word, word.removesuffix("n"), word.removesuffix("r")))
    )


def _stem(word: str) -> str:
    return word if _OF_CJK.search(word) else word.rstrip("s")[:STEM]


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    weight = math.fsum(map(word_weight, whole))
    return math.fsum(map(word_weight, part)) / weight if weight else 0.0
