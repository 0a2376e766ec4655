"""The forms in which others store conversations, and what they become here (docs/own_logs.md has the table).

What is read of a file is first opened, where it holds many conversations (`opened`), then recognised by a key that it
has (`FORMS`), and translated: into `messages`, what was sent, and `answered`, what came back where the form keeps that
apart. Rows of an arena stay rows of an arena. Messages that are chat completions already stay the objects they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

from lrrc.episodes.other_messages import FIELDS, as_messages, is_message, loaded, messages_in, role_of
from lrrc.runtime.files import invalid_value, shortened
from lrrc.runtime.rows import Refuse, Row, raise_it, rows_of

Found = tuple[list[Any], list[Any]]  # messages, answered

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
    "resourceSpans",
    "scopeSpans",
    "spans",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
)
WRAPPED = ("row", "record")  # of one conversation each


class Form(NamedTuple):
    """`find` gives the messages of a row that has one of `keys`, or None where it is another form after all."""

    name: str
    keys: tuple[str, ...]
    find: Callable[[Mapping[str, Any]], Found | None]


def _chat(row: Mapping[str, Any]) -> Found | None:
    """A list of messages, and an answer stored beside it, where the list does not end in it."""
    found = as_messages(row["messages"])
    if not found:
        return None if found is None else (found, [])
    return found, [] if role_of(found[-1]) == "assistant" else messages_in(_first(row, ANSWERS), "assistant") or []


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
    request = loaded(_first(row, REQUESTS))
    asked = messages_in(request, "user")
    if not asked:
        return None
    answered = messages_in(_first(row, ANSWERS), "assistant") or []
    if answered[: len(asked)] == asked:  # LangGraph: the whole list comes back
        answered = answered[len(asked) :]
    return [*_system(request if isinstance(request, Mapping) else row), *asked], answered


def _instruction(row: Mapping[str, Any]) -> Found | None:
    text = "\n\n".join(row[key] for key in ("instruction", "input") if isinstance(row.get(key), str) and row[key])
    return [*_system(row), {"role": "user", "content": text}], messages_in(_first(row, ANSWERS), "assistant") or []


def _gemini(row: Mapping[str, Any]) -> Found | None:
    found = messages_in(row["contents"], "user")
    return found and ([*_system(row), *found], messages_in(_first(row, ANSWERS), "assistant") or [])


def _span(row: Mapping[str, Any]) -> Found | None:
    """OpenTelemetry's GenAI conventions: messages in the attributes, or in events, one a message or all in one."""
    attributes = _attributes(row)
    if found := _in_attributes(attributes):
        return found
    asked: list[Any] = []
    answered: list[Any] = []
    events = loaded(row.get("events"))
    for event in events if isinstance(events, list) else [row]:
        if not isinstance(event, Mapping):
            continue
        name = event.get("name") or event.get("event_name") or event.get("eventName") or ""
        inner = _attributes(event)
        if found := _in_attributes(inner):
            asked, answered = asked + found[0], answered + found[1]
        elif event is not row and isinstance(name, str) and name.startswith("gen_ai."):
            body = _plain(event.get("body")) or inner
            if not isinstance(body, Mapping):
                continue
            if name == "gen_ai.choice":
                answered += messages_in(body, "assistant") or []
            else:
                asked += messages_in({"role": name.split(".")[1], **body}, "user") or []
    return (asked, answered) if asked else None


def _in_attributes(found: Mapping[str, Any]) -> Found | None:
    asked = messages_in(_first(found, ("gen_ai.input.messages", "gen_ai.prompt", "input.value")), "user")
    asked = asked or _numbered(found, ("gen_ai.prompt", "llm.input_messages"))
    if not asked:
        return None
    answered = messages_in(_first(found, ("gen_ai.output.messages", "gen_ai.completion", "output.value")), "assistant")
    answered = answered or _numbered(found, ("gen_ai.completion", "llm.output_messages"))
    told = messages_in(found.get("gen_ai.system_instructions"), "system") or []
    return [*({**m, "role": "system"} for m in told), *asked], answered


def _numbered(attributes: Mapping[str, Any], prefixes: Sequence[str]) -> list[Any]:
    """Messages of attributes such as gen_ai.prompt.0.role and llm.input_messages.0.message.content."""
    by_number: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        prefix = next((p for p in prefixes if key.startswith(f"{p}.")), None)
        number, _, field = key.removeprefix(f"{prefix}.").partition(".")
        if prefix and number.isdecimal():
            by_number.setdefault(int(number), {})[field.removeprefix("message.")] = value
    return [m for _, entry in sorted(by_number.items()) for m in messages_in(entry, "assistant") or []]


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes by name; OTLP has a list of {key, value: {stringValue}}."""
    found = loaded(holder.get("attributes"))
    if isinstance(found, list):
        return {str(item.get("key")): _plain(item.get("value")) for item in _listed({"all": found}, "all")}
    return dict(found) if isinstance(found, Mapping) else {}


def _plain(value: Any) -> Any:
    """A value of OTLP's JSON, out of its type."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return loaded(value)
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [_plain(each) for each in _listed(inner, "values")]
    if kind == "kvlistValue":
        return {str(each.get("key")): _plain(each.get("value")) for each in _listed(inner, "values") if each}
    return loaded(inner) if str(kind).endswith("Value") else value


def _listed(value: Any, key: str) -> list[Any]:
    """A list of objects below a key, or nothing."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


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
    Form("OpenTelemetry GenAI spans and events", ("attributes", "events"), _span),
    Form("instruction and output", ("instruction",), _instruction),
    Form("Langfuse, LangSmith, requests with their responses", REQUESTS, _pair),
    Form("Gemini requests", ("contents",), _gemini),
)
KEYS = tuple(dict.fromkeys((*IDS, *ANSWERS, *WRAPPED, *(key for form in FORMS for key in form.keys))))
BESIDE = ("system", "system_prompt", "systemInstruction", "system_instruction", "instructions")
COLUMNS = (*KEYS, *BESIDE, *MANY, "current_node", "context", "agent", "tools", "response_format")


def conversation_rows(
    rows: Iterable[Row], refuse: Refuse = raise_it, inside: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) of every conversation: an arena's row, or one with `id`, `messages` and maybe `answered`.

    `refuse` gets what is none and may let the rest go on.
    """
    for row in rows:
        for where, number, value in opened(*row):
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
    if isinstance(value, Mapping) and not own and form_of(value) is None:
        for key in WRAPPED:
            if isinstance(value.get(key), Mapping):
                yield where, number, value[key]
                return
        for key in MANY:
            inner = loaded(value.get(key))
            if isinstance(inner, list) and inner and all(isinstance(entry, Mapping) for entry in inner):
                entries = list(opened(where, number, inner))
                # spans of other work stand beside those of a model
                known = [entry for entry in entries if isinstance(entry[2], Mapping) and form_of(entry[2])]
                yield from known or entries
                return
    yield where, number, value


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
    if found := form_of(value):
        messages, answered = found[1]
        request = next((loaded(value[key]) for key in REQUESTS if isinstance(loaded(value.get(key)), Mapping)), {})
        both = ("tools", "response_format") if found[0].find is _pair else ()
        beside = {key: request[key] for key in both if key in request}
        return {**value, **beside, "id": name, "messages": messages, "answered": answered}
    if "messages" in value:
        raise invalid_value(where, "messages", value["messages"], "a list of messages")
    met = shortened(", ".join(map(str, value)) or "no keys").strip("'\"")
    if role_of(value) and any(key in value for key in ("content", "text", "value", "parts")):
        raise ValueError(f'{where}: one message alone ({met}): join those of one talk to {{"id", "messages": [...]}}')
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
            sides[key] = found
    return {**row, **sides, "question_id": id_of(row, ("question_id", *IDS), number)}


def _first(row: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((row[key] for key in keys if row.get(key) is not None), None)


def _system(row: Mapping[str, Any]) -> list[Any]:
    """The system prompt that stands beside the messages."""
    found = messages_in(_first(row, BESIDE), "system") or []
    return [{**message, "role": "system"} for message in found]


def read_conversations(
    file: BinaryIO, columns: Iterable[str | None] = (), inside: str = "", refuse: Refuse = raise_it
) -> Iterator[tuple[str, dict[str, Any]]]:
    """`conversation_rows` of an open file or pipe; of parquet, those `columns` are read too."""
    return conversation_rows(rows_of(file, {*COLUMNS, *columns}, inside, refuse), refuse)
