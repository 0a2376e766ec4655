"""An ordered line is fitted on what digests that it writes would hold of the reply's words.

A line of values per token learns from random digests, of which few are as good as any rule's. Here the digest that the
weights themselves write is what counts, so the search sees what is gained: weights are changed one by one and kept
where that helps, which needs no gradient. It needs no language model either: what a digest holds of the reply's words
goes with what it saves one (lrrc.evaluation.kinds.words).

What is gained on a kind at a budget is measured in parts of what the best rule for that kind holds; the mean counts,
and the worst besides.
Shape suffixes: N segments of a call, O features of the order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrrc.digest.additive import OF_ORDER, Line, additive_features
from lrrc.digest.rendering import head_tokens
from lrrc.digest.writer import JOIN_TOKENS, LABEL_TOKENS, MISFITS
from lrrc.evaluation.kinds.calls import KindCall
from lrrc.evaluation.kinds.rules import RULES, rule
from lrrc.evaluation.kinds.targets import session_of
from lrrc.evaluation.kinds.words import new_words
from lrrc.policies.untrained import ExtractiveSession
from lrrc.pretrained.sentence_encoder import SentenceEncoder
from lrrc.runtime.chance import stream

START = {"messages_ago": -0.25, "log_sentences_before": -0.4}  # newer messages, and their beginnings
STEPS = {  # by which weights are changed at first, in the order of OF_ORDER
    "messages_ago": 0.5,
    "sentences_before": 0.2,
    "log_sentences_before": 0.5,
    "tokens_before": 0.3,
    "first_sentence": 0.5,
    "own": 0.5,
    "by_a_user": 0.5,
}
ROUNDS, SMALLER = 5, 0.75  # through all weights, and how much smaller the steps of a round are
SEARCHES = 3  # whose weights are averaged
WORST = 0.3  # weight of the worst kind beside the mean of all
LEAST = 1e-4  # gain for which a weight is changed
# What counts of the weights of speakers: a reply takes up its own speaker's wording, which words count in full and a
# language model less
OF_SPEAKERS, TAKEN = ("own", "by_a_user"), 0.6
# Set by hand beside weights of that size, not searched: talk of many people at once is one kind here, so that nothing
# is learnt of it where it is left out
BY_HAND = {"in_dialogue": 2.0}


@dataclass(frozen=True)
class Sight:
    """A call as the search sees it: features, tokens, message and needs of its segments, which of them are frames, the
    reply's words that each holds (a bit for each word), and what those words weigh."""

    features_NO: np.ndarray
    tokens: Sequence[int]
    message: Sequence[int]
    needs: Sequence[tuple[int, ...]]
    frame: Sequence[bool]
    held: Sequence[int]
    weights: Sequence[float]


def sight(call: KindCall, encoder: SentenceEncoder, budget: int, features: Sequence[str] = OF_ORDER) -> Sight:
    """What the search needs of a call, with the features named."""
    session = session_of(call, encoder, budget)
    history, logged = session.history, call.logged
    wanted = new_words(logged)
    return Sight(
        additive_features(history, logged.inputs, logged.agent, names=features),
        [segment.tokens for segment in history.segments],
        list(history.message),
        [tuple(i + need for need in segment.needs) for i, segment in enumerate(history.segments)],
        [segment.frame for segment in history.segments],
        [sum(1 << bit for bit, word in enumerate(wanted) if word in words) for words in history.words],
        list(wanted.values()),
    )


def held_by_rules(call: KindCall, seen: Sight, encoder: SentenceEncoder, budget: int) -> np.ndarray:
    """What the digest of each of RULES holds, in order."""
    session, found = session_of(call, encoder, budget), []
    for name in RULES:
        under = session.under(rule(name, encoder, budget))
        assert isinstance(under, ExtractiveSession)
        found.append(held_by(seen, under.scores(call.logged.inputs, call.logged.agent), budget))
    return np.array(found)


def held_by(call: Sight, scores_N: np.ndarray, budget: int) -> float:
    """The share of the reply's words in about the digest that these scores write (lrrc.digest.writer.write_digest):
    without standing rules, corrections and what is passed over as said already."""
    room, misfits, held = budget - head_tokens(), 0, 0
    chosen: set[int] = set()
    messages: set[int] = set()
    for i in np.argsort(-scores_N, kind="stable").tolist():
        if call.frame[i] or i in chosen:
            continue
        message = call.message[i]
        cost = call.tokens[i] + JOIN_TOKENS + (0 if message in messages else LABEL_TOKENS)
        needed = [j for j in call.needs[i] if j not in chosen] if call.needs[i] else ()
        cost += sum(call.tokens[j] + JOIN_TOKENS for j in needed)
        if cost > room:
            misfits += 1
            if room <= LABEL_TOKENS or misfits >= MISFITS:
                break
            continue
        if scores_N[i] == -np.inf:
            break
        room -= cost
        chosen.update(needed, (i,))
        messages.add(message)
        held |= call.held[i]
        for j in needed:
            held |= call.held[j]
    whole = sum(call.weights)
    return sum(weight for bit, weight in enumerate(call.weights) if held >> bit & 1) / whole if whole else 0.0


def share_by_kind(
    calls: Mapping[str, Sequence[Sight]], scores: Callable[[Sight], np.ndarray], budget: int
) -> dict[str, float]:
    """Kind -> the mean over its calls of what digests hold that these scores write."""
    return {kind: float(np.mean([held_by(one, scores(one), budget) for one in of])) for kind, of in calls.items()}


def best_rule(calls: Sequence[KindCall], seen: Sequence[Sight], encoder: SentenceEncoder, budget: int) -> float:
    """What the digests of the best rule for these calls hold."""
    pairs = zip(calls, seen, strict=True)
    return float(np.mean([held_by_rules(*pair, encoder, budget) for pair in pairs], axis=0).max())


def fit_order(
    calls: Mapping[int, Mapping[str, Sequence[Sight]]], best: Mapping[int, Mapping[str, float]], seed: int
) -> Line:
    """The ordered line for the calls of every budget and kind, with what the best rule holds there."""

    def gained(weight_O: np.ndarray) -> float:
        found = []
        for budget, of in calls.items():
            share = share_by_kind(of, lambda one: one.features_NO @ weight_O, budget)
            found += [share[kind] / max(best[budget][kind], 1e-9) - 1 for kind in of]
        return float(np.mean(found) + WORST * min(found))

    searches = [_search(gained, stream("kinds: search for an order", seed + i)) for i in range(SEARCHES)]
    weights = dict(zip(OF_ORDER, np.mean(searches, axis=0).tolist(), strict=True))
    weights = {name: TAKEN * w if name in OF_SPEAKERS else w for name, w in weights.items()}
    return Line({**weights, **BY_HAND}, ordered=True)


def _search(gained: Callable[[np.ndarray], float], rng: np.random.Generator) -> np.ndarray:
    weight_O = np.array([START.get(name, 0.0) for name in OF_ORDER])
    best, scale = gained(weight_O), 1.0
    for _ in range(ROUNDS):
        for j in rng.permutation(len(STEPS)):
            for sign in (1, -1):
                tried_O = weight_O.copy()
                tried_O[j] += sign * scale * STEPS[OF_ORDER[j]] * rng.uniform(0.5, 1.5)
                if (value := gained(tried_O)) > best + LEAST:
                    weight_O, best = tried_O, value
                    break
        scale *= SMALLER
    return weight_O
