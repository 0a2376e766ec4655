"""The coordinator's recurrent cell at inference: a turn of segments in, the next state out (docs/method.md 3.2 to 3.5).

Plain twin of `lrrc.model.cells.LowRankCell`, where every step is explained. Shape suffixes as in
lrrc.inference.network: n segments of a turn, C columns of the state, D state width, A active columns, K key width,
U slots of an update, S seen width, H head width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lrrc.inference.rows import normed, of_length, softmax, squares

KEY_WIDTH = 64
SHARPNESS, KEY_NORM = 4.0, 4.8  # norms of a gate's queries and keys, as in lrrc.model.cells


class CellSettings(NamedTuple):
    """Channels active at most, activity from which one is, the bounds of rho and of an update; what is switched off."""

    top_k: int
    threshold: float
    rho_max: float
    bound: float
    gate: bool = True
    noop: bool = True
    recurrence: bool = True
    low_rank: bool = True

    @classmethod
    def of(cls, model) -> CellSettings:
        """Those of a ModelConfig."""
        bounds = (model.top_k, model.activity_threshold, model.rho_max, model.update_bound)
        return cls(*bounds, model.gate, model.noop, model.recurrence, model.low_rank)


class InferenceCell:
    """`weights` are those of a network by their names there, the cell's below "cell."."""

    def __init__(self, weights: Mapping[str, np.ndarray], settings: CellSettings):
        w, self.weights = weights, weights
        self.start_CD = w["cell.start_RD"]  # S_0 by columns
        self.project_SKK = np.concatenate([w["cell.gate.key.weight"], w["cell.gate.value.weight"]]).T.copy()
        self._asks_DK = w["cell.gate.from_state.weight"].T.copy()
        self._rho_C1 = (settings.rho_max / (1 + np.exp(-w["cell.rho_logit_R"])))[:, None]
        self.settings = settings._replace(top_k=max(1, min(settings.top_k, len(self._rho_C1) // 2)))

    def split(self, projected_nKK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys and values [n, K] of segments that were multiplied with `project_SKK`."""
        return of_length(projected_nKK[:, :KEY_WIDTH], KEY_NORM), projected_nKK[:, KEY_WIDTH:]

    def step(self, state_CD: np.ndarray, key_nK: np.ndarray, value_nK: np.ndarray) -> np.ndarray:
        """The next state: of active columns rho times the old plus the update, of the others the old."""
        if not self.settings.recurrence:
            state_CD = self.start_CD
        reads_CK, g_C, active_A = self._gate(state_CD, key_nK, value_nK)
        if not len(active_A):
            return state_CD
        before_AD = state_CD[active_A]
        u_AD = self._update(before_AD, reads_CK[active_A])
        norm_A = np.sqrt(np.maximum(squares(u_AD), 1e-12))
        u_AD *= (np.minimum(self.settings.bound / norm_A, 1) * g_C[active_A])[:, None]
        after_CD = state_CD.copy()
        after_CD[active_A] = self._rho_C1[active_A] * before_AD + u_AD
        return after_CD

    def _gate(
        self, state_CD: np.ndarray, key_nK: np.ndarray, value_nK: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reads [C, K], activity [C] in [0, 1], and the numbers [A] of the active columns."""
        w, settings = self.weights, self.settings
        query_CK = w["cell.gate.channel_RK"] + state_CD @ self._asks_DK
        logits_Cn = of_length(query_CK, SHARPNESS) @ key_nK.T
        most_C = np.maximum.reduce(logits_Cn, axis=1)
        if settings.gate and settings.noop:
            most_C = np.maximum(most_C, w["cell.gate.null_R"])
            null_C = np.exp(w["cell.gate.null_R"] - most_C)
        else:
            null_C = np.zeros_like(most_C)
        weights_Cn = np.exp(logits_Cn - most_C[:, None])
        total_C = np.add.reduce(weights_Cn, axis=1) + null_C
        g_C = 1 - null_C / total_C
        reads_CK = weights_Cn @ value_nK / (total_C * np.maximum(g_C, np.float32(1e-6)))[:, None]
        if not settings.gate:
            return reads_CK, g_C, np.arange(len(g_C))
        rank_C = g_C if settings.noop else most_C + np.log(total_C)
        best_k = np.argsort(-rank_C, kind="stable")[: self.settings.top_k]
        return reads_CK, g_C, best_k[g_C[best_k] > settings.threshold]

    def _update(self, before_AD: np.ndarray, reads_AK: np.ndarray) -> np.ndarray:
        """U = A B^T by its columns, of the active ones, before its norm is bounded; [A, D]."""
        w = self.weights
        if not self.settings.low_rank:
            return np.tanh(reads_AK @ w["cell.to_column.weight"].T)
        hidden_UA = softmax(w["cell.slot_UK"] @ reads_AK.T)
        a_UD = np.tanh(hidden_UA @ reads_AK @ w["cell.to_a.weight"].T)
        b_AU = np.tanh(reads_AK @ w["cell.to_b.weight"].T + before_AD @ w["cell.state_to_b.weight"].T)
        return b_AU @ a_UD


def read_state(query_H: np.ndarray, state_CD: np.ndarray, key_HD: np.ndarray, value_HD: np.ndarray) -> np.ndarray:
    """Attention over the columns of a state [H], as lrrc.model.decoder.StateReader has it."""
    normal_CD = normed(state_CD)
    logits_C = normal_CD @ (query_H @ key_HD) * np.float32(1 / math.sqrt(len(query_H)))
    logits_C[~state_CD.any(axis=1)] = -np.inf  # zero columns are not there
    weights_C1 = softmax(np.append(logits_C, np.float32(0))[None])[0]  # beside them stands a null column
    return value_HD @ (weights_C1[:-1] @ normal_CD)
