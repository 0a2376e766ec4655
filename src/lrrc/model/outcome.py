"""Outcomes and their exchange: which one a judge names when the two agents change places.

A head that is asked both ways round, and answers with the mean of what it says and of what it says of the exchanged
pair, exchanged back, cannot favour a side: exchanging the agents exchanges its answer, bit for bit.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lrrc.digest.features import FIRST_AGENT
from lrrc.digest.reply_form import FORM
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


class FormHead(nn.Module):
    """What the form of two agents' replies says of the outcome: a logistic regression on their differences.

    It is linear and has no constant, so exchanged agents get exchanged answers. `keep` is how much of what was seen
    before still counts at the next turn: a judge may go by the last answers or by all of them. Shape suffixes: B
    episodes, T turns, F differences (lrrc.digest.reply_form.FORM), O outcomes.
    """

    def __init__(self):
        super().__init__()
        self.weight_F = nn.Parameter(torch.zeros(len(FORM)))
        self.keep = nn.Parameter(torch.zeros(()))  # a half, through a sigmoid
        self.register_buffer("scale_F", torch.ones(len(FORM)))

    def standardise(self, form_NF: Tensor) -> None:
        """Bring differences as large as those of the training episodes to the order of one; zero stays zero."""
        # no torch.sqrt: its last bit depends on the processor's maker
        self.scale_F.copy_(torch.linalg.vector_norm(form_NF, dim=0) / math.sqrt(len(form_NF)))
        self.scale_F[self.scale_F == 0] = 1.0

    def forward(self, form_BTF: Tensor) -> Tensor:
        """Logits [B, T, O] to add to those of a head, after each turn."""
        lead_BT, seen_B, keep = form_BTF / self.scale_F @ self.weight_F, 0.0, self.keep.sigmoid()
        leads = []
        for lead_B in lead_BT.unbind(1):
            seen_B = keep * seen_B + lead_B
            leads.append(seen_B)
        logits_BTO = form_BTF.new_zeros(*form_BTF.shape[:2], len(ARENA_OUTCOMES))
        logits_BTO[..., FIRST] = torch.stack(leads, dim=1)
        logits_BTO[..., SECOND] = -logits_BTO[..., FIRST]
        return logits_BTO
