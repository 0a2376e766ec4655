"""What stands in a payload between the system messages and the question, and how an agent's chat shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lrrc.digest.selection import Selection
from lrrc.episodes.episode import Episode, Message
from lrrc.policies.base import DIGEST_NAME, Session

Pairs = tuple[tuple[str, str], ...]  # (speaker, content) of every message of a payload


def as_chat(pair: tuple[str, str], agent: str) -> tuple[str, str]:
    """Role and content as one agent of several sees a message: its own are the assistant's, others' carry a name."""
    speaker, content = pair
    if speaker == agent:
        return "assistant", content
    if speaker == "system":
        return "system", content
    return "user", content if speaker in ("user", "digest") else f"{speaker}: {content}"


S = TypeVar("S", bound=Sequence)


def payload(
    session: Session, episode: Episode, inputs: Sequence[Message], agent: str, budget: int | None
) -> tuple[list[tuple[str, str]], int]:
    """The payload of a call as (speaker, content) pairs, and the tokens of its digest (0 where it has none)."""
    middle, digest_tokens = history_part(session.select(inputs, agent, budget), session.history.messages, list)
    return [pair(message) for message in (*episode.system, *middle, *inputs)], digest_tokens


def history_part(sent: Selection, heard: S, form: Callable[[list[Message]], S]) -> tuple[S, int]:
    """What a payload has between system and inputs, and the tokens of its digest (0 where it has none).

    `heard` are the history's messages in any form, `form` is what gives a digest's message that form.
    """
    if sent.text is not None:
        return form([Message("user", sent.text, DIGEST_NAME)] if sent.text else []), sent.tokens
    return heard[sent.messages.start : sent.messages.stop], 0


def pair(message: Message) -> tuple[str, str]:
    """Speaker and content."""
    return (message.name or message.role, message.content)
