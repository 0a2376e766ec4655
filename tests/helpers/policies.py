"""Policies and digests by plain rules, for tests: the best segments until the budget is full, but for what is given."""

from dataclasses import replace

from helpers.random_episodes import ENCODER, LIMIT, model
from lrrc.digest.writer import PLAIN_RULES, write_digest
from lrrc.inference.network import InferenceNetwork
from lrrc.policies.registry import build_policy
from lrrc.policies.serving import ServingPolicy
from lrrc.policies.spec import PolicySpec


def made_policy(name, budget=40, net=None, encoder=ENCODER, limit=LIMIT, **rules):
    """A policy; a trained one with its network."""
    spec = PolicySpec(name, budget, replace(PLAIN_RULES, **rules), max_segment_tokens=limit)
    return build_policy(spec, encoder, net)


def served_policy(net, budget=40, encoder=ENCODER):
    """LRRC as it is served, with the weights of a network of torch."""
    twin = InferenceNetwork({name: value.detach().numpy() for name, value in net.state_dict().items()}, model())
    return ServingPolicy(PolicySpec("lrrc", budget), encoder, twin)


def digest_of(history, scores, budget, **rules):
    return write_digest(history, scores, budget, replace(PLAIN_RULES, **rules))
