"""The forms in which others store conversations, and what they become here (docs/own_logs.md has the table).

What is read of a file is first opened, where it holds many conversations (`opened`), then recognised by a key that it
has (`FORMS`), and translated: into `messages`, what was sent, and `answered`, what came back where the form keeps that
apart. Rows of an arena stay rows of an arena. Messages that are chat completions already stay the objects they are. A
request of Anthropic's Messages API is also given as it came, as `anthropic`, for who sends messages instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

from lrrc.episodes import otel
from lrrc.episodes.anthropic_requests import anthropic_request
from lrrc.episodes.message_parts import paired
from lrrc.episodes.other_messages import FIELDS, as_messages, first_of, is_message, loaded, messages_in, role_of
from lrrc.runtime.files import invalid_value, shortened
from lrrc.runtime.rows import Refuse, Row, raise_it, rows_of

Found = otel.Found

IDS = (
    "id",
    "question_id",
    "conversation_id",
    "conversation_hash",
    "uuid",
    "custom_id",
    "span_id",
    "spanId",
    "trace_id",
    "traceId",
    "run_id",
    "session_id",
    "sessionId",
    "_id",
)
MANY = (  # keys of lists with a conversation an entry; Inspect, the hub's viewer, pages of Langfuse and LangSmith, OTLP
    "samples",
    "rows",
    "data",
    "traces",
    "runs",
    "observations",
    "conversations",
    "records",
    *otel.BATCHES,
)
JOIN = 'join those of one talk to {"id", "messages": [...]}'
WRAPPED = ("row", "record")  # of one conversation each


class Form(NamedTuple):
    """`find` gives the messages of a row that has one of `keys`, or None where it is another form after all."""

    name: str
    keys: tuple[str, ...]
    find: Callable[[Mapping[str, Any]], Found | None]


def _chat(row: Mapping[str, Any]) -> Found | None:
    """A list of messages, the system prompt and an answer stored beside it, where the list does not have them."""
    found = as_messages(row["messages"])
    if not found:
        return None if found is None else (found, [])
    system = [] if role_of(found[0]) in ("system", "developer") else _system(row)
    answered = [] if role_of(found[-1]) == "assistant" else messages_in(first_of(row, ANSWERS), "assistant") or []
    return [*system, *found], answered


def _turns(row: Mapping[str, Any]) -> Found | None:
    """A list of messages under another name, the system prompt beside it."""
    for key in CHATS:
        listed = loaded(row.get(key))
        if isinstance(listed, list) and (found := as_messages(listed)) and any(map(is_message, found)):
            return [*_system(row), *(_said(message) for message in found)], []
    return None


def _said(message: Any) -> Any:
    """A message without what a data set notes of it (its language, whether it is toxic)."""
    return {key: value for key, value in message.items() if key in FIELDS} if isinstance(message, Mapping) else message


def _pair(row: Mapping[str, Any]) -> Found | None:
    """What was sent and what came back."""
    request = loaded(first_of(row, REQUESTS))
    asked = messages_in(request, "user")
    if not asked:
        return None
    answered = messages_in(first_of(row, ANSWERS), "assistant") or []
    if answered[: len(asked)] == asked:  # LangGraph: the whole list comes back
        answered = answered[len(asked) :]
    return [*_system(request if isinstance(request, Mapping) else row), *asked], answered


def _instruction(row: Mapping[str, Any]) -> Found | None:
    text = "\n\n".join(row[key] for key in ("instruction", "input") if isinstance(row.get(key), str) and row[key])
    return [*_system(row), {"role": "user", "content": text}], messages_in(first_of(row, ANSWERS), "assistant") or []


def _gemini(row: Mapping[str, Any]) -> Found | None:
    found = messages_in(row["contents"], "user")
    return found and ([*_system(row), *found], messages_in(first_of(row, ANSWERS), "assistant") or [])


def _branch(row: Mapping[str, Any]) -> Found | None:
    """ChatGPT's export: a tree, of which the branch shown last is the conversation."""
    nodes, found = row["mapping"], []
    if not isinstance(nodes, Mapping) or not all(isinstance(node, Mapping) for node in nodes.values()):
        return None
    at = row.get("current_node") or next((key for key, node in nodes.items() if not node.get("children")), None)
    while isinstance(at, str) and at in nodes and len(found) <= len(nodes):
        found.append(nodes[at].get("message"))
        at = nodes[at].get("parent")
    said = [m for message in reversed(found) if message for m in messages_in(message, "user") or []]
    return [m for m in said if m.get("content") or m.get("tool_calls")], []


CHATS = ("conversations", "conversation", "chat_messages", "dialogue", "dialog", "chat", "turns", "thread")
REQUESTS = ("input", "inputs", "request", "body", "prompt", "question", "kwargs")
ANSWERS = ("output", "outputs", "response", "completion", "answer", "choices", "candidates", "result")
FORMS = (
    Form("chat logs", ("messages",), _chat),
    Form("ShareGPT, WildChat, LMSYS, exports of Claude", CHATS, _turns),
    Form("exports of ChatGPT", ("mapping",), _branch),
    Form("OpenTelemetry GenAI spans and events", ("attributes", "events"), otel.messages_of),
    Form("instruction and output", ("instruction",), _instruction),
    Form("Langfuse, LangSmith, requests with their responses", REQUESTS, _pair),
    Form("Gemini requests", ("contents",), _gemini),
)
KEYS = tuple(dict.fromkeys((*IDS, *ANSWERS, *WRAPPED, *(key for form in FORMS for key in form.keys))))
BESIDE = ("system", "system_prompt", "systemInstruction", "system_instruction", "instructions")
CALL = ("tools", "functions", "response_format")  # what goes beside the messages of a call
COLUMNS = (*KEYS, *BESIDE, *MANY, *otel.COLUMNS, "current_node", "context", "agent", *CALL)


def conversation_rows(
    rows: Iterable[Row], refuse: Refuse = raise_it, inside: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) of every conversation: an arena's row, or one with `id`, `messages` and maybe `answered`.

    `refuse` gets what is none and may let the rest go on.
    """
    for where, number, value in otel.joined(entry for row in rows for entry in opened(*row)):
        try:
            yield where, translated(value, number, where)
        except ValueError as error:
            refuse(error)


def opened(where: str, number: int | str, value: Any) -> Iterator[tuple[str, int | str, Any]]:
    """(place, number, entry) of every conversation in a value of a file; numbers stand in for ids."""
    if isinstance(value, list) and not all(map(is_message, value)):
        for i, entry in enumerate(value, 1):
            yield from opened(f"{where}, entry {i}", i if number == 1 else f"{number}-{i}", entry)
        return
    own = isinstance(value, Mapping) and any(value.get(key) is not None for key in ("messages", "conversation_a"))
    if isinstance(value, Mapping) and not own and not _known(value):
        for key in WRAPPED:
            if isinstance(value.get(key), Mapping):
                yield where, number, value[key]
                return
        for key in MANY:
            inner = loaded(value.get(key))
            batch = key in otel.BATCHES
            if batch and inner == [] and value.keys() <= {key, *otel.RESOURCE}:
                return
            if isinstance(inner, list) and inner and all(isinstance(entry, Mapping) for entry in inner):
                entries = list(opened(where, number, inner))
                # spans of other work stand beside those of a model
                known = [entry for entry in entries if isinstance(entry[2], Mapping) and _known(entry[2])]
                yield from known or (each for each in entries if not (batch and otel.is_of_other_work(each[2])))
                return
    yield where, number, value


def _known(row: Mapping[str, Any]) -> bool:
    return otel.is_record(row) or form_of(row) is not None


def form_of(row: Mapping[str, Any]) -> tuple[Form, Found] | None:
    """The form of a row, and its messages."""
    for form in FORMS:
        if any(row.get(key) is not None for key in form.keys) and (found := form.find(row)):
            return form, found
    return None


def translated(value: Any, number: int | str, where: str) -> dict[str, Any]:
    """One conversation in the project's form. Raises ValueError that names what was met and the forms known."""
    if isinstance(value, list):
        value = {"messages": value}
    if not isinstance(value, Mapping):
        raise invalid_value(where, "line", value, "a JSON object")
    if value.get("conversation_a") is not None:
        return _arena(value, number)
    name = id_of(value, IDS, number)
    if otel.is_record(value):
        raise ValueError(
            f"{where}: a log record of one message, without the span that says which conversation it belongs to: "
            f"record spans too, or {JOIN}"
        )
    if found := form_of(value):
        messages, answered = found[1]
        both, asked = paired([*messages, *answered]), len(messages)
        request = next((loaded(value[key]) for key in REQUESTS if isinstance(loaded(value.get(key)), Mapping)), {})
        beside = {key: request[key] for key in CALL if key in request} if found[0].find is _pair else {}
        own = {_chat: value, _pair: request}.get(found[0].find)
        said = {"id": name, "messages": both[:asked], "answered": both[asked:], "anthropic": anthropic_request(own)}
        return {**value, **beside, **said}
    events = loaded(value.get("events"))
    if isinstance(events, list) and any(map(otel.is_record, events)):
        raise ValueError(
            f"{where}: events of messages without their text: set "
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true where they are recorded"
        )
    if "messages" in value:
        raise invalid_value(where, "messages", value["messages"], "a list of messages")
    met = shortened(", ".join(map(str, value)) or "no keys").strip("'\"")
    if role_of(value) and any(key in value for key in ("content", "text", "value", "parts")):
        raise ValueError(f"{where}: one message alone ({met}): {JOIN}")
    raise ValueError(
        f"{where}: no conversation is known by these keys: {met}; known are an arena's conversation_a and "
        f"conversation_b, {', '.join(f'{form.keys[0]} ({form.name})' for form in FORMS)}: see docs/own_logs.md"
    )


def id_of(row: Mapping[str, Any], keys: Sequence[str], number: int | str) -> int | str:
    """The first id that a row has, in whatever type; where there is none, the number of its line."""
    context = row.get("context")
    for holder in (row, context if isinstance(context, Mapping) else {}):
        for key in keys:
            value = holder.get(key)
            if isinstance(value, Mapping) and len(value) == 1:  # MongoDB's {"$oid": ...}
                (value,) = value.values()
            if isinstance(value, bytes):
                value = value.decode("utf-8") if _is_text(value) else value.hex()
            if isinstance(value, float) and math.isfinite(value):
                value = int(value) if value.is_integer() else str(value)
            if isinstance(value, bool) or type(value).__name__ == "UUID":
                value = str(value)
            if isinstance(value, (str, int)) and value != "":
                return value
    return number


def _is_text(value: bytes) -> bool:
    try:
        return value.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _arena(row: Mapping[str, Any], number: int | str) -> dict[str, Any]:
    sides = {}
    for key in ("conversation_a", "conversation_b"):
        if (found := as_messages(row.get(key))) is not None:
            sides[key] = paired(found)
    return {**row, **sides, "question_id": id_of(row, ("question_id", *IDS), number)}


def _system(row: Mapping[str, Any]) -> list[Any]:
    """The system prompt that stands beside the messages."""
    found = messages_in(first_of(row, BESIDE), "system") or []
    return [{**message, "role": "system"} for message in found]


def read_conversations(
    file: BinaryIO, columns: Iterable[str | None] = (), inside: str = "", refuse: Refuse = raise_it
) -> Iterator[tuple[str, dict[str, Any]]]:
    """`conversation_rows` of an open file or pipe; of parquet, those `columns` are read too."""
    return conversation_rows(rows_of(file, {*COLUMNS, *columns}, inside, refuse), refuse)
