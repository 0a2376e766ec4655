"""What a provider says an answer cost in tokens, read from its bytes while they are passed on."""

from __future__ import annotations

import contextlib
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST = 8 * 2**20  # bytes of an answer, or of one event of a stream, that are held to be read
WORTH = re.compile(rb'"usage"\s*:\s*\{')


@dataclass(frozen=True)
class Usage:
    """Tokens by the provider's own count: all of the prompt, those of it that its cache had, those that it wrote into
    the cache, and those of the answer."""

    prompt: int
    cached: int
    written: int
    completion: int


def usage_of(found: Mapping[str, Any]) -> Usage | None:
    """Of the field `usage` in the form of chat completions, of Responses or of Anthropic's Messages."""

    def count(values: Any, key: str) -> int:
        value = values.get(key) if isinstance(values, Mapping) else None
        return value if isinstance(value, int) and value >= 0 else 0

    if "prompt_tokens" in found:
        parts = found.get("prompt_tokens_details")
        cached = count(parts, "cached_tokens") or count(found, "prompt_cache_hit_tokens")
        prompt = count(found, "prompt_tokens")
        return Usage(prompt, cached, count(parts, "cache_write_tokens"), count(found, "completion_tokens"))
    if "input_tokens" not in found:
        return None
    prompt, completion = count(found, "input_tokens"), count(found, "output_tokens")
    if isinstance(parts := found.get("input_tokens_details"), Mapping):
        return Usage(prompt, count(parts, "cached_tokens"), count(parts, "cache_write_tokens"), completion)
    cached, written = count(found, "cache_read_input_tokens"), count(found, "cache_creation_input_tokens")
    return Usage(prompt + cached + written, cached, written, completion)


class UsageReader:
    """Fed with an answer's bytes as they come. It never fails: what it cannot read has no usage."""

    def __init__(self, headers: Mapping[str, str]):
        self.stream = "event-stream" in headers.get("content-type", "")
        self._plain: Callable[[bytes], bytes] | None = decoder(headers.get("content-encoding", ""))
        self._held = bytearray()
        self._found: dict[str, Any] = {}

    def feed(self, chunk: bytes) -> None:
        if self._plain is None:
            return
        try:
            self._held += self._plain(chunk)
        except Exception:  # not compressed as its header says; each library has an error of its own
            self._plain = None
            return
        if self.stream:
            *lines, rest = self._held.split(b"\n")
            self._held = bytearray(rest)
            for line in lines:
                if line.startswith(b"data:") and WORTH.search(line):
                    self._take(line[5:])
        if len(self._held) > MOST:
            self._plain = None

    def usage(self) -> Usage | None:
        """Once the answer has ended, or what of it has come."""
        if self._held and self._plain:
            self._take(self._held.removeprefix(b"data:"))
        return usage_of(self._found)

    def _take(self, text: bytes) -> None:
        """Later figures of a stream go before earlier ones, as its last ones are whole."""
        with contextlib.suppress(ValueError, RecursionError):
            for usage in _usages(json.loads(text)):
                self._found |= {key: value for key, value in usage.items() if value is not None}


def _usages(body: Any) -> Iterator[Mapping[str, Any]]:
    """Where a body or an event has it: itself, or the message or response in it."""
    if isinstance(body, Mapping):
        for holder in (body, body.get("message"), body.get("response")):
            if isinstance(holder, Mapping) and isinstance(usage := holder.get("usage"), Mapping):
                yield usage


def decoder(encoding: str) -> Callable[[bytes], bytes] | None:
    """What makes a body of that content-encoding plain, bit by bit; None where nothing here can."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return bytes
    if name in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress
    with contextlib.suppress(ImportError):
        if name == "zstd":
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj().decompress
        if name == "br":
            import brotli

            return brotli.Decompressor().process
    return None
