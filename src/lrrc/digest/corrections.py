"""What was said later on the same matter goes before what it corrects.

The words of a question are those of the first statement ("the meeting is on Monday"), which therefore scores best; what
corrects it says less of the matter ("now on Tuesday instead"). So before a segment is copied, later ones that restate
it, or in which the user says that something is corrected, are ranked just above it: a digest has them beside what they
correct, or without it. A correction's own sentence may not say what is right ("I was wrong. It is on Tuesday."): the
one beside it goes with it.
Shape suffix: N segments so far.
"""

from __future__ import annotations

import math
import re
from itertools import islice

import numpy as np

from lrrc.digest.features import USER
from lrrc.digest.history import History
from lrrc.digest.ranking import best_first
from lrrc.digest.words import word_weight, words_of

HEAD = 32  # segments by falling score among which corrections are looked for
SAME = 0.6  # share of the words' weight of the shorter one, from which two segments are about the same matter
ANNOUNCED = 2  # corrections that are known by their words alone, the latest ones
BESIDE = 48  # tokens of a correction with the sentences beside it, one of which may say what is right
LOOKED_AT = 64  # segments of the user with the word by which a phrase is looked up, the latest ones
ANNOUNCING = """instead correction corrected wrong moved changed rescheduled postponed cancelled misspoke
stattdessen korrektur geirrt vertan verschoben geändert verlegt abgesagt
corrección equivoqué cambiado cambiada aplazado cancelado plutôt trompé trompée déplacé reporté annulé
invece correzione sbagliato spostato spostata correção errado enganei mudou adiado
vergist verplaatst gewijzigd исправление ошибся ошиблась перенесли перенесена перенесено вместо
更正 改成 改为 改到 说错 搞错 訂正 変更 間違""".split()  # noqa: SIM905
PHRASES = """scratch that|strike that|i meant|change of plan|changes of plan|my mistake
ich meinte|mein fehler|doch nicht|je voulais dire|changement de programme|quise decir|cambio de planes|en vez de
volevo dire|quis dizer|mudança de planos"""
_PHRASES = {  # and the word by which it is looked up, its rarest
    phrase: max(words_of(phrase), key=word_weight) for phrase in PHRASES.replace("\n", "|").split("|")
}
_MAKE_THAT = re.compile(  # a number follows: other things are made, too
    r"\bmake (?:that|it) (?:an? |the )?(?:\W*\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b)"
)


def corrections_first(scores_N: np.ndarray, history: History) -> np.ndarray:
    """The scores, where later segments on the matter of a better one have just more than that has."""
    scores_N = np.array(scores_N, float)
    head = [i for i in islice(best_first(scores_N), HEAD) if scores_N[i] > -np.inf]
    step = dict(zip(head, history.step_N[head].tolist(), strict=True))
    weight = dict(zip(head, history.word_weight_N[head].tolist(), strict=True))
    for i in sorted(head):  # in the order in which they were said, so that of several the latest goes first
        for j in head:
            if step[j] <= step[i] or scores_N[j] > scores_N[i]:
                continue
            shared, needed = history.words[i] & history.words[j], SAME * min(weight[i], weight[j])
            # a word weighs 1 at most
            if len(shared) >= needed > 0 and math.fsum(map(word_weight, shared)) >= needed:
                scores_N[j] = np.nextafter(scores_N[i], np.inf)
    highest: dict[int, float] = {}
    for j in _announced(history, len(scores_N)):
        corrected = next((i for i in head if history.speaker_N[i] == USER and step[i] < history.step_N[j]), None)
        if corrected is None:
            continue
        above = highest.get(corrected, scores_N[corrected])
        for k in (*_beside(history, j, len(scores_N)), j):
            above = np.nextafter(above, np.inf)
            if -np.inf < scores_N[k] < above:
                scores_N[k] = above
        highest[corrected] = above  # so that of several the latest goes first
    return scores_N


def _announced(history: History, count: int) -> list[int]:
    """The latest of the first `count` segments in which the user says that something is corrected, in order."""
    found = {i for word in ANNOUNCING for i in _by_user(history, word, count)}
    for phrase, word in _PHRASES.items():
        for i in _by_user(history, word, count)[-LOOKED_AT:]:
            if f" {phrase} " in f" {' '.join(words_of(history.segments[i].text))} ":
                found.add(i)
    for i in _by_user(history, "make", count)[-LOOKED_AT:]:
        if _MAKE_THAT.search(history.segments[i].text.lower()):
            found.add(i)
    return sorted(found)[-ANNOUNCED:]


def _by_user(history: History, word: str, count: int) -> list[int]:
    """Those of the first `count` segments that have a word and are the user's."""
    where = history.index.having(word, count)
    return where[history.speaker_N[where] == USER].tolist()


def _beside(history: History, announced: int, count: int) -> list[int]:
    """The sentences around a correction, the one behind it last: "She has moved. Her address is ..." says what is right
    there, "It is the ninth. I was wrong." before it."""
    found, room = [], BESIDE - history.segments[announced].tokens
    for k in (announced + 1, announced - 1):
        if not (0 <= k < count and history.message[k] == history.message[announced]) or history.segments[k].frame:
            continue
        if history.segments[k].tokens <= room:
            room -= history.segments[k].tokens
            found.insert(0, k)
    return found
