"""Policies by their address in a registry, such as models:/lrrc@champion, from whatever package knows that scheme.

A package registers `resolve(address, budget)` under its scheme, by `register` or, so that nobody has to
import it, by an entry point of the group GROUP named like the scheme. So the middleware knows no registry.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from lrrc.policies.base import Policy

GROUP = "lrrc.resolvers"
Resolver = Callable[[str, int], tuple[Policy, Path]]  # the policy, and the folder of its word vectors
_RESOLVERS: dict[str, Resolver] = {}


def register(scheme: str, resolver: Resolver) -> None:
    """Let `resolver` answer addresses that begin with "scheme:/"."""
    _RESOLVERS[scheme] = resolver


def is_address(name: str) -> bool:
    return scheme_of(name) is not None


def scheme_of(name: str) -> str | None:
    found = re.match(r"([a-z]{2,}):/", name)
    return found and found[1]


def resolve(address: str, budget: int) -> tuple[Policy, Path]:
    """The policy at an address, and the folder of its word vectors.

    Raises ValueError where no package knows the scheme, or the registry has no such.
    """
    scheme = scheme_of(address)
    resolver = _RESOLVERS.get(scheme)
    if resolver is None:
        known = {point.name: point for point in entry_points(group=GROUP)}
        if scheme not in known:
            have = ", ".join(sorted({*_RESOLVERS, *known})) or "none"
            raise ValueError(f"policy: {address}: nothing here reads {scheme}: addresses (known: {have})")
        resolver = known[scheme].load()
    return resolver(address, budget)
