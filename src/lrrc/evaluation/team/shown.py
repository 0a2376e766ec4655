"""An episode of the team arena to look at: who was called and why, what each was sent, what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrrc.episodes.team.episode import Request, TeamEpisode
from lrrc.evaluation.team.calls import Situation
from lrrc.evaluation.team.loop import Called
from lrrc.policies.caller import Choice


def shown(
    episode: TeamEpisode,
    played: Sequence[tuple[Request, Situation, Sequence[Called]]],
    choices: Sequence[Sequence[Choice]],
) -> dict[str, Any]:
    """The episode turn by turn; `choices` are the gate's at every request."""
    by_turn = {request.turn: (request, made, why) for (request, _, made), why in zip(played, choices, strict=True)}
    turns = []
    for t, turn in enumerate(episode.turns):
        said = [{"agent": reply.name, "text": reply.content} for reply in turn.replies]
        turns.append(
            {"message": turn.message, "replies": said, **(_asked(episode, *by_turn[t]) if t in by_turn else {})}
        )
    agents = [{"name": agent.name, "model": agent.model, "notes": list(agent.notes)} for agent in episode.agents]
    return {"episode_id": episode.episode_id, "agents": agents, "turns": turns}


def _asked(episode: TeamEpisode, request: Request, made: Sequence[Called], why: Sequence[Choice]) -> dict[str, Any]:
    best = max(made, key=lambda call: call.opinion.confidence)
    calls = {
        call.agent: {
            "sent": call.digest,
            "prompt_tokens": call.prompt,
            "says": call.says,
            "confidence": round(call.opinion.confidence, 3),
            "right": call.right(request),
            "forwarded": call is best,
        }
        for call in made
    }
    judged = [
        {
            "agent": choice.agent,
            "probability": round(choice.probability, 3),
            "reason": choice.reason,
            "call": calls.get(m),
        }
        for m, choice in enumerate(why)
    ]
    return {
        "kind": request.kind,
        "question": request.question,
        "answer": request.options[request.answer],
        "holders": list(request.holders),
        "judged": judged,
    }
