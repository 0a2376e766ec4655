"""Rows of an arena and chat messages as episodes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from lrrc.episodes.chat_message import as_dict, read_text, repair_surrogates
from lrrc.episodes.episode import ARENA_AGENTS, ARENA_OUTCOMES, LOG_AGENTS, ROLES, Check, Episode, Message, Turn
from lrrc.episodes.unquoted import NotHeld, unquoted_of
from lrrc.runtime.files import invalid_value

ARENA_COLUMNS = ("question_id", "model_a", "model_b", "winner", "conversation_a", "conversation_b")
BOTH_BAD = dict.fromkeys(("both_bad", "bothbad", "both bad", "tie (both bad)"), "tie (bothbad)")  # by other arenas
COLUMNS = (
    *ARENA_COLUMNS,
    "judge",
    "language",
    "group",
    "category",
    "checks",
    "id",
    "messages",
    "model",
    "outcome",
    "success",
    "reward",
)


def _text(row: Mapping, key: str, where: str, required: bool = False, inside: str = "") -> str | None:
    """A text, or None where it is null, empty or missing and not required. Integers pass, as ids are."""
    value, field = row.get(key), inside + key
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is not None and not isinstance(value, str) or required and not value:
        raise invalid_value(where, field, value, "a text, not empty" if required else "a text or null")
    return repair_surrogates(value) if value else None


def parse_messages(value: Any, where: str, field: str = "messages", lost: NotHeld | None = None) -> tuple[Message, ...]:
    """Messages in the form {role, content, name?, tool_calls?} of chat interfaces. Raises ValueError.

    `lost` counts what a message has and an episode cannot hold: pictures, audio, thoughts. Without it, pictures and the
    like are an error.
    """
    if not isinstance(value, list):
        raise invalid_value(where, field, value, "a list of messages")
    return tuple(_message(item, where, f"{field}[{i}].", lost) for i, item in enumerate(value))


def _message(value: Any, where: str, inside: str, lost: NotHeld | None) -> Message:
    value = as_dict(value, where, inside)
    read, content, text = read_text(value, where, inside), value.get("content"), None
    if lost is not None:
        more = unquoted_of(value, bool(read.calls))
        if not read.text and (text := _text(value, "refusal", where, inside=inside)):
            more.texts.pop(text, None)  # a reply that is nothing else
        lost.note(more)
    # an episode has texts alone: what it cannot hold is an error, and not an episode that lacks it
    elif read.unknown or (content is None and not read.calls):
        raise invalid_value(where, f"{inside}content", content, "a text, or a list of parts with text")
    return Message(ROLES[value["role"]], text or read.text, _text(value, "name", where, inside=inside))


def _turns(messages: Iterable[Message], agent: str) -> list[Turn]:
    """One agent's side, cut at its replies."""
    turns, inputs = [], []
    for message in messages:
        if message.role == "assistant":
            turns.append(Turn(tuple(inputs), (Message("assistant", message.content, agent),)))
            inputs = []
        elif message.role != "system":
            inputs.append(message)
    return [*turns, Turn(tuple(inputs), ())] if inputs else turns


def parse_episode(
    row: Mapping[str, Any], where: str, group_by: str | None = None, lost: NotHeld | None = None
) -> Episode:
    """An episode from a row in either form; `lost` is that of `parse_messages`.

    Raises ValueError: `where`, the field, what is allowed.
    """
    log = "messages" in row and row.get("conversation_a") is None
    if not log:
        for field in ARENA_COLUMNS:
            if field not in row:
                raise ValueError(f"{where}: {field} is missing (or give `id` and `messages` for a chat log)")
    # a chat log may also stand in the columns of the arena: that is how one is stored
    one = log or row["model_b"] is None and not row["conversation_b"]
    agents = LOG_AGENTS if one else ARENA_AGENTS
    fields = ("messages",) if log else ("conversation_a", "conversation_b")[: len(agents)]
    sides = [parse_messages(row[field], where, field, lost) for field in fields]
    if log and row.get("answered"):
        sides = [sides[0] + parse_messages(row["answered"], where, "answered", lost)]
    systems = [tuple(m for m in side if m.role == "system") for side in sides]
    turns = _joined([_turns(side, agent) for side, agent in zip(sides, agents, strict=True)], where)
    if systems[0] != systems[-1]:
        raise ValueError(f"{where}: conversation_a and conversation_b have different system messages")
    episode_id = _text(row, "id" if log else "question_id", where, required=True)
    return Episode(
        episode_id=episode_id,
        agents=agents,
        models=(
            (_text(row, "model", where) or agents[0],)
            if log
            else tuple(_text(row, field, where, required=True) for field in ARENA_AGENTS[: len(agents)])
        ),
        system=systems[0],
        turns=turns,
        outcome=_outcome(row, where, len(agents)),
        judge=_text(row, "judge", where),
        group=_group(row, where, group_by) or episode_id,
        language=_text(row, "language", where),
        category=_text(row, "category", where),
        checks=_checks(row.get("checks") or [], where, len(turns), len(agents)),
    )


def _joined(sides: list[list[Turn]], where: str) -> tuple[Turn, ...]:
    """The turns of all agents as one sequence: every agent was given the same inputs."""
    turns = []
    for number, turn in enumerate(zip_longest(*sides), 1):
        if None in turn or any(side.inputs != turn[0].inputs for side in turn):
            raise ValueError(f"{where}: conversation_a and conversation_b differ in the user's side of turn {number}")
        turns.append(Turn(turn[0].inputs, tuple(reply for side in turn for reply in side.replies)))
    if not any(turn.replies for turn in turns):
        raise ValueError(f"{where}: has no turn: an episode holds at least one reply of an assistant")
    return tuple(turns)


def _outcome(row: Mapping[str, Any], where: str, agents: int) -> str | None:
    fields = ("winner", "outcome", "success", "reward")
    field = next((key for key in fields if row.get(key) not in (None, "") and row[key] == row[key]), None)  # NaN
    if field is None:
        return None
    value = row[field]
    if isinstance(value, str):
        value = value.strip().lower()
        value = BOTH_BAD.get(value, value)
    if agents == 1 and isinstance(value, (bool, int, float)) and 0 <= value <= 1:
        return "model_a" if value == 1 else "tie (bothbad)"
    allowed = [name for name in ARENA_OUTCOMES if agents > 1 or name != "model_b"]
    if not isinstance(value, str) or value not in allowed:
        more = "" if agents > 1 else ", true, false, a number from 0 to 1"
        raise invalid_value(where, field, row[field], f"one of {', '.join(allowed)}, null{more}")
    return value


def _group(row: Mapping[str, Any], where: str, group_by: str | None) -> str | None:
    if group_by is None:
        return _text(row, "group", where)
    value = row.get(group_by)
    if not isinstance(value, (str, int, float)) or value in ("", math.inf, -math.inf) or value != value:
        raise invalid_value(where, group_by, value, "a text or a number (data.group_by names this column)")
    return repair_surrogates(str(value))


def _checks(value: Any, where: str, turns: int, agents: int) -> tuple[Check, ...]:
    checks = []
    for i, item in enumerate(value if isinstance(value, list) else [value]):
        try:
            texts = {key: repair_surrogates(item[key]) for key in ("family", "question")}
            options = tuple(repair_surrogates(text) for text in item["options"])
            check = Check(**{**item, **texts, "options": options, "choices": tuple(item["choices"])})
            right = (
                all(type(n) is int for n in (check.turn, check.answer, check.fact_turn, *check.choices))
                and 0 <= check.fact_turn <= check.turn < turns
                and len(check.choices) == agents
                and all(0 <= n < len(check.options) for n in (check.answer, *check.choices))
            )
        except (AttributeError, TypeError, KeyError):
            right = False
        if not right:
            raise invalid_value(where, f"checks[{i}]", item, "a check whose turns and indices exist")
        checks.append(check)
    return tuple(checks)
