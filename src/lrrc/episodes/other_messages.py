"""Messages of other makers as chat completions, wherever a value holds them.

Makers name the speaker and the text differently (`from` and `value`, `sender` and `text`, `author` and
`content.parts`), put calls of tools into parts (message_parts.py), and wrap messages into requests, responses and
choices. What comes without ids of calls has None for them, until `message_parts.paired` has seen the whole list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lrrc.episodes import unquoted
from lrrc.episodes.episode import ROLES
from lrrc.episodes.message_parts import TEXTS, are_parts, call_in, chat_call, flat_call, from_parts, result_in

SPEAKS = ("role", "from", "sender", "author", "type", "speaker")
SAYS = ("content", "value", "text", "parts", "contents", "body")
KEPT = ("name", "tool_calls", "tool_call_id", "audio", *unquoted.FIELDS)
FIELDS = ("role", "content", *KEPT)
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
        return from_parts({"role": role}, [{**value, **kind}])
    if written := _written_calls(value):
        return [{"role": role, "content": None, "tool_calls": written}]
    message = {"role": role, **{key: value[key] for key in KEPT if value.get(key) is not None}}
    speaker = value.get("speaker")
    if isinstance(speaker, str) and speaker.lower() not in WORDS:
        message.setdefault("name", speaker)
    if isinstance(calls, list):
        message["tool_calls"] = [chat_call(call) if flat_call(call) else call for call in calls]
        if not calls:
            del message["tool_calls"]
    content = next((value[key] for key in SAYS if value.get(key)), None)
    if isinstance(content, Mapping):
        content = content.get("parts") or content.get("text") or content.get("content")
    if attached := _attached(value):
        content = [*attached, *(content if isinstance(content, list) else [content] if content else [])]
    if isinstance(content, list):
        return from_parts(message, content)
    return [
        {"tool_call_id": None, **message, "content": content} if role == "tool" else {**message, "content": content}
    ]


def _written_calls(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls that a speaker called function_call has written down as JSON, one or a list of them."""
    if not any(isinstance(word := value.get(key), str) and word.lower() == "function_call" for key in SPEAKS):
        return []
    written = loaded(first_of(value, SAYS))
    calls = written if isinstance(written, list) else [written]
    named = all(isinstance(call, Mapping) and isinstance(call.get("name"), str) for call in calls)
    return [chat_call(call) for call in calls] if named else []


def _attached(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was attached to a message in an export of Claude: a text as part of it, a file without one as it is.

    A text is fenced, so that nobody takes what somebody else wrote in it for words of the user's own.
    """
    files = [file for key in ("attachments", "files") for file in _objects(value.get(key))]
    read = [file for file in files if isinstance(text := file.get("extracted_content"), str) and text]
    names = [file.get("file_name") for file in read]  # `files` may name again what `attachments` hold
    bare = [file for file in files if file not in read and file.get("file_name") not in names]
    texts = [{"type": "text", "text": _fenced(file["extracted_content"])} for file in read]
    return [*texts, *({**file, "type": "file"} for file in bare)]


def _fenced(text: str) -> str:
    fence = "~~~" if "```" in text else "```"
    return f"{fence}\n{text}\n{fence}"


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _is_native(message: Mapping[str, Any]) -> bool:
    """Is it a message of chat completions, as the project reads them?"""
    calls, content = message.get("tool_calls"), message.get("content")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES or "parts" in message or not ("content" in message or calls):
        return False
    parts = content if isinstance(content, list) else ()
    foreign = any(_is_foreign(part, bool(calls)) for part in parts)
    return not foreign and not (isinstance(calls, list) and any(map(flat_call, calls)))


def _is_foreign(part: Any, calls: bool) -> bool:
    """Has another maker's message such a part? Some of chat completions say again there what `tool_calls` says."""
    if not isinstance(part, Mapping):
        return False
    kind = part.get("type")
    return kind is None or kind in TEXTS[2:] or result_in(part) is not None or (not calls and call_in(part) is not None)


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
        if are_parts(value):
            return from_parts({"role": role}, value)
        return messages_in(value[0], role, depth + 1)  # one of a batch, the first of several choices
    if isinstance(value, Mapping):
        for key in HOLD:
            if found := messages_in(value.get(key), role, depth + 1):
                return found
    return None
