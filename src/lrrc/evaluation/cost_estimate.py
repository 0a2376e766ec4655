"""`lrrc estimate LOGS.jsonl --price-in P --price-out P`: what each policy would have cost on your own logs.

Logs are whatever lrrc.episodes.logs reads: chat logs, arena rows, exports of other tools. They pass through one at a
time, so the file may be larger than memory. The accounting is that of lrrc.evaluation.replay.accounting.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lrrc.policy_catalogue import LEARNED, UNTRAINED

if TYPE_CHECKING:
    from lrrc.episodes.episode import Episode
    from lrrc.evaluation.replay.accounting import Cost
    from lrrc.policies.base import Policy


NAMES = (*UNTRAINED, *LEARNED, "lrrc")
REFERENCE = "full-context"
LIMITS = (
    "Replies are taken as logged: a digest may change what an agent answers. Success is not estimated.",
    "Counts are cl100k tokens: your provider's tokenizer, and what it adds per message, may differ.",
    "All leading messages that an agent's previous payload had too count as cached; providers also ask for a "
    "least length, forget after minutes, and some charge for writing.",
)


@dataclass(frozen=True)
class Prices:
    """Money per million tokens: of fresh prompt tokens, cached ones, and completion tokens."""

    prompt: float
    cached: float
    completion: float

    def __post_init__(self) -> None:
        for field, value in vars(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"price of {field} tokens = {value}: allowed is a number >= 0")
        if self.cached > self.prompt:
            raise ValueError(f"price of cached tokens = {self.cached}: allowed is at most {self.prompt}, the prompt's")

    def parts(self, cost: Cost) -> tuple[float, float, float]:
        """Money for fresh prompt tokens, cached prompt tokens, completion tokens."""
        counts = (cost.prompt - cost.reusable, cost.reusable, cost.completion)
        return tuple(count * price / 1e6 for count, price in zip(counts, vars(self).values(), strict=True))

    def money(self, cost: Cost) -> float:
        return sum(self.parts(cost))


@dataclass(frozen=True)
class Row:
    """All episodes under one policy; `budget` is null where the policy has none."""

    policy: str
    budget: int | None
    cost: Cost

    @property
    def label(self) -> str:
        return self.policy if self.budget is None else f"{self.policy} {self.budget}"


@dataclass(frozen=True)
class Estimate:
    """Rows of all policies, cheapest first; Full-Context is always among them."""

    episodes: int
    prices: Prices
    rows: tuple[Row, ...]

    @property
    def full(self) -> Row:
        return next(row for row in self.rows if row.policy == REFERENCE)

    def costs_more(self, row: Row) -> bool:
        """Does it cost more than Full-Context? No policy sends more tokens, but it may break the cache."""
        return self.prices.money(row.cost) > self.prices.money(self.full.cost)

    def saved(self, row: Row) -> float:
        """Share of Full-Context's money, negative where the policy costs more."""
        whole = self.prices.money(self.full.cost)
        return 1 - self.prices.money(row.cost) / whole if whole else 0.0

    def to_dict(self) -> dict[str, Any]:
        uncached = replace(self.prices, cached=self.prices.prompt)
        return {
            "episodes": self.episodes,
            "prices_per_million_tokens": asdict(self.prices),
            "rows": [
                {
                    "policy": row.policy,
                    "budget": row.budget,
                    "calls": row.cost.calls,
                    "prompt_tokens": row.cost.prompt,
                    "reusable_prefix_tokens": row.cost.reusable,
                    "completion_tokens": row.cost.completion,
                    "digest_tokens": row.cost.digest,
                    "money": self.prices.money(row.cost),
                    "saved_of_full_context": self.saved(row),
                    "money_without_cache": uncached.money(row.cost),
                    "dearer_than_full_context": self.costs_more(row),
                }
                for row in self.rows
            ],
            "not_estimated": list(LIMITS),
        }


def estimate(episodes: Iterable[Episode], policies: Sequence[Policy], prices: Prices) -> Estimate:
    """Replay every episode under Full-Context and `policies`; only sums are kept."""
    from lrrc.evaluation.replay.accounting import Cost, episode_cost
    from lrrc.policies.registry import build_policy
    from lrrc.policies.spec import PolicySpec

    policies = [build_policy(PolicySpec(REFERENCE)), *(policy for policy in policies if policy.name != REFERENCE)]
    costs, count = [Cost()] * len(policies), 0
    for episode in episodes:
        count += 1
        costs = [cost + episode_cost(episode, policy) for cost, policy in zip(costs, policies, strict=True)]
    rows = [Row(policy.name, policy.spec.budget, cost) for policy, cost in zip(policies, costs, strict=True)]
    rows.sort(key=lambda row: (prices.money(row.cost), row.label))
    return Estimate(count, prices, tuple(rows))


def amount(money: float) -> str:
    """Two decimals, and four significant digits of what is less than ten."""
    return f"{money:,.2f}" if money >= 10 or money == 0 else f"{money:#.4g}"
