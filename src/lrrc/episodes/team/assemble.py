"""The team arena out of its scripts and of what models said in the embedded arena."""

from __future__ import annotations

import random
from pathlib import Path

from lrrc.episodes.episode import Message
from lrrc.episodes.team.episode import SaidTurn, TeamEpisode, write_team
from lrrc.episodes.team.scripts import TeamScript, make_script
from lrrc.episodes.team.talk import Pool, draw, read_pool


def make_arena(arena: Path, out: Path, episodes: int, seed: int) -> list[TeamEpisode]:
    """Write the team arena to `out`; the talk comes from `arena`. Returns the episodes."""
    pool = read_pool(arena)
    made = [spoken(make_script(seed, index), pool, seed) for index in range(episodes)]
    write_team(out, made)
    return made


def spoken(script: TeamScript, pool: Pool, seed: int) -> TeamEpisode:
    """The episode of a script, once its agents have said something of their own."""
    rng, said = random.Random(f"team-talk-{seed}-{script.index}"), []
    models = {agent.name: agent.model for agent in script.agents}
    turns = []
    for turn in script.turns:
        replies = []
        for reply in turn.replies:
            own = [draw(pool, models[reply.agent], turn.question, rng, said)] if reply.own else []
            said += own
            replies.append(Message("assistant", " ".join((*own, *reply.lines)), reply.agent))
        turns.append(SaidTurn(turn.message, tuple(replies)))
    return TeamEpisode(f"team-{seed}-{script.index:04d}", script.agents, tuple(turns), script.requests)
