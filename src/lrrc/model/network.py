"""The coordinator: encoder of segments, recurrent cell, compression head, decoder, outcome head.

One class serves LRRC and the learned baselines; they differ in the cell alone, so that a comparison isolates the
recurrence. Shape suffixes: B episodes, T turns, N segments, M agents, D state width, C columns of the state,
Z encoded width, E encoder width, H head width, F features, V buckets of essential words, O outcomes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lrrc.digest.features import FEATURES, FIRST_AGENT
from lrrc.episodes.episode import ARENA_OUTCOMES
from lrrc.model.batch import Batch
from lrrc.model.cells import CellShape, LowRankCell, RimCell, SummaryCell
from lrrc.model.decoder import CompressionHead, Decoder, StateReader

Z = 128
SPEAKERS = 4  # user, other, first agent, second agent; further agents share the last


@dataclass(frozen=True)
class Output:
    """What a forward pass over whole episodes gives; masked entries are -inf (scores) or meaningless (the rest)."""

    scores_BTMN: Tensor
    essential_BTMV: Tensor
    standing_BN: Tensor  # logits of being a standing rule
    outcome_BTO: Tensor  # logits after turn t + 1
    active_BT: Tensor  # how many channels were active in turn t
    state_BTCD: Tensor  # S_0 to S_T (T + 1 of them)


class CoordinatorNetwork(nn.Module):
    """`cell` is one of lrrc.model.cells, or None for a policy without a recurrent state."""

    def __init__(self, cell: nn.Module | None, d: int, e: int, head_width: int, vocabulary: int, hierarchy: bool):
        super().__init__()
        self.d = d
        self.embed = nn.Linear(e, Z)
        self.speaker = nn.Embedding(SPEAKERS, Z)
        self.norm = nn.LayerNorm(Z)
        self.cell = cell
        self.head = CompressionHead(d, e, head_width)
        self.decoder = Decoder(Z, head_width, len(FEATURES), vocabulary, hierarchy)
        self.standing = nn.Linear(e, 1)
        self.outcome_query_H = nn.Parameter(torch.randn(head_width))
        self.outcome_reader = StateReader(d, head_width)
        self.outcome = nn.Sequential(nn.Linear(head_width, 32), nn.GELU(), nn.Linear(32, len(ARENA_OUTCOMES)))

    def encode(self, embeddings_BNE: Tensor, speaker_BN: Tensor) -> Tensor:
        """Segments as the cell and the decoder see them, [B, N, Z]."""
        return self.norm(self.embed(embeddings_BNE) + self.speaker(speaker_BN.clamp_max(SPEAKERS - 1)))

    def standing_rule_logits(self, embeddings_BNE: Tensor) -> Tensor:
        """Logits [B, N] of a segment's being a standing rule; a sentence says by itself whether it is one."""
        scale = math.sqrt(embeddings_BNE.shape[2])  # entries of the order of one are learnt from as fast as the rest
        return self.standing(scale * embeddings_BNE).squeeze(2)

    def initial(self, batch: int) -> Tensor:
        if self.cell is None:
            return self.outcome_query_H.new_zeros(batch, 0, self.d)
        return self.cell.initial(batch)

    def project(self, z_BNZ: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of encoded segments for `step`, once for all turns."""
        return self.cell.project(z_BNZ) if self.cell is not None else (z_BNZ, z_BNZ)

    def step(self, state_BCD: Tensor, key: Tensor, value: Tensor, mask_BN: Tensor) -> tuple[Tensor, Tensor]:
        """The state after one more turn, and which channels were active in it."""
        if self.cell is None:
            return state_BCD, mask_BN.new_zeros(len(mask_BN), 1)
        return self.cell(state_BCD, key, value, mask_BN)

    def predict_outcome(self, state_BCD: Tensor) -> Tensor:
        """Logits [B, O] of the episode's outcome, from the state alone."""
        query_B1H = self.outcome_query_H.expand(len(state_BCD), 1, -1)
        return self.outcome(self.outcome_reader(query_B1H, state_BCD).squeeze(1))

    def forward(self, batch: Batch) -> Output:
        B, T, _ = batch.query_BTE.shape
        M = batch.target_BTMN.shape[2]
        z_BNZ = self.encode(batch.embeddings_BNE, batch.speaker_BN)
        key, value = self.project(z_BNZ)
        states, activity = [self.initial(B)], []
        for t in range(T):
            state, active_BC = self.step(states[-1], key, value, batch.turn_BN == t)
            states.append(state)
            activity.append(active_BC)
        state_PCD = _stacked(states)  # P = B x (T + 1)
        state_BTCD = state_PCD.view(B, T + 1, -1, self.d)

        p_PMH = self.head(state_BTCD[:, :-1].flatten(0, 1), batch.query_BTE.flatten(0, 1), M)
        p_BTMH = p_PMH.view(B, T, M, -1)
        projected_BNH = self.decoder.project(z_BNZ, batch.turn_BN, T)
        relation_BMN = relations(batch.speaker_BN, M)
        scores_BTMN = self.decoder.score(p_BTMH.flatten(1, 2), projected_BNH, batch.features_BTNF, relation_BMN)
        turn_T1 = torch.arange(T, device=z_BNZ.device)[:, None]
        seen_BTN = batch.turn_BN[:, None, :] < turn_T1
        return Output(
            scores_BTMN.masked_fill(~seen_BTN[:, :, None, :], -torch.inf),
            self.decoder.essential(p_BTMH),
            self.standing_rule_logits(batch.embeddings_BNE),
            self.predict_outcome(state_BTCD[:, 1:].flatten(0, 1)).view(B, T, -1),
            torch.stack([active.float().sum(dim=1) for active in activity], dim=1),
            state_BTCD,
        )


def _stacked(states: list[Tensor]) -> Tensor:
    """States of all turns as one batch [B x (T + 1), C, D]; a growing state is padded with (invisible) zero columns."""
    widest = max(state.shape[1] for state in states)
    padded = [nn.functional.pad(state, (0, 0, 0, widest - state.shape[1])) for state in states]
    return torch.stack(padded, dim=1).flatten(0, 1)


def relations(speaker_BN: Tensor, agents: int) -> Tensor:
    """[B, M, N]: 0 the user's, 1 a tool's, 2 the called agent's own, 3 another agent's segment."""
    agent_M1 = FIRST_AGENT + torch.arange(agents, device=speaker_BN.device)[:, None]
    speaker_B1N = speaker_BN[:, None, :]
    reply_BMN = torch.where(speaker_B1N == agent_M1, 2, 3)
    return torch.where(speaker_B1N >= FIRST_AGENT, reply_BMN, speaker_B1N)


def build_network(kind: str, rank: int, width: int, model) -> CoordinatorNetwork:
    """The network of a policy (`lrrc`, `rims-only`, `ccf-only`, `tokensqueeze-only`).

    `rank` is r, `width` the encoder's e; `model` has the fields of lrrc.params.ModelConfig.
    """
    gate = {"top_k": model.top_k, "threshold": model.activity_threshold}
    if kind == "lrrc":
        shape = CellShape(
            model.d,
            rank,
            Z,
            model.max_update_rank,
            rho_max=model.rho_max,
            bound=model.update_bound,
            gate=model.gate,
            noop=model.noop,
            recurrence=model.recurrence,
            low_rank=model.low_rank,
            **gate,
        )
        cell: nn.Module | None = LowRankCell(shape)
    elif kind == "rims-only":
        cell = RimCell(model.d, rank, Z, **gate)
    elif kind == "ccf-only":
        cell = SummaryCell(model.d, Z, summaries=2)
    elif kind == "tokensqueeze-only":
        cell = None
    else:
        raise ValueError(f"{kind}: not a learned policy: lrrc, rims-only, ccf-only or tokensqueeze-only")
    hierarchy = model.hierarchy and kind == "lrrc"
    return CoordinatorNetwork(cell, model.d, width, model.head_width, model.vocabulary, hierarchy)


def preferred(logits_BO: Tensor) -> Tensor:
    """P(first agent is better) - P(second agent is better), in [-1, 1]: sign = pick, size = confidence."""
    p_BO = logits_BO.softmax(dim=-1)
    return p_BO[..., 0] - p_BO[..., 1]
