"""Outcomes and their exchange: which one a judge names when the two agents change places.

A head that is asked both ways round, and answers with the mean of what it says and of what it says of the exchanged
pair, exchanged back, cannot favour a side: exchanging the agents exchanges its answer, bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lrrc.digest.features import FIRST_AGENT
from lrrc.episodes.episode import ARENA_AGENTS, ARENA_OUTCOMES

FIRST, SECOND = map(ARENA_OUTCOMES.index, ARENA_AGENTS)
EXCHANGED = tuple({FIRST: SECOND, SECOND: FIRST}.get(o, o) for o in range(len(ARENA_OUTCOMES)))


def even_handed(here: Tensor, there: Tensor, exchanged: tuple[int, ...] = EXCHANGED) -> Tensor:
    """Logits [..., O] from those of the episode and of the same one with its agents exchanged.

    `exchanged[o]` is what outcome o becomes; its own inverse, so that this works for any set of outcomes.
    """
    return (here + there[..., list(exchanged)]) / 2


def exchange_agents(speaker_BN: Tensor) -> Tensor:
    """Speakers with the first two agents in each other's place."""
    first, second = speaker_BN == FIRST_AGENT, speaker_BN == FIRST_AGENT + 1
    return torch.where(first, FIRST_AGENT + 1, torch.where(second, FIRST_AGENT, speaker_BN))


def exchange_outcomes(outcome_B: Tensor) -> Tensor:
    """Outcomes with the agents in each other's place; -1, none, stays."""
    decided_B = (outcome_B == FIRST) | (outcome_B == SECOND)
    return torch.where(decided_B, FIRST + SECOND - outcome_B, outcome_B)


def preferred(logits_BO: Tensor) -> Tensor:
    """P(first agent is better) - P(second agent is better), in [-1, 1]: sign = pick, size = confidence."""
    p_BO = logits_BO.softmax(dim=-1)
    return p_BO[..., FIRST] - p_BO[..., SECOND]
