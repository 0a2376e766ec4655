"""Standing rules: what a user asks for once and expects to hold (format, language, names, prohibitions).

A sentence is recognised as a rule by explicit wording, or by a head of the network that tells from its embedding how
likely it is one, learnt from the checks of the embedded arena that ask for a rule. A rule goes into every digest until
a later one on the same matter replaces it; system messages are never compressed in the first place.
"""

from __future__ import annotations

import re

import numpy as np

from lrrc.digest.features import USER
from lrrc.digest.history import History

SAME_MATTER = 0.6  # cosine of two rules above which the later one replaces the earlier
# English wording that leaves no doubt; what is said in other words is left to the network
EXPLICIT = re.compile(
    r"^\W*(please,? |and |so |also )*(always|never|from now on|going forward|from here on|in all your answers)\b"
    r"|\b(from now on|going forward|from here on|until i say otherwise|for the rest of (this|our) \w+),? "
    r"(please|you|i want|i would like|only|do not|don't|never|always|answer|reply|respond|write|use|call)\b"
    r"|\byou (must|should|are to|shall|may|will) (always|never|only)\b",
    re.IGNORECASE,
)


def rules_in_force(history: History, probability_N: np.ndarray, least: float) -> list[int]:
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
