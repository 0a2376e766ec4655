"""Logs of others for commands: what is said is read and nothing else, and a bad line does not stop the rest.

Where several agents or people talk, a conversation may be taken as one of them has it: its own messages are replies,
those of the others what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from lrrc.episodes.episode import Episode
from lrrc.episodes.forms import read_conversations
from lrrc.episodes.other_messages import loaded
from lrrc.episodes.parsing import ARENA_COLUMNS, parse_episode
from lrrc.episodes.unquoted import NotHeld, beside_texts
from lrrc.runtime.rows import Refuse

SAID = ("id", "messages", "answered", "question_id", "conversation_a", "conversation_b")


class Logs:
    """Episodes of an open file or pipe, in order, ids made different. `refuse` gets what is no conversation.

    `agent` names whose replies count. Without it they are those of all agents; in a conversation of people alone, and
    where `one_agent` is set in one of several agents too, those of who speaks last. `count` is how many
    were read, `lost` counts what episodes cannot hold. With `tools`, what is sent beside the messages of every call
    (tools' definitions, the answer's schema) stands before them as messages of the system, of which digests copy
    nothing either.
    """

    def __init__(
        self,
        file: BinaryIO,
        inside: str,
        refuse: Refuse,
        agent: str | None = None,
        one_agent: bool = False,
        tools: bool = False,
    ):
        self.file, self.inside, self.refuse = file, inside, refuse
        self.agent, self.one_agent, self.tools = agent, one_agent, tools
        self.lost = NotHeld()
        self.count = 0

    def __iter__(self) -> Iterator[Episode]:
        seen: set[str] = set()
        for where, row in read_conversations(self.file, ARENA_COLUMNS, self.inside, self.refuse):
            try:
                said = {key: row[key] for key in SAID if key in row}
                if said.get("conversation_a") is not None:
                    said |= {
                        "winner": None,
                        "model_a": "model_a",
                        "model_b": "model_b" if said.get("conversation_b") else None,
                    }
                if isinstance(said.get("messages"), list):
                    whole = [*said["messages"], *(said.pop("answered", None) or ())]
                    agent = self.agent or self._last_speaker(whole)
                    said["messages"] = self._beside(row) + (seen_by(whole, agent, where) if agent else whole)
                if (name := str(row.get("id") or row.get("question_id"))) in seen:
                    said["id"] = said["question_id"] = f"{name} ({where.removeprefix(self.inside)})"
                episode = parse_episode(said, where, lost=self.lost)
            except ValueError as error:
                self.refuse(error)
                continue
            seen.add(episode.episode_id)
            self.count += 1
            yield episode

    def _beside(self, row: Mapping[str, Any]) -> list[dict[str, str]]:
        tools, form = loaded(row.get("tools") or row.get("functions")), loaded(row.get("response_format"))
        return [{"role": "system", "content": text} for text in beside_texts(tools, form)] if self.tools else []

    def _last_speaker(self, messages: Sequence[Any]) -> str | None:
        """Who speaks last, where it takes a name to tell replies from what is answered."""
        agents = speakers(messages, "assistant")
        if self.one_agent and len(agents) > 1:
            return agents[-1]
        return None if agents else (speakers(messages, "user") or [None])[-1]


def speakers(messages: Sequence[Any], *roles: str) -> list[str | None]:
    """Who speaks in these roles, the last one last; None is somebody without a name."""
    said = [_name(m) for m in messages if isinstance(m, Mapping) and m.get("role") in roles]
    return [*dict.fromkeys(reversed(said))][::-1]


def _name(message: Mapping[str, Any]) -> str | None:
    name = message.get("name")
    return name if isinstance(name, str) and name else None


def seen_by(messages: Sequence[Any], agent: str, where: str) -> list[Any]:
    """The messages as `agent` has them: its own are an assistant's, those of other agents a user's with their name.

    Where agents' messages have no names, all are its own. Raises ValueError where others are named and it is not.
    """
    own = [agent] if agent in speakers(messages, "assistant", "user") else [None]
    if own == [None] and None not in (names := speakers(messages, "assistant")):
        who = ", ".join(str(name) for name in names or speakers(messages, "user")) or "nobody"
        raise ValueError(f"{where}: nobody is called {agent!r} here: who speaks is {who}")
    return [_turned(message, own) for message in messages]


def _turned(message: Any, own: Sequence[str | None]) -> Any:
    if not isinstance(message, Mapping) or message.get("role") not in ("assistant", "user"):
        return message
    name = _name(message)
    unnamed = message["role"] == "assistant" and name is None
    role = "assistant" if (unnamed if own == [None] else name in own) else "user"
    return message if message["role"] == role else {**message, "role": role}
