"""Training of a call gate: logistic loss on which agents were right when all were called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from lrrc.digest.agent_view import Seen
from lrrc.model.caller import Caller, CallerShape, collate
from lrrc.runtime.chance import stream

BATCH, RATE, DECAY = 128, 4e-3, 0.05


class Example(NamedTuple):
    """What an agent saw of a request, whether its answer was right, and which episode it belongs to."""

    seen: Seen
    right: bool
    episode_id: str


@dataclass(frozen=True)
class Fitted:
    """A network, and what it and the base rate lose on validation episodes, in nats."""

    net: Caller
    loss: float
    base: float


def fit_caller(shape: CallerShape, train: Sequence[Example], val: Sequence[Example], seed: int, epochs: int) -> Fitted:
    """Train for all epochs, the rate falling to nothing, and set how sure the network is by validation episodes.

    It goes on to learn who comes first long after its loss there has begun to rise: by then it is too sure, which
    the two numbers mend.
    """
    torch.manual_seed(seed)
    net, rng = Caller(shape), stream("team: order of examples", seed)
    net.standardise(collate([one.seen for one in train]))
    # fused: the other one takes roots by torch.sqrt, whose last bit depends on the processor's maker
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        net.train()
        order = rng.permutation(len(train))
        for first in range(0, len(train), BATCH):
            some = [train[i] for i in order[first : first + BATCH]]
            loss = binary_cross_entropy_with_logits(net(collate([s.seen for s in some])), _targets(some))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        schedule.step()
    logits, truth = _logits(net, val), _targets(val)
    scale, shift = _sureness(logits, truth)
    net.scale_logits(scale, shift)
    base = float(torch.nn.functional.binary_cross_entropy(truth.mean().expand_as(truth), truth))
    return Fitted(net, float(binary_cross_entropy_with_logits(scale * logits + shift, truth)), base)


def _sureness(logits: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """Scale (above zero) and shift of the logits that lose least (Platt 1999)."""
    from scipy.optimize import minimize

    def loss(numbers):
        return float(binary_cross_entropy_with_logits(math.exp(numbers[0]) * logits + numbers[1], truth))

    scale, shift = minimize(loss, (0.0, 0.0), method="Nelder-Mead").x
    return math.exp(scale), float(shift)


@torch.inference_mode()
def _logits(net: Caller, some: Sequence[Example]) -> torch.Tensor:
    parts = [some[i : i + BATCH] for i in range(0, len(some), BATCH)]
    return torch.cat([net.eval()(collate([one.seen for one in part])) for part in parts])


def _targets(some: Sequence[Example]) -> torch.Tensor:
    return torch.tensor([float(one.right) for one in some])
