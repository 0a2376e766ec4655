"""What a policy knows of a segment before any learning: embedding, speaker, and lexical features of (query, segment).

One code path serves training, replay and the middleware, so that a coordinator sees in use what it saw in training.
Shape suffixes: N segments so far, n segments of one turn, E encoder width, F features.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from sys import intern
from typing import NamedTuple

import numpy as np

from lrrc.digest import segments
from lrrc.digest.features import FIRST_AGENT, OTHER, SEGMENT_FEATURES, USER, Query, _segment_features
from lrrc.digest.growing_rows import GrowingRows, stretches
from lrrc.digest.lists import opens_a_list
from lrrc.digest.word_index import WordIndex
from lrrc.digest.words import word_weight, words_of
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import SentenceEncoder

# A segment is compared with those that follow it as long as they are among this many: taking in a history then costs
# time that grows with its length, not with its square
NEIGHBOURS = 1_024
AT_HAND = 512  # rows of embeddings that a processor's cache holds; a product's bits do not depend on it (tested)


@dataclass
class PendingTurns:
    """What turns add to a history: to its lists, rows [n, ...] to its arrays, and how its old segments look after them.

    `ends`: the history's segments after each turn; `later_N` is of the segments from number `later_from` on, old and
    new.
    """

    messages: list[Message] = field(default_factory=list)
    message_turn: list[int] = field(default_factory=list)
    message_step: list[int] = field(default_factory=list)
    segments: list[segments.Segment] = field(default_factory=list)
    message: list[int] = field(default_factory=list)
    turn: list[int] = field(default_factory=list)
    speaker: list[int] = field(default_factory=list)
    words: list[frozenset[str]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    analysed: list[Analysed] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    embeddings_nE: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    later_N: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    later_from: int = 0

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """(first, last + 1) of the segments of each turn, by their numbers in the whole history."""
        first = self.ends[-1] - len(self.segments) if self.ends else 0
        return list(pairwise([first, *self.ends]))


class History:
    """The segments of a growing conversation: parallel lists and arrays [N, ...], one entry per segment, in order.

    Appending a turn costs one product of its segments with the last NEIGHBOURS before them, and nothing that grows.
    `place_N`: the number of a segment within its message; `step_N`: of its message in the order in which they were
    said; `index`: which segments have a word.
    """

    def __init__(self, agents: Sequence[str], encoder: SentenceEncoder, max_segment_tokens: int):
        self.agents = tuple(agents)
        self.encoder = encoder
        self.max_segment_tokens = max_segment_tokens
        self.messages: list[Message] = []
        self.message_turn: list[int] = []
        self.message_step: list[int] = []  # the order in which messages were said; replies of one turn: at once
        self.segments: list[segments.Segment] = []
        self.message: list[int] = []
        self.turn: list[int] = []
        self.speaker: list[int] = []
        self.words: list[frozenset[str]] = []
        self.speakers: set[tuple[str | None, str]] = set()  # names and roles of all messages
        self.turns = 0
        self.index = WordIndex()
        self._embeddings_NE = GrowingRows(encoder.width)
        self._static_NF = GrowingRows(len(SEGMENT_FEATURES))
        self._word_weight_N = GrowingRows()
        self._later_N = GrowingRows()
        self._numbers_N5 = GrowingRows(5, dtype=np.int32)  # message, turn, speaker, place, step
        self._tokens_N = GrowingRows(dtype=np.int32)
        self._frame_N = GrowingRows(dtype=bool)
        self._needs_K3 = GrowingRows(3, dtype=np.int32)
        self._ends_T = GrowingRows(dtype=np.int32)  # segments after each turn

    @property
    def embeddings_NE(self) -> np.ndarray:
        """float32, unit norm, one row a segment."""
        return self._embeddings_NE.rows

    @property
    def word_weight_N(self) -> np.ndarray:
        """float32: the weight of the words of each segment, each counted once."""
        return self._word_weight_N.rows

    @property
    def tokens_N(self) -> np.ndarray:
        """int32: of each segment."""
        return self._tokens_N.rows

    @property
    def frame_N(self) -> np.ndarray:
        """bool: whether each is never chosen for itself."""
        return self._frame_N.rows

    @property
    def needs_K3(self) -> np.ndarray:
        """int32, a row for each need of a segment, in order: the segment needed, the one that needs it, and whether the
        one needed is a head for sure (a frame, or the line that opens a list): a first row may be data."""
        return self._needs_K3.rows

    @property
    def message_N(self) -> np.ndarray:
        return self._numbers_N5.rows[:, 0]

    @property
    def turn_N(self) -> np.ndarray:
        return self._numbers_N5.rows[:, 1]

    @property
    def speaker_N(self) -> np.ndarray:
        return self._numbers_N5.rows[:, 2]

    @property
    def place_N(self) -> np.ndarray:
        return self._numbers_N5.rows[:, 3]

    @property
    def step_N(self) -> np.ndarray:
        return self._numbers_N5.rows[:, 4]

    def speaker_code(self, message: Message) -> int:
        if message.role == "user":
            return USER
        if message.role == "assistant":
            return FIRST_AGENT + self.agent_number(message.name or "assistant")  # as chat messages name it
        return OTHER

    def agent_number(self, name: str) -> int:
        """Place of an agent among the agents; a stranger counts as the first."""
        return self.agents.index(name) if name in self.agents else 0

    def append(self, messages: Sequence[Message]) -> None:
        """Add one turn: its inputs and replies, in order."""
        self.commit(self.prepare([messages]))

    def prepare(self, turns: Sequence[Sequence[Message]]) -> PendingTurns:
        """What `turns` would add, for `commit`; the same bits as one by one. The history stays as it is."""
        new, step = PendingTurns(), self.message_step[-1] if self.messages else -1
        for number, messages in enumerate(turns, self.turns):
            for before, message in pairwise((None, *messages)):
                both_reply = before is not None and before.role == message.role == "assistant"
                step += not (both_reply and before.name != message.name)
                for place, known in enumerate(_analysed(message.content, self.max_segment_tokens)):
                    new.analysed.append(known)
                    new.segments.append(known.segment)
                    new.words.append(known.distinct)
                    new.message.append(len(self.messages) + len(new.messages))
                    new.turn.append(number)
                    new.speaker.append(self.speaker_code(message))
                    new.place.append(place)
                    new.step.append(step)
                new.messages.append(message)
                new.message_turn.append(number)
                new.message_step.append(step)
            new.ends.append(len(self.segments) + len(new.segments))
        new.embeddings_nE = self.encoder.encode([piece.text for piece in new.segments])
        self._compare(new)
        return new

    def _compare(self, new: PendingTurns) -> None:
        """How similar a segment is to the most similar of those in later turns."""
        new.later_from = low = max(0, len(self.segments) - NEIGHBOURS)
        new.later_N = np.concatenate([self._later_N.rows[low:], np.zeros(len(new.segments), np.float32)])
        whole_NE = self._embeddings_NE.preview(new.embeddings_nE)
        for first, last in new.bounds if self.encoder.width else ():
            if 0 < first < last:  # one product a turn: its last bits depend on its shape
                since = max(0, first - NEIGHBOURS)
                seen_nN = np.ascontiguousarray((whole_NE[since:first] @ whole_NE[first:last].T).T)
                later_N = new.later_N[since - low : first - low]
                np.maximum(later_N, seen_nN.max(axis=0), out=later_N)  # down whole rows: fast

    def _needs(self, new: Sequence[segments.Segment]) -> np.ndarray:
        first = len(self.segments)
        pairs = [(i + distance, i) for i, piece in enumerate(new) if piece.needs for distance in piece.needs]
        heads = {i for i in {needed for needed, _ in pairs} if new[i].frame or opens_a_list(new[i].text)}
        rows = [(first + needed, first + i, needed in heads) for needed, i in pairs]
        return np.array(rows, np.int32).reshape(-1, 3)

    def commit(self, new: PendingTurns) -> None:
        """Become what `prepare` has made of this history."""
        if new.segments:
            old = len(self.segments) - new.later_from
            self._later_N.rows[new.later_from :] = new.later_N[:old]
            self._later_N.extend(new.later_N[old:])
            self._embeddings_NE.extend(new.embeddings_nE)
            self._static_NF.extend(np.array([known.features for known in new.analysed], np.float32))
            self._word_weight_N.extend(np.array([known.weight for known in new.analysed], np.float32))
            self._numbers_N5.extend(np.array([new.message, new.turn, new.speaker, new.place, new.step], np.int32).T)
            self._tokens_N.extend(np.array([piece.tokens for piece in new.segments], np.int32))
            self._frame_N.extend(np.array([piece.frame for piece in new.segments], bool))
            self._needs_K3.extend(self._needs(new.segments))
            self.index.add([known.words for known in new.analysed])
        self._ends_T.extend(np.array(new.ends, np.int32))
        for name in ("messages", "message_turn", "message_step", "segments", "message", "turn", "speaker", "words"):
            getattr(self, name).extend(getattr(new, name))
        self.speakers.update((message.name, message.role) for message in new.messages)
        self.turns += len(new.ends)

    def messages_by_turn(self) -> list[list[Message]]:
        """The messages of every turn."""
        found: list[list[Message]] = [[] for _ in range(self.turns)]
        for message, turn in zip(self.messages, self.message_turn, strict=True):
            found[turn].append(message)
        return found

    def features(self, query: Query) -> np.ndarray:
        """float32 [N, F] in the order of FEATURES, for a call that comes after the turns stored so far."""
        every = np.arange(len(self.segments))
        return self.feature_rows(self.query_features(query, every), every)

    def query_features(self, query: Query, some_n: np.ndarray) -> np.ndarray:
        """float32 [Q, n]: the QUERY_FEATURES of the segments numbered in `some_n`, ascending."""
        ago_n = self.turns - self.turn_N[some_n].astype(np.float32)
        asked_N, asked_in_segment_N = self._shared(query.asked_weights)
        shared_N, shared_in_segment_N = self._shared(query.weights)
        more_N = self._later(asked_N) - asked_N  # above zero where a later turn says more of what is asked
        cosine_n, asked_cosine_n = self._cosines(some_n, query.embedding_E, query.asked_E)
        return np.stack(
            [
                cosine_n,
                shared_N[some_n],
                shared_in_segment_N[some_n],
                1 / ago_n,
                np.log(ago_n),
                asked_cosine_n,
                asked_N[some_n],
                asked_in_segment_N[some_n],
                more_N[some_n],
            ]
        )

    def feature_rows(self, asked_Qn: np.ndarray, some_n: np.ndarray) -> np.ndarray:
        """float32 [n, F]: the FEATURES of some segments, of which `query_features` gave those of the question."""
        return np.concatenate([asked_Qn.T, self._static_NF.at(some_n), self._later_N.at(some_n)[:, None]], axis=1)

    def _cosines(self, some_n: np.ndarray, *asked_E: np.ndarray) -> np.ndarray:
        """float32 [questions, n]: what is read of memory for one question is at hand for the others."""
        cosine_Qn = np.empty((len(asked_E), len(some_n)), np.float32)
        for here in stretches(len(some_n), AT_HAND):
            rows_nE = self._embeddings_NE.at(some_n[here])
            for cosine_n, one_E in zip(cosine_Qn, asked_E, strict=True):
                np.matmul(rows_nE, one_E, out=cosine_n[here])
        return cosine_Qn

    def _shared(self, weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Weight of the words that each segment shares with a question: as parts of the question's, of its own, [N]."""
        shared_N = self.index.shared(weights).astype(np.float32)
        return shared_N / (sum(weights.values()) or 1.0), shared_N / np.maximum(self.word_weight_N, 1e-6)

    def _later(self, values_N: np.ndarray) -> np.ndarray:
        """The largest value [N] in a later turn; the order inside a turn, where no agent comes first, plays no part."""
        from_here_on_N = np.maximum.accumulate(np.append(values_N, np.float32(0))[::-1])[::-1]
        return from_here_on_N[self._ends_T.rows[self.turn_N]]


class Analysed(NamedTuple):
    """A segment, its words in order and without repetition, the values of SEGMENT_FEATURES, the weight of its words."""

    segment: segments.Segment
    words: list[str]
    distinct: frozenset[str]
    features: list[float]
    weight: float


LONG = 50_000  # characters; what is known of a message takes forty times its length, so long ones are not remembered


def _analysed(text: str, limit: int) -> list[Analysed]:
    """The segments of a message and what is known of them."""
    return _remembered(text, limit) if len(text) <= LONG else _analyse(text, limit)


def _analyse(text: str, limit: int) -> list[Analysed]:
    pieces = segments.split_segments(text, limit)
    found = []
    for i, piece in enumerate(pieces):
        words = list(map(intern, words_of(piece.text)))  # a word of many segments is held once
        distinct = frozenset(words)
        features = _segment_features(piece, words, i, len(pieces))
        found.append(Analysed(piece, words, distinct, features, math.fsum(map(word_weight, distinct))))
    return found


_remembered = functools.lru_cache(maxsize=128)(_analyse)  # an episode under several policies or budgets is cut once
