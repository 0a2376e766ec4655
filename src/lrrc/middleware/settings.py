"""What a user of the middleware may set, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass

REWRITE = ("auto", "always")


@dataclass(frozen=True)
class Settings:
    """Every field has a default that is safe; a bad value is a ValueError that names it.

    min_tokens       lists below this many tokens (system prompt and tools included) pass through unchanged
    keep_goal        send the first user message as it stands
    turn_tokens      of the turn under way, tool exchanges and replies further back than this many tokens may be
                     digested; its last user message and its last exchange never are
    exclude_tools    names of tools whose calls and results are never compressed
    rewrite          when a digest is written anew: "auto" where that lowers the bill, "always" at every call, or an
                     integer n: every n turns, and earlier where it grew stale
    stale_tokens     a digest is stale when more than this many tokens have come after it (rewrite = n)
    price_fresh      price of a prompt token that the provider has to read
    price_cached     price of one that its prefix cache has; only the ratio to price_fresh matters
    cache_minimum    prefixes of fewer tokens than this are not cached by the provider
    max_sessions     conversations held in memory; the least recently used one is forgotten
    """

    min_tokens: int = 0
    keep_goal: bool = True
    turn_tokens: int = 4000
    exclude_tools: tuple[str, ...] = ()
    rewrite: str | int = "auto"
    stale_tokens: int = 2000
    price_fresh: float = 1.0
    price_cached: float = 0.1
    cache_minimum: int = 1024
    max_sessions: int = 256

    def __post_init__(self) -> None:
        for field in ("min_tokens", "turn_tokens", "stale_tokens", "cache_minimum"):
            _check(_whole(getattr(self, field), 0), field, getattr(self, field), "an integer >= 0")
        _check(_whole(self.max_sessions, 1), "max_sessions", self.max_sessions, "an integer >= 1")
        _check(isinstance(self.keep_goal, bool), "keep_goal", self.keep_goal, "true or false")
        names = self.exclude_tools
        ok = isinstance(names, (tuple, list, set, frozenset)) and all(isinstance(name, str) for name in names)
        _check(ok, "exclude_tools", names, "a list of names of tools")
        object.__setattr__(self, "exclude_tools", tuple(sorted(names)))
        right = self.rewrite in REWRITE if isinstance(self.rewrite, str) else _whole(self.rewrite, 1)
        _check(right, "rewrite", self.rewrite, "auto, always or an integer >= 1 (turns)")
        for field in ("price_fresh", "price_cached"):
            value = getattr(self, field)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            _check(number and math.isfinite(value) and value >= 0, field, value, "a number >= 0")
        _check(self.price_cached <= self.price_fresh, "price_cached", self.price_cached, "at most price_fresh")


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check(ok: bool, field: str, value: object, allowed: str) -> None:
    if not ok:
        raise ValueError(f"settings: {field} = {value!r}: allowed is {allowed}")
