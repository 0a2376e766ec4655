"""The call gate for any number of agents: which of them to call, and why.

What an agent said of what it knows, and what others said of it, is all that tells who can answer; a gate sees the
conversation up to the question, never a reply to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from lrrc.digest.agent_view import Seen, look
from lrrc.digest.features import FIRST_AGENT, Query
from lrrc.digest.history import History
from lrrc.episodes.episode import Message
from lrrc.inference.caller import InferenceCaller
from lrrc.runtime.files import atomic, write_json

if TYPE_CHECKING:
    from lrrc.model.caller import Caller

PACKAGED = Path(__file__).parents[1] / "packaged" / "gate"  # of results/team
CONFIG = "config.json"
FARTHEST = 50.0  # of a logit: beyond it a probability of 32 bits is nought or one


class Choice(NamedTuple):
    """An agent, the probability that it would be right, whether it is to be called, and what speaks for it."""

    agent: str
    probability: float
    called: bool
    reason: str


class JudgesAgents(Protocol):
    """A network: lrrc.model.caller.Caller, or lrrc.inference.caller.InferenceCaller, which needs no torch."""

    @property
    def width(self) -> int:
        """Of the sentence vectors that it reads."""

    def logits(self, seen: Sequence[Seen]) -> np.ndarray:
        """[M]: of "right, if called"."""


@dataclass(frozen=True)
class CallGate:
    """Networks whose probabilities are averaged, and the probability from which an agent is called."""

    nets: tuple[JudgesAgents, ...]
    threshold: float

    @property
    def width(self) -> int:
        """Of the sentence vectors that it reads."""
        return self.nets[0].width

    def probabilities(self, seen: Sequence[Seen]) -> np.ndarray:
        """[M]: that each agent would be right."""
        logits = np.clip([net.logits(seen) for net in self.nets], -FARTHEST, FARTHEST)
        return np.mean(1 / (1 + np.exp(-logits)), axis=0)

    def choose(self, history: History, question: str) -> list[Choice]:
        """Every agent of the history; called are those that reach the threshold, and the best in any case."""
        chances_M = self.probabilities(look(history, question))
        best = int(np.argmax(chances_M))
        return [
            Choice(name, float(chance), bool(m == best or chance >= self.threshold), _reason(history, m, question))
            for m, (name, chance) in enumerate(zip(history.agents, chances_M, strict=True))
        ]


def _reason(history: History, agent: int, question: str) -> str:
    """What the agent said that comes nearest to the question, in the words of the history."""
    own = np.flatnonzero(history.speaker_N == FIRST_AGENT + agent)
    if not len(own):
        return "has not spoken"
    shared_n = history.features(Query.of([Message("user", question)], history.encoder))[own, 1]
    best = own[int(np.argmax(shared_n))]
    return f"said: {history.segments[best].text}" if shared_n.max() > 0 else "said nothing on this"


def save_gate(folder: Path, nets: Sequence[Caller], threshold: float) -> None:
    """Write weights and config.json into `folder`."""
    from safetensors.torch import save_file

    with atomic(folder) as temporary:
        temporary.mkdir(parents=True, exist_ok=True)
        for i, net in enumerate(nets):
            save_file(
                {name: value.contiguous() for name, value in net.state_dict().items()}, temporary / f"{i}.safetensors"
            )
        write_json(temporary / CONFIG, {"threshold": threshold, "nets": len(nets), "shape": asdict(nets[0].shape)})


def load_gate(folder: Path = PACKAGED) -> CallGate:
    """Read what `save_gate` wrote. Raises ValueError where there is none."""
    from safetensors.numpy import load_file

    config = folder / CONFIG
    if not config.is_file():
        raise ValueError(f"{folder}: no call gate here: run `dvc repro team` first, which writes results/team/gate")
    found = json.loads(config.read_text(encoding="utf-8"))
    nets = [InferenceCaller(load_file(folder / f"{i}.safetensors"), found["shape"]) for i in range(found["nets"])]
    return CallGate(tuple(nets), found["threshold"])
