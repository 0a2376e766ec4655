"""The training objective: L = w_rec * reconstruction + w_sel * segment ranking + w_win * outcome (method section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lrrc.model.batch import Batch
from lrrc.model.coordinator import Output


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` where `mask`; zero (with a gradient of zero) where nothing is."""
    return (values * mask).sum() / mask.sum().clamp_min(1)


def reconstruction(output: Output, batch: Batch) -> Tensor:
    """Cross-entropy, in nats, of the essential words of the turn to come given the prompt embedding."""
    target_BTMV = batch.essential_BTMV
    log_BTMV = output.essential_BTMV.log_softmax(dim=3)
    return _mean(-(target_BTMV * log_BTMV).sum(dim=3), target_BTMV.sum(dim=3) > 0)


def ranking(output: Output, batch: Batch) -> Tensor:
    """Listwise cross-entropy, in nats, of the segment targets given the scores."""
    target_BTMN = batch.target_BTMN
    present_BTM = target_BTMN.sum(dim=3) > 0
    # rows without history hold -inf alone, and -inf times zero is not a number
    scores = torch.where(present_BTM[..., None], output.scores_BTMN, 0.0)
    log_BTMN = scores.log_softmax(dim=3).masked_fill(target_BTMN == 0, 0.0)
    return _mean(-(target_BTMN * log_BTMN).sum(dim=3), present_BTM)


def outcome(output: Output, batch: Batch) -> Tensor:
    """Cross-entropy, in nats, of the outcome after every turn; later turns, which know more, weigh more."""
    logits_BTO = output.outcome_BTO
    B, T, O = logits_BTO.shape
    turn_T = torch.arange(1, T + 1, device=logits_BTO.device)
    turns_B1 = batch.turns_B[:, None]
    weight_BT = (turn_T / turns_B1) * (turn_T <= turns_B1) * (batch.outcome_B >= 0)[:, None]
    target_BT = batch.outcome_B.clamp_min(0)[:, None].expand(-1, T)
    loss_BT = nn.functional.cross_entropy(logits_BTO.reshape(-1, O), target_BT.reshape(-1), reduction="none")
    return (loss_BT.view(B, T) * weight_BT).sum() / weight_BT.sum().clamp_min(1e-6)


def preferred(logits_BO: Tensor) -> Tensor:
    """P(first agent is better) - P(second agent is better), in [-1, 1]: its sign is the pick, its size the confidence."""
    p_BO = logits_BO.softmax(dim=-1)
    return p_BO[..., 0] - p_BO[..., 1]


def agreement(output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
    """(decided episodes whose winner is picked after the last turn, decided episodes), as counts."""
    last_BO = output.outcome_BTO[torch.arange(len(batch.turns_B)), (batch.turns_B - 1).clamp_min(0)]
    decided_B = (batch.outcome_B == 0) | (batch.outcome_B == 1)
    right_B = (preferred(last_BO) < 0) == (batch.outcome_B == 1)
    return (right_B & decided_B).sum(), decided_B.sum()
