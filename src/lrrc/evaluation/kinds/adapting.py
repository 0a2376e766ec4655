"""Adapting the packaged line to a user's own conversations, without labels (docs/method.md 5.4).

Three numbers are chosen: how much the place within a message and the speaker count, each as a factor of what they count
in the packaged line, and how much what is asked does. What digests hold of the replies' words chooses. What that is
worth is tried on calls that it was not chosen on, by the nats of a language model: each half of the conversations by
the numbers of the other.
Shape suffixes: K choices, C calls, L clusters of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lrrc.digest.additive import Line
from lrrc.evaluation.fidelity.surprise import request, surprise
from lrrc.evaluation.kinds.calls import KindCall
from lrrc.evaluation.kinds.ordering import held_by, sight
from lrrc.evaluation.kinds.regret import Met, line_at
from lrrc.pretrained.sentence_encoder import SentenceEncoder

if TYPE_CHECKING:
    from lrrc.digest.selection import Selection
    from lrrc.pretrained.answers import Answers

GROUPS = {
    "place": ("sentences_before", "log_sentences_before", "tokens_before", "first_sentence"),
    "speaker": ("own", "by_a_user", "in_dialogue"),
}
ASKED = "asked_share"
CHOICES = [  # the packaged line first
    {"place": place, "speaker": speaker, "asked": asked}
    for place, speaker, asked in product((1.0, 0.25, 0.5, 2.0, 4.0), (1.0, 0.0, 0.5, 2.0), (0.0, 4.0, 16.0))
]
LEAST = 12  # calls; fewer tell nothing


@dataclass(frozen=True)
class Adapted:
    """The line by the numbers of all calls; nats a token of every call before and after, beside its cluster."""

    line: Line
    chosen: dict[str, float]
    before: list[float]
    after: list[float]
    clusters: list[str]


def changed(line: Line, choice: dict[str, float]) -> Line:
    """The line whose groups of features count so many times what they did, and what is asked besides."""
    factor = {name: choice[group] for group, names in GROUPS.items() for name in names}
    weights = {name: factor.get(name, 1.0) * weight for name, weight in line.weights.items()}
    return Line({**weights, ASKED: line.weights.get(ASKED, 0.0) + choice["asked"]}, line.ordered)


def by_cluster(values_C: np.ndarray, clusters: Sequence[str]) -> np.ndarray:
    """[..., L]: the mean of every cluster along the last axis."""
    _, number_C = np.unique(np.array(clusters), return_inverse=True)
    return values_C @ ((number_C[:, None] == np.arange(number_C.max() + 1)) / np.bincount(number_C))


def best_choice(held_KC: np.ndarray, clusters: Sequence[str]) -> int:
    """The choice whose calls hold most beyond the first choice's, less the standard error of that; at least as much.

    The error is of the means of clusters: conversations that begin alike are no independent evidence.
    """
    more_KL = by_cluster(held_KC - held_KC[0], clusters)
    if more_KL.shape[1] < 2:
        return 0
    sure_K = more_KL.mean(axis=1) - more_KL.std(axis=1, ddof=1) / np.sqrt(more_KL.shape[1])
    return int(sure_K.argmax()) if sure_K.max() > 0 else 0


def adapt(
    calls: Sequence[KindCall],
    line: Line,
    encoder: SentenceEncoder,
    answers: Answers,
    budget: int,
    reply_tokens: int,
    seen: Callable[[], None] = lambda: None,
) -> Adapted:
    """Choose on the calls, and measure each half by the choice of the other; `seen` is called after every call twice.

    Raises ValueError where there are too few calls, and where the line is not ordered.
    """
    if not line.ordered:
        raise ValueError("the line is not ordered: no numbers of it can be chosen")
    if len(calls) < LEAST:
        raise ValueError(f"{len(calls)} replies have a history of at least {2 * budget} tokens; {LEAST} are needed")
    if len({call.cluster for call in calls}) < 4:
        raise ValueError("conversations have fewer than 4 different beginnings: nothing could be tried on others")

    def nats(call: KindCall, digests: Sequence[Selection]) -> np.ndarray:
        asked = [request(answers.model, call.logged, digest.text or "", (), reply_tokens) for digest in digests]
        return surprise(answers, asked)

    lines, held_KC = [changed(line, choice) for choice in CHOICES], np.zeros((len(CHOICES), len(calls)))
    names = tuple(dict.fromkeys((*line.weights, ASKED)))
    vectors_KA = np.array([one.vector(names) for one in lines])
    for c, call in enumerate(calls):
        one = sight(call, encoder, budget, names)
        held_KC[:, c] = [held_by(one, scores_N, budget) for scores_N in vectors_KA @ one.features_NO.T]
        seen()
    clusters = np.array([call.cluster for call in calls])
    second_C = np.unique(clusters, return_inverse=True)[1] % 2 == 1
    by_other = [lines[best_choice(held_KC[:, second_C == half], clusters[second_C == half])] for half in (True, False)]
    before, after = [], []
    for call, here in zip(calls, second_C.astype(int), strict=True):
        met = Met(call, encoder)
        both = (line, by_other[here])
        was, now = nats(call, [met.send(line_at(some, encoder, budget), budget) for some in both])
        before.append(float(was))
        after.append(float(now))
        seen()
    chosen = best_choice(held_KC, clusters)
    return Adapted(lines[chosen], CHOICES[chosen], before, after, clusters.tolist())
