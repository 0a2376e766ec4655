"""What is known of a segment before any learning: its own features, and those it has for a question.

Shape suffixes: N segments so far, E encoder width, F features.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrrc.digest.segments import Segment, split_segments
from lrrc.digest.words import word_weight, words_of
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import SentenceEncoder

USER, OTHER, FIRST_AGENT = 0, 1, 2  # speaker codes: the user, tools and anything else, 2 + m the m-th agent
QUERY_FEATURES = (
    "cosine",
    "query_words_in_segment",
    "segment_words_in_query",
    "recency",
    "log_turns_ago",
    "asked_cosine",
    "asked_words_in_segment",
    "segment_words_in_asked",
    "asked_again_later",
)
SEGMENT_FEATURES = (
    "position",
    "first",
    "last",
    "log_tokens",
    "word_weight",
    "digits",
    "capitals",
    "question",
    "directive",
)
FEATURES = (*QUERY_FEATURES, *SEGMENT_FEATURES, "later_similar")
# Wording by which a user sets a rule for the rest of the conversation. English only; embeddings carry the rest.
_DIRECTIVE = re.compile(  # of text in small letters: to ignore case costs three times as much
    r"\b(always|never|must|do not|don't|please|from now on|going forward|remember|only|avoid|every time|make sure|"
    r"refer to|call (me|it|him|her|them)|no longer|instead|rule|keep in mind)\b"
)
_DIGIT = re.compile(r"\d")
_CAPITAL = re.compile(r"[A-Z](?<=\s.)")  # at the beginning of a word that is not the first
_ASKING = ("?", "？", "؟")


@dataclass(frozen=True)
class Query:
    """What an agent is asked: embeddings [E] of unit norm (or zero), and the weight of every word.

    `asked` is the question itself, where the message holds more than that: its last sentences with a question mark, or
    its last sentence where it has none.
    """

    embedding_E: np.ndarray
    weights: dict[str, float]
    asked_E: np.ndarray
    asked_weights: dict[str, float]

    @classmethod
    def of(cls, inputs: Sequence[Message], encoder: SentenceEncoder) -> Query:
        text = "\n".join(message.content for message in inputs)
        asked = question(text)
        embedding_E, asked_E = encoder.encode([text, asked])
        return cls(embedding_E, _weights(text), asked_E, _weights(asked))


def question(text: str, most: int = 2) -> str:
    """The last sentences of a text that end in a question mark, `most` at most; its last sentence where none does."""
    pieces = [piece.text for piece in split_segments(text)]
    return " ".join(list(filter(is_question, pieces))[-most:] or pieces[-1:])


def is_question(text: str) -> bool:
    """Does it end in a question mark?"""
    return text.rstrip("\"')]*_ ").endswith(_ASKING)


def asked_weights(inputs: Sequence[Message]) -> dict[str, float]:
    """The weight of every word of the question itself, as Query has it."""
    return _weights(question("\n".join(message.content for message in inputs)))


def _weights(text: str) -> dict[str, float]:
    return {word: word_weight(word) for word in words_of(text)}


def _segment_features(piece: Segment, said: Sequence[str], index: int, count: int) -> list[float]:
    """The values of SEGMENT_FEATURES, all of the order of one."""
    return [
        index / max(1, count - 1),
        float(index == 0),
        float(index == count - 1),
        _log_tokens(piece.tokens),
        sum(map(word_weight, said)) / max(1, len(said)),
        min(1.0, len(_DIGIT.findall(piece.text)) / 4),
        min(1.0, _capitals(piece.text) / 4),
        float("?" in piece.text or (not piece.text.isascii() and any(mark in piece.text for mark in _ASKING))),
        float(bool(_DIRECTIVE.search(piece.text.lower()))),
    ]


@functools.cache
def _log_tokens(count: int) -> float:
    return float(np.log(max(1, count)) / 4)


def _capitals(text: str) -> int:
    """Words with a capital, the first apart."""
    if text.isascii():
        return len(_CAPITAL.findall(text))
    return sum(word[0].isupper() for word in text.split()[1:])
