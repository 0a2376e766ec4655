"""A conversation as one of its agents sees it when a question is asked: what a call gate reads.

Speakers are the user, this agent or another, and a segment may name this agent or another: so any number of agents is
served by the same weights. Shape suffixes: N segments, E encoder width, F features.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from lrrc.digest.features import FIRST_AGENT, Query
from lrrc.digest.history import History
from lrrc.episodes.episode import Message

USER, ITSELF, ANOTHER = range(3)  # who speaks, as an agent sees it
NAMING = 2  # whether a segment names the agent, and whether it names another


@dataclass(frozen=True)
class Seen:
    """What was said before a request, never a reply to it; segments ascend by turn."""

    embeddings_NE: np.ndarray
    turn_N: np.ndarray
    speaker_N: np.ndarray  # USER, ITSELF or ANOTHER
    naming_N2: np.ndarray
    features_NF: np.ndarray
    question_E: np.ndarray


def look(history: History, question: str) -> tuple[Seen, ...]:
    """The history as each of its agents sees it when a question is asked."""
    query = Query.of([Message("user", question)], history.encoder)
    code_N = history.speaker_N
    texts = [piece.text for piece in history.segments]
    named_NM = np.array([[_names(name, text) for name in history.agents] for text in texts], np.float32)
    named_NM = named_NM.reshape(len(texts), len(history.agents))
    embeddings_NE, turn_N, features_NF = history.embeddings_NE.copy(), history.turn_N.copy(), history.features(query)

    def seen_by(agent: int) -> Seen:
        speaker_N = np.where(code_N < FIRST_AGENT, USER, np.where(code_N == FIRST_AGENT + agent, ITSELF, ANOTHER))
        others_N = np.delete(named_NM, agent, axis=1).max(axis=1, initial=0)
        return Seen(
            embeddings_NE,
            turn_N,
            speaker_N.astype(np.int64),
            np.stack([named_NM[:, agent], others_N], axis=1),
            features_NF,
            query.embedding_E,
        )

    return tuple(seen_by(agent) for agent in range(len(history.agents)))


def _names(name: str, text: str) -> bool:
    return bool(re.search(rf"\b{re.escape(name)}\b", text))
