"""Messages of other makers as chat completions, wherever a value holds them.

Makers name the speaker and the text differently (`from` and `value`, `sender` and `text`, `author` and
`content.parts`), put calls of tools into parts, and wrap messages into requests, responses and choices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lrrc.episodes import unquoted
from lrrc.episodes.episode import ROLES

SPEAKS = ("role", "from", "sender", "author", "type", "speaker")
SAYS = ("content", "value", "text", "parts", "contents", "body")
KEPT = ("name", "tool_calls", "tool_call_id", "audio", *unquoted.FIELDS)
FIELDS = ("role", "content", *KEPT)
TEXTS = (None, "text", "input_text", "output_text")  # types of parts that are a text and nothing more
WORDS = {
    **{word: word for word in ROLES},
    **dict.fromkeys(("human", "humanmessage", "prompter"), "user"),
    **dict.fromkeys(("ai", "gpt", "model", "bot", "chatbot", "chatgpt", "bard", "bing", "choice"), "assistant"),
    **dict.fromkeys(("aimessage", "aimessagechunk", "function_call"), "assistant"),
    "systemmessage": "system",
    **dict.fromkeys(("observation", "toolmessage", "functionmessage", "tool_response"), "tool"),
    **dict.fromkeys(("function_response", "function_call_output", "ipython"), "tool"),
}
HOLD = (  # keys behind which messages stand in requests, responses, choices and generations
    *("messages", "message", "choices", "generations", "candidates", "contents", "kwargs", "output", "outputs"),
    *("input", "prompt", "question", "content", "text", "parts", "response", "completion", "answer", "result"),
)
DEEPEST = 8


def loaded(value: Any) -> Any:
    """What a text of JSON holds, in files that keep messages as texts; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def as_messages(value: Any) -> list[Any] | None:
    """The messages of a list of them, of its JSON, or of a struct of lists; None of anything else.

    Entries that are no messages stay as they are, for the reader to name.
    """
    value = loaded(value)
    if isinstance(value, Mapping) and value and all(isinstance(each, list) for each in value.values()):
        value = [dict(zip(value, each, strict=True)) for each in _transposed(value)]
    if not isinstance(value, list):
        return None
    return [message for entry in value for message in (chat_messages(entry) or [entry])]


def _transposed(columns: Mapping[str, list]) -> list[tuple]:
    lengths = {len(each) for each in columns.values()}
    return list(zip(*columns.values(), strict=True)) if len(lengths) == 1 else []


def role_of(value: Any) -> str | None:
    """The role that a message of any maker has; None of what is no message."""
    if not isinstance(value, Mapping):
        return None
    if value.get("lc") is not None and isinstance(value.get("id"), list) and value["id"]:  # LangChain's constructor
        return WORDS.get(str(value["id"][-1]).lower())
    for key in SPEAKS:
        word = value.get(key)
        word = word.get("role") if key == "author" and isinstance(word, Mapping) else word
        if isinstance(word, str) and (role := WORDS.get(word.lower())):
            return role
    # people have names instead
    said = any(isinstance(value.get(key), (str, list)) for key in SAYS)
    return "user" if isinstance(value.get("speaker"), str) and said else None


def is_message(value: Any) -> bool:
    return role_of(value) is not None


def chat_messages(value: Any) -> list[dict[str, Any]] | None:
    """One message as chat completions, mostly one: results of tools become their own. None of no message."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        value = dict(value)  # a map of parquet
    role = role_of(value)
    if role is None:
        return None
    for key in ("kwargs", "data", "message"):  # LangChain's two forms, entries of a log
        if isinstance(value.get(key), Mapping) and not any(value.get(said) for said in SAYS):
            inner = value[key] if role_of(value[key]) else {**value[key], "role": role}
            return chat_messages(inner)
    calls = value.get("tool_calls")
    if _is_native(value):
        absent = [key for key, each in value.items() if each is None and key != "content"]
        return [{key: each for key, each in value.items() if key not in absent} if absent else value]  # of parquet
    if value.get("call_id") is not None:  # items of OpenAI's responses
        kind = {"type": "tool_call" if role == "assistant" else "tool_result", "id": value["call_id"]}
        return _from_parts({"role": role}, [{**value, **kind}])
    message = {"role": role, **{key: value[key] for key in KEPT if value.get(key) is not None}}
    speaker = value.get("speaker")
    if isinstance(speaker, str) and speaker.lower() not in WORDS:
        message.setdefault("name", speaker)
    if isinstance(calls, list):
        message["tool_calls"] = [_call(call) if _foreign(call) else call for call in calls]
        if not calls:
            del message["tool_calls"]
    content = next((value[key] for key in SAYS if value.get(key)), None)
    if isinstance(content, Mapping):
        content = content.get("parts") or content.get("text") or content.get("content")
    if isinstance(content, list):
        return _from_parts(message, content)
    return [{**message, "content": content}]


def _is_native(message: Mapping[str, Any]) -> bool:
    """Is it a message of chat completions, as the project reads them?"""
    calls, content = message.get("tool_calls"), message.get("content")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES or "parts" in message or not ("content" in message or calls):
        return False
    parts = content if isinstance(content, list) else ()
    responses = any(isinstance(part, Mapping) and part.get("type") in TEXTS[2:] for part in parts)
    return not responses and not (isinstance(calls, list) and any(map(_foreign, calls)))


def _foreign(call: Any) -> bool:
    """Is it a call of a tool with its name and arguments beside each other, and not below `function`?"""
    return isinstance(call, Mapping) and not isinstance(call.get("function") or call.get("custom"), Mapping)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    name = call.get("name") or call.get("function")
    arguments = next((call[key] for key in ("arguments", "args", "input") if call.get(key) is not None), {})
    function = {"name": name, "arguments": _text(arguments)}
    return {"id": str(call.get("id") or name), "type": "function", "function": function}


def _from_parts(message: dict[str, Any], parts: Sequence[Any]) -> list[dict[str, Any]]:
    """A message whose parts hold texts, calls of tools, or their results."""
    content: list[Any] = []
    calls, results = list(message.get("tool_calls", ())), []
    for part in parts:
        part = {"type": "text", "text": part} if isinstance(part, str) else part
        kind = part.get("type") if isinstance(part, Mapping) else None
        call = isinstance(part, Mapping) and (part.get("functionCall") or part.get("function_call"))
        result = isinstance(part, Mapping) and (part.get("functionResponse") or part.get("function_response"))
        if call or kind in ("tool_call", "tool_use"):
            calls.append(_call(call or part))
        elif result or kind in ("tool_result", "tool_call_response"):
            results.append(_result(result or part))
        elif isinstance(part, Mapping) and kind in TEXTS:
            text = part.get("text", part.get("content"))
            content.append({"type": "text", "text": text} if isinstance(text, str) else part)
        else:
            content.append(part)
    found = []
    if content or calls or not results:
        plain = all(isinstance(part, Mapping) and part.get("type") == "text" for part in content)
        said = "\n".join(part["text"] for part in content) if plain else content
        given = {"tool_calls": calls} if calls else {}
        found.append({**message, "content": said if content or not calls else None, **given})
    return [*results, *found]


def _result(part: Mapping[str, Any]) -> dict[str, Any]:
    said = next((part[key] for key in ("response", "result", "content", "output") if part.get(key) is not None), "")
    if isinstance(said, list):
        texts = [each.get("text") if isinstance(each, Mapping) else each for each in said]
        said = "\n".join(texts) if all(isinstance(text, str) for text in texts) else said
    answers = part.get("id") or part.get("tool_use_id") or part.get("tool_call_id") or part.get("name")
    return {"role": "tool", "tool_call_id": str(answers), "content": _text(said)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def first_of(row: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The first value that a row has behind one of the keys."""
    return next((row[key] for key in keys if row.get(key) is not None), None)


def messages_in(value: Any, role: str, depth: int = 0) -> list[dict[str, Any]] | None:
    """The messages of a request, a response, a generation or a text of `role`; None where there are none."""
    value = loaded(value)
    if depth > DEEPEST or not value:
        return None
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if found := chat_messages(value):
        return found
    if isinstance(value, list):
        if all(map(is_message, value)):
            return as_messages(value)
        if all(isinstance(part, Mapping) and isinstance(part.get("type"), str) for part in value):
            return _from_parts({"role": role}, value)  # parts of one message
        if all(isinstance(part, Mapping) and isinstance(part.get("text"), str) and len(part) == 1 for part in value):
            return _from_parts({"role": role}, value)
        return messages_in(value[0], role, depth + 1)  # one of a batch, the first of several choices
    if isinstance(value, Mapping):
        for key in HOLD:
            if found := messages_in(value.get(key), role, depth + 1):
                return found
    return None
