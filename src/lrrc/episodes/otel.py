"""OpenTelemetry's GenAI conventions: conversations in the attributes of spans and events, or a message a log record.

A span has what a call was sent and what came back, in its attributes (`gen_ai.input.messages`) or in events. Older
instrumentations write a log record for every message (`gen_ai.user.message`, ..., `gen_ai.choice`); those of one span
are one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lrrc.episodes.other_messages import first_of, loaded, messages_in

Found = tuple[list[Any], list[Any]]  # messages, answered
Entry = tuple[str, int | str, Any]  # place, number, value
COLUMNS = ("eventName", "event_name")
BATCHES = ("resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords")  # of OTLP's JSON
RESOURCE = ("resource", "scope", "schemaUrl")  # what stands beside them
OURS = ("gen_ai.", "llm.")  # begins of attributes of a call to a model
TIMES = ("timeUnixNano", "observedTimeUnixNano", "startTimeUnixNano")
SPANS = ("spanId", "span_id")
TRACES = ("traceId", "trace_id")
ASKED = ("gen_ai.input.messages", "gen_ai.prompt", "input.value")
ANSWERED = ("gen_ai.output.messages", "gen_ai.completion", "output.value")
CHOICE = "gen_ai.choice"
WRAPPERS = ("message", "tool_call", "message_content")  # of OpenInference, each around what its name says
DEEPEST = 12  # steps in the name of an attribute


def joined(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same entries, those of one span's messages as one, where its answer comes; those without any at the end."""
    held: dict[tuple[Any, Any], tuple[str, int | str, list[Any]]] = {}
    answered: set[tuple[Any, Any]] = set()
    for where, number, value in entries:
        span = (first_of(value, TRACES), first_of(value, SPANS)) if is_record(value) else (None, None)
        if not span[1] or not str(span[1]).strip("0x"):  # OpenTelemetry writes zeros for none
            yield where, number, value
        elif span not in answered:  # else another of several choices
            held.setdefault(span, (where, number, []))[2].append(value)
            if name_of(value) == CHOICE:
                answered.add(span)
                yield _call(span, *held.pop(span))
    for span, call in held.items():
        yield _call(span, *call)


def _call(span: tuple[Any, Any], where: str, number: int | str, records: list[Any]) -> Entry:
    return where, number, {"trace_id": span[0], "span_id": span[1], "events": records}


def is_record(value: Any) -> bool:
    """Is it a log record of one message?"""
    if not isinstance(value, Mapping) or not isinstance(name := name_of(value), str):
        return False
    return name == CHOICE or (name.startswith("gen_ai.") and name.endswith(".message"))


def is_of_other_work(value: Any) -> bool:
    """Is it a span or a log record that says nothing of a call to a model?"""
    keys = (*SPANS, *TRACES, *TIMES, "attributes", "body")
    if not isinstance(value, Mapping) or not any(key in value for key in keys) or is_record(value):
        return False
    events = loaded(value.get("events"))
    about = [value, *(event for event in events if isinstance(event, Mapping))] if isinstance(events, list) else [value]
    return not any(key.startswith(OURS) for each in about for key in (*_attributes(each), str(name_of(each))))


def name_of(event: Mapping[str, Any]) -> Any:
    """The name of an event, wherever its version has it."""
    return first_of(event, ("eventName", "event_name", "name")) or _attributes(event).get("event.name")


def messages_of(row: Mapping[str, Any]) -> Found | None:
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
        if found := _in_attributes(_attributes(event)):
            asked, answered = asked + found[0], answered + found[1]
        elif event is not row and is_record(event):
            said = _message(event)
            asked, answered = (asked, answered + said) if name_of(event) == CHOICE else (asked + said, answered)
    return (asked, answered) if asked else None


def _message(record: Mapping[str, Any]) -> list[Any]:
    """What a log record or an event of one message says, in its body or in its attributes."""
    body = _plain(record.get("body")) or _attributes(record)
    if not isinstance(body, Mapping):
        return []
    said = {key: value for key, value in body.items() if "." not in str(key)}  # attributes of the event aside
    role = name_of(record).split(".")[1]
    if role == "choice":
        role, inner = "assistant", loaded(said.get("message"))
        if isinstance(inner, Mapping):
            said = {**{key: said[key] for key in ("tool_calls",) if key in said}, **inner}
    if role == "tool" and "id" in said:
        said = {"tool_call_id": said.pop("id"), **said}
    said = {"role": role, **said, "tool_calls": loaded(said.get("tool_calls"))}
    return (messages_in(said, role) or []) if any(said.get(key) for key in ("content", "tool_calls", "parts")) else []


def _in_attributes(found: Mapping[str, Any]) -> Found | None:
    asked = messages_in(first_of(found, ASKED), "user") or _numbered(found, ("gen_ai.prompt", "llm.input_messages"))
    if not asked:
        return None
    answered = messages_in(first_of(found, ANSWERED), "assistant")
    answered = answered or _numbered(found, ("gen_ai.completion", "llm.output_messages"))
    told = messages_in(found.get("gen_ai.system_instructions"), "system") or []
    return [*({**m, "role": "system"} for m in told), *asked], answered


def _numbered(attributes: Mapping[str, Any], prefixes: Sequence[str]) -> list[Any]:
    """Messages of attributes such as gen_ai.prompt.0.role and llm.input_messages.0.message.content."""
    tree = _Steps()
    for key, value in attributes.items():
        prefix = next((p for p in prefixes if key.startswith(f"{p}.")), None)
        steps = key.removeprefix(f"{prefix}.").split(".", DEEPEST)
        if prefix and steps[0].isdecimal():
            _put(tree, steps, value)
    entries = [entry for entry in _grown(tree) or () if isinstance(entry, dict)]
    return [m for entry in entries for m in messages_in(_flat(entry), "assistant") or []]


class _Steps(dict[str, Any]):
    """What stands behind the next step in names of attributes; other dicts are values."""


def _put(tree: _Steps, steps: Sequence[str], value: Any) -> None:
    """Put a value behind a path of names, unless another attribute has a value on the way."""
    *way, last = steps
    for step in way:
        tree = tree.setdefault(step, _Steps())
        if not isinstance(tree, _Steps):
            return
    tree.setdefault(last, value)


def _grown(value: Any) -> Any:
    """A tree of names with lists where they are numbers, and nothing in wrappers."""
    if not isinstance(value, _Steps):
        return value
    found: dict[str, Any] = {key: _grown(each) for key, each in value.items()}
    if found and all(key.isdecimal() for key in found):
        return [found[key] for key in sorted(found, key=lambda key: (len(key), key))]
    for key in WRAPPERS:
        if isinstance(found.get(key), dict):
            found |= found.pop(key)
    return found


def _flat(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with its parts in `content`, and name and arguments of its calls beside each other."""
    calls = loaded(message.get("tool_calls"))
    calls = [_flat_call(call) for call in calls] if isinstance(calls, list) else calls
    return {**message, "content": message.get("content") or message.get("contents"), "tool_calls": calls}


def _flat_call(call: Any) -> Any:
    if not isinstance(call, Mapping) or not isinstance(call.get("function"), Mapping):
        return call
    return {**{key: each for key, each in call.items() if key != "function"}, **call["function"]}


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
