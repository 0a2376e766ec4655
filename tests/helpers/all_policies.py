"""Every policy, small: trained ones with random weights."""

import torch

from helpers.policies import made_policy
from helpers.random_episodes import (
    WIDTH,
    model,
)
from lrrc.model.network import build_network
from lrrc.policy_catalogue import LEARNED, UNTRAINED

NAMES = (*UNTRAINED, "lrrc", *LEARNED)


def policy_of(name, budget=40, max_overlap=1.0):
    torch.manual_seed(3)
    net = build_network(name, 4, WIDTH, model()) if name in ("lrrc", *LEARNED) else None
    with torch.no_grad():
        for parameter in net.parameters() if net else ():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made_policy(name, budget, net, max_overlap=max_overlap)


POLICIES = {name: policy_of(name) for name in NAMES}
