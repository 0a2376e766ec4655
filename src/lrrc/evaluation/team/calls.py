"""Call policies: which agents are asked (docs/method.md 10). They see what was said before, never replies to come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrrc.digest.features import FIRST_AGENT
from lrrc.digest.history import History
from lrrc.digest.words import words_of
from lrrc.episodes.team.episode import Request, TeamEpisode
from lrrc.policies.bm25 import bm25_scores
from lrrc.runtime.chance import stream


@dataclass(frozen=True)
class Situation:
    """What a call policy sees at a request: the episode's agents, the history, the question, who was forwarded last.

    Of `request` policies read the question alone; the oracle reads who has the notes.
    """

    episode: TeamEpisode
    heard: History
    request: Request
    forwarded: int | None

    @property
    def count(self) -> int:
        return len(self.episode.agents)

    def best_of_each(self, scores_N: np.ndarray) -> np.ndarray:
        """The best score [M] among the segments that each agent said; 0 where it said nothing."""
        speaker_N = self.heard.speaker_N
        return np.array([scores_N[speaker_N == FIRST_AGENT + m].max(initial=0.0) for m in range(self.count)])

    @property
    def chance(self) -> np.random.Generator:
        """A stream of chance of this request's own."""
        return stream(f"team: call {self.episode.episode_id}", self.request.turn)


class CallPolicy:
    """Whom to call. `name` is what tables call it."""

    name = "all"

    def choose(self, here: Situation) -> list[int]:
        """Numbers of the agents to call, one at least."""
        return list(range(here.count))


class Random(CallPolicy):
    name = "random"

    def choose(self, here: Situation) -> list[int]:
        return [int(here.chance.integers(here.count))]


class InTurn(CallPolicy):
    name = "in-turn"

    def choose(self, here: Situation) -> list[int]:
        before = sum(request.turn < here.request.turn for request in here.episode.requests)
        return [before % here.count]


class LastForwarded(CallPolicy):
    name = "last-forwarded"

    def choose(self, here: Situation) -> list[int]:
        return [here.forwarded if here.forwarded is not None else 0]


class Oracle(CallPolicy):
    """Knows who has the notes; where nobody's are needed, one agent whose note is not overruled."""

    name = "oracle"

    def choose(self, here: Situation) -> list[int]:
        names, request = here.episode.names, here.request
        able = [m for m, name in enumerate(names) if name in request.holders]
        return able or [[m for m, name in enumerate(names) if name != request.overruled][0]]


class Router(CallPolicy):
    """The agent whose words fit the question best; one at random where nobody's do. `most` agents are called."""

    def __init__(self, most: int = 1):
        self.most = most
        self.name = self.kind if most == 1 else f"{self.kind}-{most}"

    kind = ""

    def scores(self, here: Situation) -> np.ndarray:
        """[M], higher is called first."""
        raise NotImplementedError

    def choose(self, here: Situation) -> list[int]:
        scores_M = self.scores(here) + 1e-6 * here.chance.random(here.count)
        return sorted(np.argsort(-scores_M)[: self.most].tolist())


class BM25Router(Router):
    kind = "bm25"

    def scores(self, here: Situation) -> np.ndarray:
        if not here.heard.index.words:
            return np.zeros(here.count)
        return here.best_of_each(bm25_scores(here.heard.index, words_of(here.request.question)))


class EmbeddingRouter(Router):
    kind = "embedding"

    def scores(self, here: Situation) -> np.ndarray:
        question_E = here.heard.encoder.encode([here.request.question])[0]
        return here.best_of_each(here.heard.embeddings_NE @ question_E)


def untrained() -> dict[str, CallPolicy]:
    """Every call policy that needs no training, by name."""
    plain = [CallPolicy(), Random(), InTurn(), LastForwarded(), Oracle()]
    routers = [kind(most) for kind in (BM25Router, EmbeddingRouter) for most in (1, 2)]
    return {policy.name: policy for policy in (*plain, *routers)}
