"""From scores to a digest of at most B tokens (docs/method.md 3.7).

Text is copied, never invented: a digest is a list of spans of the history, whole segments, and every span can be looked
up. All extractive policies share this file, so that they differ in scores alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from lrrc.digest.history import History
from lrrc.digest.ranking import best_first, promise
from lrrc.digest.rendering import head_tokens, render
from lrrc.digest.selection import EMPTY_DIGEST, Selection, Span
from lrrc.digest.standing_rules import matters_of, rules_in_force
from lrrc.digest.words import overlap
from lrrc.pretrained import tokens

LABEL_TOKENS = 3  # of "user: " and the line break; estimates only, the finished text is counted exactly
JOIN_TOKENS = 1  # of what stands between a piece and the one before it
AROUND_TOKENS = 12  # of label, marks and joints of a piece, at most: with so much room nothing needs to be counted
MISFITS = 30  # candidates that may fail to fit before the search for small ones ends


@dataclass(frozen=True)
class DigestRules:
    """How scores become a digest: section `digest` of params.yaml, which says what each number is.

    `standing` is the share of a budget that standing rules may take, up to a half; 0 keeps none. `prior` is for learned
    policies; so are `least_share` and `least_gain`, which speak of scores that are logarithms of gains in nats. The
    stopping rule of any other policy is `top`: at most so many segments, beside standing rules; 0 goes on until the
    budget is full.
    """

    max_overlap: float
    least_share: float
    least_gain: float
    standing: float
    prior: float
    top: int = 0


# the best segments until the budget is full, and nothing else
PLAIN_RULES = DigestRules(max_overlap=1.0, least_share=0.0, least_gain=0.0, standing=0.0, prior=0.0)


def write_digest(
    history: History,
    scores_N: Sequence[float] | np.ndarray,
    budget: int,
    rules: DigestRules,
    worth: float | None = None,
) -> Selection:
    """The best-scored segments that fit into `budget` tokens together, each whole and with those that it needs; out of
    the history's first len(scores_N).

    Scores of learned policies are logarithms of expected gains in nats. A segment that holds less than `least_share` of
    what the best ones promise together (`worth`, by default `ranking.promise` of the scores), or less than `least_gain`
    nats a token, is not worth sending: a digest is as long as the history is useful, and `budget` caps it.

    Standing rules come before the others whatever their scores, in at most `rules.standing` of the budget, each whole.
    One without room there is sent for its score, whole too, as a part of it would be another rule; one that is longer
    than the budget is text like any other.
    What has a score of minus infinity is not sent: the agent gets it anyway, or the policy does not hear who said it.

    A segment of which more than `max_overlap` (by word weight) stands in a chosen one adds nothing and is passed over.
    """
    least_share, least_gain, max_overlap = rules.least_share, rules.least_gain, rules.max_overlap
    scores_N = np.asarray(scores_N, float)
    standing = standing_groups(history, budget, rules, scores_N > -np.inf)
    whole = whole_rules(history, budget, scores_N > -np.inf) if rules.standing else {}
    passed: set[int] = set()
    groups = [tuple(whole_segment(history, i) for i in held) for held in standing]
    chosen = dict.fromkeys(i for held in standing for i in held)  # in order
    room, misfits, picked = budget - head_tokens() - _cost(history, chosen), 0, 0
    worth = promise(scores_N) if worth is None else worth
    for i in best_first(scores_N):
        if i in chosen or i in passed or history.segments[i].frame:
            continue
        if room <= LABEL_TOKENS or misfits >= MISFITS or (rules.top and picked >= rules.top):
            break
        if scores_N[i] == -np.inf or np.exp(scores_N[i] - worth) < least_share:
            break  # so do all after it
        if least_gain and np.exp(scores_N[i]) < least_gain * history.segments[i].tokens:
            continue
        if max_overlap < 1 and any(_overlap(history, i, j) > max_overlap for j in chosen):
            continue
        label = 0 if any(history.message[j] == history.message[i] for j in chosen) else LABEL_TOKENS
        held = whole.get(i, (i,))
        group = [j for j in _with_needs(history, held) if j not in chosen]
        cost = label + sum(history.segments[j].tokens + JOIN_TOKENS for j in group)
        if cost > room:
            misfits += 1
            passed.update(held)
            continue
        picked += 1
        chosen |= dict.fromkeys(group)
        groups.append(tuple(whole_segment(history, j) for j in group))
        room -= cost
    return trim_to_budget(history, groups, budget, len(standing))


def whole_rules(history: History, budget: int, free_N: np.ndarray) -> dict[int, range]:
    """Segment -> all segments of the standing rule that it is a part of, of rules that a budget can hold and that are
    `free` to be sent."""
    return {
        i: held
        for held in rules_in_force(history, len(free_N))
        if free_N[held].all() and head_tokens() + _cost(history, held) <= budget
        for i in held
    }


def standing_groups(history: History, budget: int, rules: DigestRules, free_N: np.ndarray) -> list[list[int]]:
    """The segments of the standing rules that fit into their share of the budget, newest first, each rule whole and
    with what it needs; of the history's first len(free_N) segments those that are `free` to be sent."""
    room, misfits = int(rules.standing * budget), 0
    kept: list[list[int]] = []
    left: set[str] = set()  # the matters of newer rules that do not fit
    for rule in rules_in_force(history, len(free_N)) if room > LABEL_TOKENS else ():
        if not free_N[rule].all():
            continue
        held = _with_needs(history, rule)
        matters = matters_of(history, rule) if left else frozenset()
        if matters & left:
            continue  # an older rule on that matter would stand there as if nothing had been said since
        tried = sorted({i for group in (*kept, held) for i in group})
        spare = room - sum(history.segments[i].tokens for i in tried)
        if spare >= AROUND_TOKENS * len(tried) or (spare >= 0 and _rendered_tokens(history, tried) <= room):
            kept.append(held)
            continue
        left |= matters_of(history, rule)
        if (misfits := misfits + 1) >= MISFITS:
            break
    return kept


def trim_to_budget(history: History, groups: Sequence[tuple[Span, ...]], budget: int, standing: int = 0) -> Selection:
    """The digest of groups of spans, best first; the last ones go while the exact count exceeds the budget. The first
    `standing` groups are standing rules."""
    for most in range(len(groups), 0, -1):
        spans = _in_order(groups[:most])
        text = render(history, spans)
        count = tokens.count(text)
        if count <= budget:
            return Selection(spans, count, text, _in_order(groups[: min(standing, most)]))
    return EMPTY_DIGEST


def _in_order(groups: Sequence[tuple[Span, ...]]) -> tuple[Span, ...]:
    """Every span once, though two rules may stand in one segment."""
    return tuple(sorted(set(chain.from_iterable(groups)), key=lambda span: (span.message, span.start)))


def _rendered_tokens(history: History, chosen: Collection[int]) -> int:
    return tokens.count(render(history, [whole_segment(history, i) for i in chosen])) - head_tokens()


def _with_needs(history: History, held: Collection[int]) -> list[int]:
    """Segments with those that they need, in order."""
    return sorted({*(i + need for i in held for need in history.segments[i].needs), *held})


def _cost(history: History, chosen: Collection[int]) -> int:
    """Tokens of whole segments with their labels, about."""
    labels = LABEL_TOKENS * len({history.message[i] for i in chosen})
    return labels + sum(history.segments[i].tokens + JOIN_TOKENS for i in chosen)


def whole_segment(history: History, index: int) -> Span:
    """The span of one segment."""
    segment = history.segments[index]
    return Span(history.message[index], segment.start, segment.end)


def _overlap(history: History, candidate: int, chosen: int) -> float:
    return overlap(history.words[candidate], history.words[chosen])
