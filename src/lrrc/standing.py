"""Standing rules: what a user asks for once and expects to hold (format, language, names, prohibitions).

A sentence is recognised as a rule by explicit wording, or by a head of the network that tells from its embedding how
likely it is one, learnt from the checks of the embedded arena that ask for a rule. A rule goes into every digest until
a later one on the same matter replaces it; system messages are never compressed in the first place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from lrrc import segments
from lrrc.episodes import Check, Episode
from lrrc.features import USER, History

FAMILY = "rule"  # of the checks that ask whether a rule still holds
SAME_MATTER = 0.6  # cosine of two rules above which the later one replaces the earlier
TELLING_GAIN = 5.0  # nats; a sentence that only has a word in common with the answer gains less
RULE, NO_RULE, UNKNOWN = 1.0, 0.0, -1.0
# English wording that leaves no doubt; what is said in other words is left to the network
EXPLICIT = re.compile(
    r"^\W*(please,? |and |so |also )*(always|never|from now on|going forward|from here on|in all your answers)\b"
    r"|\b(from now on|going forward|from here on|until i say otherwise|for the rest of (this|our) \w+),? "
    r"(please|you|i want|i would like|only|do not|don't|never|always|answer|reply|respond|write|use|call)\b"
    r"|\byou (must|should|are to|shall|may|will) (always|never|only)\b",
    re.IGNORECASE,
)


def labels(episode: Episode, history: History, gains: Mapping[tuple[int, int], np.ndarray]) -> np.ndarray:
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
    words = [set(segments.words(option)) for option in check.options]
    return words[check.answer].difference(*(w for i, w in enumerate(words) if i != check.answer))


def in_force(history: History, probability_N: np.ndarray, least: float) -> list[int]:
    """Segments of the user that are rules, with at least that probability or by explicit wording, and have not been
    replaced; newest first."""
    rules: list[int] = []
    for i in reversed(range(len(probability_N))):
        if history.speaker[i] != USER:
            continue
        if probability_N[i] < least and not EXPLICIT.search(history.segments[i].text):
            continue
        if not (history.embeddings_NE[rules] @ history.embeddings_NE[i] >= SAME_MATTER).any():
            rules.append(i)
    return rules
