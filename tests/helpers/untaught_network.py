"""A coordinator's network to which all segments are alike: what it sends is chosen by the rules around it."""

import torch

from helpers.random_episodes import WIDTH, model
from lrrc.model.network import build_network


def untaught_network():
    torch.manual_seed(0)
    net = build_network("lrrc", 4, WIDTH, model())
    for weights in net.decoder.parameters():
        torch.nn.init.zeros_(weights)
    return net
