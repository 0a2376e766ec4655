"""The training objective: L = w_rec * reconstruction + w_sel * segment ranking + w_worth * worth
+ w_win * outcome (docs/method.md 3) + w_rule * standing rules."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lrrc.digest.features import USER
from lrrc.model.batch import Batch
from lrrc.model.cells import LowRankCell
from lrrc.model.network import CoordinatorNetwork, Output, Run
from lrrc.model.outcome import preferred
from lrrc.model.outcome_probe import OutcomeProbe, ProbeBatch
from lrrc.model.state_measures import written
from lrrc.params import TrainConfig

WORTH_FLOOR = 0.1  # nats; a history worth less is worth nothing
RARITY = 10.0  # weight of a sentence that is a standing rule; a hundred are none for each that is


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


def worth(output: Output, batch: Batch) -> Tensor:
    """Squared error, in log nats, of what the history gains a call; exp(score) of a segment is its share of that."""
    known_BTM = (batch.worth_BTM >= 0) & torch.isfinite(output.scores_BTMN).any(dim=3)
    scores = torch.where(known_BTM[..., None], output.scores_BTMN, 0.0)
    error_BTM = scores.logsumexp(dim=3) - torch.log(batch.worth_BTM.clamp_min(0) + WORTH_FLOOR)
    return _mean(error_BTM**2, known_BTM)


def rules(output: Output, batch: Batch) -> Tensor:
    """Cross-entropy, in nats, of a segment's being a standing rule, where that is known."""
    known_BN = (batch.standing_BN >= 0) & (batch.speaker_BN == USER)
    loss_BN = nn.functional.binary_cross_entropy_with_logits(
        output.standing_BN,
        batch.standing_BN.clamp_min(0),
        reduction="none",
        pos_weight=output.standing_BN.new_tensor(RARITY),
    )
    return _mean(loss_BN, known_BN)


def outcome(logits_BTO: Tensor, turns_B: Tensor, outcome_B: Tensor) -> Tensor:
    """Cross-entropy, in nats, of the outcome after every turn; later turns, which know more, weigh more."""
    B, T, outcomes = logits_BTO.shape
    turn_T = torch.arange(1, T + 1, device=logits_BTO.device)
    turns_B1 = turns_B[:, None]
    weight_BT = (turn_T / turns_B1) * (turn_T <= turns_B1) * (outcome_B >= 0)[:, None]
    target_BT = outcome_B.clamp_min(0)[:, None].expand(-1, T)
    loss_BT = nn.functional.cross_entropy(logits_BTO.reshape(-1, outcomes), target_BT.reshape(-1), reduction="none")
    return (loss_BT.view(B, T) * weight_BT).sum() / weight_BT.sum().clamp_min(1e-6)


def overlap(cell: nn.Module | None, run: Run) -> Tensor:
    """Mean squared cosine of two columns of U_t: 1 where all channels write the same and U_t is of rank 1."""
    if not isinstance(cell, LowRankCell):
        return run.state_BTCD.new_zeros(())
    active_BTR = run.active_BTC.float()
    others_RR = 1 - torch.eye(active_BTR.shape[2], device=active_BTR.device)
    unit_BTRD = nn.functional.normalize(written(cell, run), dim=3)
    pairs_BTRR = active_BTR[..., None] * active_BTR[..., None, :] * others_RR
    return _mean((unit_BTRD @ unit_BTRD.transpose(2, 3)) ** 2, pairs_BTRR)


def agreement(logits_BTO: Tensor, turns_B: Tensor, outcome_B: Tensor) -> tuple[Tensor, float]:
    """Share of the decided episodes whose winner is picked after the last turn, and how many are decided."""
    last_BO = logits_BTO[torch.arange(len(turns_B)), (turns_B - 1).clamp_min(0)]
    decided_B = (outcome_B == 0) | (outcome_B == 1)
    right_B = (preferred(last_BO) < 0) == (outcome_B == 1)
    return _mean(right_B.float(), decided_B), float(decided_B.sum())


@dataclass(frozen=True)
class Measured:
    """The loss to minimise, and means to report, each with the count it is a mean over."""

    loss: Tensor
    means: dict[str, tuple[Tensor, float]]


def _threshold(cell: nn.Module | None, output: Output) -> dict[str, tuple[Tensor, float]]:
    """Share of the turns in which the threshold, and not the cap, says how many channels are active."""
    if not hasattr(cell, "gate"):
        return {}
    said_BT = output.run.said_BT
    return {"threshold_binds": (_mean((output.active_BT < cell.gate.top_k).float(), said_BT), float(said_BT.sum()))}


def coordinator_objective(net: CoordinatorNetwork, batch: Batch, train: TrainConfig) -> Measured:
    """All losses of one batch, and the figures of the paper's Figure 4."""
    output = net(batch)
    rec, sel, amount = reconstruction(output, batch), ranking(output, batch), worth(output, batch)
    alike = overlap(net.cell, output.run)
    win, rule = outcome(output.outcome_BTO, batch.turns_B, batch.outcome_B), rules(output, batch)
    B, T = output.active_BT.shape
    real_BT = torch.arange(T, device=rec.device) < batch.turns_B[:, None]
    turns = float(real_BT.sum())
    norm_BT = output.state_BTCD[:, 1:].flatten(2).norm(dim=2)
    loss = train.w_rec * rec + train.w_sel * sel + train.w_worth * amount + train.w_win * win
    loss = loss + train.w_rule * rule + train.w_apart * alike
    return Measured(
        loss,
        {
            "loss": (loss, B),
            "loss_rec": (rec, B),
            "loss_sel": (sel, B),
            "loss_worth": (amount, B),
            "loss_win": (win, B),
            "loss_rule": (rule, B),
            "loss_apart": (alike, B),
            "agreement": agreement(output.outcome_BTO, batch.turns_B, batch.outcome_B),
            "state_norm": (_mean(norm_BT, real_BT), turns),
            "active_channels": (_mean(output.active_BT, real_BT), turns),
            **_threshold(net.cell, output),
        },
    )


def probe_objective(net: OutcomeProbe, batch: ProbeBatch, train: TrainConfig) -> Measured:
    """The outcome loss alone, for policies without a state."""
    logits_BTO = net(batch)
    win = outcome(logits_BTO, batch.turns_B, batch.outcome_B)
    means = {"loss": (win, len(batch.turns_B)), "agreement": agreement(logits_BTO, batch.turns_B, batch.outcome_B)}
    return Measured(win, means)
