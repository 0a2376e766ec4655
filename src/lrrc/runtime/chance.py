"""Streams of chance by name: what is drawn for one purpose tells nothing of what is drawn for another.

Two generators with the same small seed give the same numbers, whatever they are for: a sample of held-out episodes
drawn so would follow the shuffle that split them. Hence a purpose is part of every seed.
"""

from __future__ import annotations

import hashlib

import numpy as np

# The split keeps the plain seeds that it had before streams were named, so that results stay comparable.
PLAIN = "split"


def stream(purpose: str, *seeds: int) -> np.random.Generator:
    """The generator of a purpose and its seeds, the same on every machine; any other pair has a stream of its own."""
    words = [] if purpose == PLAIN else np.frombuffer(hashlib.sha256(purpose.encode()).digest(), "<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence([*words, *seeds]))
