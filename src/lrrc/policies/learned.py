"""Policies with a trained network: LRRC and the component baselines (method sections 3 and 4).

A session keeps the shared state and steps it once per turn, so the cost of a turn depends on that turn's text alone;
training and replay run the same network over whole episodes at once (tested equal).
Shape suffixes: N segments so far, n of one turn, C columns of the state, D state width, H head width, V buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from lrrc import digest, segments
from lrrc.dataset import bucket
from lrrc.digest import Digest, Span
from lrrc.encoder import Encoder
from lrrc.episodes import Message
from lrrc.features import Growth, History, Query
from lrrc.grown import Rows
from lrrc.model.coordinator import Coordinator, relations
from lrrc.place import mixed
from lrrc.policies.base import Policy, Session
from lrrc.standing import in_force


def essential_weight(logits_V: np.ndarray) -> Callable[[str], float]:
    """Weight of a word for squeezing: how much it says in general, and how likely it is wanted in the turn to come."""
    shifted = np.exp(logits_V - logits_V.max())
    lift_V = np.minimum(1.0, shifted / shifted.sum() * len(logits_V) / 10)

    def weight(word: str) -> float:
        return segments.weight(word) + float(lift_V[bucket(word) % len(lift_V)])

    return weight


class LearnedSession(Session):
    policy: Learned

    def __init__(self, policy: Learned, agents: Sequence[str]):
        super().__init__(policy, agents)
        self.net = policy.net
        self.state_1CD = self.net.initial(1)
        self.projected_NH = Rows(self.net.decoder.segment.out_features)
        self.standing_N = Rows()  # probability of being a standing rule

    @torch.inference_mode()
    def step(self, new: Growth) -> None:
        state_1CD, projected, standing = self.state_1CD, [], []
        before = len(self.history.segments)
        for first, last in new.bounds:
            if first == last:
                continue
            # turn by turn: a product's last bits depend on how many rows it has
            here = slice(first - before, last - before)
            embeddings = torch.from_numpy(new.embeddings_nE[here])[None]
            z_1nZ = self.net.encode(embeddings, torch.tensor(new.speaker[here])[None])
            mask_1n = torch.ones(z_1nZ.shape[:2], dtype=torch.bool)
            state_1CD, _ = self.net.step(state_1CD, *self.net.project(z_1nZ), mask_1n)
            projected_1nH = self.net.decoder.project(z_1nZ, torch.zeros_like(mask_1n, dtype=torch.long), 1)
            projected.append(projected_1nH[0].numpy())
            standing.append(torch.sigmoid(self.net.standing_rule(embeddings)[0]).numpy())
        self.state_1CD = state_1CD
        for projected_nH, standing_n in zip(projected, standing, strict=True):
            self.projected_NH.extend(projected_nH)
            self.standing_N.extend(standing_n)

    @torch.inference_mode()
    def scores(self, inputs: Sequence[Message], agent: str) -> tuple[np.ndarray, np.ndarray]:
        """Segment scores [N] and logits of essential words [V] for a call of `agent`."""
        query = Query.of(inputs, self.history.encoder)
        m = self.history.agent_number(agent)
        p_1MH = self.net.head(self.state_1CD, torch.from_numpy(query.embedding_E)[None], m + 1)
        features_11NF = torch.from_numpy(self.history.features(query))[None, None]
        relation_1MN = relations(torch.tensor(self.history.speaker, dtype=torch.long)[None], m + 1)
        projected_1NH = torch.from_numpy(self.projected_NH.rows)[None]
        scores_11MN = self.net.decoder.score(p_1MH, projected_1NH, features_11NF, relation_1MN)
        scores_N = mixed(scores_11MN[0, 0, m].numpy(), self.history, agent, self.policy.prior)
        return scores_N, self.net.decoder.essential(p_1MH[0, m]).numpy()

    @torch.inference_mode()
    def outcome(self) -> np.ndarray:
        """Logits over episodes.ARENA_OUTCOMES, from the state alone."""
        return self.net.predict_outcome(self.state_1CD)[0].numpy()

    def select(self, inputs: Sequence[Message], agent: str) -> Digest:
        if not self.history.segments:
            return digest.EMPTY
        scores_N, logits_V = self.scores(inputs, agent)
        return self.policy.write(self.history, scores_N, logits_V, self.standing_N.rows)


class Learned(Policy):
    """A network, an encoder and the rule that writes digests."""

    session_type = LearnedSession

    def __init__(
        self,
        *args,
        net: Coordinator,
        encoder: Encoder,
        max_overlap: float = 1.0,
        squeeze: float = 0.0,
        least_share: float = 0.0,
        least_gain: float = 0.0,
        standing: float = 1.0,
        prior: float = 0.0,
        **options,
    ):
        super().__init__(*args, encoder=encoder, **options)
        self.net, self.max_overlap, self.squeeze = net.eval(), max_overlap, squeeze
        self.least_share, self.least_gain, self.standing = least_share, least_gain, standing
        self.prior = prior

    def write(
        self, history: History, scores_N: np.ndarray, logits_V: np.ndarray, standing_N: np.ndarray | None = None
    ) -> Digest:
        """The digest of scored segments, rules that stand first; `standing_N`: the probability of being one."""
        rules = []
        if standing_N is not None and self.standing < 1:
            rules = in_force(history, standing_N, self.standing)
        return digest.write(
            history, scores_N, self.budget, self.max_overlap, self.squeeze, essential_weight(logits_V),
            self.least_share, self.least_gain, rules,
        )  # fmt: skip


class PruningSession(LearnedSession):
    """TokenSqueeze-style: every message is shortened on its own, by its own essential words, to a share of the budget.

    No recurrent state and no question: what a message keeps is decided by the message.
    """

    @torch.inference_mode()
    def select(self, inputs: Sequence[Message], agent: str) -> Digest:
        return prune(self.history, self.policy.net, self.policy.budget)


class Pruning(Learned):
    session_type = PruningSession


@torch.inference_mode()
def prune(history: History, net: Coordinator, budget: int) -> Digest:
    """The digest of a PruningSession: words of every message by essential weight, newest messages first."""
    message_N = np.array(history.message, dtype=int)
    cost = np.bincount(message_N, [s.tokens for s in history.segments], len(history.messages))
    alive = [i for i in reversed(range(len(history.messages))) if cost[i]]
    alive = alive[: max(1, budget // (2 * digest.LABEL_TOKENS))]
    if not alive:
        return digest.EMPTY
    means = torch.from_numpy(np.stack([history.embeddings_NE[message_N == i].mean(axis=0) for i in alive]))
    p_BMH = net.head(net.initial(len(alive)), means, 1)
    logits_BV = net.decoder.essential(p_BMH[:, 0]).numpy()
    room = budget - digest.LABEL_TOKENS * len(alive)
    share = {i: room * cost[i] / cost[alive].sum() for i in alive}
    chosen = {}
    for i, logits_V in zip(alive, logits_BV, strict=True):
        if spans := _densest(history.messages[i].content, share[i], essential_weight(logits_V)):
            chosen[i] = tuple(Span(i, a, b) for a, b in spans)
    return digest.fit(history, chosen, budget)


def _densest(text: str, room: float, weight: Callable[[str], float]) -> list[tuple[int, int]]:
    """The words of greatest weight that fit into about `room` tokens, neighbours joined, in order."""
    words = segments.word_spans(text)
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
