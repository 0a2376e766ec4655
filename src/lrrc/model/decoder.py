"""From the state to a prompt embedding, segment scores and essential words (paper 3.1, docs/method.md 3.6 and 3.7).

Shape suffixes: Q calls (a query for every turn and agent), N segments, T turns, H head width, D state width, C columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

FARTHEST = 5.0  # spreads from the mean that a feature counts as, at most: other data may have what training never saw
LEAST_SPREAD = 1e-3  # of a feature that does not vary in training
RELATIONS = 4  # of a segment to the agent that is called: the user's, a tool's, the agent's own, another agent's


class StateReader(nn.Module):
    """Attention of queries over the columns of a state; zero columns are not there."""

    def __init__(self, d: int, width: int):
        super().__init__()
        self.key, self.value = nn.Linear(d, width, bias=False), nn.Linear(d, width, bias=False)

    def forward(self, query_BQH: Tensor, state_BCD: Tensor) -> Tensor:
        """[B, Q, H]; a null column of value zero makes an empty state readable.

        Columns are normalised: unless their entries are of the order of one, attention cannot tell them apart.
        """
        normal_BCD = nn.functional.layer_norm(state_BCD, state_BCD.shape[2:])
        asked_BQD = query_BQH @ self.key.weight  # the query is carried to the columns: they are more than the queries
        logits_BQC = asked_BQD @ normal_BCD.transpose(1, 2) / math.sqrt(query_BQH.shape[-1])
        logits_BQC = logits_BQC.masked_fill((state_BCD == 0).all(dim=2)[:, None, :], -torch.inf)
        null_BQ1 = logits_BQC.new_zeros(*logits_BQC.shape[:2], 1)
        weights_BQC = torch.cat([logits_BQC, null_BQ1], dim=2).softmax(dim=2)[:, :, :-1]
        return self.value(weights_BQC @ normal_BCD)


class CompressionHead(nn.Module):
    """p = head(S_t, (next user message, target agent)): the compact prompt embedding, width H."""

    def __init__(self, d: int, e: int, width: int, agents: int = 2):
        super().__init__()
        self.query, self.agent = nn.Linear(e, width), nn.Embedding(agents, width)
        self.reader = StateReader(d, width)
        self.mix = nn.Linear(2 * width, width)

    def forward(self, state_BCD: Tensor, query_BE: Tensor, agents: int) -> Tensor:
        """[B, M, H]: one prompt embedding for each of M agents."""
        index_M = torch.arange(agents, device=query_BE.device).clamp_max(self.agent.num_embeddings - 1)
        asked_BMH = torch.tanh(self.query(query_BE)[:, None, :] + self.agent(index_M))
        return torch.tanh(self.mix(torch.cat([self.reader(asked_BMH, state_BCD), asked_BMH], dim=2)))


class Decoder(nn.Module):
    """Scores of stored segments and logits of essential words, from the prompt embedding.

    With hierarchy, p weighs whole turns (their mean segment) and segments; without it, segments alone.
    """

    def __init__(self, z: int, width: int, features: int, vocabulary: int, hierarchy: bool = True):
        super().__init__()
        self.essential = nn.Linear(width, vocabulary)
        self.segment = nn.Linear(z, width, bias=False)
        self.turn = nn.Linear(z, width, bias=False) if hierarchy else None
        self.register_buffer("feature_mean_F", torch.zeros(features))
        self.register_buffer("feature_sd_F", torch.ones(features))
        self.plain = nn.Sequential(nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, 1))
        self.relation = nn.Linear(RELATIONS, 1, bias=False)

    @torch.no_grad()
    def standardise(self, features_NF: Tensor) -> None:
        """Measure features from here on by their mean and spread in these rows; as they are, some hardly vary."""
        if len(features_NF) < 2:
            return
        self.feature_mean_F.copy_(features_NF.mean(dim=0))
        self.feature_sd_F.copy_(features_NF.std(dim=0).clamp_min(LEAST_SPREAD))

    def project(self, z_BNZ: Tensor, turn_BN: Tensor, turns: int) -> Tensor:
        """[B, N, H]: what p is held against, once per segment for all calls; z's first part is the decoder's."""
        z_BNZ = z_BNZ[..., : self.segment.in_features]
        scale = math.sqrt(self.segment.out_features)
        projected_BNH = self.segment(z_BNZ)
        if self.turn is not None:
            mean_BTZ, slot_BN = turn_means(z_BNZ, turn_BN, turns)
            index_BNH = slot_BN[:, :, None].expand(-1, -1, projected_BNH.shape[2])
            projected_BNH = projected_BNH + self.turn(mean_BTZ).gather(1, index_BNH)
        return projected_BNH / scale

    def project_turns(self, z_1NZ: Tensor, turns: Sequence[slice]) -> Tensor:
        """`project` of one conversation whose turns come one by one, each by its own products (`encode_turns`)."""
        z_NZ = z_1NZ[0, :, : self.segment.in_features]
        projected_NH = torch.cat([self.segment(z_NZ[here]) for here in turns])
        if self.turn is not None:
            sizes_T = torch.tensor([here.stop - here.start for here in turns])
            turn_N = torch.repeat_interleave(sizes_T)
            sums_TZ = z_NZ.new_zeros(len(turns), z_NZ.shape[1]).scatter_add(0, turn_N[:, None].expand_as(z_NZ), z_NZ)
            mean_TZ = sums_TZ / sizes_T[:, None]
            pairs_T2Z = torch.stack([mean_TZ, torch.zeros_like(mean_TZ)], dim=1)  # beside a turn stands its padding
            projected_NH = projected_NH + torch.cat([self.turn(pair)[:1] for pair in pairs_T2Z])[turn_N]
        return (projected_NH / math.sqrt(self.segment.out_features))[None]

    def score(self, p_BQH: Tensor, projected_BNH: Tensor, features_BTNF: Tensor, relation_BMN: Tensor) -> Tensor:
        """[B, T, M, N] for the T x M calls Q."""
        B, T, N, _ = features_BTNF.shape
        match_BTMN = (p_BQH @ projected_BNH.transpose(1, 2)).view(B, T, p_BQH.shape[1] // T, N)
        standard_BTNF = ((features_BTNF - self.feature_mean_F) / self.feature_sd_F).clamp(-FARTHEST, FARTHEST)
        plain_BT1N = self.plain(standard_BTNF).squeeze(3)[:, :, None, :]
        relation_B1MN = self.relation.weight[0][relation_BMN][:, None]
        return match_BTMN + plain_BT1N + relation_B1MN


def turn_means(z_BNZ: Tensor, turn_BN: Tensor, turns: int) -> tuple[Tensor, Tensor]:
    """Means [B, T + 1, Z] of the segments of every turn, and the row [B, N] of each segment (the last: padding)."""
    slot_BN = turn_BN.clamp_max(turns)
    sums = z_BNZ.new_zeros(len(z_BNZ), turns + 1, z_BNZ.shape[2])
    sums = sums.scatter_add(1, slot_BN[:, :, None].expand_as(z_BNZ), z_BNZ)
    counts = z_BNZ.new_zeros(len(z_BNZ), turns + 1).scatter_add(1, slot_BN, torch.ones_like(slot_BN, dtype=z_BNZ.dtype))
    return sums / counts.clamp_min(1)[:, :, None], slot_BN
