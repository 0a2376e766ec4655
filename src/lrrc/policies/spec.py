"""What a policy is: its name, and the numbers that say how it chooses and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from lrrc.digest.writer import DigestRules
from lrrc.policy_catalogue import LEARNED, LIVE, WHOLE

if TYPE_CHECKING:
    from lrrc.params import Params

QUERIES, SPEAKERS = ("message", "question"), ("all", "user")
_RULES = {field.name for field in fields(DigestRules)}
# for conversations unlike those trained on, as users' are: params.yaml with transfer.prior (a test compares them)
FOREIGN_RULES = DigestRules(max_overlap=0.8, least_share=0.07, least_gain=0.0, standing=0.5, prior=0.8)


@dataclass(frozen=True)
class PolicySpec:
    """A policy without its weights.

    budget              tokens of a digest at most, which callers give to every call; None for whole messages
    rules               how scores become a digest
    rank                channels of a network that has them
    truncated_turns     the N of truncated-history
    max_segment_tokens  of a segment; learned policies cut as their checkpoint was trained
    query               what rules search with: the user's whole `message`, or the `question` in it alone
    speakers            whose segments a digest may hold: of `all`, or of the `user` alone
    bm25                k1 and b of BM25
    """

    name: str
    budget: int | None = 128
    rules: DigestRules = field(default=FOREIGN_RULES)
    rank: int | None = None
    truncated_turns: int = 2
    max_segment_tokens: int = 60
    query: str = "message"
    speakers: str = "all"
    bm25: tuple[float, float] = (1.5, 0.75)

    def __post_init__(self) -> None:
        if self.name in WHOLE:
            object.__setattr__(self, "budget", None)
        object.__setattr__(self, "bm25", tuple(self.bm25))  # settings come from JSON, too
        for name, allowed in (("query", QUERIES), ("speakers", SPEAKERS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} = {getattr(self, name)!r}: allowed is one of {', '.join(allowed)}")

    @classmethod
    def of(cls, params: Params, name: str, rank: int | None = None) -> PolicySpec:
        """As the parameters of a run have it."""
        return cls(
            name,
            params.budget,
            DigestRules(**asdict(params.digest)),
            rank,
            params.baseline.truncated_turns,
            params.embed.max_segment_tokens,
        )

    def with_settings(self, settings: Mapping[str, Any]) -> PolicySpec:
        """The same with some numbers of its rules, or fields of its own, changed. Raises TypeError for others."""
        rules = {name: value for name, value in settings.items() if name in _RULES}
        own = {name: value for name, value in settings.items() if name not in rules}
        return replace(self, rules=replace(self.rules, **rules), **own)

    @property
    def trained(self) -> bool:
        return self.name in LEARNED or self.name == "lrrc"


def check_name(name: str) -> None:
    """Raises ValueError for a name that no policy has."""
    if name not in LIVE:
        raise ValueError(f"policy = {name!r}: allowed is one of {', '.join(sorted(LIVE, key=lambda n: n != 'lrrc'))}")
