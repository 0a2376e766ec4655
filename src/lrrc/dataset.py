"""Episodes as arrays for training and replay (method section 3, training targets).

Stored flat, one array per name for the whole data set plus offsets, so that a file of any size can be read in
stretches; a batch pads only to its own longest episode. Shape suffixes: B episodes, T turns, N segments, M agents,
E encoder width, F features, V buckets of essential words.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrrc import segments
from lrrc.encoder import Encoder
from lrrc.episodes import ARENA_OUTCOMES, Episode
from lrrc.features import FEATURES, History, Query

ESSENTIAL_WEIGHT = 0.35  # words lighter than this (function words, fillers) are not essential
SHARPNESS = 2.0  # exponent of the overlap gain: a segment that carries two of the reply's words beats two with one


@dataclass
class EpisodeArrays:
    """One episode. Targets of turn 0 are empty: there is no history to choose from."""

    episode_id: str
    outcome: int  # index into ARENA_OUTCOMES, -1 where there is none
    embeddings_NE: np.ndarray
    turn_N: np.ndarray
    speaker_N: np.ndarray
    query_TE: np.ndarray
    features: list[np.ndarray]  # per turn [N before it, F]
    target: list[np.ndarray]  # per turn [M, N before it], each row sums to one or is zero
    essential: list[list[tuple[np.ndarray, np.ndarray]]]  # per turn and agent: bucket hashes, weights summing to one

    @property
    def turns(self) -> int:
        return len(self.features)


def bucket(word: str) -> int:
    """A stable 32-bit hash of a word; modulo the vocabulary size it names an output of the decoder."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def essential_words(text: str) -> dict[str, float]:
    """The words of a text that carry information, with their weights."""
    weights = {word: segments.weight(word) for word in segments.words(text)}
    return {word: weight for word, weight in weights.items() if weight >= ESSENTIAL_WEIGHT}


def segment_target(history: History, query: Query, reply: str) -> np.ndarray:
    """Lexical target [N]: information of the reply to come that is not already in the query, per segment."""
    wanted = {word: w for word, w in essential_words(reply).items() if word not in query.weights}
    shared = [math.fsum(wanted[w] for w in words & wanted.keys()) for words in history.words]  # in any order
    gain = np.array(shared, np.float32) ** SHARPNESS
    return gain / gain.sum() if gain.sum() > 0 else gain


def episode_arrays(episode: Episode, encoder: Encoder, max_segment_tokens: int) -> EpisodeArrays:
    """Replay the episode turn by turn, keeping what every call could see."""
    history = History(episode.agents, encoder, max_segment_tokens)
    queries, features, target, essential = [], [], [], []
    for turn in episode.turns:
        query = Query.of(turn.inputs, encoder)
        replies = {message.name: message.content for message in turn.replies}
        queries.append(query.embedding_E)
        features.append(history.features(query))
        target.append(np.stack([segment_target(history, query, replies.get(a, "")) for a in episode.agents]))
        words = [essential_words(replies.get(agent, "")) for agent in episode.agents]
        essential.append([_normalised(weights) for weights in words])
        history.append([*turn.inputs, *turn.replies])
    return EpisodeArrays(
        episode.episode_id,
        ARENA_OUTCOMES.index(episode.outcome) if episode.outcome else -1,
        history.embeddings_NE,
        np.array(history.turn, np.int32),
        np.array(history.speaker, np.int32),
        np.stack(queries) if queries else np.zeros((0, encoder.width), np.float32),
        features,
        target,
        essential,
    )


def _normalised(weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    hashes = np.array([bucket(word) for word in weights], np.int64)
    values = np.array(list(weights.values()), np.float32)
    return hashes, values / values.sum() if len(values) else values


def save(path: Path, episodes: Sequence[EpisodeArrays]) -> None:
    """Write the arrays of a data set to one safetensors file; ids go into its header."""
    from safetensors.numpy import save_file

    def joined(parts: list[np.ndarray], shape: tuple[int, ...], kind: type) -> np.ndarray:
        return np.concatenate([np.zeros(shape, kind), *parts]).astype(kind, copy=False)

    words = [pair for e in episodes for turn in e.essential for pair in turn]
    width = episodes[0].embeddings_NE.shape[1] if episodes else 0
    arrays = {
        "segments": np.array([len(e.turn_N) for e in episodes], np.int64),
        "turns": np.array([e.turns for e in episodes], np.int64),
        "agents": np.array([e.target[0].shape[0] if e.turns else 0 for e in episodes], np.int64),
        "outcome": np.array([e.outcome for e in episodes], np.int64),
        "embeddings": joined([e.embeddings_NE for e in episodes], (0, width), np.float32),
        "turn": joined([e.turn_N for e in episodes], (0,), np.int32),
        "speaker": joined([e.speaker_N for e in episodes], (0,), np.int32),
        "query": joined([e.query_TE for e in episodes], (0, width), np.float32),
        "features": joined([f for e in episodes for f in e.features], (0, len(FEATURES)), np.float32),
        "target": joined([t.reshape(-1) for e in episodes for t in e.target], (0,), np.float32),
        "essential_counts": np.array([len(hashes) for hashes, _ in words], np.int64),
        "essential_hashes": joined([hashes for hashes, _ in words], (0,), np.int64),
        "essential_weights": joined([weights for _, weights in words], (0,), np.float32),
    }
    save_file(arrays, str(path), metadata={"ids": json.dumps([e.episode_id for e in episodes])})


def load(path: Path) -> list[EpisodeArrays]:
    """The arrays that `save` wrote. Raises ValueError where the file is not there."""
    from safetensors import safe_open

    if not Path(path).is_file():
        raise ValueError(f"{path}: no segment arrays here: run `dvc repro embed` first")
    with safe_open(str(path), "numpy") as handle:
        ids = json.loads(handle.metadata()["ids"])
        flat = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    cursor = dict.fromkeys(flat, 0)

    def take(name: str, count: int) -> np.ndarray:
        cursor[name] += count
        return flat[name][cursor[name] - count : cursor[name]]

    episodes = []
    for i, episode_id in enumerate(ids):
        n, turns, agents = (int(flat[name][i]) for name in ("segments", "turns", "agents"))
        turn_N = take("turn", n)
        before = [int((turn_N < t).sum()) for t in range(turns)]
        episodes.append(
            EpisodeArrays(
                episode_id,
                int(flat["outcome"][i]),
                take("embeddings", n),
                turn_N,
                take("speaker", n),
                take("query", turns),
                [take("features", count) for count in before],
                [take("target", agents * count).reshape(agents, count) for count in before],
                [
                    [
                        (take("essential_hashes", count), take("essential_weights", count))
                        for count in map(int, take("essential_counts", agents))
                    ]
                    for _ in range(turns)
                ],
            )
        )
    return episodes
