"""Which agents to call: for each the probability that its answer would be right (docs/method.md 10).

The network sees a conversation as one agent at a time: who speaks is the user, this agent or another one, and a segment
may name this agent or another. So any number of agents is served by the same weights, and exchanging two agents
exchanges their probabilities. The state has the cell of the coordinator, stepped once a turn over what was said.

Shape suffixes: P pairs of a request and an agent, N segments before the request, E encoder width, F features,
R readings of the history, H head width, C columns of the state, D state width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lrrc.digest.agent_view import ANOTHER, ITSELF, NAMING, Seen
from lrrc.digest.features import FEATURES
from lrrc.model.batch import PAD
from lrrc.model.cells import CellShape, LowRankCell
from lrrc.model.decoder import LEAST_SPREAD, StateReader, turn_means
from lrrc.model.network import SEEN, of_order_one

READINGS = 4  # of the history: by the agent, by anybody, naming it, by other agents
FARTHEST = 5.0  # spreads from the mean that a feature counts as, at most


@dataclass(frozen=True)
class Views:
    """Several conversations as agents see them, padded; a padded segment has turn PAD."""

    embeddings_PNE: Tensor
    turn_PN: Tensor
    speaker_PN: Tensor
    naming_PN2: Tensor
    features_PNF: Tensor
    question_PE: Tensor


def collate(seen: Sequence[Seen]) -> Views:
    """Views of any number of requests side by side."""
    longest = max(1, *(len(one.turn_N) for one in seen)) if seen else 1

    def padded(name: str, fill: float = 0) -> Tensor:
        rows = [getattr(one, name) for one in seen]
        out = np.full((len(rows), longest, *rows[0].shape[1:]), fill, rows[0].dtype)
        for i, row in enumerate(rows):
            out[i, : len(row)] = row
        return torch.from_numpy(out)

    return Views(
        padded("embeddings_NE"),
        padded("turn_N", PAD).long(),
        padded("speaker_N").long(),
        padded("naming_N2"),
        padded("features_NF"),
        torch.from_numpy(np.stack([one.question_E for one in seen])),
    )


@dataclass(frozen=True)
class CallerShape:
    """Sizes of a Caller, and what ablations switch off: the state as a whole, and parts of its cell."""

    e: int
    rank: int = 8
    d: int = 64
    width: int = 32
    top_k: int = 4
    max_update_rank: int = 8
    state: bool = True
    own: bool = True  # whether segments are read directly, beside the state
    recurrence: bool = True
    gate: bool = True
    low_rank: bool = True
    hierarchy: bool = True


class Caller(nn.Module):
    """Logits of "right, if called"."""

    def __init__(self, shape: CallerShape):
        super().__init__()
        self.shape, width = shape, shape.width
        self.see, self.speaker = nn.Linear(shape.e, SEEN), nn.Embedding(3, SEEN)
        self.naming = nn.Linear(NAMING, SEEN, bias=False)
        nn.init.normal_(self.naming.weight, std=0.5)  # who is named is to weigh as much as what is said
        nn.init.normal_(self.speaker.weight, std=0.5)
        self.norm = nn.LayerNorm(SEEN)
        self.cell = LowRankCell(_cell_shape(shape)) if shape.state else None
        self.query = nn.Linear(shape.e, width)
        self.reader = StateReader(shape.d, width)
        self.recall = nn.Linear(shape.rank, width, bias=False)
        marks = len(FEATURES) + NAMING + 3
        self.register_buffer("mean_F", torch.zeros(len(FEATURES)))
        self.register_buffer("sd_F", torch.ones(len(FEATURES)))
        self.weigh, self.claims = nn.Linear(marks, READINGS), nn.Linear(SEEN, READINGS, bias=False)
        with torch.no_grad():  # begins as a search for the question's words, as an untrained router does
            self.weigh.weight.mul_(0.1)
            self.weigh.weight[:, FEATURES.index("asked_words_in_segment")] += 1.5
            self.claims.weight.zero_()
        self.value = nn.Linear(marks + SEEN, width)
        self.turn = nn.Linear(SEEN, SEEN) if shape.hierarchy else None
        self.drop = nn.Dropout(0.1)
        self.out = nn.Sequential(nn.Linear((2 + READINGS) * width, width), nn.GELU(), nn.Linear(width, 1))

    @torch.no_grad()
    def standardise(self, views: Views) -> None:
        """Measure features from here on by their mean and spread in these views."""
        rows_NF = views.features_PNF[views.turn_PN < PAD]
        self.mean_F.copy_(rows_NF.mean(dim=0))
        self.sd_F.copy_(rows_NF.std(dim=0).clamp_min(LEAST_SPREAD))

    @torch.no_grad()
    def scale_logits(self, scale: float, shift: float) -> None:
        """From here on logits are `scale` times as large, and `shift` higher."""
        last = self.out[-1]
        last.weight.mul_(scale)
        last.bias.mul_(scale).add_(shift)

    @property
    def width(self) -> int:
        """Of the sentence vectors that it reads."""
        return self.shape.e

    @torch.inference_mode()
    def logits(self, seen: Sequence[Seen]) -> np.ndarray:
        """[P], without dropout."""
        return self.eval()(collate(seen)).numpy()

    def forward(self, views: Views) -> Tensor:
        """[P]"""
        weight = of_order_one(self.see.weight)
        seen_PNS = nn.functional.linear(views.embeddings_PNE, weight, self.see.bias)
        seen_PNS = self.norm(seen_PNS + self.speaker(views.speaker_PN) + self.naming(views.naming_PN2))
        there_PN = views.turn_PN < PAD
        query_PH = torch.tanh(nn.functional.linear(views.question_PE, of_order_one(self.query.weight), self.query.bias))
        asked_PS = nn.functional.linear(views.question_PE, weight, self.see.bias)
        kept_PH = torch.zeros_like(query_PH)
        if self.cell is not None:
            state_PCD = self._state(seen_PNS, views)
            kept_PH = self.reader(query_PH[:, None], state_PCD)[:, 0] + self.recall(self._recalled(state_PCD, asked_PS))
        own_PRH = query_PH.new_zeros(len(query_PH), READINGS, query_PH.shape[1])
        if self.shape.own:
            own_PRH = self._own(seen_PNS, views, there_PN)
        read = torch.cat([kept_PH, kept_PH * query_PH, own_PRH.flatten(1)], dim=1)
        return self.out(self.drop(read)).squeeze(1)

    def _state(self, seen_PNS: Tensor, views: Views) -> Tensor:
        """The state [P, C, D] after all turns."""
        assert self.cell is not None
        seen_PTnS, there_PTn = by_turn(seen_PNS, views.turn_PN)
        key, value = self.cell.project(seen_PTnS)
        state_PCD, activities = self.cell.initial(len(seen_PNS)), []
        for turn in range(there_PTn.shape[1]):
            here_Pn = there_PTn[:, turn]
            state_PCD, activity = self.cell(state_PCD, key[:, turn], value[:, turn], here_Pn)
            activities.append(activity.g_BR[here_Pn.any(dim=1)])
        if self.training and activities:
            self.cell.gate.settle(torch.cat(activities))
        return state_PCD

    def _recalled(self, state_PCD: Tensor, asked_PS: Tensor) -> Tensor:
        """[P, C]: how much of each column is what the question would have left there, had it been said.

        The question takes the way of a segment into the state, so that both agree before anything is learnt.
        """
        cell = self.cell
        assert cell is not None
        read_PK = cell.gate.value(self.norm(asked_PS))
        left_PD = torch.tanh((cell.to_a if cell.low_rank else cell.to_column)(read_PK))
        return (state_PCD @ left_PD[:, :, None])[:, :, 0] / math.sqrt(left_PD.shape[1])

    def _own(self, seen_PNS: Tensor, views: Views, there_PN: Tensor) -> Tensor:
        """What segments say, weighed by how they fit the question and what they claim [P, R, H]: the agent's own, all,
        those that name it, and other agents'.

        With hierarchy a segment is seen together with the mean of its turn.
        """
        standard_PNF = ((views.features_PNF - self.mean_F) / self.sd_F).clamp(-FARTHEST, FARTHEST)
        who_PN3 = nn.functional.one_hot(views.speaker_PN, 3).float()
        marks_PNM = torch.cat([standard_PNF, views.naming_PN2, who_PN3], dim=2)
        logits_PNR = self.weigh(marks_PNM) + self.claims(seen_PNS)
        if self.turn is not None:
            turns = int(views.turn_PN.clamp_max(PAD - 1)[there_PN].max()) + 1 if bool(there_PN.any()) else 1
            mean_PTS, slot_PN = turn_means(seen_PNS, views.turn_PN, turns)
            index_PNS = slot_PN[:, :, None].expand(-1, -1, seen_PNS.shape[2])
            seen_PNS = seen_PNS + self.turn(mean_PTS).gather(1, index_PNS)
        value_PNH = torch.tanh(self.value(torch.cat([marks_PNM, seen_PNS], dim=2)))
        masks = (
            there_PN & (views.speaker_PN == ITSELF),
            there_PN,
            there_PN & (views.naming_PN2[:, :, 0] > 0),
            there_PN & (views.speaker_PN == ANOTHER),
        )
        return torch.stack([_attended(logits_PNR[:, :, i], value_PNH, mask) for i, mask in enumerate(masks)], dim=1)


def by_turn(seen_PNS: Tensor, turn_PN: Tensor) -> tuple[Tensor, Tensor]:
    """Segments, ascending by turn, as [P, T, n, S] with n those of the longest turn, and which of them there are."""
    P, N, S = seen_PNS.shape
    there_PN = turn_PN < PAD
    T = int(turn_PN[there_PN].max()) + 1 if bool(there_PN.any()) else 0
    same_PNN = turn_PN[:, :, None] == turn_PN[:, None, :]
    place_PN = same_PNN.tril(-1).sum(dim=2)  # within the turn
    n = int(place_PN[there_PN].max()) + 1 if T else 0
    slot_PN = torch.where(there_PN, turn_PN * n + place_PN, T * n)
    found = seen_PNS.new_zeros(P, T * n + 1, S).scatter(1, slot_PN[:, :, None].expand(-1, -1, S), seen_PNS)
    filled = there_PN.new_zeros(P, T * n + 1).scatter(1, slot_PN, there_PN)
    return found[:, :-1].view(P, T, n, S), filled[:, :-1].view(P, T, n)


def _attended(logits_PN: Tensor, value_PNH: Tensor, mask_PN: Tensor) -> Tensor:
    """[P, H]: the mean of values by attention; a null row of value zero makes nothing readable."""
    null_P1 = logits_PN.new_zeros(len(logits_PN), 1)
    weights_PN = torch.cat([logits_PN.masked_fill(~mask_PN, -torch.inf), null_P1], dim=1).softmax(dim=1)[:, :-1]
    return (weights_PN[:, None] @ value_PNH)[:, 0] * math.sqrt(2)


def _cell_shape(shape: CallerShape) -> CellShape:
    return CellShape(
        shape.d,
        shape.rank,
        SEEN,
        shape.max_update_rank,
        top_k=shape.top_k,
        threshold=0.5,
        rho_max=0.95,
        bound=1.0,
        gate=shape.gate,
        recurrence=shape.recurrence,
        low_rank=shape.low_rank,
    )
