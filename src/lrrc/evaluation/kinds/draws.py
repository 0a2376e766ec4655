"""Random digests of a call: what a segment adds to others is seen in many of them, and not in the segment alone.

A digest is drawn from the place prior at one of several temperatures, with Gumbel noise; every second one also likes
what resembles the question. So likely digests are drawn most, and every segment of a short history sometimes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrrc.digest.features import Query
from lrrc.digest.place_prior import log_prior
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.digest.writer import DigestRules, write_digest
from lrrc.runtime.chance import stream

if TYPE_CHECKING:
    from lrrc.evaluation.kinds.calls import KindCall
    from lrrc.policies.base import Session

TEMPERATURES = (0.3, 0.7, 1.5, 3.0, 8.0)
RESEMBLANCE = 8.0  # nats that a cosine of one counts, in every second digest
RULES = DigestRules(max_overlap=0.8, least_share=0.0, least_gain=0.0, standing=0.0, prior=0.0)


def random_digests(call: KindCall, session: Session, budget: int, count: int, seed: int) -> list[Selection]:
    """`count` digests of the history, the empty one first; the same for the same call and seed."""
    history, found = session.history, [EMPTY_DIGEST]
    rng = stream(f"kinds: digests of {call.key}", seed)
    place_N = log_prior(history, call.logged.agent)
    like_N = RESEMBLANCE * history.embeddings_NE @ Query.of(call.logged.inputs, history.encoder).embedding_E
    for number in range(count - 1):
        temperature = TEMPERATURES[number // 2 % len(TEMPERATURES)]
        logits_N = (place_N + (like_N if number % 2 else 0.0)) / temperature
        found.append(write_digest(history, logits_N + rng.gumbel(size=len(logits_N)), budget, RULES))
    return found


def held(session: Session, selection: Selection) -> list[int]:
    """Numbers of the segments that a digest holds."""
    history = session.history
    number = {(history.message[i], piece.start): i for i, piece in enumerate(history.segments)}
    return [number[span.message, span.start] for span in selection.spans]
