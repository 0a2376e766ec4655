"""The coordinator's forward pass at inference, in numpy: one conversation, turn by turn (docs/method.md 3.2 to 3.7).

Plain twin of `lrrc.model` (network, cells, decoder), where every step is explained: the same weights give the same
numbers up to the last digits of float32 (tested). It has what serving needs: the state, and scores of segments; no
outcome head, no batches, no gradients. Turns taken in together give the same bits as one by one.

Shape suffixes: N segments (n of one turn), C columns of the state, D state width, A active columns, E encoder width,
Z encoded width, S seen width, Y = Z + S, K key width, U slots of an update, H head width, F features, V buckets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lrrc.digest.features import FEATURES, FIRST_AGENT
from lrrc.inference.cell import KEY_WIDTH, CellSettings, InferenceCell, read_state
from lrrc.inference.rows import normed, quietly

FARTHEST = 5.0  # spreads from the mean that a feature counts as, as in lrrc.model.decoder
OWN, OTHERS = 2, 3  # relations to the called agent; 0 is the user, 1 a tool
Z, SEEN, SPEAKERS, AGENTS, RELATIONS, PLAIN = 128, 64, 4, 2, 4, 32


class InferenceNetwork:
    """`weights` are those of a CoordinatorNetwork by their names there; `model` has the fields of ModelConfig."""

    @quietly
    def __init__(self, weights: Mapping[str, np.ndarray], model):
        w, self.weights, self.model = weights, weights, model
        self.d, self.head_width = model.d, len(w["decoder.segment.weight"])
        root_e = math.sqrt(w["see.weight"].shape[1])  # embeddings are of length one, their entries small
        self._content_EY = np.concatenate([w["embed.weight"], root_e * w["see.weight"]]).T.copy()
        bias_Y = np.concatenate([w["embed.bias"], w["see.bias"]])
        self._speakers_4Y = bias_Y + np.concatenate([w["speaker.weight"], w["seen_speaker.weight"]], axis=1)
        self.cell = InferenceCell(weights, CellSettings.of(model))
        self._segment_ZH = w["decoder.segment.weight"].T.copy()
        self._turn_ZH = w["decoder.turn.weight"].T.copy() if model.hierarchy else None
        self._scale = 1 / math.sqrt(self.head_width)

    def start(self) -> np.ndarray:
        """S_0 by columns, [C, D]."""
        return self.cell.start_CD

    @quietly
    def take_in(
        self, state_CD: np.ndarray, embeddings_nE: np.ndarray, speaker_n: np.ndarray, turns: Sequence[slice]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The state after more turns, none of them empty, and what prompts are held against of their segments [n, H].

        A product's last bits depend on how many rows it has, so each turn has its own; all else goes row by row.
        """
        w, z = self.weights, self.weights["embed.weight"].shape[0]
        said_nY = _by_turn(embeddings_nE, self._content_EY, turns)
        said_nY += self._speakers_4Y[np.minimum(speaker_n, len(self._speakers_4Y) - 1)]
        decoded_nZ = normed(said_nY[:, :z]) * w["norm.weight"] + w["norm.bias"]
        seen_nS = normed(said_nY[:, z:]) * w["seen_norm.weight"] + w["seen_norm.bias"]
        projected_nH = _by_turn(decoded_nZ, self._segment_ZH, turns)
        if self.model.hierarchy:
            for here in turns:
                projected_nH[here] += np.add.reduce(decoded_nZ[here]) / (here.stop - here.start) @ self._turn_ZH
        projected_nH *= np.float32(self._scale)
        key_nK, value_nK = self.cell.split(_by_turn(seen_nS, self.cell.project_SKK, turns))
        for here in turns:
            state_CD = self.cell.step(state_CD, key_nK[here], value_nK[here])
        return state_CD, projected_nH

    @quietly
    def prompt(self, state_CD: np.ndarray, query_E: np.ndarray, agent: int) -> np.ndarray:
        """p [H], the compact prompt embedding for a call of an agent, by number; those beyond the second share one."""
        w = self.weights
        agent_H = w["head.agent.weight"][min(agent, len(w["head.agent.weight"]) - 1)]
        asked_H = np.tanh(w["head.query.weight"] @ query_E + w["head.query.bias"] + agent_H)
        read_H = read_state(asked_H, state_CD, w["head.reader.key.weight"], w["head.reader.value.weight"])
        return np.tanh(w["head.mix.weight"] @ np.concatenate([read_H, asked_H]) + w["head.mix.bias"])

    @quietly
    def score(
        self, p_H: np.ndarray, projected_nH: np.ndarray, features_nF: np.ndarray, relation_n: np.ndarray
    ) -> np.ndarray:
        """Of some segments [n]: match with the prompt, what their features say, whose they are."""
        w = self.weights
        standard_nF = (features_nF - w["decoder.feature_mean_F"]) / w["decoder.feature_sd_F"]
        np.clip(standard_nF, -FARTHEST, FARTHEST, out=standard_nF)
        hidden_nX = standard_nF @ w["decoder.plain.0.weight"].T + w["decoder.plain.0.bias"]
        np.maximum(hidden_nX, 0, out=hidden_nX)
        plain_n = hidden_nX @ w["decoder.plain.2.weight"][0] + w["decoder.plain.2.bias"]
        return projected_nH @ p_H + plain_n + w["decoder.relation.weight"][0][relation_n]

    @quietly
    def essential(self, p_H: np.ndarray) -> np.ndarray:
        """Logits [V] of essential words."""
        return self.weights["decoder.essential.weight"] @ p_H + self.weights["decoder.essential.bias"]


def sizes(rank: int, width: int, model) -> dict[str, tuple[int, ...]]:
    """Shape of every weight by name, for rank r and the encoder's width."""
    d, h, k, slots = model.d, model.head_width, KEY_WIDTH, min(rank, model.max_update_rank)
    found = {
        **{"embed.weight": (Z, width), "embed.bias": (Z,), "speaker.weight": (SPEAKERS, Z)},
        **{"norm.weight": (Z,), "norm.bias": (Z,), "seen_norm.weight": (SEEN,), "seen_norm.bias": (SEEN,)},
        **{"see.weight": (SEEN, width), "see.bias": (SEEN,), "seen_speaker.weight": (SPEAKERS, SEEN)},
        **{"cell.start_RD": (rank, d), "cell.rho_logit_R": (rank,), "cell.gate.null_R": (rank,)},
        **{"cell.gate.channel_RK": (rank, k), "cell.gate.from_state.weight": (k, d)},
        **{"cell.gate.key.weight": (k, SEEN), "cell.gate.value.weight": (k, SEEN)},
        **{"head.query.weight": (h, width), "head.query.bias": (h,), "head.agent.weight": (AGENTS, h)},
        **{"head.reader.key.weight": (h, d), "head.reader.value.weight": (h, d)},
        **{"head.mix.weight": (h, 2 * h), "head.mix.bias": (h,), "decoder.segment.weight": (h, Z)},
        **{"decoder.essential.weight": (model.vocabulary, h), "decoder.essential.bias": (model.vocabulary,)},
        **{"decoder.feature_mean_F": (len(FEATURES),), "decoder.feature_sd_F": (len(FEATURES),)},
        **{"decoder.plain.0.weight": (PLAIN, len(FEATURES)), "decoder.plain.0.bias": (PLAIN,)},
        **{"decoder.plain.2.weight": (1, PLAIN), "decoder.plain.2.bias": (1,)},
        **{"decoder.relation.weight": (1, RELATIONS)},
    }
    if model.hierarchy:
        found["decoder.turn.weight"] = (h, Z)
    if not model.low_rank:
        return found | {"cell.to_column.weight": (d, k)}
    update = {"slot_UK": (slots, k), "to_a.weight": (d, k), "to_b.weight": (slots, k), "state_to_b.weight": (slots, d)}
    return found | {f"cell.{name}": shape for name, shape in update.items()}


def relations(speaker_n: np.ndarray, agent: int) -> np.ndarray:
    """Of segments [n] to the agent that is called: 0 the user's, 1 a tool's, 2 its own, 3 another agent's."""
    replies_n = np.where(speaker_n == FIRST_AGENT + agent, OWN, OTHERS)
    return np.where(speaker_n >= FIRST_AGENT, replies_n, speaker_n)


def _by_turn(rows_nX: np.ndarray, weights_XY: np.ndarray, turns: Sequence[slice]) -> np.ndarray:
    """rows @ weights, a product for each turn."""
    found_nY = np.empty((len(rows_nX), weights_XY.shape[1]), np.float32)
    for here in turns:
        np.matmul(rows_nX[here], weights_XY, out=found_nY[here])
    return found_nY
