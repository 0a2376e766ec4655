"""Agents that need no language model: one answers rightly where what it is sent holds the facts that decide, else by
chance.

What a call policy or a state is worth can be measured with them over every episode, in minutes and without the models'
own errors; they know the answer, so nothing is said of success with real agents.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrrc.episodes.team.episode import Request, TeamEpisode
from lrrc.evaluation.team.answering import Chat, Opinion
from lrrc.runtime.chance import stream

SURE, UNSURE = 1.0, 0.1


class Readers:
    """Stands in for TeamAgents: `opinion` finds the request by its question and options."""

    def __init__(self, episodes: Sequence[TeamEpisode]):
        self.asked: dict[tuple[str, tuple[str, ...]], Request] = {
            (request.question, request.options): request for episode in episodes for request in episode.requests
        }

    def opinion(self, model: str, chat: Chat, question: str, options: tuple[str, ...]) -> Opinion:
        """The right option, surely, where the chat holds every source; else any, with little confidence."""
        request = self.asked[question, options]
        text = "\n".join(content for _, content in chat)
        if all(source.text in text for source in request.sources):
            return Opinion(request.answer, SURE)
        chance = stream(f"team: reader {text}")
        return Opinion(int(chance.integers(len(options))), UNSURE * float(chance.random()))
