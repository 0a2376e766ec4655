"""One episode of the team arena under a call policy and a payload policy (docs/method.md 10).

At a request the call policy says which agents are called; each gets its notes, what the payload policy sends of the
history, and the message. Their answers become part of the history, so that what follows differs from policy to policy;
the answer of the most confident is forwarded. Whoever is less confident than its model's threshold says that it has
nothing on this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lrrc.digest.history import History
from lrrc.episodes.episode import Message
from lrrc.episodes.team.episode import Request, TeamEpisode
from lrrc.episodes.team.wording import NOTHING
from lrrc.evaluation.team.answering import Opinion, TeamAgents
from lrrc.evaluation.team.calls import CallPolicy, Situation
from lrrc.policies.base import Policy, Session
from lrrc.policies.payload import as_chat, history_part, pair
from lrrc.pretrained import tokens
from lrrc.pretrained.sentence_encoder import SentenceEncoder


@dataclass(frozen=True)
class Called:
    """A call: whom, what it was sent and said, and what that cost (cl100k tokens; `reusable` ones lead its payload as
    they led that agent's last one)."""

    agent: int
    opinion: Opinion
    says: str
    digest: str | None
    prompt: int
    completion: int
    reusable: int

    def right(self, request: Request) -> bool:
        """Whether it says the right answer."""
        return self.opinion.choice == request.answer and self.says != NOTHING


@dataclass
class Conversation:
    """An episode under way: the history as the payload policy and as the call policy hear it."""

    episode: TeamEpisode
    session: Session
    heard: History
    forwarded: int | None = None
    payloads: dict[int, tuple] = field(default_factory=dict)  # of every agent: its last one

    def hear(self, messages: Sequence[Message]) -> None:
        self.session.observe(messages)
        self.heard.commit(self.heard.prepare([messages]))


@dataclass(frozen=True)
class Table:
    """What all episodes are played with: agents, the encoder of the call policies, thresholds by model, a budget."""

    agents: TeamAgents
    encoder: SentenceEncoder
    thresholds: Mapping[str, float]
    budget: int
    max_segment_tokens: int


def play(
    episode: TeamEpisode, payload: Policy, calls: CallPolicy, table: Table
) -> list[tuple[Request, Situation, list[Called]]]:
    """Every request of an episode, with what the call policy saw and the calls that were made."""
    session = payload.session(episode.names)
    talk = Conversation(episode, session, History(episode.names, table.encoder, table.max_segment_tokens))
    by_turn, found = {request.turn: request for request in episode.requests}, []
    for t, turn in enumerate(episode.turns):
        inputs, replies = [Message("user", turn.message)], turn.replies
        if t in by_turn:
            request = by_turn[t]
            situation = Situation(episode, talk.heard, request, talk.forwarded)
            made = [_call(talk, agent, request, inputs, table) for agent in calls.choose(situation)]
            best = max(made, key=lambda call: call.opinion.confidence)
            talk.forwarded = best.agent
            replies = tuple(Message("assistant", call.says, episode.names[call.agent]) for call in made)
            found.append((request, situation, made))
        talk.hear([*inputs, *replies])
    return found


def _call(talk: Conversation, agent: int, request: Request, inputs: list[Message], table: Table) -> Called:
    who = talk.episode.agents[agent]
    chosen = talk.session.select(inputs, who.name, table.budget)
    middle, _ = history_part(chosen, talk.session.history.messages, list)
    sent = (("system", who.system), *(pair(message) for message in (*middle, *inputs)))
    chat = tuple(as_chat(each, who.name) for each in sent)
    opinion = table.agents.opinion(who.model, chat, request.question, request.options)
    sure = opinion.confidence >= table.thresholds.get(who.model, -np.inf)
    says = request.options[opinion.choice] if sure else NOTHING
    counts = tokens.count_batch([content for _, content in sent])
    before = talk.payloads.get(agent, ())
    same = next((i for i, (a, b) in enumerate(zip(before, sent, strict=False)) if a != b), min(len(before), len(sent)))
    talk.payloads[agent] = sent
    return Called(agent, opinion, says, chosen.text, sum(counts), tokens.count(says), sum(counts[:same]))


def row(episode: TeamEpisode, request: Request, made: Sequence[Called]) -> dict[str, Any]:
    """What is kept of a request: the calls by agent, the answer that is forwarded, its costs."""
    best = max(made, key=lambda call: call.opinion.confidence)
    return {
        "episode_id": episode.episode_id,
        "turn": request.turn,
        "kind": request.kind,
        "family": request.family,
        "agents": len(episode.agents),
        "called": [call.agent for call in made],
        "right_of_called": [int(call.right(request)) for call in made],
        "confidence": [round(call.opinion.confidence, 3) for call in made],
        "right": int(best.right(request)),
        "calls": len(made),
        "prompt_tokens": sum(call.prompt for call in made),
        "completion_tokens": sum(call.completion for call in made),
        "reusable_tokens": sum(call.reusable for call in made),
    }
