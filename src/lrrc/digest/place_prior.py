"""What is known of a segment's worth before anything is learnt: its place in the conversation, and the words asked.

In real conversations a message is worth more than those before it, its first sentences more than what follows them, and
an agent's own words more than another agent's: how a text begins says what it is about, and how its author goes on
(docs/log.md has the figures). What is asked for in its own words is worth more than its place says, however long ago
it was said. A learned score knows better where conversations are like those it was learnt from; elsewhere it must not
know less than this.
Shape suffix: N segments so far.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lrrc.digest.asked_parts import parts_of_the_question, rarity
from lrrc.digest.features import FIRST_AGENT
from lrrc.digest.history import History
from lrrc.digest.ranking import promise

# Nats taken off the logarithm of a segment's worth: for each segment before it in its message, for each message after
# its own, and where the words are another agent's. Chosen by hand, not fitted.
PER_SENTENCE, PER_MESSAGE, ANOTHERS = 0.3, 0.5, 0.5
# Where a line says the order (lrrc.digest.additive): nats for every rank, so that the best 16 segments have 91 % of its
# shares. With a line the learned score keeps a fiftieth of what it keeps beside place alone, and what is asked is
# promised half, as shares that fall slowly are small, too: on kinds left out more of either cost more than it gave
PER_RANK, LEFT_BY_A_LINE, ASKED_BY_A_LINE = 0.15, 0.02, 0.5
# A segment that has all that is asked, in words that no other has, is promised this share of what the best segments
# promise. The share falls with the fourth power of what the best match has of the question, so that a few words in
# common promise nothing, and with the eighth power of what another has beside the best.
ASKED, LACKING, BEHIND = 0.4, 4, 8
NEARLY_ALL = 0.85  # of what is asked, by weight: a row that has it together with its head is the one that is asked for


def log_prior(history: History, agent: str, count: int | None = None) -> np.ndarray:
    """Logarithms [N] of shares that sum to one, of the first `count` segments (default: all), for a call of `agent`."""
    step_N, speaker_N = history.step_N[:count], history.speaker_N[:count]
    if not len(step_N):
        return np.zeros(0)
    anothers_N = (speaker_N >= FIRST_AGENT) & (speaker_N != FIRST_AGENT + history.agent_number(agent))
    prior_N = -PER_SENTENCE * history.place_N[:count] - PER_MESSAGE * (step_N[-1] - step_N) - ANOTHERS * anothers_N
    return prior_N - _log_sum(prior_N)


class Leads:
    """What leads to other segments of a history, and to which: the head of a table to its rows, the key to its values,
    the opening line to the items of its list. `frame_N` are those that are never chosen for themselves."""

    def __init__(self, history: History, count: int):
        needs_K3 = history.needs_K3[: np.searchsorted(history.needs_K3[:, 1], count)]
        # neither the error below its frames nor the end of a fence says more
        self.lead_K, self.led_K, surely_K = needs_K3[needs_K3[:, 0] < needs_K3[:, 1]].T
        self.surely_K = surely_K.astype(bool)
        self.frame_N = history.frame_N[:count]

    def to(self, where: np.ndarray, own_N: np.ndarray) -> np.ndarray:
        """Those that the segments `where` lead to and that are not among them, ascending; to what has nothing of its
        `own` of what is asked no first row does that may be the answer itself."""
        among_N = np.zeros(len(self.frame_N), bool)
        among_N[where] = True
        led_N = np.zeros(len(self.frame_N), bool)
        led_N[self.led_K[among_N[self.lead_K] & (self.surely_K | own_N[self.led_K])]] = True
        return np.flatnonzero(led_N & ~among_N)


def share_of_the_question(
    history: History, asked: Mapping[str, float], count: int, leads: Leads | None = None
) -> np.ndarray:
    """float64 [N], from 0 to 1: how much of what is asked each of the first `count` segments has, by itself or, where
    `leads` are given, together with what leads to it: a row of a table has no word of its head.

    `asked` has a weight for every word of the question. A word counts in full where one segment has it, and less the
    more have it, down to nothing where all do. Words that nobody has said ("where", "which colour") could be in no
    answer: the rest is the whole, but at least the weight of one rare word, so that a `now` in common is not all.
    """
    held_N, whole = np.zeros(count), 0.0
    having = {word: where for word in asked if len(where := history.index.having(word, count))}
    for word, where in having.items():
        held_N[where] += asked[word] * rarity(len(where), count)
        whole += asked[word]
    if leads is not None and len(leads.led_K):
        held_N = _with_what_leads(held_N, asked, having, leads, whole)
    return held_N / max(1.0, whole)


def _with_what_leads(
    held_N: np.ndarray, asked: Mapping[str, float], having: Mapping[str, np.ndarray], leads: Leads, whole: float
) -> np.ndarray:
    """Of all that is asked, of the weight `whole`, what each segment has with what leads to it, `held_N` by itself."""
    count, own_N, held_N, said_N = len(held_N), held_N > 0, held_N.copy(), np.zeros(len(held_N))
    for word, where in having.items():
        led = leads.to(where, own_N)
        held_N[led] += asked[word] * rarity(len(where), count)
        said_N[where] += asked[word]
        said_N[led] += asked[word]
    # all rows have the words of their head, and many have a name in common: rare is who has them all
    rows = np.unique(leads.led_K)
    rows = rows[said_N[rows] >= NEARLY_ALL * whole] if whole else rows[:0]
    held_N[rows] = np.maximum(held_N[rows], said_N[rows] * rarity(max(1, len(rows)), count))
    return held_N


def by_rank(scores_N: np.ndarray) -> np.ndarray:
    """Logarithms [N] of shares that fall with the rank of a score, PER_RANK nats each: an order as a prior."""
    rank_N = np.empty(len(scores_N))
    rank_N[np.argsort(-scores_N, kind="stable")] = np.arange(len(scores_N))
    return -PER_RANK * rank_N


def mix_with_prior(
    scores_N: np.ndarray,
    history: History,
    agent: str,
    share: float,
    asked: Mapping[str, float],
    place_N: np.ndarray | None = None,
) -> np.ndarray:
    """Scores (logarithms of gains), of whose promise `share` is dealt by place alone, and more by the words asked.
    `place_N` are a line's logarithms of shares, in place of those of place (`log_prior`): the line deals
    1 - LEFT_BY_A_LINE (1 - share), and what is asked gets ASKED_BY_A_LINE of what it gets beside place.

    Segments whose score is minus infinity, as they are sent anyway, get nothing. The promise is that of the best
    segments (`ranking.promise`), so that nothing depends on how long the history is.
    """
    scores_N = np.asarray(scores_N, float)
    promised = promise(scores_N)
    if not share or promised == -np.inf:
        return scores_N
    free_N = scores_N > -np.inf
    promised_if_asked = ASKED
    if place_N is not None:
        share, promised_if_asked = 1 - LEFT_BY_A_LINE * (1 - share), ASKED_BY_A_LINE * ASKED
    place_N = log_prior(history, agent, len(scores_N)) if place_N is None else np.array(place_N, float)
    place_N[~free_N] = -np.inf
    place_N -= _log_sum(place_N)
    if share == 1:
        return place_N + promised
    asked_N, leads = np.zeros(len(scores_N)), Leads(history, len(scores_N))
    free_N = free_N & ~leads.frame_N  # a head matches best, but is never chosen by itself
    for words in (asked, *parts_of_the_question(history, asked, free_N)):
        # the whole question alone, as a part may be in the words of a head, which all its rows would have
        held_N = share_of_the_question(history, words, len(scores_N), leads if words is asked else None) * free_N
        most, having = held_N.max() or 1.0, np.flatnonzero(held_N)
        asked_N[having] = np.maximum(
            asked_N[having], promised_if_asked * most**LACKING * (held_N[having] / most) ** BEHIND
        )
    with np.errstate(divide="ignore"):
        return promised + np.log((1 - share) * np.exp(scores_N - promised) + share * np.exp(place_N) + asked_N)


def _log_sum(values_N: np.ndarray) -> float:
    most = values_N.max()
    return float(most + np.log(np.exp(values_N - most).sum()))
