"""Outcome head of policies without a recurrent state: it sees the mean of what the policy keeps, per speaker.

Shape suffixes: B episodes, T turns, P parties (user, first agent, second agent), G features of a party, O outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from lrrc.episodes.episode import ARENA_OUTCOMES
from lrrc.model.outcome import FormHead, even_handed, exchange_outcomes

PARTIES = 3
EXCHANGED_PARTIES = [0, 2, 1]


@dataclass(frozen=True)
class KeptFeatures:
    """One episode: features [T, P, G] of what is kept after each turn, and the index of the outcome (-1: none).

    `form_TF`: how the agents' replies differ (lrrc.digest.reply_form), which every head sees whatever is kept.
    """

    episode_id: str
    features_TPG: np.ndarray
    form_TF: np.ndarray
    outcome: int
    agents: int

    @property
    def nbytes(self) -> int:
        return self.features_TPG.nbytes


@dataclass(frozen=True)
class ProbeBatch:
    kept_BTPG: Tensor
    form_BTF: Tensor
    turns_B: Tensor
    outcome_B: Tensor
    swappable: bool

    def swapped(self, flip_B: Tensor) -> ProbeBatch:
        """Exchange the two agents of the episodes where `flip_B` is true."""
        exchanged, outcome = self.kept_BTPG[:, :, EXCHANGED_PARTIES], exchange_outcomes(self.outcome_B)
        return replace(
            self,
            kept_BTPG=torch.where(flip_B[:, None, None, None], exchanged, self.kept_BTPG),
            form_BTF=torch.where(flip_B[:, None, None], -self.form_BTF, self.form_BTF),
            outcome_B=torch.where(flip_B, outcome, self.outcome_B),
        )

    def to(self, device: torch.device | str) -> ProbeBatch:
        moved = {name: getattr(self, name).to(device) for name in ("kept_BTPG", "form_BTF", "turns_B", "outcome_B")}
        return replace(self, **moved)


class OutcomeProbe(nn.Module):
    """A small network from kept features to outcome logits, [B, T, O], that cannot favour a side."""

    def __init__(self, width: int, form: bool = False, hidden: int = 32):
        super().__init__()
        self.party = nn.Linear(width, hidden)
        self.outcome = nn.Sequential(
            nn.Linear(PARTIES * hidden, hidden), nn.GELU(), nn.Linear(hidden, len(ARENA_OUTCOMES))
        )
        self.form = FormHead() if form else None

    def forward(self, batch: ProbeBatch) -> Tensor:
        party_BTPH = torch.tanh(self.party(batch.kept_BTPG))
        here, there = (self.outcome(seen.flatten(2)) for seen in (party_BTPH, party_BTPH[:, :, EXCHANGED_PARTIES]))
        logits_BTO = even_handed(here, there)
        return logits_BTO if self.form is None else logits_BTO + self.form(batch.form_BTF)
