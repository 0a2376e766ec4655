"""From scores to a digest of at most B tokens (docs/method.md 3.7).

Text is copied, never invented: a digest is a list of spans of the history, written in chronological order with speaker
labels, and every span can be looked up. All extractive policies share this file, so that they differ in scores alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from lrrc.digest import segments
from lrrc.digest.history import History
from lrrc.digest.selection import EMPTY_DIGEST, Selection, Span
from lrrc.digest.standing_rules import rules_in_force
from lrrc.pretrained import tokens

LABEL_TOKENS = 3  # of "user: " and the line break; estimates only, the finished text is counted exactly
MISFITS = 30  # candidates that may fail to fit before the search for small ones ends


@dataclass(frozen=True)
class DigestRules:
    """How scores become a digest: section `digest` of params.yaml, which says what each number is.

    `standing` is the share of a budget that standing rules may take, up to a half; 0 keeps none. `prior` is for learned
    policies; so are `least_share` and `least_gain`, which speak of scores that are logarithms of gains in nats.
    """

    max_overlap: float
    squeeze: float
    least_share: float
    least_gain: float
    standing: float
    prior: float


# the best segments until the budget is full, and nothing else
PLAIN_RULES = DigestRules(max_overlap=1.0, squeeze=0.0, least_share=0.0, least_gain=0.0, standing=0.0, prior=0.0)


def write_digest(
    history: History,
    scores_N: Sequence[float] | np.ndarray,
    budget: int,
    rules: DigestRules,
    essential: Callable[[str], float] = segments.word_weight,
) -> Selection:
    """The best-scored segments that fit into `budget` tokens together, out of the history's first len(scores_N).

    Scores of learned policies are logarithms of expected gains in nats. A segment that holds less than `least_share` of
    what the whole history promises, or less than `least_gain` nats a token, is not worth sending: a digest is as
    long as the history is useful, and `budget` caps it.

    Standing rules come before the others whatever their scores, in at most `rules.standing` of the budget, each whole.

    A segment of which more than `max_overlap` (by word weight) stands in a chosen one adds nothing and is passed over.
    Where a segment does not fit, words of the least `essential` weight are dropped from it, at most `squeeze` of its
    total weight.
    """
    least_share, least_gain = rules.least_share, rules.least_gain
    max_overlap, squeeze = rules.max_overlap, rules.squeeze
    scores_N = np.asarray(scores_N, float)
    standing = standing_groups(history, budget, rules, len(scores_N))
    groups = [tuple(whole_segment(history, i) for i in held) for held in standing]
    chosen = dict.fromkeys(i for held in standing for i in held)  # in order
    room, misfits = budget - _cost(history, chosen), 0
    worth = np.logaddexp.reduce(scores_N) if least_share and len(scores_N) else 0.0
    for i in (i for i in map(int, np.argsort(-scores_N, kind="stable")) if i not in chosen):
        if room <= LABEL_TOKENS or misfits >= MISFITS:
            break
        if least_share and np.exp(scores_N[i] - worth) < least_share:
            break  # so do all after it
        if least_gain and np.exp(scores_N[i]) < least_gain * history.segments[i].tokens:
            continue
        if max_overlap < 1 and any(_overlap(history, i, j) > max_overlap for j in chosen):
            continue
        label = 0 if any(history.message[j] == history.message[i] for j in chosen) else LABEL_TOKENS
        cost, spans = history.segments[i].tokens + label + 1, (whole_segment(history, i),)
        if cost > room and squeeze > 0:
            spans, cost = _squeezed(history, i, room - label - 1, squeeze, essential)
            cost += label + 1
        if cost > room:
            misfits += 1
            continue
        chosen[i] = None
        groups.append(spans)
        room -= cost
    return trim_to_budget(history, groups, budget, len(standing))


def standing_groups(history: History, budget: int, rules: DigestRules, seen: int | None = None) -> list[range]:
    """The segments of the standing rules that fit into their share of the budget, newest first, each rule whole; rules
    of the first `seen` segments."""
    room, misfits = int(rules.standing * budget), 0
    kept: list[range] = []
    for held in rules_in_force(history, seen) if room > LABEL_TOKENS else ():
        tried = sorted(i for group in (*kept, held) for i in group)
        small = sum(history.segments[i].tokens for i in tried) <= room
        if small and tokens.count(render(history, [whole_segment(history, i) for i in tried])) <= room:
            kept.append(held)
        elif (misfits := misfits + 1) >= MISFITS:
            break
    return kept


def trim_to_budget(history: History, groups: Sequence[tuple[Span, ...]], budget: int, standing: int = 0) -> Selection:
    """The digest of groups of spans, best first; the last ones go while the exact count exceeds the budget. The first
    `standing` groups are standing rules."""
    for most in range(len(groups), 0, -1):
        spans = tuple(sorted(chain.from_iterable(groups[:most]), key=_place))
        text = render(history, spans)
        count = tokens.count(text)
        if count <= budget:
            return Selection(
                spans, count, text, tuple(sorted(chain.from_iterable(groups[: min(standing, most)]), key=_place))
            )
    return EMPTY_DIGEST


def _place(span: Span) -> tuple[int, int]:
    return span.message, span.start


def _cost(history: History, chosen: Collection[int]) -> int:
    """Tokens of whole segments with their labels, about."""
    labels = LABEL_TOKENS * len({history.message[i] for i in chosen})
    return labels + sum(history.segments[i].tokens + 1 for i in chosen)


def render(history: History, spans: Sequence[Span]) -> str:
    """The text of spans in order: a line for every message, its speaker first."""
    lines: list[str] = []
    last = None
    for span in spans:
        message = history.messages[span.message]
        piece = message.content[span.start : span.end]
        if span.message == last:
            lines[-1] += " " + piece
        else:
            lines.append(f"{message.name or message.role}: {piece}")
        last = span.message
    return "\n".join(lines)


def whole_segment(history: History, index: int) -> Span:
    """The span of one segment."""
    segment = history.segments[index]
    return Span(history.message[index], segment.start, segment.end)


def _overlap(history: History, candidate: int, chosen: int) -> float:
    return segments.overlap(history.words[candidate], history.words[chosen])


def _squeezed(
    history: History, index: int, room: int, squeeze: float, essential: Callable[[str], float]
) -> tuple[tuple[Span, ...], int]:
    """Spans of the segment without its least essential words, and their tokens (more than `room` where it fails)."""
    segment, message = history.segments[index], history.message[index]
    words = segments.word_spans(segment.text)
    weights = [essential(word) for _, _, word in words]
    spare, dropped = squeeze * sum(weights), set()
    for k in sorted(range(len(words)), key=weights.__getitem__):
        spare -= weights[k]
        if spare < 0:
            break
        dropped.add(k)
        spans = _without(segment, words, dropped)
        cost = tokens.count(" ".join(segment.text[a:b] for a, b in spans))
        if spans and cost <= room:
            return tuple(Span(message, segment.start + a, segment.start + b) for a, b in spans), cost
    return (), room + 1


def _without(segment: segments.Segment, words: list, dropped: set[int]) -> list[tuple[int, int]]:
    """Stretches [start, end) of the segment's text that remain, without white space at their ends."""
    bounds, start = [], 0
    for k in sorted(dropped):
        bounds.append((start, words[k][0]))
        start = words[k][1]
    bounds.append((start, len(segment.text)))
    stretches = []
    for a, b in bounds:
        text = segment.text[a:b]
        a, b = a + len(text) - len(text.lstrip()), b - len(text) + len(text.rstrip())
        if a < b:
            stretches.append((a, b))
    return stretches
