"""What agents of the team arena answer with the facts that decide a request, with everything there is, with nothing.

These answers need no call policy. They say how hard requests are, which kinds of fact a model can handle, and how sure
it is of what it knows, whence the threshold below which it says that it has nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from lrrc.episodes.arena.curate import MODELS
from lrrc.episodes.team.episode import Request, TeamEpisode
from lrrc.episodes.team.wording import NOTES
from lrrc.evaluation.team.answering import Chat, TeamAgents
from lrrc.policies.payload import as_chat

GIVEN = ("facts", "everything", "nothing")
KEPT = 0.95  # share of a model's right answers with the deciding facts that its threshold lets pass


class Answered(NamedTuple):
    """A model's answer to a request, given the deciding facts, everything, or nothing."""

    episode_id: str
    turn: int
    kind: str
    family: str
    model: str
    given: str
    right: bool
    confidence: float


def measure(agents: TeamAgents, episodes: Sequence[TeamEpisode], whole_every: int) -> list[Answered]:
    """Both models' answers to every request of the episodes; those with everything in every `whole_every`-th alone."""
    found = []
    for number, episode in enumerate(episodes):
        for request in episode.requests:
            for given in GIVEN:
                if given == "everything" and number % whole_every:
                    continue
                chat = _chat(episode, request, given)
                for model in MODELS:
                    choice, confidence = agents.opinion(model, chat, request.question, request.options)
                    labels = (episode.episode_id, request.turn, request.kind, request.family, model, given)
                    found.append(Answered(*labels, choice == request.answer, confidence))
    return found


def _chat(episode: TeamEpisode, request: Request, given: str) -> Chat:
    """What an agent reads: the first one, for who it is matters not."""
    asked, name = ("user", episode.turns[request.turn].message), episode.names[0]
    if given == "nothing":
        return (asked,)
    if given == "facts":
        return (_notes(name, (source.text for source in request.sources)), asked)
    said = [
        as_chat(pair, name)
        for turn in episode.turns[: request.turn]
        for pair in (("user", turn.message), *((reply.name, reply.content) for reply in turn.replies))
    ]
    return (_notes(name, (note for agent in episode.agents for note in agent.notes)), *said, asked)


def _notes(name: str, notes: Iterable[str]) -> tuple[str, str]:
    return "system", NOTES.format(name=name, notes="\n".join(f"- {note}" for note in notes))


def thresholds(answered: Iterable[Answered]) -> dict[str, float]:
    """By model: the confidence that `KEPT` of its right answers with the deciding facts reach."""
    sure: dict[str, list[float]] = {}
    for each in answered:
        if each.given == "facts" and each.right:
            sure.setdefault(each.model, []).append(each.confidence)
    return {model: float(np.quantile(values, 1 - KEPT)) for model, values in sure.items()}
