"""Adapting the additive line to a user's own conversations, without labels (docs/method.md 5.4).

A handful of numbers is fitted: how much the line's place, speaker, words and length count, each as a factor of what
they count in the packaged line, which is what is believed beforehand. What they are worth is tried on calls that they
were not fitted on: each half of the conversations by the factors of the other.
Shape suffixes: D digests of a call, G groups of features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lrrc.digest.additive import ADDITIVE_FEATURES, Line, additive_features
from lrrc.evaluation.fidelity.surprise import request, surprise
from lrrc.evaluation.kinds.calls import KindCall
from lrrc.evaluation.kinds.draws import held, random_digests
from lrrc.evaluation.kinds.fit import centred
from lrrc.evaluation.kinds.regret import Met, line_at
from lrrc.evaluation.kinds.targets import session_of
from lrrc.pretrained.sentence_encoder import SentenceEncoder

if TYPE_CHECKING:
    from lrrc.digest.selection import Selection
    from lrrc.pretrained.answers import Answers

GROUPS = {
    "place": (
        "newest_message",
        "log_messages_ago",
        "first_sentence",
        "log_sentences_before",
        "place_share",
        "newest_share",
        "last_share",
        "ends_share",
        "firsts_share",
        "lead_share",
    ),
    "speaker": ("own", "tool", "names_the_agent", "by_the_asker"),
    "words": ("cosine_share", "asked_share", "cosine", "asked_cosine", "asked_words_in_segment"),
    "length": ("one", "log_tokens"),
}
BELIEF = 0.5  # weight of the packaged line's factors of one, beside one for all that was seen
LEAST = 12  # calls; fewer tell nothing
DIGESTS = 8  # random ones of each call


@dataclass(frozen=True)
class Adapted:
    """The line with the factors of all calls; nats a token of every call before and after, beside its cluster."""

    line: Line
    factors: dict[str, float]
    before: list[float]
    after: list[float]
    clusters: list[str]


def group_values(features_NA: np.ndarray, line: Line) -> np.ndarray:
    """float64 [N, G]: what each group of features says of each segment under the line."""
    weighted_NA = features_NA * line.vector
    columns = [[ADDITIVE_FEATURES.index(name) for name in names] for names in GROUPS.values()]
    return np.stack([weighted_NA[:, some].sum(axis=1) for some in columns], axis=1)


def fit_factors(calls: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Factors by group from the sums [D, G] and nats [D] of every call; none is below zero."""
    rows = [centred(sums_DG, -nats_D) for sums_DG, nats_D in calls]
    x_RG, y_R = (np.concatenate(part) for part in zip(*rows, strict=True))
    said_R = x_RG.sum(axis=1)
    scale = max(1e-12, float(said_R @ y_R) / max(1e-12, float(said_R @ said_R)))  # nats for one of the line's units
    x_RG = scale * x_RG
    belief_GG = BELIEF * np.diag((x_RG**2).mean(axis=0).clip(1e-12)) * len(y_R)
    change_G = np.linalg.solve(x_RG.T @ x_RG + belief_GG, x_RG.T @ (y_R - x_RG.sum(axis=1)))
    return dict(zip(GROUPS, np.maximum(0.0, 1 + change_G).tolist(), strict=True))


def with_factors(line: Line, factors: dict[str, float]) -> Line:
    """The line whose groups count so many times what they did."""
    return Line(
        {name: factors[group] * line.weights.get(name, 0.0) for group, names in GROUPS.items() for name in names}
    )


def adapt(
    calls: Sequence[KindCall],
    line: Line,
    encoder: SentenceEncoder,
    answers: Answers,
    budget: int,
    reply_tokens: int,
    seen: Callable[[], None] = lambda: None,
) -> Adapted:
    """Fit the factors on the calls, and measure them on the other half each; `seen` is called after every call twice.

    Raises ValueError where there are too few calls.
    """
    if len(calls) < LEAST:
        raise ValueError(f"{len(calls)} replies have a history of at least {2 * budget} tokens; {LEAST} are needed")

    def nats(call: KindCall, digests: Sequence[Selection]) -> np.ndarray:
        asked = [request(answers.model, call.logged, digest.text or "", (), reply_tokens) for digest in digests]
        return surprise(answers, asked)

    measured = []
    for call in calls:
        session = session_of(call, encoder, budget)
        groups_NG = group_values(additive_features(session.history, call.logged.inputs, call.logged.agent), line)
        digests = random_digests(call, session, budget, DIGESTS + 1, 0)[1:]
        sums_DG = np.array([groups_NG[held(session, digest)].sum(axis=0) for digest in digests])
        measured.append((sums_DG, nats(call, digests)))
        seen()
    order = sorted(dict.fromkeys(call.cluster for call in calls))
    second = [order.index(call.cluster) % 2 == 1 for call in calls]
    halves = [
        fit_factors([m for m, here in zip(measured, second, strict=True) if here is half]) for half in (True, False)
    ]
    before, after = [], []
    for call, here in zip(calls, second, strict=True):
        met = Met(call, encoder)
        both = (line, with_factors(line, halves[here]))
        one, other = nats(call, [met.send(line_at(some, encoder, budget), budget) for some in both])
        before.append(float(one))
        after.append(float(other))
        seen()
    factors = fit_factors(measured)
    return Adapted(with_factors(line, factors), factors, before, after, [call.cluster for call in calls])
