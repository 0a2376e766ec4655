"""A line of values per token is fitted on what digests of a call were worth, beside other digests of the same call.

Each row is a digest that is not empty: the sums of its segments' features, and its worth: nats a token that it saves
the language model, or where no model has read the call, how much of the reply's words it holds. Both are taken from
their means over the digests of the call, in units of their spread there, so that nothing is learnt of how hard a reply
is. Every kind weighs the same. Ridge regression on features in units of their own spread.
Shape suffixes: D digests of a call, A features of the line, R rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrrc.digest.additive import OF_WORTH, Line, additive_features
from lrrc.evaluation.kinds.calls import KindCall
from lrrc.evaluation.kinds.targets import session_of
from lrrc.pretrained.sentence_encoder import SentenceEncoder

KNOWN = ("last_share",)  # what counts without learning; all else is a residual, and shrunk to zero
LEAST_SPREAD = 0.05  # of worth within a call, nats a token or share of words: smaller ones are noise


@dataclass(frozen=True)
class Measured:
    """The digests of one call that hold something: sums of features, nats a token (None: not read), words held."""

    kind: str
    sums_DA: np.ndarray
    nats_D: np.ndarray | None
    words_D: np.ndarray

    @property
    def worth_D(self) -> np.ndarray:
        return self.words_D if self.nats_D is None else -self.nats_D


def measured_calls(
    rows: Iterable[Mapping[str, Any]], calls: Mapping[str, Sequence[KindCall]], encoder: SentenceEncoder, budget: int
) -> list[Measured]:
    """The calls of the rows that are among `calls`, with the features of what each digest held."""
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["segments"]:
            by_key.setdefault(row["call"], []).append(row)
    found = []
    for call in (call for of_kind in calls.values() for call in of_kind):
        if told := by_key.get(call.key):
            session = session_of(call, encoder, budget)
            features_NA = additive_features(session.history, call.logged.inputs, call.logged.agent, names=OF_WORTH)
            sums_DA = np.array([features_NA[list(row["segments"])].sum(axis=0) for row in told])
            nats_D = None if told[0]["nats"] is None else np.array([row["nats"] for row in told], float)
            found.append(Measured(call.kind, sums_DA, nats_D, np.array([row["words"] for row in told], float)))
    return found


def centred(sums_DA: np.ndarray, worth_D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both from their means over the call's digests; worth in units of its spread."""
    worth_D = worth_D - worth_D.mean()
    return sums_DA - sums_DA.mean(axis=0), worth_D / np.hypot(worth_D.std(), LEAST_SPREAD)


def fit_line(measured: Sequence[Measured], ridge: float) -> Line:
    """The line of some calls. `ridge` is how much is believed beforehand that no feature but those KNOWN matters,
    beside what is seen of all calls, which counts as one."""
    rows = [centred(one.sums_DA, one.worth_D) for one in measured]
    size = {kind: sum(one.kind == kind for one in measured) for kind in {one.kind for one in measured}}
    weights = [np.full(len(worth_D), 1 / size[m.kind]) for m, (_, worth_D) in zip(measured, rows, strict=True)]
    x_RA, y_R = (np.concatenate(part) for part in zip(*rows, strict=True))
    w_R = np.concatenate(weights)
    w_R /= w_R.sum()
    spread_A = np.sqrt((w_R[:, None] * x_RA**2).sum(axis=0)).clip(1e-9)
    x_RA = x_RA / spread_A
    weighted_RA = w_R[:, None] * x_RA
    gram_AA = weighted_RA.T @ x_RA + np.diag([1e-9 if name in KNOWN else ridge for name in OF_WORTH])
    weights_A = np.linalg.solve(gram_AA, weighted_RA.T @ y_R) / spread_A
    return Line(dict(zip(OF_WORTH, weights_A.tolist(), strict=True)))


def agreement(line: Line, measured: Sequence[Measured], words: bool = False) -> float | None:
    """Mean over calls of the correlation, within the call, of what the line says of digests and what they are worth to
    the language model, or by `words`. None where that varies in no call."""
    found = []
    for one in measured:
        worth_D = one.words_D if words or one.nats_D is None else -one.nats_D
        sums_DA, true_D = centred(one.sums_DA, worth_D)
        said_D = sums_DA @ line.vector(OF_WORTH)
        if (norm := np.sqrt((said_D @ said_D) * (true_D @ true_D))) > 0 and (words or one.nats_D is not None):
            found.append(said_D @ true_D / norm)
    return float(np.mean(found)) if found else None


def readings_agree(measured: Sequence[Measured]) -> float | None:
    """Mean over calls of the correlation of words held and nats saved, within the call."""
    found = []
    for one in measured:
        if one.nats_D is not None and one.words_D.std() and one.nats_D.std():
            found.append(np.corrcoef(one.words_D, -one.nats_D)[0, 1])
    return float(np.mean(found)) if found else None
