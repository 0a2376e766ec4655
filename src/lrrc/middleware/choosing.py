"""Which agents of a conversation to call next: the call gate over message lists of an application."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lrrc.digest.features import question
from lrrc.digest.history import History
from lrrc.episodes.episode import Message
from lrrc.middleware.prompt import chat_prompt
from lrrc.policies.base import split_turns
from lrrc.policies.caller import PACKAGED, CallGate, Choice, load_gate
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.files import invalid_value

MAX_SEGMENT_TOKENS = 60


@functools.lru_cache(maxsize=4)
def gate_in(folder: Path) -> CallGate:
    """The gate of a folder, read once. Raises ValueError."""
    return load_gate(folder)


def choose(
    messages: Sequence[Mapping[str, Any]], agents: Sequence[str], gate: Path | str | None, encoder: Path
) -> list[Choice]:
    """Every agent with the probability that its answer to the last message would be right, and whether to call it.

    A reply is an agent's where it carries its name. `gate` and `encoder` are folders. Raises ValueError that names the
    message, or the agents.
    """
    if isinstance(agents, str) or not isinstance(agents, Sequence) or not agents or len(set(agents)) < len(agents):
        raise invalid_value("choose", "agents", agents, "a list of different names, not empty")
    prompt = chat_prompt(messages)
    read = [
        prompt.form.read(message, mark, f"messages[{i}]")
        for i, (message, mark) in enumerate(zip(prompt.messages, prompt.marks, strict=True))
    ]
    said = [item.spoken for item in read if item.role != "system"]
    if not said or said[-1].role != "user":
        raise invalid_value("choose", "messages", messages, "a list that ends with a user's message")
    folder = Path(gate or PACKAGED)
    trained, vectors = gate_in(folder), sentence_encoder.load(str(encoder))
    if vectors.width != trained.width:
        raise ValueError(f"{folder}: trained on vectors of width {trained.width}, {encoder} has {vectors.width}")
    history = History(agents, vectors, MAX_SEGMENT_TOKENS)
    before = [_as_said(message, agents) for message in said[:-1]]
    turns = [[before[i] for i in turn] for turn in split_turns(range(len(before)), before)]
    history.commit(history.prepare(turns))
    return trained.choose(history, question(said[-1].content))


def _as_said(message: Message, agents: Sequence[str]) -> Message:
    """The message; what an assistant said that is none of the agents counts as a tool's."""
    stranger = message.role == "assistant" and message.name not in agents
    return Message("tool", message.content, message.name) if stranger else message
