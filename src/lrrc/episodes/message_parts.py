"""Parts of a message, as makers of models write them: texts, thoughts, calls of tools and what tools gave back.

Anthropic and OpenTelemetry name the kind of a part in `type`, Gemini and Bedrock's Converse by the key that holds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

TEXTS = (None, "text", "input_text", "output_text")  # types of parts that are a text and nothing more
CALLS, CALL_KEYS = ("tool_call", "tool_use", "mcp_tool_use"), ("functionCall", "function_call", "toolUse")
RESULTS = ("tool_result", "tool_call_response", "mcp_tool_result")
RESULT_KEYS = ("functionResponse", "function_response", "toolResult")
MEDIA = ("image", "image_url", "input_image", "document", "file", "audio", "input_audio", "video")
CACHE_MARK = "cachePoint"  # of Bedrock; no model reads it
UNTYPED = {  # keys of parts without a type
    *("text", "thought", "thoughtSignature", "thought_signature", "reasoningContent", *CALL_KEYS, *RESULT_KEYS),
    *("inlineData", "inline_data", "fileData", "file_data", "image", "document", CACHE_MARK),
}


def call_in(part: Any) -> Mapping[str, Any] | None:
    """The call of a tool that a part is."""
    return _in(part, CALLS, CALL_KEYS)


def result_in(part: Any) -> Mapping[str, Any] | None:
    """The result of a tool that a part is."""
    return _in(part, RESULTS, RESULT_KEYS)


def _in(part: Any, kinds: Sequence[str], keys: Sequence[str]) -> Mapping[str, Any] | None:
    if not isinstance(part, Mapping):
        return None
    inner = next((part[key] for key in keys if isinstance(part.get(key), Mapping) and part[key]), None)
    return inner or (part if part.get("type") in kinds else None)


def are_parts(value: Sequence[Any]) -> bool:
    """Are these parts of one message, and no messages or choices?"""
    typed = all(isinstance(part, Mapping) and isinstance(part.get("type"), str) for part in value)
    return typed or all(isinstance(part, Mapping) and part and part.keys() <= UNTYPED for part in value)


def flat_call(call: Any) -> bool:
    """Is it a call of a tool with its name and arguments beside each other, and not below `function`?"""
    return isinstance(call, Mapping) and not isinstance(call.get("function") or call.get("custom"), Mapping)


def chat_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A flat call as chat completions have it; its id is None where it came without one (see `paired`)."""
    name = call.get("name") or call.get("function")
    keys = ("arguments", "args", "input", "parameters")
    arguments = next((call[key] for key in keys if call.get(key) is not None), {})
    key = call.get("id") or call.get("toolUseId")
    return {
        "id": str(key) if key else None,
        "type": "function",
        "function": {"name": name, "arguments": _text(arguments)},
    }


def from_parts(message: dict[str, Any], parts: Iterable[Any]) -> list[dict[str, Any]]:
    """A message whose parts hold texts, calls of tools, or their results.

    Results in a message of the user answer the calls before it, so they go first, whatever is said beside them. In a
    message of the assistant they stand where tools were run on the way, so it becomes one message up to each.
    """
    found: list[dict[str, Any]] = []
    content: list[Any] = []
    calls, results = list(message.get("tool_calls", ())), []
    listed = {str(call["id"]) for call in calls if isinstance(call, Mapping) and call.get("id")}
    for part in parts:
        if result := result_in(part):
            results.append(_result(result))
            continue
        if results and message["role"] == "assistant":
            found += [*(_spoken(message, content, calls) if content or calls else ()), *results]
            message = {key: message[key] for key in ("role", "name") if key in message}
            content, calls, results = [], [], []
        if isinstance(part, Mapping) and part.keys() == {CACHE_MARK}:
            continue
        if call := call_in(part):
            made = chat_call(call)
            calls += [] if made["id"] in listed else [made]  # some say in parts again what `tool_calls` says
        else:
            content.append(_plain(part))
    said = _spoken(message, content, calls) if content or calls or not (results or found) else []
    return [*found, *said, *results] if message["role"] == "assistant" else [*results, *said]


def _spoken(message: dict[str, Any], content: list[Any], calls: list[Any]) -> list[dict[str, Any]]:
    """What is said and called up to the next result, as one message."""
    plain = all(isinstance(part, Mapping) and part.get("type") == "text" for part in content)
    said = "\n".join(part["text"] for part in content) if plain else content
    return [{**message, "content": said if content or not calls else None, **({"tool_calls": calls} if calls else {})}]


def _plain(part: Any) -> Any:
    """A part that is neither a call nor a result: a text, a thought as Anthropic writes it, or as it is."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        return part
    if part.get("thought") is True:  # Gemini
        return _thought(part.get("text"), part)
    if isinstance(thought := part.get("reasoningContent"), Mapping):  # Bedrock
        shown = thought.get("reasoningText")
        return _thought(shown.get("text") if isinstance(shown, Mapping) else None, thought)
    if part.get("type") in TEXTS and isinstance(text := part.get("text", part.get("content")), str):
        return {"type": "text", "text": text}
    return part


def _thought(text: Any, part: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(text, str):
        return {"type": "thinking", "thinking": text}
    return {"type": "redacted_thinking", "data": _text(dict(part))}


def _result(part: Mapping[str, Any]) -> dict[str, Any]:
    """A message of the tool; where it came without an id, with the tool's name for `paired`."""
    said = next((part[key] for key in ("response", "result", "content", "output") if part.get(key) is not None), "")
    key = next((part[key] for key in ("tool_use_id", "tool_call_id", "toolUseId", "id") if part.get(key)), None)
    named = {"name": part["name"]} if key is None and isinstance(part.get("name"), str) else {}
    return {"role": "tool", "tool_call_id": None if key is None else str(key), **named, "content": _returned(said)}


def _returned(value: Any) -> Any:
    """What a tool gave back: its texts, with pictures as parts; of anything else the JSON."""
    if not isinstance(value, list):
        return _text(value)
    texts = [_text_of(each) for each in value]
    if all(text is not None for text in texts):
        return "\n".join(texts)
    if all(text is not None or _is_medium(each) for text, each in zip(texts, value, strict=True)):
        pairs = zip(texts, value, strict=True)
        return [each if text is None else {"type": "text", "text": text} for text, each in pairs]
    return _text(value)


def _text_of(part: Any) -> str | None:
    if isinstance(part, Mapping):
        return _text(part["json"]) if part.keys() == {"json"} else _if_text(part.get("text"))
    return _if_text(part)


def _if_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _is_medium(part: Any) -> bool:
    return isinstance(part, Mapping) and (part.get("type") in MEDIA or any(key in part for key in MEDIA))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def paired(messages: Sequence[Any]) -> list[Any]:
    """The same messages, in which calls and results that came without ids have some.

    Such a result answers the first call of its tool's name, else of any name, that no result before it has answered,
    among the calls that it stands behind. All other messages stay the objects that they are.
    """
    used = {str(call.get("id")) for message in messages for call in _calls(message)}
    fresh = (key for number in count(1) if (key := f"call_{number}") not in used)
    open_calls: list[tuple[str, Any]] = []  # (id, tool)
    found, called = [], False
    for message in messages:
        calls = _calls(message)
        if calls:
            if any(call.get("id", "") is None for call in calls):
                given = [{**call, "id": next(fresh)} if call.get("id", "") is None else call for call in calls]
                message, calls = {**message, "tool_calls": given}, given
            open_calls = [*(open_calls if called else ()), *((str(call.get("id")), _tool(call)) for call in calls)]
        elif isinstance(message, Mapping) and message.get("role") == "tool":
            message = _answering(message, open_calls)
            open_calls = [call for call in open_calls if call[0] != message.get("tool_call_id")]
        else:
            open_calls = []
        called = bool(calls)
        found.append(message)
    return found


def _calls(message: Any) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls") if isinstance(message, Mapping) else None
    return calls if isinstance(calls, list) and all(isinstance(call, Mapping) for call in calls) else []


def _tool(call: Mapping[str, Any]) -> Any:
    body = call.get("function")
    return body.get("name") if isinstance(body, Mapping) else None


def _answering(message: Mapping[str, Any], open_calls: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    """A tool's message with the id of the call that it answers, where it came without."""
    if message.get("tool_call_id", "") is not None:
        return message
    name = message.get("name")
    key = next((key for key, tool in open_calls if name is None or tool == name), name)
    rest = {field: value for field, value in message.items() if field not in ("tool_call_id", "name")}
    return rest if key is None else {**rest, "tool_call_id": key}
