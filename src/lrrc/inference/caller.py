"""The call gate's network at inference, in numpy: of each agent the logit of "right, if called".

Plain twin of `lrrc.model.caller.Caller`, where every step is explained: the same weights give the same numbers up to
the last digits of float32 (tested).

Shape suffixes: N segments, E encoder width, S seen width, C columns of the state, D state width, F features, M marks,
R readings, H head width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lrrc.digest.agent_view import ANOTHER, ITSELF, Seen
from lrrc.inference.cell import CellSettings, InferenceCell, read_state
from lrrc.inference.rows import normed, quietly, softmax

FARTHEST = 5.0  # spreads from the mean that a feature counts as, as in lrrc.model.caller
THRESHOLD, RHO_MAX, BOUND = 0.5, 0.95, 1.0  # of its cell, as in lrrc.model.caller


class InferenceCaller:
    """`weights` are those of a Caller by their names there; `shape` are the fields of its CallerShape."""

    def __init__(self, weights: Mapping[str, np.ndarray], shape: Mapping[str, float]):
        self.weights, self.shape = weights, shape
        self.width = int(shape["e"])  # of the sentence vectors that it reads
        root_e = np.float32(math.sqrt(self.width))  # they are of length one, their entries small
        self._see_SE, self._query_HE = root_e * weights["see.weight"], root_e * weights["query.weight"]
        switches = {name: bool(shape[name]) for name in ("gate", "recurrence", "low_rank")}
        settings = CellSettings(int(shape["top_k"]), THRESHOLD, RHO_MAX, BOUND, **switches)
        self.cell = InferenceCell(weights, settings) if shape["state"] else None

    @quietly
    def logits(self, seen: Sequence[Seen]) -> np.ndarray:
        """Of every agent that looks at a conversation."""
        return np.array([self._logit(one) for one in seen], np.float32)

    def _logit(self, seen: Seen) -> float:
        w = self.weights
        asked_S = self._see_SE @ seen.question_E + w["see.bias"]
        query_H = np.tanh(self._query_HE @ seen.question_E + w["query.bias"])
        seen_NS = seen.embeddings_NE @ self._see_SE.T + w["see.bias"]
        seen_NS = seen_NS + w["speaker.weight"][seen.speaker_N] + seen.naming_N2 @ w["naming.weight"].T
        seen_NS = self._norm(seen_NS)
        kept_H = np.zeros_like(query_H)
        if self.cell is not None:
            state_CD = self._state(self.cell, seen_NS, seen.turn_N)
            kept_H = read_state(query_H, state_CD, w["reader.key.weight"], w["reader.value.weight"])
            kept_H += w["recall.weight"] @ self._recalled(self.cell, state_CD, asked_S)
        own_RH = np.zeros((len(w["weigh.weight"]), len(query_H)), np.float32)
        if self.shape["own"] and len(seen_NS):
            own_RH = self._own(seen_NS, seen)
        read = np.concatenate([kept_H, kept_H * query_H, own_RH.ravel()])
        hidden_H = w["out.0.weight"] @ read + w["out.0.bias"]
        hidden_H = hidden_H * np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in hidden_H], np.float32)
        return float(w["out.2.weight"][0] @ hidden_H + w["out.2.bias"][0])

    def _norm(self, rows_NS: np.ndarray) -> np.ndarray:
        return normed(rows_NS) * self.weights["norm.weight"] + self.weights["norm.bias"]

    def _state(self, cell: InferenceCell, seen_NS: np.ndarray, turn_N: np.ndarray) -> np.ndarray:
        """The state [C, D] after all turns."""
        key_NK, value_NK = cell.split(seen_NS @ cell.project_SKK)
        state_CD = cell.start_CD
        for turn in np.unique(turn_N):
            here = turn_N == turn
            state_CD = cell.step(state_CD, key_NK[here], value_NK[here])
        return state_CD

    def _recalled(self, cell: InferenceCell, state_CD: np.ndarray, asked_S: np.ndarray) -> np.ndarray:
        """How much of each column is what the question would have left there [C]."""
        w = self.weights
        read_K = w["cell.gate.value.weight"] @ self._norm(asked_S[None])[0]
        left_D = np.tanh(w["cell.to_a.weight" if cell.settings.low_rank else "cell.to_column.weight"] @ read_K)
        return state_CD @ left_D / np.float32(math.sqrt(len(left_D)))

    def _own(self, seen_NS: np.ndarray, seen: Seen) -> np.ndarray:
        """What segments say: the agent's own, all, those that name it, and other agents' [R, H]."""
        w = self.weights
        standard_NF = np.clip((seen.features_NF - w["mean_F"]) / w["sd_F"], -FARTHEST, FARTHEST)
        who_N3 = np.eye(3, dtype=np.float32)[seen.speaker_N]
        marks_NM = np.concatenate([standard_NF, seen.naming_N2, who_N3], axis=1).astype(np.float32)
        logits_NR = marks_NM @ w["weigh.weight"].T + w["weigh.bias"] + seen_NS @ w["claims.weight"].T
        if self.shape["hierarchy"]:
            seen_NS = seen_NS + self._turn_means(seen_NS, seen.turn_N) @ w["turn.weight"].T + w["turn.bias"]
        value_NH = np.tanh(np.concatenate([marks_NM, seen_NS], axis=1) @ w["value.weight"].T + w["value.bias"])
        everybody_N = np.ones(len(seen_NS), bool)
        masks = (seen.speaker_N == ITSELF, everybody_N, seen.naming_N2[:, 0] > 0, seen.speaker_N == ANOTHER)
        readings = [_attended(logits_NR[:, i], value_NH, mask) for i, mask in enumerate(masks)]
        return np.float32(math.sqrt(2)) * np.stack(readings)

    @staticmethod
    def _turn_means(seen_NS: np.ndarray, turn_N: np.ndarray) -> np.ndarray:
        """Of every segment the mean over its turn."""
        turns, place_N, count_T = np.unique(turn_N, return_inverse=True, return_counts=True)
        sums_TS = np.zeros((len(turns), seen_NS.shape[1]), np.float32)
        np.add.at(sums_TS, place_N, seen_NS)
        return (sums_TS / count_T[:, None].astype(np.float32))[place_N]


def _attended(logits_N: np.ndarray, value_NH: np.ndarray, mask_N: np.ndarray) -> np.ndarray:
    """The mean of values by attention; a null row of value zero makes nothing readable [H]."""
    logits_N1 = np.append(np.where(mask_N, logits_N, -np.inf), 0).astype(np.float32)
    return softmax(logits_N1[None])[0, :-1] @ value_NH
