"""Is the state alive? What a recurrence is worth cannot be read off a loss: these are the ways in which it dies.

- Reads collapse: all channels read the same, so U_t is of rank 1 whatever r_u says.
- Channels die: some are never active, so the state is of lower rank than it claims.
- The gate chooses nothing: it opens as many channels in every turn, whatever was said.
- Nobody listens: with the state set to zero the same segments are sent.

Shape suffixes: B episodes, T turns, M agents, N segments, R channels, D state width, P turns in which something was
written, C calls.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lrrc.model.cells import LowRankCell, RimCell

if TYPE_CHECKING:
    from lrrc.model.batch import Batch
    from lrrc.model.network import CoordinatorNetwork, Run


WORTH = 0.07  # a segment is sent where it holds this share of what the history promises (params.yaml, digest)


def effective_rank(matrices_PRD: Tensor) -> Tensor:
    """exp of the entropy of the singular values' shares, [P]: 1 to min(R, D) (Roy and Vetterli 2007)."""
    shares_PR = singular_values(matrices_PRD)
    shares_PR = shares_PR / shares_PR.sum(dim=1, keepdim=True).clamp_min(1e-12)
    return torch.special.entr(shares_PR).sum(dim=1).exp()


def singular_values(matrices_PRD: Tensor) -> Tensor:
    """[P, R], largest first, from the small Gram matrices; R is at most D."""
    wide = matrices_PRD.double()
    squares_PR = torch.linalg.eigvalsh(wide @ wide.transpose(1, 2)).clamp_min(0).flip(1)
    return torch.from_numpy(np.sqrt(squares_PR.numpy()))  # torch's root is MKL's: other last bits on other processors


def evenness(counts_R: Tensor) -> float:
    """Entropy of the channels' shares of activity over its largest value: 1 where all are as often active, 0 one alone.

    One channel is even with itself; none active at all is 0.
    """
    if len(counts_R) == 1:
        return float(counts_R.any())
    shares_R = counts_R.double() / counts_R.sum().clamp_min(1)
    return float(torch.special.entr(shares_R).sum() / torch.log(torch.tensor(float(len(counts_R)))))


def middle(values_P: Tensor) -> Tensor:
    """The median; not a number where there is none."""
    return values_P.median() if len(values_P) else values_P.new_full((), torch.nan)


def written(cell: LowRankCell | RimCell, run: Run) -> Tensor:
    """What every turn wrote into the state: U_t [B, T, R, D], zero for channels at rest."""
    before, after = run.state_BTCD[:, :-1], run.state_BTCD[:, 1:]
    if isinstance(cell, LowRankCell):
        before = cell.rho_R[:, None] * (before if cell.recurrence else cell.start_RD)
    return torch.where(run.active_BTC[..., None], after - before, 0.0)


@torch.inference_mode()
def measure_state(net: CoordinatorNetwork, batches: Iterable[Batch]) -> dict[str, float]:
    """The measures of a trained network over some episodes; empty for a network without channels.

    update_rank        effective rank of U_t, mean over turns in which something was written
    second_singular    its second singular value over the first, median over turns in which two channels were active
    channels_used      share of the channels that are ever active
    channel_evenness   see `evenness`
    threshold_binds    share of the turns in which the threshold, not the cap k, says how many channels are active
    calls_changed      share of the calls whose segments worth sending are others where the state is zero
    state_gain         nats of ranking loss that zeroing the state costs, over calls with a target, where there are any
    """
    cell = net.cell
    if not isinstance(cell, LowRankCell | RimCell):
        return {}
    ranks, seconds, counts, bound, changed, gains = [], [], 0, [], [], []
    for batch in batches:
        z_BNZ = net.encode(batch.embeddings_BNE, batch.speaker_BN)
        run = net.run(z_BNZ, batch.turn_BN, batch.query_BTE.shape[1])
        written_BT = run.active_BTC.sum(dim=2)
        u_BTRD = written(cell, run)
        ranks.append(effective_rank(u_BTRD[written_BT > 0]))
        values_PR = singular_values(u_BTRD[written_BT > 1])
        seconds.append(values_PR[:, 1] / values_PR[:, 0].clamp_min(1e-12) if len(values_PR) else values_PR[:, 0])
        counts = counts + run.active_BTC.sum(dim=(0, 1))
        bound.append(run.active_BTC.sum(dim=2)[run.said_BT] < cell.gate.top_k)
        differs_C, gain_C = zeroed(net, batch, run)
        changed.append(differs_C)
        gains.append(gain_C)
    found = {
        "update_rank": torch.cat(ranks).mean(),
        "second_singular": middle(torch.cat(seconds)),
        "channels_used": (counts > 0).double().mean(),
        "threshold_binds": torch.cat(bound).double().mean(),
        "calls_changed": torch.cat(changed).double().mean(),
        "state_gain": torch.cat(gains).mean(),
    }
    made = {name: float(value) for name, value in found.items() if not value.isnan()}  # a mean of nothing is none
    return made | {"channel_evenness": evenness(counts)}


def zeroed(net: CoordinatorNetwork, batch: Batch, run: Run) -> tuple[Tensor, Tensor]:
    """For each call with a history [C]: are other segments worth sending with the state at zero?

    And for each call with a target [C']: how many nats of ranking loss that costs.
    """
    no_outcome = run.state_BTCD.new_zeros(*run.active_BTC.shape[:2], 1)
    dead = replace(run, state_BTCD=torch.zeros_like(run.state_BTCD))
    alive_BTMN, dead_BTMN = (net.read(batch, each, no_outcome).scores_BTMN for each in (run, dead))
    real_BT = torch.arange(no_outcome.shape[1]) < batch.turns_B[:, None]
    known_BTM = alive_BTMN.isfinite().any(dim=3) & real_BT[..., None]
    sent = [scores[known_BTM].softmax(dim=1) >= WORTH for scores in (alive_BTMN, dead_BTMN)]
    differs_C = (sent[0] != sent[1]).any(dim=1)
    target_BTMN = batch.target_BTMN
    if not target_BTMN.shape[3]:
        return differs_C, alive_BTMN.new_zeros(0)
    taught_BTM = known_BTM & (target_BTMN.sum(dim=3) > 0)
    target_CN = target_BTMN[taught_BTM]
    losses = [
        -(target_CN * scores[taught_BTM].log_softmax(dim=1).masked_fill(target_CN == 0, 0.0)).sum(dim=1)
        for scores in (alive_BTMN, dead_BTMN)
    ]
    return differs_C, losses[1] - losses[0]


def mean_measures(each: Collection[dict[str, float]]) -> dict[str, float]:
    """Means over several fits, each measure over those that have it."""
    names = sorted({name for measures in each for name in measures})
    found = {name: [measures[name] for measures in each if name in measures] for name in names}
    return {name: math.fsum(values) / len(values) for name, values in found.items()}


def faults(measures: dict[str, float]) -> list[str]:
    """What is dead in a state, in words; empty where nothing is, or nothing was measured."""
    found = []
    if not measures:
        return found
    if measures.get("second_singular", 1) < 0.05:
        found.append(f"updates are of rank 1 (second over first singular value {measures['second_singular']:.1e})")
    if measures["channels_used"] < 1:
        found.append(f"{1 - measures['channels_used']:.0%} of the channels are never active")
    if measures["channel_evenness"] < 0.8:
        found.append(f"a few channels do everything (evenness {measures['channel_evenness']:.2f})")
    if measures.get("threshold_binds") == 0:
        found.append("the activity threshold never binds: the cap alone decides")
    if measures.get("calls_changed", 1) < 0.01:
        found.append("without the state the same segments are sent")
    return found
