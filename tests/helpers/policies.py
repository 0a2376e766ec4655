"""Policies and digests by plain rules, for tests: the best segments until the budget is full, but for what is given."""

from dataclasses import replace

from helpers.random_episodes import ENCODER, LIMIT
from lrrc.digest import segments
from lrrc.digest.writer import PLAIN_RULES, write_digest
from lrrc.policies.registry import build_policy
from lrrc.policies.spec import PolicySpec


def made_policy(name, budget=40, net=None, encoder=ENCODER, limit=LIMIT, **rules):
    """A policy; a trained one with its network."""
    spec = PolicySpec(name, budget, replace(PLAIN_RULES, **rules), max_segment_tokens=limit)
    return build_policy(spec, encoder, net)


def digest_of(history, scores, budget, essential=segments.word_weight, **rules):
    return write_digest(history, scores, budget, replace(PLAIN_RULES, **rules), essential)
