"""Messages and items that are objects of a client's (pydantic models, as its answers hold them), read as dicts.

`response.output` or `response.content` goes back into a request as it is; the client writes it as JSON on its way. What
is read here is what it would write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticSerializationError

from lrrc.episodes.chat_message import as_dict
from lrrc.episodes.episode import ROLES

UNWRITABLE = (PydanticSerializationError, UnicodeError)
INSIDE = ("content", "output", "summary")  # the fields whose lists hold objects of their own


def chat_dict(message: Any, where: str) -> Mapping[str, Any]:
    """A message of chat completions. Raises ValueError."""
    if type(message) is dict and type(role := message.get("role")) is str and role in ROLES:  # most are: the quick way
        return message
    try:
        return as_dict(message, where)
    except UNWRITABLE as error:
        raise _unwritable(error, where) from None


def as_sent(value: Any, where: str) -> Any:
    """A message, an item or a block, with all that it holds; the very same where it has no such object. Raises
    ValueError."""
    if type(value) is dict or isinstance(value, Mapping):  # the first of the two is quicker
        return _inside(value, where)
    if not hasattr(value, "model_dump"):
        return value
    try:  # as the clients of OpenAI and Anthropic do: nulls that came stay, some are required
        found = value.model_dump(
            mode="json",
            by_alias=True,
            exclude_unset=True,
            exclude=getattr(value, "__api_exclude__", None),
            warnings=False,  # an answer of a newer API than the client's types
        )
    except UNWRITABLE as error:
        raise _unwritable(error, where) from None
    kind = getattr(value, "type", None)  # classes of one's own may have it by default
    return found if "type" in found or not isinstance(kind, str) else {"type": kind, **found}


def _inside(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    changed: dict[str, Any] = {}
    for key in INSIDE:
        listed = value.get(key)
        if isinstance(listed, list) and not all(map(_is_flat, listed)):
            found = [as_sent(part, f"{where}: {key}[{i}]") for i, part in enumerate(listed)]
            if any(part is not given for part, given in zip(found, listed, strict=True)):
                changed[key] = found
    return {**value, **changed} if changed else value


def _is_flat(part: Any) -> bool:
    """Is it a dict that holds no object, as most parts of a content are?"""
    return type(part) is dict and "content" not in part and "output" not in part and "summary" not in part


def _unwritable(error: Exception, where: str) -> ValueError:
    return ValueError(f"{where}: cannot be sent as JSON: {' '.join(str(error).split())[:200]}")
