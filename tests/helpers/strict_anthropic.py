"""A provider of Anthropic's Messages API that refuses what the API documents as refused, and signs thoughts as it may:
bound to all that stood before them. `RULES[name](request)` raises Refused."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.util import find_spec
from itertools import pairwise

from pydantic import TypeAdapter, ValidationError

from helpers.refusals import Refused, broken


def blocks(message):
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def plain(message):
    """What the model reads of a message: a string is a block, and cache marks are for the server."""
    found = []
    for block in blocks(message):
        block = {key: value for key, value in block.items() if key != "cache_control"}
        if block["type"] == "tool_result" and "content" in block:
            block["content"] = plain(block)["content"]
        found.append(block)
    return {"role": message.get("role"), "content": found}


def signature(before):
    """Of thoughts that come behind these messages."""
    text = json.dumps([plain(message) for message in before], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def is_thought(block):
    return block["type"] in ("thinking", "redacted_thinking")


def roles_in_turn(request):
    roles = [message["role"] for message in request["messages"] if message["role"] != "system"]
    if not roles or roles[0] != "user":
        raise Refused("the first message must be the user's")
    if any(a == b for a, b in pairwise(roles)):
        raise Refused(f"roles must alternate: {roles}")


def system_in_place(request):
    """Behind one of the user, before a reply or at the end."""
    roles = [message["role"] for message in request["messages"]]
    for before, role, after in zip([None, *roles], roles, [*roles[1:], "assistant"], strict=False):
        if role == "system" and (before, after) != ("user", "assistant"):
            raise Refused(f"a system message between {before} and {after}")


def results_behind_calls(request):
    """All of them, directly behind, and before any text of that message."""
    waiting = []
    for i, message in enumerate(request["messages"]):
        if message["role"] == "system":
            continue
        kinds = [block["type"] == "tool_result" for block in blocks(message)]
        answered = [block["tool_use_id"] for block in blocks(message) if block["type"] == "tool_result"]
        if sorted(answered) != sorted(waiting):
            raise Refused(f"messages[{i}]: results of {answered} behind calls of {waiting}")
        if kinds != sorted(kinds, reverse=True):
            raise Refused(f"messages[{i}]: a text before a result")
        waiting = [block["id"] for block in blocks(message) if block["type"] == "tool_use"]
    if waiting:
        raise Refused(f"no results of {waiting}")


def texts_filled(request):
    for i, message in enumerate(request["messages"]):
        last = i == len(request["messages"]) - 1 and message["role"] == "assistant"
        if not blocks(message) and not last:
            raise Refused(f"messages[{i}]: no content")
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks(message)):
            raise Refused(f"messages[{i}]: an empty text")


def four_cache_marks(request):
    if json.dumps([request.get(key) for key in ("system", "tools", "messages")]).count('"cache_control"') > 4:
        raise Refused("more than four cache marks")


def thoughts_first(request):
    """Where thinking is wanted of every reply, in the one whose results are the last message."""
    messages = [message for message in request["messages"] if message["role"] != "system"]
    if (request.get("thinking") or {}).get("type") != "enabled" or not any(
        block["type"] == "tool_result" for block in blocks(messages[-1])
    ):
        return
    if not is_thought(blocks(messages[-2])[0]):
        raise Refused("expected a thought, found a call")


def thoughts_in_place(request):
    """Every thought stands behind what it was thought behind."""
    messages = request["messages"]
    for i, message in enumerate(messages):
        for block in blocks(message):
            sealed = block.get("signature") or block.get("data")
            if is_thought(block) and sealed != signature(messages[:i]):
                raise Refused(f"messages[{i}]: a thought behind other messages than it was thought behind")


def typed(request):
    """The request's types in Anthropic's own package, where it is installed."""
    if find_spec("anthropic") is None:
        return
    try:
        for message in types_of_messages().validate_python(request["messages"]):
            list(message["content"])  # read only now
    except ValidationError as error:
        raise Refused(str(error)) from None


@cache
def types_of_messages():
    from anthropic.types import MessageParam

    return TypeAdapter(list[MessageParam])


RULES = {
    rule.__name__: rule
    for rule in (
        roles_in_turn,
        system_in_place,
        results_behind_calls,
        texts_filled,
        four_cache_marks,
        thoughts_first,
        thoughts_in_place,
        typed,
    )
}


def refusals(request):
    """{rule: why} of those that are broken."""
    return broken(RULES, request)
