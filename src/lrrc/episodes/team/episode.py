"""Episodes of the team arena: agents with notes, turns with what was said in them, requests with their true answers.

A request's turn has no replies here: they depend on who is called with what (lrrc.evaluation.team).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lrrc.episodes.episode import Message
from lrrc.episodes.team.wording import NOTES
from lrrc.runtime.files import write_parquet
from lrrc.runtime.rows import read_rows

USER = "user"
KINDS = ("private", "said", "joint", "changed", "talk")


@dataclass(frozen=True)
class Source:
    """A fact and where it stands: in the notes of agent `speaker` (`turn` -1), or said by `speaker` in a turn."""

    speaker: str
    turn: int
    text: str


@dataclass(frozen=True)
class Request:
    """A check as the user asks it in a turn.

    `kind` is private, said, joint, changed or talk; `family` the kind of fact asked for, of two facts both. `sources`
    are the facts that decide it. `holders` are the agents whose notes it needs, `overruled` the one whose note no
    longer holds. `knowing` is how the team said who has the notes, `spoken` whether the holder itself did.
    """

    turn: int
    kind: str
    family: str
    question: str
    options: tuple[str, ...]
    answer: int
    sources: tuple[Source, ...]
    holders: tuple[str, ...]
    overruled: str
    knowing: str
    spoken: bool


@dataclass(frozen=True)
class Agent:
    name: str
    model: str
    notes: tuple[str, ...]

    @property
    def system(self) -> str:
        """The agent's own system message."""
        return NOTES.format(name=self.name, notes="\n".join(f"- {note}" for note in self.notes))


@dataclass(frozen=True)
class SaidTurn:
    """A user's message, and the replies of a turn that asks for nothing."""

    message: str
    replies: tuple[Message, ...]


@dataclass(frozen=True)
class TeamEpisode:
    """One conversation of a user with several agents; `turns` of requests have no replies."""

    episode_id: str
    agents: tuple[Agent, ...]
    turns: tuple[SaidTurn, ...]
    requests: tuple[Request, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(agent.name for agent in self.agents)


def write_team(path: Path, episodes: Sequence[TeamEpisode]) -> None:
    """The arena as parquet: a row an episode, agents, turns and requests as lists of structures."""
    import pyarrow as pa

    write_parquet(path, pa.Table.from_pylist([asdict(episode) for episode in episodes], schema=_schema()))


def read_team(path: Path) -> list[TeamEpisode]:
    """All episodes of a file that `write_team` wrote. Raises ValueError where it is missing or broken."""
    return [_episode(row.value) for row in read_rows(path, _schema().names)]


def _episode(row: dict) -> TeamEpisode:
    return TeamEpisode(
        row["episode_id"],
        tuple(Agent(a["name"], a["model"], tuple(a["notes"])) for a in row["agents"]),
        tuple(SaidTurn(t["message"], tuple(Message(**reply) for reply in t["replies"])) for t in row["turns"]),
        tuple(
            Request(
                **{
                    **request,
                    "options": tuple(request["options"]),
                    "holders": tuple(request["holders"]),
                    "sources": tuple(Source(**source) for source in request["sources"]),
                }
            )
            for request in row["requests"]
        ),
    )


def _schema():
    import pyarrow as pa

    text, texts, number = pa.string(), pa.list_(pa.string()), pa.int32()
    agent = pa.struct([("name", text), ("model", text), ("notes", texts)])
    message = pa.struct([("role", text), ("content", text), ("name", text)])
    turn = pa.struct([("message", text), ("replies", pa.list_(message))])
    source = pa.struct([("speaker", text), ("turn", number), ("text", text)])
    request = pa.struct(
        [
            ("turn", number),
            ("kind", text),
            ("family", text),
            ("question", text),
            ("options", texts),
            ("answer", number),
            ("sources", pa.list_(source)),
            ("holders", texts),
            ("overruled", text),
            ("knowing", text),
            ("spoken", pa.bool_()),
        ]
    )
    lists = {"agents": agent, "turns": turn, "requests": request}
    return pa.schema([("episode_id", text), *((name, pa.list_(item)) for name, item in lists.items())])
