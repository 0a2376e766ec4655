"""What is known of a segment's worth before anything is learnt: its place in the conversation.

In real conversations a message is worth more than those before it, its first sentences more than what follows them, and
an agent's own words more than another agent's: how a text begins says what it is about, and how its author goes on
(docs/log.md has the figures). A learned score knows better where conversations are like those it was learnt from;
elsewhere it must not know less than this.
Shape suffix: N segments so far.
"""

from __future__ import annotations

import numpy as np

from lrrc.digest.features import FIRST_AGENT
from lrrc.digest.history import History

# Nats taken off the logarithm of a segment's worth: for each segment before it in its message, for each message after
# its own, and where the words are another agent's. Chosen by hand, not fitted.
PER_SENTENCE, PER_MESSAGE, ANOTHERS = 0.3, 0.5, 0.5


def log_prior(history: History, agent: str, count: int | None = None) -> np.ndarray:
    """Logarithms [N] of shares that sum to one, of the first `count` segments (default: all), for a call of `agent`."""
    message_N = np.array(history.message[:count], int)
    if not len(message_N):
        return np.zeros(0)
    place_N = np.arange(len(message_N)) - np.searchsorted(message_N, message_N)
    step_N = np.array(history.message_step, int)[message_N]
    speaker_N = np.array(history.speaker[:count], int)
    anothers_N = (speaker_N >= FIRST_AGENT) & (speaker_N != FIRST_AGENT + history.agent_number(agent))
    prior_N = -PER_SENTENCE * place_N - PER_MESSAGE * (step_N[-1] - step_N) - ANOTHERS * anothers_N
    return prior_N - np.logaddexp.reduce(prior_N)


def mix_with_place(scores_N: np.ndarray, history: History, agent: str, share: float) -> np.ndarray:
    """Scores (logarithms of gains) of which `share` is dealt by place alone; the whole history promises what it did."""
    if not share:
        return scores_N
    scores_N = np.asarray(scores_N, float)
    dealt_N = log_prior(history, agent, len(scores_N)) + np.logaddexp.reduce(scores_N) + np.log(share)
    return np.logaddexp(scores_N + np.log1p(-share), dealt_N) if share < 1 else dealt_N
