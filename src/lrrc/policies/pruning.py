"""TokenSqueeze-style pruning: every message shortened on its own (the paper's third component baseline)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch

from lrrc.digest.history import History
from lrrc.digest.rendering import head_tokens
from lrrc.digest.segments import Segment
from lrrc.digest.selection import EMPTY_DIGEST, Selection, Span
from lrrc.digest.words import word_bucket, word_spans, word_weight
from lrrc.digest.writer import (
    JOIN_TOKENS,
    LABEL_TOKENS,
    DigestRules,
    standing_groups,
    trim_to_budget,
    whole_segment,
)
from lrrc.episodes.episode import Message
from lrrc.model.network import CoordinatorNetwork
from lrrc.policies.learned import Learned, LearnedSession


class PruningSession(LearnedSession):
    """TokenSqueeze-style: every message is shortened on its own, by its own essential words, to a share of the budget.

    No recurrent state and no question: what a message keeps is decided by the message.
    """

    @torch.inference_mode()
    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        return prune(self.history, self.policy.net, budget or 0, self.policy.spec.rules, sent)


class Pruning(Learned):
    session_type = PruningSession


@torch.inference_mode()
def prune(
    history: History, net: CoordinatorNetwork, budget: int, rules: DigestRules, sent: Collection[int] = ()
) -> Selection:
    """The digest of a PruningSession: standing rules as they stand, then words of every message by essential weight,
    newest messages first; nothing of the messages in `sent`."""
    standing = standing_groups(history, budget, rules, ~np.isin(history.message_N, list(sent)))
    groups = [tuple(whole_segment(history, i) for i in held) for held in standing]
    whole = {i for held in standing for i in held}
    message_N = history.message_N
    cost = np.bincount(message_N, [s.tokens for s in history.segments], len(history.messages))
    alive = [i for i in reversed(range(len(history.messages))) if cost[i] and i not in sent]
    left = budget - head_tokens()
    alive = alive[: max(1, left // (2 * LABEL_TOKENS))]
    if not alive:
        return EMPTY_DIGEST
    means = torch.from_numpy(np.stack([history.embeddings_NE[message_N == i].mean(axis=0) for i in alive]))
    p_BMH = net.head(net.initial(len(alive)), means, 1)
    logits_BV = net.decoder.essential(p_BMH[:, 0]).numpy()
    room = left - LABEL_TOKENS * len(alive) - sum(history.segments[i].tokens + JOIN_TOKENS for i in whole)
    share = {i: room * cost[i] / cost[alive].sum() for i in alive}
    pieces: dict[int, list[Segment]] = {}
    for number, (i, segment) in enumerate(zip(history.message, history.segments, strict=True)):
        pieces.setdefault(i, []).extend(() if number in whole else [segment])
    for i, logits_V in zip(alive, logits_BV, strict=True):
        spans = _densest(history.messages[i].content, pieces[i], share[i], essential_weight(logits_V))
        if spans:
            groups.append(tuple(Span(i, a, b) for a, b in spans))
    return trim_to_budget(history, groups, budget, len(standing))


def essential_weight(logits_V: np.ndarray) -> Callable[[str], float]:
    """Weight of a word for pruning: how much it says in general, and how likely it is wanted in the turn to come."""
    shifted = np.exp(logits_V - logits_V.max())
    lift_V = np.minimum(1.0, shifted / shifted.sum() * len(logits_V) / 10)

    def weight(word: str) -> float:
        return word_weight(word) + float(lift_V[word_bucket(word) % len(lift_V)])

    return weight


def _densest(
    text: str, pieces: Sequence[Segment], room: float, weight: Callable[[str], float]
) -> list[tuple[int, int]]:
    """The words of greatest weight that fit into about `room` tokens, neighbours joined, in order. The digest marks
    every gap between them, for one token."""
    words = [(p.start + a, p.start + b, word) for p in pieces for a, b, word in word_spans(p.text)]
    costs = [1 + len(word) // 7 for _, _, word in words]  # a cl100k token is about four to seven letters of a word
    kept: set[int] = set()
    for k in sorted(range(len(words)), key=lambda k: (-weight(words[k][2]), k)):
        gaps = JOIN_TOKENS * (1 - len({k - 1, k + 1} & kept))  # a word between two others closes a gap
        if costs[k] + gaps <= room:
            room -= costs[k] + gaps
            kept.add(k)
    spans: list[tuple[int, int]] = []
    for k in sorted(kept):
        start, end, _ = words[k]
        if k - 1 in kept and not text[spans[-1][1] : start].strip():
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans
