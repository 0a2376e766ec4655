"""What a user of the middleware may set, checked once."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator

from lrrc.runtime.checked import allowed, checked, require, told_as

Count = Annotated[int, Ge(0), allowed("an integer >= 0")]
Share = Annotated[float, Ge(0), Le(0.5), allowed("a number from 0 to 0.5, or null")]
Price = Annotated[float, Ge(0), allowed("a number >= 0")]
Seconds = Annotated[float, Ge(0), allowed("a number >= 0 (seconds)")]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda names: tuple(names) if isinstance(names, (list, set, frozenset)) else names),
    AfterValidator(lambda names: tuple(sorted(names))),
    allowed("a list of names of tools"),
]
Rewrite = Annotated[
    Literal["auto", "always"] | Annotated[int, Ge(1)], allowed("auto, always or an integer >= 1 (turns)")
]


@told_as("settings")
@checked
class Settings:
    """Every field has a default that is safe; a bad value is a ValueError that names it.

    min_tokens       lists below this many tokens (system prompt and tools included) pass through unchanged
    keep_goal        send the first user message as it stands
    turn_tokens      of the turn under way, tool exchanges and replies further back than this many tokens may be
                     digested; its last user message and its last exchange never are
    exclude_tools    names of tools whose calls and results are never compressed; `*`, `?` and `[...]` as in file names
    rewrite          when a digest is written anew: "auto" where that lowers the bill, "always" at every call, or an
                     integer n: every n turns, and earlier where it grew stale
    dialect          how the digest is sent: "merged" into a message of the user, so that no two stand in a row that did
                     not in the request, "separate" as a message of its own, or "auto": merged unless the request
                     itself has two in a row
    standing         most of a digest that the user's standing rules may take, as a share of the budget; 0 keeps none
                     for being one, None leaves it to the policy (0.5)
    recall           where a request has the tool lrrc_recall, end its digest with a hint at it (see middleware.recall);
                     the proxy offers it where a request has other tools
    stale_tokens     a digest is stale when more than this many tokens have come after it (rewrite = n)
    price_fresh      price of a prompt token that the provider has to read
    price_cached     price of one that its prefix cache has; only the ratio to price_fresh matters
    price_write      price of one that is written into the cache; None: no more than that of any fresh one
    cache_minimum    prefixes of fewer tokens than this are not cached by the provider
    cache_lifetime   seconds for which the provider keeps a prefix after its last use: later, a new digest breaks none
    prices           "packaged": a call whose model the table of prices.yaml knows has that model's prices and cache,
                     whatever stands above; a path: a table of the same form goes before it; None: no table
    holdout          share of conversations that are passed as they are, so that the others can be compared with them
    max_sessions     conversations held in memory; the least recently used one is forgotten
    """

    min_tokens: Count = 0
    keep_goal: bool = True
    turn_tokens: Count = 4000
    exclude_tools: Names = ()
    rewrite: Rewrite = "auto"
    dialect: Annotated[Literal["auto", "separate", "merged"], allowed("auto, separate or merged")] = "auto"
    standing: Share | None = None
    recall: bool = False
    stale_tokens: Count = 2000
    price_fresh: Price = 1.0
    price_cached: Price = 0.1
    price_write: Price | None = None
    cache_minimum: Count = 1024
    cache_lifetime: Seconds = 300.0
    prices: str | None = None
    holdout: Annotated[float, Ge(0), Le(1), allowed("a number from 0 to 1")] = 0.0
    max_sessions: Annotated[int, Ge(1), allowed("an integer >= 1")] = 256

    def __post_init__(self) -> None:
        require(self.price_cached <= self.price_fresh, "price_cached", self.price_cached, "at most price_fresh")
