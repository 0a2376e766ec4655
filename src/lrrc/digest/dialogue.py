"""Who speaks with whom, in talk of several people, by how their messages begin.

Where people talk at once, a message begins with the name of whom it is for ("Ines: which port?", "@ines it works"), and
what somebody says next mostly answers who spoke to them, or goes on with whom they spoke to. Among agents it is no such
talk: they take turns, and a name in front gives somebody the floor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lrrc.episodes.episode import ROLES, Message

RECENT = 200  # messages; a dialogue that ended before is over
LONGEST = 40  # characters of a name
_ADDRESS = re.compile(rf"\s*(?:@(?P<at>[^\s:,;>]{{1,{LONGEST}}})|(?P<name>[^\n@:,;>]{{1,{LONGEST}}})[:,;>])")


def addressee(text: str, names: Mapping[str, str]) -> str | None:
    """Whom a message speaks to: one of `names` (by their casefolded forms) at its beginning, before a colon or a comma
    or behind an @. None where nobody stands there."""
    found = _ADDRESS.match(text)
    return names.get((found["at"] or found["name"]).strip().casefold()) if found else None


def in_dialogue(messages: Sequence[Message], agent: str) -> list[int]:
    """The numbers of those recent messages that speak to whoever replies next, called an agent, or are its partner's:
    the last one that it spoke to or that spoke to it. None where other agents speak, and for an agent that is called by
    its role alone."""
    first = max(0, len(messages) - RECENT)
    recent = messages[first:]
    if agent in ROLES or any(message.role == "assistant" and message.name != agent for message in recent):
        return []
    names = {name.casefold(): name for name in (*(message.name for message in recent), agent) if name}
    spoken_to = [addressee(message.content, names) for message in recent]
    partner = None
    for message, whom in zip(recent, spoken_to, strict=True):
        if message.name == agent:
            partner = whom or partner
        elif whom == agent:
            partner = message.name
    return [
        first + i
        for i, (message, whom) in enumerate(zip(recent, spoken_to, strict=True))
        if message.name != agent and (whom == agent or message.name == partner is not None)
    ]
