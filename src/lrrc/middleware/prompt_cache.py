"""What a payload costs where the provider caches prompt prefixes, and when a digest is worth writing anew.

A digest that changes with every call breaks the cached prefix, so fewer tokens can cost more money. Between two
digests a payload only grows at its end and its beginning is billed at the cached price. A new digest makes the payload
shorter for good, but what follows it has to be read afresh. How many calls are to come is not known, so the rule is
that of renting skis: keep the old digest until what it has cost more than a new one would have adds up to the price of
writing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrrc.middleware.tariff import Tariff


@dataclass(frozen=True)
class Bill:
    """Prompt tokens of one call: `reusable` in leading messages that the previous call had too, `fresh` the rest."""

    fresh: int
    reusable: int

    @property
    def tokens(self) -> int:
        return self.fresh + self.reusable

    def cost(self, prices: Tariff) -> float:
        """In the unit of the prices. What is fresh is written into the cache, where it is enough to be cached."""
        kept = self.tokens >= prices.cache_minimum
        return prices.prompt_cost(0 if kept else self.fresh, self.reusable, self.fresh if kept else 0)


def bill(before: Sequence[bytes], marks: Sequence[bytes], sizes: Sequence[int], minimum: int) -> Bill:
    """The bill of a payload given by the fingerprint and the tokens of every message, after one of `before`.

    Whole messages count as cached, and none where they are fewer than `minimum` tokens, so the estimate errs on the
    dear side.
    """
    same = 0
    for old, new in zip(before, marks, strict=False):
        if old != new:
            break
        same += 1
    reusable = sum(sizes[:same])
    if reusable < minimum:
        reusable = 0
    return Bill(sum(sizes) - reusable, reusable)


def worth_writing(keep: Bill, write: Bill, regret: float, prices: Tariff) -> tuple[bool, float]:
    """Whether to write a new digest now, and the regret to carry on where not.

    `keep` and `write` are the bills of this call without and with it; `regret` is what the calls since the last digest
    have paid for tokens that a new one would have dropped.
    """
    dropped = keep.tokens - write.tokens
    if dropped <= 0:
        return False, regret
    regret += dropped * prices.price_cached
    return write.cost(prices) - keep.cost(prices) <= regret, regret
