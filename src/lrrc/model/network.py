"""The coordinator: encoder of segments, recurrent cell, compression head, decoder, outcome head.

One class serves LRRC and the learned baselines; they differ in the cell alone, so that a comparison isolates the
recurrence. Shape suffixes: B episodes, T turns, N segments, M agents, D state width, C columns of the state,
Z encoded width, E encoder width, H head width, F features, V buckets of essential words, O outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lrrc.digest.features import FEATURES, FIRST_AGENT
from lrrc.episodes.episode import ARENA_OUTCOMES
from lrrc.model.batch import Batch
from lrrc.model.cells import Activity, CellShape, LowRankCell, RimCell, SummaryCell
from lrrc.model.decoder import CompressionHead, Decoder, StateReader
from lrrc.model.outcome import FormHead, even_handed, exchange_agents

Z = 128  # of a segment as the decoder sees it
SEEN = 64  # of a segment as the cell sees it
SPEAKERS = 4  # user, other, first agent, second agent; further agents share the last


@dataclass(frozen=True)
class Run:
    """The states of whole episodes; what happened in padded turns is nothing: no channel is active in them."""

    z_BNZ: Tensor  # the encoded segments
    said_BT: Tensor  # turns with segments
    state_BTCD: Tensor  # S_0 to S_T (T + 1 of them)
    g_BTC: Tensor  # activity in turn t; a growing state's channels are those of one turn
    active_BTC: Tensor


@dataclass(frozen=True)
class Output:
    """What a forward pass over whole episodes gives; masked entries are -inf (scores) or meaningless (the rest)."""

    scores_BTMN: Tensor
    essential_BTMV: Tensor
    standing_BN: Tensor  # logits of being a standing rule
    outcome_BTO: Tensor  # logits after turn t + 1
    run: Run

    @property
    def active_BT(self) -> Tensor:
        """How many channels were active in turn t."""
        return self.run.active_BTC.float().sum(dim=2)

    @property
    def state_BTCD(self) -> Tensor:
        return self.run.state_BTCD


class CoordinatorNetwork(nn.Module):
    """`cell` is one of lrrc.model.cells, or None for a policy without a recurrent state; `e` the encoder's width.

    `model` has the fields of lrrc.params.ModelConfig.
    """

    def __init__(self, cell: nn.Module | None, e: int, model, hierarchy: bool):
        super().__init__()
        self.d = d = model.d
        head_width, vocabulary = model.head_width, model.vocabulary
        self.embed = nn.Linear(e, Z)
        self.speaker = nn.Embedding(SPEAKERS, Z)
        self.norm = nn.LayerNorm(Z)
        self.see = nn.Linear(e, SEEN)
        self.seen_speaker = nn.Embedding(SPEAKERS, SEEN)
        nn.init.normal_(self.seen_speaker.weight, std=0.5)  # who speaks is to weigh as much as what is said
        self.seen_norm = nn.LayerNorm(SEEN)
        self.cell = cell
        self.head = CompressionHead(d, e, head_width)
        self.decoder = Decoder(Z, head_width, len(FEATURES), vocabulary, hierarchy)
        self.standing = nn.Linear(e, 1)
        self.outcome_query_H = nn.Parameter(torch.randn(head_width))
        self.outcome_reader = StateReader(d, head_width)
        self.outcome = nn.Sequential(nn.Linear(head_width, 32), nn.GELU(), nn.Linear(32, len(ARENA_OUTCOMES)))
        self.form = FormHead() if model.form else None

    def encode(self, embeddings_BNE: Tensor, speaker_BN: Tensor) -> Tensor:
        """Segments as the decoder and then as the cell see them, [B, N, Z + SEEN]."""
        return self._said(*self._content(embeddings_BNE), speaker_BN)

    def encode_turns(self, embeddings_1NE: Tensor, speaker_1N: Tensor, turns: Sequence[slice]) -> Tensor:
        """`encode` of one conversation whose turns come one by one: the last bits of a product depend on how many rows
        it has, so each turn has its own. All else is done for all at once."""
        weight, bias = self._content_weights()
        content = [nn.functional.linear(embeddings_1NE[:, here], weight, bias) for here in turns]
        return self._said(*torch.cat(content, dim=1).split([Z, SEEN], dim=2), speaker_1N)

    def _content(self, embeddings_BNE: Tensor) -> tuple[Tensor, Tensor]:
        """What is said, whoever says it, for the decoder and for the cell."""
        return nn.functional.linear(embeddings_BNE, *self._content_weights()).split([Z, SEEN], dim=2)

    def _content_weights(self) -> tuple[Tensor, Tensor]:
        """Embeddings are of length one. Beside a speaker's code their entries hardly count at first: so the decoder
        learns what it needs of them and no more, but a cell would read the same of all segments."""
        weight = torch.cat([self.embed.weight, of_order_one(self.see.weight)])
        return weight, torch.cat([self.embed.bias, self.see.bias])

    def _said(self, decoded_BNZ: Tensor, seen_BNS: Tensor, speaker_BN: Tensor) -> Tensor:
        decoded_BNZ = self.norm(decoded_BNZ + self.speaker(codes(speaker_BN)))
        return torch.cat([decoded_BNZ, self._seen(seen_BNS, speaker_BN)], dim=2)

    def _seen(self, seen_BNS: Tensor, speaker_BN: Tensor) -> Tensor:
        return self.seen_norm(seen_BNS + self.seen_speaker(codes(speaker_BN)))

    def standing_rule_logits(self, embeddings_BNE: Tensor) -> Tensor:
        """Logits [B, N] of a segment's being a standing rule; a sentence says by itself whether it is one."""
        weight = of_order_one(self.standing.weight)
        return nn.functional.linear(embeddings_BNE, weight, self.standing.bias).squeeze(2)

    def initial(self, batch: int) -> Tensor:
        if self.cell is None:
            return self.outcome_query_H.new_zeros(batch, 0, self.d)
        return self.cell.initial(batch)

    def project(self, z_BNZ: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of encoded segments for `step`, once for all turns; of z the cell's part is enough."""
        seen_BNZ = z_BNZ[..., -SEEN:]
        return self.cell.project(seen_BNZ) if self.cell is not None else (seen_BNZ, seen_BNZ)

    def step(self, state_BCD: Tensor, key: Tensor, value: Tensor, mask_BN: Tensor) -> tuple[Tensor, Activity]:
        """The state after one more turn, and the activity of its channels in it."""
        if self.cell is None:
            return state_BCD, Activity(state_BCD.new_zeros(len(mask_BN), 1), mask_BN.new_zeros(len(mask_BN), 1))
        return self.cell(state_BCD, key, value, mask_BN)

    def run(self, z_BNZ: Tensor, turn_BN: Tensor, turns: int) -> Run:
        """Step through all turns of whole episodes of encoded segments."""
        key, value = self.project(z_BNZ)
        states, activities = [self.initial(len(z_BNZ))], []
        here_TBN = turn_BN == torch.arange(turns, device=turn_BN.device)[:, None, None]
        for here_BN in here_TBN:
            state, activity = self.step(states[-1], key, value, here_BN)
            states.append(state)
            activities.append(activity)
        said_BT = here_TBN.any(dim=2).T
        g, active = (torch.stack(values, dim=1) for values in zip(*activities, strict=True))
        return Run(z_BNZ, said_BT, _stacked(states), g, active)

    def outcome_logits(self, state_BTCD: Tensor, exchanged_BTCD: Tensor, form_BTF: Tensor) -> Tensor:
        """Logits [B, T, O] of the episode's outcome after each turn, from the states after it.

        `exchanged_BTCD` are those of the same episode with its agents exchanged; `form_BTF` is how replies differ.
        Where fewer states are given than turns, they are the last ones.
        """
        B, T = state_BTCD.shape[:2]
        here, there = (self._outcome_of_one_side(s.flatten(0, 1)).view(B, T, -1) for s in (state_BTCD, exchanged_BTCD))
        logits_BTO = even_handed(here, there)
        return logits_BTO if self.form is None else logits_BTO + self.form(form_BTF)[:, -T:]

    def _outcome_of_one_side(self, state_BCD: Tensor) -> Tensor:
        query_B1H = self.outcome_query_H.expand(len(state_BCD), 1, -1)
        return self.outcome(self.outcome_reader(query_B1H, state_BCD).squeeze(1))

    def forward(self, batch: Batch) -> Output:
        T = batch.query_BTE.shape[1]
        decoded, seen = self._content(batch.embeddings_BNE)
        here = self.run(self._said(decoded, seen, batch.speaker_BN), batch.turn_BN, T)
        with torch.no_grad():  # teaches the head alone: training shows every episode either way round
            there = self.run(self._seen(seen, exchange_agents(batch.speaker_BN)), batch.turn_BN, T)
        if self.training and (gate := getattr(self.cell, "gate", None)):
            gate.settle(here.g_BTC[here.said_BT])
        outcome_BTO = self.outcome_logits(here.state_BTCD[:, 1:], there.state_BTCD[:, 1:], batch.form_BTF)
        return self.read(batch, here, outcome_BTO)

    def read(self, batch: Batch, run: Run, outcome_BTO: Tensor) -> Output:
        """What the states of a run say of every call."""
        B, T, _ = batch.query_BTE.shape
        M = batch.target_BTMN.shape[2]
        p_PMH = self.head(run.state_BTCD[:, :-1].flatten(0, 1), batch.query_BTE.flatten(0, 1), M)  # P = B x T
        p_BTMH = p_PMH.view(B, T, M, -1)
        projected_BNH = self.decoder.project(run.z_BNZ, batch.turn_BN, T)
        relation_BMN = relations(batch.speaker_BN, M)
        scores_BTMN = self.decoder.score(p_BTMH.flatten(1, 2), projected_BNH, batch.features_BTNF, relation_BMN)
        turn_T1 = torch.arange(T, device=p_BTMH.device)[:, None]
        seen_BTN = batch.turn_BN[:, None, :] < turn_T1
        return Output(
            scores_BTMN.masked_fill(~seen_BTN[:, :, None, :], -torch.inf),
            self.decoder.essential(p_BTMH),
            self.standing_rule_logits(batch.embeddings_BNE),
            outcome_BTO,
            run,
        )


def _stacked(states: list[Tensor]) -> Tensor:
    """States of all turns, [B, T + 1, C, D]; a growing state is padded with (invisible) zero columns."""
    widest = max(state.shape[1] for state in states)
    padded = [nn.functional.pad(state, (0, 0, 0, widest - state.shape[1])) for state in states]
    return torch.stack(padded, dim=1)


def of_order_one(weight: Tensor) -> Tensor:
    """Weights [.., E] of vectors of length one, as if the vectors' entries were of the order of one."""
    return math.sqrt(weight.shape[-1]) * weight


def codes(speaker_BN: Tensor) -> Tensor:
    """Rows of the speakers' embeddings."""
    return speaker_BN.clamp_max(SPEAKERS - 1)


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
            SEEN,
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
        cell = RimCell(model.d, rank, SEEN, **gate)
    elif kind == "ccf-only":
        cell = SummaryCell(model.d, SEEN, summaries=2)
    elif kind == "tokensqueeze-only":
        cell = None
    else:
        raise ValueError(f"{kind}: not a learned policy: lrrc, rims-only, ccf-only or tokensqueeze-only")
    hierarchy = model.hierarchy and kind == "lrrc"
    return CoordinatorNetwork(cell, width, model, hierarchy)
