"""What was said later on the same matter goes before what it corrects.

The words of a question are those of the first statement ("the meeting is on Monday"), which therefore scores best; what
corrects it says less of the matter ("now on Tuesday instead"). So before a segment is copied, later ones that restate
it, or in which the user says that it is corrected, are ranked just above it: a digest has them beside what they
correct, or without it. A correction's own sentence may not say what is right ("I was wrong. It is on Tuesday."): the
one beside it goes with it.

People also move, change and are wrong in stories that correct nothing. So a word of correction counts for a statement
that it shares a word with, or where it leans on something ("It was moved."). A short answer directly behind a statement
corrects it, too, where it begins with "no", "oops", "actually" and the like.
Shape suffix: N segments so far.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from itertools import islice

import numpy as np
import regex

from lrrc.digest.features import USER
from lrrc.digest.history import History
from lrrc.digest.ranking import best_first
from lrrc.digest.words import word_weight, words_of

HEAD = 32  # segments by falling score among which corrections are looked for
SAME = 0.6  # share of the words' weight of the shorter one, from which two segments are about the same matter
ANNOUNCED = 2  # corrections of one statement that are known by their words, the latest ones
BESIDE = 48  # tokens of a correction with the sentences beside it, one of which may say what is right
LOOKED_AT = 64  # segments of the user with the word of a correction, or that by which a phrase is looked up, the latest
TELLING = 0.4  # weight of a word that a correction and what it corrects share: no `last`, no `week`
SAYING = 0.5  # weight of a word with which an answer says more than that it is none
LEANS_BACK = 8  # messages of the user to which a correction can lean that names no matter
ANSWERED = 3  # messages of the user behind a statement among which a short answer takes it back
LEANING = 0.7  # weight from which a word names a matter of its own ("My cousin moved"), where others lean ("It moved")
ANNOUNCING = """instead correction corrected wrong moved changed rescheduled postponed delayed cancelled misspoke
misread typo oops whoops stattdessen korrektur geirrt vertan irrtum verschoben geändert verlegt abgesagt
corrección equivoqué cambiado cambiada aplazado cancelado plutôt trompé trompée erreur déplacé reporté annulé
invece correzione sbagliato spostato spostata correção errado enganei mudou adiado
vergist verplaatst gewijzigd исправление ошибся ошиблась перенесли перенесена перенесено вместо أخطأت
更正 改成 改为 改到 说错 搞错 訂正 変更 間違""".split()  # noqa: SIM905
IMPERSONAL = """it it's that that's this es das dies elle il ça cela c'est eso esto ela ele это её
его""".split()  # noqa: SIM905
WEEKDAYS = """monday tuesday wednesday thursday friday saturday sunday
montag dienstag mittwoch donnerstag freitag samstag sonntag lundi mardi mercredi jeudi vendredi samedi dimanche
lunes martes miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato domenica
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
понедельник вторник среду четверг пятницу субботу воскресенье""".split()  # noqa: SIM905
PHRASES = """scratch that|strike that|i meant|i was wrong|change of plan|changes of plan|my mistake
ich meinte|mein fehler|mich geirrt|mich vertan|doch nicht|je voulais dire|me suis trompé|changement de programme
quise decir|me equivoqué|cambio de planes|en vez de|mi sono sbagliato|mixed them up|me suis trompée
volevo dire|quis dizer|mudança de planos"""
_OPENING = regex.compile(  # of a short answer that takes something back
    r"\W*(?:(?:no|nope|not|actually|oops|whoops|wait|sorry|apologies|correction|update|typo|i mean|nein|doch|halt"
    r"|quatsch|moment|non|pardon|désolée?|erreur|en fait|attends|perd[oó]na?|mejor|espera|en realidad|scusa|anzi"
    r"|aspetta|desculp[ae]|não|na verdade|nee|wacht|нет|извини(?:те)?|ой|لا|عفوا)\b"
    r"|不|等等|抱歉|いえ|いや|違|すみません|ごめん|아니|죄송)",
    regex.IGNORECASE,
)
_PHRASES = {  # and the word by which it is looked up, its rarest
    phrase: max(words_of(phrase), key=word_weight) for phrase in PHRASES.replace("\n", "|").split("|")
}
_MAKE_THAT = re.compile(  # a number follows: other things are made, too
    r"\bmake (?:that|it) (?:an? |the )?(?:\W*\d|(?:one|two|three|four|five|six"
    r"|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif)ty)\b)"
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
    for i, corrections in _corrected(history, head, len(scores_N)).items():
        above = scores_N[i]
        for j in corrections:  # in order, so that of several the latest goes first
            for k in (*_beside(history, j, len(scores_N)), j):
                above = np.nextafter(above, np.inf)
                if -np.inf < scores_N[k] < above:
                    scores_N[k] = above
    return scores_N


def _corrected(history: History, head: list[int], count: int) -> dict[int, list[int]]:
    """Statements of the user, by their numbers -> the latest segments that correct them, in order.

    `head` has the statements that matter, the best first; each segment corrects the best one that it can be about.
    """
    users = np.flatnonzero(history.speaker_N[:count] == USER)
    said = np.unique(history.message_N[users])  # the user's messages
    statements = [i for i in head if history.speaker_N[i] == USER]
    found: dict[int, set[int]] = {}
    for i, j in _answers(history, statements, users, said):
        found.setdefault(i, set()).add(j)
    leaning = {j: LEANS_BACK * _leans(history.segments[j].text) for j in _announced(history, count)}
    leaning |= dict.fromkeys(_phrased(history, count), len(said))
    for j, far in leaning.items():
        earliest = said[max(0, np.searchsorted(said, history.message[j]) - far)]
        for i in statements:
            if history.step_N[i] < history.step_N[j] and (
                history.message[i] >= earliest or _share_a_matter(history.words[i], history.words[j])
            ):
                found.setdefault(i, set()).add(j)
                break
    return {i: sorted(corrections)[-ANNOUNCED:] for i, corrections in found.items()}


def _announced(history: History, count: int) -> list[int]:
    """The latest of the first `count` segments in which a word of the user says that something is corrected."""
    return sorted({i for word in ANNOUNCING for i in _by_user(history, word, count)})[-LOOKED_AT:]


def _phrased(history: History, count: int) -> set[int]:
    """The latest in which a phrase of the user says so that is used for little else."""
    found = set()
    for phrase, word in _PHRASES.items():
        for i in _by_user(history, word, count)[-LOOKED_AT:]:
            if f" {phrase} " in _spoken(history.segments[i].text):
                found.add(i)
    for i in _by_user(history, "make", count)[-LOOKED_AT:]:
        if _MAKE_THAT.search(history.segments[i].text.lower()):
            found.add(i)
    return found


def _answers(history: History, statements: list[int], users: np.ndarray, said: np.ndarray) -> Iterator[tuple[int, int]]:
    """Statements, the best of their messages, and the first segments of short answers that take them back."""
    best: dict[int, int] = {}
    for i in statements:
        best.setdefault(history.message[i], i)
    for message, i in best.items():
        behind = np.searchsorted(said, message) + 1
        for number, answer in enumerate(said[behind : behind + ANSWERED].tolist()):
            text = history.messages[answer].content
            opening = _OPENING.match(text) if len(text) <= 4 * BESIDE else None
            words = words_of(text[opening.end() :]) if opening else []
            # directly behind it says more than "No, I see."; further on it has a value, as others may be answered
            if any(map(_is_value, words)) or (not number and any(word_weight(word) >= SAYING for word in words)):
                yield i, int(users[np.searchsorted(history.message_N[users], answer)])


# every turn of a long history asks again for those that announce
@functools.lru_cache(maxsize=4096)
def _spoken(text: str) -> str:
    """The words of a text, with a blank on both sides of each."""
    return f" {' '.join(words_of(text))} "


@functools.lru_cache(maxsize=4096)
def _leans(text: str) -> bool:
    """Whether a correction names no matter of its own, so that it leans on what was said; a value is none."""
    words = words_of(text)
    if len(words) <= 3 or words[0] in IMPERSONAL:
        return True
    return all(word_weight(word) < LEANING or _is_value(word) for word in words if word not in ANNOUNCING)


def _is_value(word: str) -> bool:
    return word in WEEKDAYS or any(map(str.isdigit, word))


def _share_a_matter(left: frozenset[str], right: frozenset[str]) -> bool:
    return any(word_weight(word) >= TELLING for word in left & right if word not in ANNOUNCING)


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
