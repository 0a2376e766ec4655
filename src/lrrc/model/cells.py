"""Recurrent cells: one turn of segments in, the next shared state out (paper section 3.1, docs/method.md 3.2 to 3.5).

A state is stored by columns, [B, R, D]: row c is column S[:, c] of the paper's d x r matrix. Every cell offers
`initial(B)`; `project(z)`, the keys [B, N, K] and values [B, N, V] of
encoded segments, computed once for all turns; and maps a state, keys, values and the mask [B, N] of one turn's segments
to the next state and the activity [B, R] of its channels. A turn without segments leaves the state as it is, bit for
bit, so that padding changes nothing.

What the channels hold can collapse in two ways, and is built against both (lrrc.model.state_measures finds them).
Channels, and slots of an update, that ask alike read alike: so each starts with a direction of its own, at right
angles to the others, and sharp enough to choose among segments. A channel that is never active gets no gradient: so how
much it asks of a turn is no weight but follows from how often it was active (`Gate.settle`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

KEY_WIDTH = 64
SHARPNESS = 4.0  # norm of a query; keys have that of a vector with entries of 0.6, so logits spread by about two
KEY_NORM = 0.6 * math.sqrt(KEY_WIDTH)
NULL = 4.0  # logit of a null row at the start: about half of the attention over a dozen segments falls on it
SETTLING = 2.0  # of a null logit, per batch


class Activity(NamedTuple):
    """Of every channel in one turn: g in [0, 1], and whether it is active (bool)."""

    g_BR: Tensor
    active_BR: Tensor


def apart(rows: int, width: int) -> nn.Parameter:
    """Queries [rows, width] of norm SHARPNESS that stand at right angles, as far as there is room."""
    return nn.Parameter(SHARPNESS * nn.init.orthogonal_(torch.empty(rows, width)))


class Gate(nn.Module):
    """RIM-like gate: every channel attends over the turn's segments and a null row; the most active k are active.

    k is `top_k`, and at most half of the channels: a gate that opens them all would choose nothing. The logit of a
    channel's null row is set in training so that its activity passes the threshold in k / r of the turns: what is
    learnt is in which.
    """

    def __init__(self, d: int, r: int, z: int, top_k: int, threshold: float, enabled: bool = True, noop: bool = True):
        super().__init__()
        self.top_k, self.threshold, self.enabled, self.noop = most_active(top_k, r), threshold, enabled, noop
        self.channel_RK = apart(r, KEY_WIDTH)
        self.from_state = nn.Linear(d, KEY_WIDTH, bias=False)
        self.key = nn.Linear(z, KEY_WIDTH, bias=False)
        self.value = nn.Linear(z, KEY_WIDTH, bias=False)  # a bias would be what all reads share
        self.register_buffer("null_R", torch.full((r,), NULL))

    def project(self, z_BNZ: Tensor) -> tuple[Tensor, Tensor]:
        return KEY_NORM * nn.functional.normalize(self.key(z_BNZ), dim=-1), self.value(z_BNZ)

    @torch.no_grad()
    def settle(self, g_PR: Tensor) -> None:
        """Raise the null logits of channels that passed the threshold in more than k / r of P turns, lower others'."""
        if self.enabled and self.noop and len(g_PR):
            often_R = (g_PR > self.threshold).float().mean(dim=0)
            self.null_R += SETTLING * (often_R - self.top_k / len(often_R))

    def logits(self, state_BRD: Tensor, key_BNK: Tensor, mask_BN: Tensor) -> Tensor:
        """[B, R, N], -inf outside the turn; of bounded size, so that no channel can outrun its null row."""
        query_BRK = SHARPNESS * nn.functional.normalize(self.channel_RK + self.from_state(state_BRD), dim=2)
        return (query_BRK @ key_BNK.transpose(1, 2)).masked_fill(~mask_BN[:, None, :], -torch.inf)

    def attend(self, logits_BRN: Tensor, mask_BN: Tensor) -> Tensor:
        """Attention alpha [B, R, N + 1] of every channel over the turn's segments; the last is the null row."""
        null_BR1 = self.null_R.expand(len(mask_BN), -1)[:, :, None]
        if not (self.enabled and self.noop):
            null_BR1 = torch.where(mask_BN.any(1)[:, None, None], -torch.inf, null_BR1)
        return torch.cat([logits_BRN, null_BR1], dim=2).softmax(dim=2)

    def forward(self, state_BRD: Tensor, key_BNK: Tensor, value_BNK: Tensor, mask_BN: Tensor):
        """Reads [B, R, K], activity g in [0, 1] [B, R], active channels [B, R] (bool).

        A read is the mean of what is attended to, whatever share fell on the null row: that share is g's to tell.
        """
        logits_BRN = self.logits(state_BRD, key_BNK, mask_BN)
        alpha_BRN1 = self.attend(logits_BRN, mask_BN)
        g_BR = 1 - alpha_BRN1[:, :, -1]
        reads_BRK = alpha_BRN1[:, :, :-1] @ value_BNK / g_BR.clamp_min(1e-6)[:, :, None]
        present_B1 = mask_BN.any(dim=1, keepdim=True)
        if not self.enabled:
            return reads_BRK, g_BR, present_B1.expand_as(g_BR)
        # without a null row every activity is one, and what the turn says to a channel decides
        rank_BR = g_BR if self.noop else logits_BRN.logsumexp(dim=2)
        kept = torch.zeros_like(g_BR, dtype=torch.bool).scatter(1, rank_BR.topk(self.top_k, dim=1).indices, True)
        return reads_BRK, g_BR, kept & (g_BR > self.threshold) & present_B1


def most_active(top_k: int, r: int) -> int:
    """How many of r channels are active at most."""
    return max(1, min(top_k, r // 2))


@dataclass(frozen=True)
class CellShape:
    """Sizes and bounds of a LowRankCell: state width, channels, width of an encoded segment, r_u at most, channels
    active at most, activity from which one is, the bound of rho, b; and the parts that an ablation switches off.
    """

    d: int
    r: int
    z: int
    max_update_rank: int
    top_k: int
    threshold: float
    rho_max: float
    bound: float
    gate: bool = True
    noop: bool = True
    recurrence: bool = True
    low_rank: bool = True


class LowRankCell(nn.Module):
    """The paper's cell: S[:, c] <- rho_c S[:, c] + U[:, c] for active c, U = A B^T with inner dimension r_u.

    Each column of U is rescaled to norm at most b, and scaled by its channel's activity, so every column of the state
    stays bounded by max(norm of its start, b / (1 - rho)) for ever (proofs: Stability).
    """

    def __init__(self, shape: CellShape):
        super().__init__()
        d, r = shape.d, shape.r
        self.rho_max, self.bound = shape.rho_max, shape.bound
        self.recurrence, self.low_rank = shape.recurrence, shape.low_rank
        self.update_rank = min(r, shape.max_update_rank)
        self.start_RD = nn.Parameter(torch.randn(r, d) / math.sqrt(d))
        self.gate = Gate(d, r, shape.z, shape.top_k, shape.threshold, shape.gate, shape.noop)
        self.rho_logit_R = nn.Parameter(torch.full((r,), 2.0))
        if self.low_rank:
            self.slot_UK = apart(self.update_rank, KEY_WIDTH)
            self.to_a = nn.Linear(KEY_WIDTH, d, bias=False)
            self.to_b = nn.Linear(KEY_WIDTH, self.update_rank, bias=False)
            self.state_to_b = nn.Linear(d, self.update_rank, bias=False)
        else:
            self.to_column = nn.Linear(KEY_WIDTH, d, bias=False)

    @property
    def rho_R(self) -> Tensor:
        return self.rho_max * torch.sigmoid(self.rho_logit_R)

    def initial(self, batch: int) -> Tensor:
        return self.start_RD.expand(batch, -1, -1)

    def update(self, state_BRD: Tensor, reads_BRK: Tensor, g_BR: Tensor, active_BR: Tensor) -> Tensor:
        """U by columns, [B, R, D]: rank at most r_u, columns of norm at most b, zero columns for inactive channels."""
        if self.low_rank:
            logits_BUR = self.slot_UK @ reads_BRK.transpose(1, 2)
            hidden_BUR = logits_BUR.masked_fill(~active_BR[:, None, :], -1e9).softmax(dim=2)
            a_BUD = torch.tanh(self.to_a(hidden_BUR @ reads_BRK))
            b_BRU = torch.tanh(self.to_b(reads_BRK) + self.state_to_b(state_BRD))
            u_BRD = b_BRU @ a_BUD  # the transpose of A B^T
        else:
            u_BRD = torch.tanh(self.to_column(reads_BRK))
        # no torch.sqrt: its last bit depends on the processor's maker
        norm_BR = torch.linalg.vector_norm(u_BRD, dim=2).clamp_min(1e-6)
        # the activity comes last: before the bound, what it scales would be scaled back
        return u_BRD * ((self.bound / norm_BR).clamp_max(1.0) * g_BR * active_BR)[:, :, None]

    def project(self, z_BNZ: Tensor) -> tuple[Tensor, Tensor]:
        return self.gate.project(z_BNZ)

    def forward(
        self, state_BRD: Tensor, key_BNK: Tensor, value_BNK: Tensor, mask_BN: Tensor
    ) -> tuple[Tensor, Activity]:
        if not self.recurrence:
            start_BRD = self.initial(len(state_BRD))
            state_BRD = torch.where(mask_BN.any(1)[:, None, None], start_BRD, state_BRD)
        reads_BRK, g_BR, active_BR = self.gate(state_BRD, key_BNK, value_BNK, mask_BN)
        u_BRD = self.update(state_BRD, reads_BRK, g_BR, active_BR)
        after_BRD = torch.where(active_BR[:, :, None], self.rho_R[:, None] * state_BRD + u_BRD, state_BRD)
        return after_BRD, Activity(g_BR, active_BR)


class RimCell(nn.Module):
    """RIMs-only (Goyal et al. 2021): the same gate, weights of its own for each channel, then communication.

    An active channel is updated by a gated unit from its read and its own state, no contraction, no bound. Then it
    attends over all channels, those at rest too, and adds what it finds (their section 2.3).
    """

    def __init__(self, d: int, r: int, z: int, top_k: int, threshold: float):
        super().__init__()
        self.start_RD = nn.Parameter(torch.randn(r, d) / math.sqrt(d))
        self.gate = Gate(d, r, z, top_k, threshold)
        self.read_RKD = nn.Parameter(torch.randn(r, KEY_WIDTH, 2 * d) / math.sqrt(KEY_WIDTH))
        self.state_RDD = nn.Parameter(torch.randn(r, d, 2 * d) / math.sqrt(d) / 2)
        self.ask_RDK, self.answer_RDK, self.tell_RDK = (
            nn.Parameter(torch.randn(r, d, KEY_WIDTH) / math.sqrt(d)) for _ in range(3)
        )
        # channels start nearly deaf: what is heard adds to a state that nothing bounds
        self.hear_RKD = nn.Parameter(torch.randn(r, KEY_WIDTH, d) / math.sqrt(KEY_WIDTH) / 10)

    def initial(self, batch: int) -> Tensor:
        return self.start_RD.expand(batch, -1, -1)

    def project(self, z_BNZ: Tensor) -> tuple[Tensor, Tensor]:
        return self.gate.project(z_BNZ)

    def communicate(self, state_BRD: Tensor) -> Tensor:
        """What every channel hears from all of them, [B, R, D]."""
        query, key, value = (each(state_BRD, weight) for weight in (self.ask_RDK, self.answer_RDK, self.tell_RDK))
        shares_BRR = (query @ key.transpose(1, 2) / math.sqrt(KEY_WIDTH)).softmax(dim=2)
        return each(shares_BRR @ value, self.hear_RKD)

    def forward(
        self, state_BRD: Tensor, key_BNK: Tensor, value_BNK: Tensor, mask_BN: Tensor
    ) -> tuple[Tensor, Activity]:
        reads_BRK, g_BR, active_BR = self.gate(state_BRD, key_BNK, value_BNK, mask_BN)
        mixed_BRE = each(reads_BRK, self.read_RKD) + each(state_BRD, self.state_RDD)
        keep_BRD, new_BRD = mixed_BRE.chunk(2, dim=2)
        keep_BRD = torch.sigmoid(keep_BRD)
        next_BRD = keep_BRD * state_BRD + (1 - keep_BRD) * torch.tanh(new_BRD)
        next_BRD = torch.where(active_BR[:, :, None], next_BRD, state_BRD)
        heard_BRD = next_BRD + self.communicate(next_BRD)
        return torch.where(active_BR[:, :, None], heard_BRD, state_BRD), Activity(g_BR, active_BR)


def each(rows_BRX: Tensor, weight_RXY: Tensor) -> Tensor:
    """Every channel's row by its own weights, [B, R, Y]."""
    return torch.einsum("brx,rxy->bry", rows_BRX, weight_RXY)


class SummaryCell(nn.Module):
    """CCF-only, in the style of AutoCompressor: every block (turn) adds summary vectors to those of earlier blocks.

    Dense, no gate; the summaries of earlier blocks are inputs without gradient (stop-gradient between blocks).
    """

    def __init__(self, d: int, z: int, summaries: int):
        super().__init__()
        self.query_CK = nn.Parameter(torch.randn(summaries, KEY_WIDTH) / math.sqrt(KEY_WIDTH))
        self.from_past = nn.Linear(d, KEY_WIDTH, bias=False)
        self.key, self.value = nn.Linear(z, KEY_WIDTH, bias=False), nn.Linear(z, d)
        self.d = d

    def initial(self, batch: int) -> Tensor:
        return self.query_CK.new_zeros(batch, 0, self.d)

    def project(self, z_BNZ: Tensor) -> tuple[Tensor, Tensor]:
        return self.key(z_BNZ) / math.sqrt(KEY_WIDTH), self.value(z_BNZ)

    def forward(
        self, state_BCD: Tensor, key_BNK: Tensor, value_BND: Tensor, mask_BN: Tensor
    ) -> tuple[Tensor, Activity]:
        past_BCD = state_BCD.detach()
        present_B = mask_BN.any(dim=1)
        # zero columns (turns without segments) are not there: they must not dilute the mean
        seen_B1 = (past_BCD != 0).any(dim=2).sum(dim=1, keepdim=True).clamp_min(1)
        query_BCK = self.query_CK + self.from_past(past_BCD.sum(dim=1) / seen_B1)[:, None, :]
        logits_BCN = (query_BCK @ key_BNK.transpose(1, 2)).masked_fill(~mask_BN[:, None, :], -1e9)
        new_BCD = logits_BCN.softmax(dim=2) @ value_BND
        # a zero column is invisible to the reader of the state, as a padded turn must be
        new_BCD = torch.where(present_B[:, None, None], new_BCD, 0.0)
        active_BC = present_B[:, None].expand(-1, new_BCD.shape[1])
        return torch.cat([past_BCD, new_BCD], dim=1), Activity(active_BC.to(new_BCD.dtype), active_BC)
