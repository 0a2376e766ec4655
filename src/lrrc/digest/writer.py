"""From scores to a digest of at most B tokens (docs/method.md 3.7).

Text is copied, never invented: a digest is a list of spans of the history, whole segments, and every span can be looked
up. All extractive policies share this file, so that they differ in scores alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from lrrc.digest.history import History
from lrrc.digest.ranking import best_first, promise
from lrrc.digest.rendering import head_tokens, render
from lrrc.digest.selection import EMPTY_DIGEST, Selection, Span
from lrrc.digest.words import overlap
from lrrc.pretrained import tokens

LABEL_TOKENS = 3  # of "user: " and the line break; estimates only, the finished text is counted exactly
JOIN_TOKENS = 1  # of what stands between a piece and the one before it
MISFITS = 30  # candidates that may fail to fit before the search for small ones ends


@dataclass(frozen=True)
class DigestRules:
    """How scores become a digest: section `digest` of params.yaml, which says what each number is.

    `standing` and `prior` are for learned policies; so are `least_share` and `least_gain`, which speak of scores that
    are logarithms of gains in nats. The stopping rule of any other policy is `top`: at most so many segments, beside
    standing rules; 0 goes on until the budget is full.
    """

    max_overlap: float
    least_share: float
    least_gain: float
    standing: float
    prior: float
    top: int = 0


# the best segments until the budget is full, and nothing else
PLAIN_RULES = DigestRules(max_overlap=1.0, least_share=0.0, least_gain=0.0, standing=1.0, prior=0.0)


def write_digest(
    history: History,
    scores_N: Sequence[float] | np.ndarray,
    budget: int,
    rules: DigestRules,
    first: Sequence[int] = (),
) -> Selection:
    """The best-scored segments that fit into `budget` tokens together, each whole and with those that it needs.

    Scores of learned policies are logarithms of expected gains in nats. A segment that holds less than `least_share` of
    what the best ones promise together (`ranking.promise`), or less than `least_gain` nats a token, is not worth
    sending: a digest is as long as the history is useful, and `budget` caps it.

    Segments in `first` (standing rules) come before the others whatever their scores, in at most half of the budget.

    A segment of which more than `max_overlap` (by word weight) stands in a chosen one adds nothing and is passed over.
    """
    least_share, least_gain, max_overlap = rules.least_share, rules.least_gain, rules.max_overlap
    room, misfits, picked = budget - head_tokens(), 0, 0
    chosen: dict[int, None] = {}  # in order
    groups: list[tuple[Span, ...]] = []
    scores_N = np.asarray(scores_N, float)
    worth = promise(scores_N)
    for i, kept in chain(((i, True) for i in first), ((i, False) for i in best_first(scores_N))):
        if i in chosen or history.segments[i].frame:
            continue  # a rule; one that found no room among the rules is a segment like others
        if room <= LABEL_TOKENS or misfits >= MISFITS:
            break
        if not kept and (scores_N[i] == -np.inf or np.exp(scores_N[i] - worth) < least_share):
            break  # so do all after it; what scores nothing at all is never sent
        if not kept and rules.top and picked >= rules.top:
            break
        if least_gain and not kept and np.exp(scores_N[i]) < least_gain * history.segments[i].tokens:
            continue
        if max_overlap < 1 and any(_overlap(history, i, j) > max_overlap for j in chosen):
            continue
        label = 0 if any(history.message[j] == history.message[i] for j in chosen) else LABEL_TOKENS
        group = [j for j in (*(i + need for need in history.segments[i].needs), i) if j not in chosen]
        cost = label + sum(history.segments[j].tokens + JOIN_TOKENS for j in group)
        if kept and cost > room - budget // 2:
            continue
        if cost > room:
            misfits += 1
            continue
        picked += not kept
        chosen |= dict.fromkeys(group)
        groups.append(tuple(_whole(history, j) for j in group))
        room -= cost
    return trim_to_budget(history, groups, budget)


def trim_to_budget(history: History, groups: Sequence[tuple[Span, ...]], budget: int) -> Selection:
    """The digest of groups of spans, best first; the last ones go while the exact count exceeds the budget."""
    for most in range(len(groups), 0, -1):
        spans = tuple(sorted(chain.from_iterable(groups[:most]), key=lambda span: (span.message, span.start)))
        text = render(history, spans)
        count = tokens.count(text)
        if count <= budget:
            return Selection(spans, count, text)
    return EMPTY_DIGEST


def _whole(history: History, index: int) -> Span:
    segment = history.segments[index]
    return Span(history.message[index], segment.start, segment.end)


def _overlap(history: History, candidate: int, chosen: int) -> float:
    return overlap(history.words[candidate], history.words[chosen])
