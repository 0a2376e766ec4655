"""What was said later on the same matter goes before what it corrects.

The words of a question are those of the first statement ("the meeting is on Monday"), which therefore scores best; what
corrects it says less of the matter ("now on Tuesday instead"). So before a segment is copied, later ones that restate
it, or in which the user says that something is corrected, are ranked just above it: a digest has them beside what they
correct, or without it.
Shape suffix: N segments so far.
"""

from __future__ import annotations

import math
from itertools import islice

import numpy as np

from lrrc.digest.features import USER
from lrrc.digest.history import History
from lrrc.digest.ranking import best_first
from lrrc.digest.words import word_weight

HEAD = 32  # segments by falling score among which corrections are looked for
SAME = 0.6  # share of the words' weight of the shorter one, from which two segments are about the same matter
ANNOUNCED = 2  # corrections that are known by their words alone, the latest ones
ANNOUNCING = """instead correction wrong moved changed rescheduled postponed cancelled
stattdessen korrektur geirrt verschoben geändert abgesagt
corrección equivoqué cambiado aplazado cancelado plutôt trompé trompée déplacé reporté annulé
invece correzione sbagliato spostato correção errado mudou adiado""".split()  # noqa: SIM905


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
    for j in _announced(history, len(scores_N)):
        corrected = next((i for i in head if history.speaker_N[i] == USER and step[i] < history.step_N[j]), None)
        if corrected is not None and -np.inf < scores_N[j] < scores_N[corrected]:
            scores_N[j] = np.nextafter(scores_N[corrected], np.inf)
    return scores_N


def _announced(history: History, count: int) -> list[int]:
    """The latest of the first `count` segments in which the user says that something is corrected, in order."""
    found = {int(i) for word in ANNOUNCING for i in history.index.having(word, count)}
    return sorted(i for i in found if history.speaker_N[i] == USER)[-ANNOUNCED:]
