"""TokenSqueeze-style pruning: every message shortened on its own (the paper's third component baseline)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from lrrc.digest import segments
from lrrc.digest.history import History
from lrrc.digest.selection import EMPTY_DIGEST, Selection, Span
from lrrc.digest.writer import LABEL_TOKENS, DigestRules, standing_groups, trim_to_budget, whole_segment
from lrrc.episodes.episode import Message
from lrrc.model.network import CoordinatorNetwork
from lrrc.policies.learned import Learned, LearnedSession, essential_weight


class PruningSession(LearnedSession):
    """TokenSqueeze-style: every message is shortened on its own, by its own essential words, to a share of the budget.

    No recurrent state and no question: what a message keeps is decided by the message.
    """

    @torch.inference_mode()
    def propose(self, inputs: Sequence[Message], agent: str, budget: int | None) -> Selection:
        return prune(self.history, self.policy.net, budget or 0, self.policy.spec.rules)


class Pruning(Learned):
    session_type = PruningSession


@torch.inference_mode()
def prune(history: History, net: CoordinatorNetwork, budget: int, rules: DigestRules) -> Selection:
    """The digest of a PruningSession: standing rules as they stand, then words of every message by essential weight,
    newest messages first."""
    standing = standing_groups(history, budget, rules)
    groups = [tuple(whole_segment(history, i) for i in held) for held in standing]
    kept = [span for spans in groups for span in spans]
    message_N = np.array(history.message, dtype=int)
    cost = np.bincount(message_N, [s.tokens for s in history.segments], len(history.messages))
    alive = [i for i in reversed(range(len(history.messages))) if cost[i]]
    alive = alive[: max(1, budget // (2 * LABEL_TOKENS))]
    if not alive:
        return EMPTY_DIGEST
    means = torch.from_numpy(np.stack([history.embeddings_NE[message_N == i].mean(axis=0) for i in alive]))
    p_BMH = net.head(net.initial(len(alive)), means, 1)
    logits_BV = net.decoder.essential(p_BMH[:, 0]).numpy()
    room = budget - LABEL_TOKENS * len(alive) - sum(history.segments[i].tokens + 1 for held in standing for i in held)
    share = {i: room * cost[i] / cost[alive].sum() for i in alive}
    for i, logits_V in zip(alive, logits_BV, strict=True):
        here = [span for span in kept if span.message == i]
        if spans := _densest(history.messages[i].content, share[i], essential_weight(logits_V), here):
            groups.append(tuple(Span(i, a, b) for a, b in spans))
    return trim_to_budget(history, groups, budget, len(standing))


def _densest(
    text: str, room: float, weight: Callable[[str], float], kept_whole: Sequence[Span] = ()
) -> list[tuple[int, int]]:
    """The words of greatest weight that fit into about `room` tokens, neighbours joined, in order; none of those that
    are kept anyway."""
    words = [w for w in segments.word_spans(text) if not any(s.start < w[1] and w[0] < s.end for s in kept_whole)]
    costs = [1 + len(word) // 7 for _, _, word in words]  # a cl100k token is about four to seven letters of a word
    kept = set()
    for k in sorted(range(len(words)), key=lambda k: (-weight(words[k][2]), k)):
        if costs[k] <= room:
            room -= costs[k]
            kept.add(k)
    spans: list[tuple[int, int]] = []
    for k in sorted(kept):
        start, end, _ = words[k]
        if k - 1 in kept and text[spans[-1][1] : start].isspace():
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans
