"""The additive line is fitted on what digests of a call were worth, beside other digests of the same call.

Each row is a digest: the sums of its segments' features, and the nats a token that it saves the language model. Both
are taken from their means over the digests of the call, so that nothing is learnt of how hard a reply is. Every kind
weighs the same. Ridge regression on features in units of their own spread.
Shape suffixes: D digests of a call, A features of the line, R rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrrc.digest.additive import ADDITIVE_FEATURES, Line, additive_features
from lrrc.evaluation.kinds.calls import KindCall
from lrrc.evaluation.kinds.targets import session_of
from lrrc.pretrained.sentence_encoder import SentenceEncoder


@dataclass(frozen=True)
class Measured:
    """The digests of one call: sums of features, nats a token, tokens, and by which rule (`drawn` or a rule's name)."""

    kind: str
    cluster: str
    sums_DA: np.ndarray
    nats_D: np.ndarray
    tokens_D: np.ndarray
    names: tuple[str, ...]


def measured_calls(
    rows: Iterable[Mapping[str, Any]], calls: Mapping[str, Sequence[KindCall]], encoder: SentenceEncoder, budget: int
) -> list[Measured]:
    """The calls of the rows that are among `calls`, with the features of what each digest held."""
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(row["call"], []).append(row)
    found = []
    for call in (call for of_kind in calls.values() for call in of_kind):
        told = by_key.get(call.key)
        if not told:
            continue
        session = session_of(call, encoder, budget)
        features_NA = additive_features(session.history, call.logged.inputs, call.logged.agent)
        found.append(
            Measured(
                call.kind,
                call.cluster,
                np.array([features_NA[list(row["segments"])].sum(axis=0) for row in told]),
                np.array([row["nats"] for row in told], float),
                np.array([row["tokens"] for row in told], float),
                tuple(row["digest"] for row in told),
            )
        )
    return found


def centred(measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    """Sums [D, A] and worth [D] from their means over the call's digests."""
    return measured.sums_DA - measured.sums_DA.mean(axis=0), measured.nats_D.mean() - measured.nats_D


def fit_line(measured: Sequence[Measured], ridge: float) -> Line:
    """The line of some calls; `ridge` in rows: how many rows of prior belief that no feature matters."""
    sums, worth, weight = [], [], []
    size = {kind: sum(len(m.names) for m in measured if m.kind == kind) for kind in {m.kind for m in measured}}
    for one in measured:
        sums_DA, worth_D = centred(one)
        sums.append(sums_DA)
        worth.append(worth_D)
        weight.append(np.full(len(worth_D), 1 / size[one.kind]))
    x_RA, y_R, w_R = np.concatenate(sums), np.concatenate(worth), np.concatenate(weight)
    w_R *= len(w_R) / w_R.sum()
    spread_A = np.sqrt((w_R[:, None] * x_RA**2).mean(axis=0)).clip(1e-9)
    x_RA = x_RA / spread_A
    gram_AA = (w_R[:, None] * x_RA).T @ x_RA + ridge * np.eye(x_RA.shape[1])
    weights_A = np.linalg.solve(gram_AA, (w_R[:, None] * x_RA).T @ y_R) / spread_A
    return Line(dict(zip(ADDITIVE_FEATURES, weights_A.tolist(), strict=True)))


def agreement(line: Line, measured: Sequence[Measured]) -> float:
    """Correlation of what the line says of digests and what they are worth, within calls."""
    pairs = [(m_sums @ line.vector, worth) for m_sums, worth in map(centred, measured)]
    said, true = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return float(said @ true / max(1e-12, np.sqrt((said @ said) * (true @ true))))
