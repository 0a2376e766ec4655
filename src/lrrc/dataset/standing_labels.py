"""Which sentences of the embedded arena are standing rules: labels for training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lrrc.digest.features import USER
from lrrc.digest.history import History
from lrrc.digest.words import words_of
from lrrc.episodes.episode import Check, Episode

FAMILY = "rule"  # of the checks that ask whether a rule still holds
TELLING_GAIN = 5.0  # nats; a sentence that only has a word in common with the answer gains less
RULE, NO_RULE, UNKNOWN = 1.0, 0.0, -1.0


def standing_labels(episode: Episode, history: History, gains: Mapping[tuple[int, int], np.ndarray]) -> np.ndarray:
    """RULE, NO_RULE or UNKNOWN for every segment [N] of a whole episode; `gains` by (turn, agent).

    A rule is a sentence of the user, before a check of that family, with a word that tells the right answer from the
    others and, where gains are known, with a gain that says the same. Only where there are checks is it known what is
    no rule.
    """
    found_N = np.full(len(history.segments), NO_RULE if episode.checks else UNKNOWN, np.float32)
    for check in episode.checks:
        if check.family != FAMILY:
            continue
        telling, gains_N = _telling(check), gains.get((check.turn, 0))
        latest = min(check.fact_turn, check.turn - 1)
        for i in range(len(history.segments)):
            if history.turn[i] > latest or history.speaker[i] != USER:
                continue
            if telling & history.words[i] and (gains_N is None or gains_N[i] > TELLING_GAIN):
                found_N[i] = RULE
    return found_N


def _telling(check: Check) -> set[str]:
    """Words of the right answer that no wrong one has."""
    words = [set(words_of(option)) for option in check.options]
    return words[check.answer].difference(*(w for i, w in enumerate(words) if i != check.answer))
