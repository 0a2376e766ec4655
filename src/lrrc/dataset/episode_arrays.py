"""Episodes as arrays for training and replay (docs/method.md 3, training targets).

A batch pads only to its own longest episode; array_file stores them. Shape suffixes: B episodes, T turns, N segments,
M agents, E encoder width, F features, V buckets of essential words.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrrc.dataset.calls import calls_of, gains_by_call, load_gains
from lrrc.dataset.standing_labels import standing_labels
from lrrc.dataset.targets import NOISE, distribution, essential_words, lexical_gains
from lrrc.digest.features import Query
from lrrc.digest.history import History
from lrrc.digest.reply_form import form_differences
from lrrc.digest.words import word_bucket
from lrrc.episodes.episode import ARENA_OUTCOMES, Episode, Message
from lrrc.episodes.episode_file import open_episodes
from lrrc.params import TARGETS
from lrrc.pretrained import sentence_encoder
from lrrc.pretrained.sentence_encoder import SentenceEncoder

UNKNOWN = -1.0  # the worth of a history to a call that has no true reply


@dataclass
class Targets:
    """What is to be learnt about the history: which segments, and how much they are worth together."""

    target: list[np.ndarray]  # per turn [M, N before it], each row sums to one or is zero
    worth_TM: np.ndarray  # what the history gains a call (nats, or weight of words), or UNKNOWN

    @classmethod
    def empty(cls, agents: int, segments_T: Sequence[int]) -> Targets:
        return cls(
            [np.zeros((agents, count), np.float32) for count in segments_T],
            np.full((len(segments_T), agents), UNKNOWN, np.float32),
        )


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
    targets: dict[str, Targets]  # by kind (params.TARGETS)
    essential: list[list[tuple[np.ndarray, np.ndarray]]]  # per turn and agent: bucket hashes, weights summing to one
    standing_N: np.ndarray  # RULE, NO_RULE or UNKNOWN of standing_labels
    form_TF: np.ndarray  # of lrrc.digest.reply_form; F = 0 where the file does not hold it

    @property
    def nbytes(self) -> int:
        """Bytes of what is large."""
        return self.embeddings_NE.nbytes + sum(rows.nbytes for rows in self.features)

    @property
    def agents(self) -> int:
        return self.targets["model"].worth_TM.shape[1]

    @property
    def turns(self) -> int:
        return len(self.features)


def episode_arrays(
    episode: Episode, encoder: SentenceEncoder, max_segment_tokens: int, stored: Mapping[str, np.ndarray] | None = None
) -> EpisodeArrays:
    """Replay the episode turn by turn, keeping what every call could see.

    Two kinds of targets stand side by side: by the words of the true reply, and, where `stored` has the call, by what a
    language model gains on it (elsewhere by words too). Calls without a true reply teach nothing (calls_of).
    """
    history = History(episode.agents, encoder, max_segment_tokens)
    queries, features = [], []
    for turn in episode.turns:
        queries.append(Query.of(turn.inputs, encoder))
        features.append(history.features(queries[-1]))
        history.append([*turn.inputs, *turn.replies])
    agents = len(episode.agents)
    kinds = {kind: Targets.empty(agents, [len(rows) for rows in features]) for kind in TARGETS}
    replies = [[_reply(turn.replies, agent) for agent in episode.agents] for turn in episode.turns]
    for call in calls_of(episode, history):
        words_N = lexical_gains(history, queries[call.turn], call.reply, call.segments)
        gains_N = (stored or {}).get(call.key)
        above = {"lexical": words_N, "model": words_N if gains_N is None else gains_N - NOISE}
        for agent in range(agents) if call.agent < 0 else [call.agent]:
            replies[call.turn][agent] = call.reply
            for kind, above_N in above.items():
                kinds[kind].target[call.turn][agent] = distribution(above_N)
                kinds[kind].worth_TM[call.turn, agent] = np.maximum(above_N, 0).sum()
    return EpisodeArrays(
        episode.episode_id,
        ARENA_OUTCOMES.index(episode.outcome) if episode.outcome else -1,
        history.embeddings_NE,
        np.array(history.turn, np.int32),
        np.array(history.speaker, np.int32),
        np.stack([query.embedding_E for query in queries]) if queries else np.zeros((0, encoder.width), np.float32),
        features,
        kinds,
        [[_normalised(essential_words(reply)) for reply in row] for row in replies],
        standing_labels(episode, history, gains_by_call(episode, history, stored or {})),
        form_differences([(*turn.inputs, *turn.replies) for turn in episode.turns], episode.agents),
    )


def _reply(replies: Sequence[Message], agent: str) -> str:
    return next((message.content for message in replies if message.name == agent), "")


def _normalised(weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    hashes = np.array([word_bucket(word) for word in weights], np.int64)
    values = np.array(list(weights.values()), np.float32)
    return hashes, values / values.sum() if len(values) else values


def rows_arrays(
    start: int, stop: int, source: Path, vectors: Path, max_segment_tokens: int, stored: Path | None
) -> list[EpisodeArrays]:
    """Arrays of the episodes in the rows from `start` up to `stop` of a file, with the gains in the file `stored`."""
    known, loaded = _gains(stored) if stored else {}, sentence_encoder.load(str(vectors))
    episodes = open_episodes(source).rows(start, stop)
    return [episode_arrays(episode, loaded, max_segment_tokens, known) for episode in episodes]


@functools.lru_cache(maxsize=1)
def _gains(path: Path) -> Mapping[str, np.ndarray]:
    return load_gains(path)
