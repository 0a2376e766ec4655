"""A provider of OpenAI's Responses API that refuses what the API documents as refused, and types that its package does
not have. `RULES[name](request)` raises Refused."""

from __future__ import annotations

from openai.types.responses import ResponseInputParam
from pydantic import TypeAdapter, ValidationError

from helpers.refusals import Refused, broken

TYPES = TypeAdapter(ResponseInputParam)
CALLS = ("function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call")


def kind(item):
    return item.get("type", "message")


def is_output(item):
    """Did the model put it out?"""
    return (kind(item) != "message" and not kind(item).endswith("_output") and kind(item) != "compaction") or item.get(
        "role"
    ) == "assistant"


def results_of_calls(request):
    """Each call has one result behind it, and each result a call before it."""
    waiting = []
    for i, item in enumerate(request["input"]):
        if kind(item) in CALLS:
            waiting.append(item["call_id"])
        elif kind(item).endswith("_output"):
            if item["call_id"] not in waiting:
                raise Refused(f"input[{i}]: No tool call found for function call output {item['call_id']}")
            waiting.remove(item["call_id"])
        elif not is_output(item) and waiting:
            raise Refused(f"input[{i}]: comes before the results of {waiting}")
    if waiting:
        raise Refused(f"No tool output found for function call {waiting}")


def thoughts_with_what_they_led_to(request):
    items = request["input"]
    for i, item in enumerate(items):
        if kind(item) == "reasoning" and not (i + 1 < len(items) and is_output(items[i + 1])):
            raise Refused(f"input[{i}]: 'reasoning' was provided without its required following item")


def what_thoughts_led_to_with_them(request):
    """The provider knows by the id (`ID_of_THOUGHT`) which call was thought out, and of a thought (`sealed THOUGHT`)
    which it is."""
    before = None
    for i, item in enumerate(request["input"]):
        _, of, thought = str(item.get("call_id")).partition("_of_")
        if kind(item) in CALLS and of and before != thought:
            raise Refused(f"input[{i}]: '{kind(item)}' was provided without its required 'reasoning' item")
        if kind(item) == "reasoning":
            before = item["encrypted_content"].removeprefix("sealed ")
        elif not is_output(item):
            before = None


def word_of_json(request):
    form = (request.get("text") or {}).get("format") or {}
    contents = [str(item.get("content")).lower() for item in request["input"] if kind(item) == "message"]
    if form.get("type") == "json_object" and "json" not in " ".join(contents):
        raise Refused("Response input messages must contain the word 'json'")


def typed(request):
    """The request's types in OpenAI's own package; Codex sends null where thoughts have no content."""
    items = request["input"]
    try:
        for item in TYPES.validate_python([without_null(item) for item in items]):
            for parts in (item.get("content"), item.get("summary"), item.get("output")):
                list(parts or ())  # read only now
    except ValidationError as error:
        raise Refused(str(error)) from None


def without_null(item):
    return {key: value for key, value in item.items() if value is not None} if kind(item) == "reasoning" else item


RULES = {
    rule.__name__: rule
    for rule in (
        results_of_calls,
        thoughts_with_what_they_led_to,
        what_thoughts_led_to_with_them,
        word_of_json,
        typed,
    )
}


def refusals(request):
    """{rule: why} of those that are broken."""
    return broken(RULES, request)
