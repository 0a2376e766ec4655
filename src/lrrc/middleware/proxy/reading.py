"""What the proxy reads of a request: is it a prompt, what does it hold, and in plain words why it is left alone."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping
from typing import Any

from lrrc.runtime.files import shortened

OURS = b"x-lrrc-"
CHAT = "/chat/completions"
MESSAGES = "/v1/messages"  # Anthropic's; /v1/threads/ID/messages is none
RESPONSES = "/responses"  # OpenAI's; /responses/compact is none
SHORTENED = {CHAT: "messages", MESSAGES: "messages", RESPONSES: "input"}  # and the field that has the prompt
OTHER_PROMPTS = (  # none is shortened
    "/completions",
    "/messages",
    "/api/chat",
    "/api/generate",
    ":generatecontent",
    ":streamgeneratecontent",
)
NAMED = ("br", "compress", "zstd")  # encodings that a reason may name: others are the client's own words


class LeftAlone(Exception):
    """A request that goes on as it came. `reason` is one of few texts, and quotes nothing of the request."""

    def __init__(self, action: str, reason: str):
        super().__init__(f"{action}: {reason}")
        self.action, self.reason = action, reason


def kind_of(path: str) -> str | None:
    """The end of the path that makes it a prompt's, under whatever prefix: one that is shortened, or another."""
    path = re.sub("/+", "/", path).rstrip("/").lower()
    return next((end for end in (*SHORTENED, *OTHER_PROMPTS) if path.endswith(end)), None)


def bypassed(headers: Mapping[bytes, bytes]) -> bool:
    """Does the client ask for this request to be left alone?"""
    return headers.get(OURS + b"bypass", b"").strip().lower() not in (b"", b"0", b"false", b"no")


def decoded(body: bytes, encodings: bytes, limit: int) -> bytes:
    """The body without the encodings of its header content-encoding. Raises LeftAlone, for over `limit` bytes too."""
    for name in reversed([name.strip().lower() for name in encodings.decode("latin-1").split(",")]):
        if name in ("", "identity"):
            continue
        try:
            if name in ("gzip", "x-gzip"):
                body = _inflate(body, 16 + zlib.MAX_WBITS, limit)
            elif name == "deflate":  # zlib's form by RFC 9110; some clients send it without zlib's header
                body = _inflate(body, zlib.MAX_WBITS if _has_zlib_header(body) else -zlib.MAX_WBITS, limit)
            elif name == "zstd":
                body = _unzstd(body, limit)
            else:
                raise LeftAlone("unread", f"compressed as {name if name in NAMED else 'something'} not known here")
        except zlib.error:
            raise LeftAlone("malformed", f"the body is not {name}, as its header says") from None
        if len(body) > limit:
            raise LeftAlone("unread", f"more than {limit // 2**20} MiB once decompressed")
    return body


def _inflate(body: bytes, form: int, limit: int) -> bytes:
    """At most `limit` + 1 bytes of all members of a gzip body, or of the one of deflate. Raises zlib.error."""
    found = bytearray()
    while body and len(found) <= limit:
        member = zlib.decompressobj(form)
        found += member.decompress(body, limit + 1 - len(found))
        if not member.eof and len(found) <= limit:
            raise zlib.error("cut off")
        body = member.unused_data
    return bytes(found)


def _has_zlib_header(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0


def _unzstd(body: bytes, limit: int) -> bytes:
    """At most `limit` + 1 bytes. Raises LeftAlone."""
    try:
        import zstandard
    except ImportError:
        raise LeftAlone("unread", "compressed as zstd, which takes the package zstandard to read") from None
    try:
        return zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read(limit + 1)
    except zstandard.ZstdError:
        raise LeftAlone("malformed", "the body is not zstd, as its header says") from None


def parse(body: bytes, field: str) -> dict[str, Any]:
    """A request with a list in that field; `input` may be a text. Raises LeftAlone."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise LeftAlone("malformed", "the body is not JSON") from None
    kinds = (list, str) if field == "input" else list
    if not isinstance(request, dict) or not isinstance(request.get(field), kinds):
        raise LeftAlone("malformed", f"the body is not an object with a list `{field}`")
    if not isinstance(request.get("model"), str | None):
        raise LeftAlone("malformed", "`model` is not a text")
    return request


def options_of(request: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Who is called, in which conversation, and the budget: from the headers and the request. Raises LeftAlone."""
    given = {
        key: headers.get(OURS + key.encode(), b"").decode("latin-1") for key in ("conversation", "agent", "budget")
    }
    spoken = [m for m in request.get("messages") or () if isinstance(m, dict) and m.get("role") == "assistant"]
    speakers = {m.get("name") for m in spoken if isinstance(m.get("name"), str)}
    model = request.get("model")
    try:
        budget = int(given["budget"]) if given["budget"] else None
        if budget is not None and budget < 0:
            raise ValueError("less than nothing")
    except ValueError:
        raise LeftAlone("malformed", "x-lrrc-budget is not a whole number") from None
    return {
        "conversation": given["conversation"][:200] or None,
        "agent": given["agent"] or (model if model in speakers else None),
        "budget": budget,
    }


def strictly_read(body: bytes) -> Any:
    """What a body says. Raises LeftAlone where it is no JSON, and names the place of the first number that JSON does
    not have, or that Python cannot write again: NaN, Infinity, 1e999."""
    found: list[float] = []

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            found.append(value)
        return value

    try:
        request = json.loads(body, parse_constant=number, parse_float=number)
    except (ValueError, RecursionError):
        raise LeftAlone("malformed", "the body is not JSON") from None
    if found:
        reason = f"{_infinite(request)}: a number is NaN or infinite, which JSON does not have"
        raise LeftAlone("malformed", reason)
    return request


def _infinite(request: Any) -> str:
    """The place of the first number that is none."""
    left = [(request, "")]
    while left:
        value, place = left.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return place or "the body"
        if isinstance(value, dict):
            named = [(inner, f"{place}.{shortened(key)[1:-1]}".removeprefix(".")) for key, inner in value.items()]
            left += reversed(named)
        elif isinstance(value, list):
            left += reversed([(inner, f"{place}[{i}]") for i, inner in enumerate(value)])
    return "the body"  # of a field that a later one of its name replaces


def written(request: Mapping[str, Any]) -> bytes:
    """The request as JSON. Raises LeftAlone: Python reads NaN and 1e999, which no JSON can hold."""
    try:
        return json.dumps(request, allow_nan=False).encode()
    except ValueError:
        raise LeftAlone("malformed", "a number is NaN or infinite, which JSON does not have") from None
