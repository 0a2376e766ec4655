"""Thoughts in messages of chat completions that their maker signed.

LiteLLM, OpenRouter and LangChain carry those of Anthropic's models in fields and parts of their own. The signature
binds them to all that stood before them, as in the Messages API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrrc.episodes.chat_message import blocks_in
from lrrc.episodes.unquoted import FIELDS as UNQUOTED

FIELDS = tuple(name for name in UNQUOTED if name != "refusal")
PARTS = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")
LEFT_OUT = "[...]"  # where something was that is not sent


def is_bound(message: Mapping[str, Any]) -> bool:
    """Has it thoughts with a signature, or sealed by a maker who binds those, too?"""
    left = [message.get(name) for name in FIELDS]
    left += [part for part in blocks_in(message.get("content")) if part.get("type") in PARTS]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            sealed = value.get("data") and str(value.get("format")).startswith("anthropic")
            if value.get("signature") or value.get("type") == "redacted_thinking" or sealed:
                return True
            left += value.values()
        elif isinstance(value, (list, tuple)):
            left += value
    return False


def without(message: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without any thoughts. Where nothing else was said or called, a mark stands for them: no reply may be
    empty."""
    said = message.get("content")
    if isinstance(said, list):
        said = [part for part in said if not (isinstance(part, Mapping) and part.get("type") in PARTS)]
    calls = message.get("tool_calls") or message.get("function_call")
    rest = {key: value for key, value in message.items() if key not in FIELDS}
    return {**rest, "content": said or (None if calls else LEFT_OUT)}
