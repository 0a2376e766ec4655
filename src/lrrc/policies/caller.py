"""The call gate for any number of agents: which of them to call, and why.

What an agent said of what it knows, and what others said of it, is all that tells who can answer; a gate sees the
conversation up to the question, never a reply to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from lrrc.digest.features import FIRST_AGENT, Query
from lrrc.digest.history import History
from lrrc.episodes.episode import Message
from lrrc.model.caller import ANOTHER, ITSELF, USER, Caller, CallerShape, Seen, collate
from lrrc.runtime.files import atomic, write_json

DEFAULT = Path("results/team/gate")


class Choice(NamedTuple):
    """An agent, the probability that it would be right, whether it is to be called, and what speaks for it."""

    agent: str
    probability: float
    called: bool
    reason: str


def look(history: History, question: str) -> tuple[Seen, ...]:
    """The history as each of its agents sees it when a question is asked."""
    query = Query.of([Message("user", question)], history.encoder)
    code_N = history.speaker_N
    texts = [piece.text for piece in history.segments]
    named_NM = np.array([[_names(name, text) for name in history.agents] for text in texts], np.float32)
    named_NM = named_NM.reshape(len(texts), len(history.agents))
    embeddings_NE, turn_N, features_NF = history.embeddings_NE.copy(), history.turn_N.copy(), history.features(query)

    def seen_by(agent: int) -> Seen:
        speaker_N = np.where(code_N < FIRST_AGENT, USER, np.where(code_N == FIRST_AGENT + agent, ITSELF, ANOTHER))
        others_N = np.delete(named_NM, agent, axis=1).max(axis=1, initial=0)
        return Seen(
            embeddings_NE,
            turn_N,
            speaker_N.astype(np.int64),
            np.stack([named_NM[:, agent], others_N], axis=1),
            features_NF,
            query.embedding_E,
        )

    return tuple(seen_by(agent) for agent in range(len(history.agents)))


def _names(name: str, text: str) -> bool:
    return bool(re.search(rf"\b{re.escape(name)}\b", text))


@dataclass(frozen=True)
class CallGate:
    """Networks whose probabilities are averaged, and the probability from which an agent is called."""

    nets: tuple[Caller, ...]
    threshold: float

    @property
    def width(self) -> int:
        """Of the sentence vectors that it reads."""
        return self.nets[0].shape.e

    @torch.inference_mode()
    def probabilities(self, seen: Sequence[Seen]) -> np.ndarray:
        """[M]: that each agent would be right."""
        views = collate(seen)
        return np.mean([torch.sigmoid(net.eval()(views)).numpy() for net in self.nets], axis=0)

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


def save_gate(folder: Path, gate: CallGate) -> None:
    """Write weights and config.json into `folder`."""
    from safetensors.torch import save_file

    with atomic(folder) as temporary:
        temporary.mkdir(parents=True, exist_ok=True)
        for i, net in enumerate(gate.nets):
            save_file(
                {name: value.contiguous() for name, value in net.state_dict().items()}, temporary / f"{i}.safetensors"
            )
        shape = asdict(gate.nets[0].shape)
        write_json(temporary / "config.json", {"threshold": gate.threshold, "nets": len(gate.nets), "shape": shape})


def load_gate(folder: Path = DEFAULT) -> CallGate:
    """Read what `save_gate` wrote. Raises ValueError where there is none."""
    from safetensors.torch import load_file

    config = folder / "config.json"
    if not config.is_file():
        raise ValueError(f"{folder}: no call gate here: run `dvc repro team` first")
    found = json.loads(config.read_text(encoding="utf-8"))
    nets = []
    for i in range(found["nets"]):
        net = Caller(CallerShape(**found["shape"]))
        net.load_state_dict(load_file(folder / f"{i}.safetensors"))
        nets.append(net.eval())
    return CallGate(tuple(nets), found["threshold"])
