"""Training of a call gate: logistic loss on which agents were right when all were called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from lrrc.model.caller import Caller, CallerShape, Seen, Views, collate
from lrrc.runtime.chance import stream

BATCH, RATE, DECAY = 128, 4e-3, 0.05


class Example(NamedTuple):
    """What an agent saw of a request, whether its answer was right, and which episode it belongs to."""

    seen: Seen
    right: bool
    episode_id: str


@dataclass(frozen=True)
class Fitted:
    """The best epoch on validation episodes, and what it and the base rate lose there, in nats."""

    net: Caller
    epoch: int
    loss: float
    base: float


def fit_caller(
    shape: CallerShape, train: Sequence[Example], val: Sequence[Example], seed: int, epochs: int, patience: int = 8
) -> Fitted:
    """Train until the validation loss has not fallen for `patience` epochs, at most `epochs`."""
    torch.manual_seed(seed)
    net, rng = Caller(shape), stream("team: order of examples", seed)
    net.standardise(collate([one.seen for one in train]))
    checked, truth = collate([one.seen for one in val]), _targets(val)
    rate = float(_targets(train).mean())
    base = float(torch.nn.functional.binary_cross_entropy(torch.full_like(truth, rate), truth))
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    best, kept, since = np.inf, None, 0
    for epoch in range(epochs):
        net.train()
        order = rng.permutation(len(train))
        for first in range(0, len(train), BATCH):
            some = [train[i] for i in order[first : first + BATCH]]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                net(collate([s.seen for s in some])), _targets(some)
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        schedule.step()
        held = _loss(net, checked, truth)
        if held < best - 1e-4:
            best, since = held, 0
            kept = (epoch, {name: value.clone() for name, value in net.state_dict().items()})
        elif (since := since + 1) >= patience:
            break
    assert kept is not None
    net.load_state_dict(kept[1])
    return Fitted(net.eval(), kept[0], best, base)


def _targets(some: Sequence[Example]) -> torch.Tensor:
    return torch.tensor([float(one.right) for one in some])


@torch.inference_mode()
def _loss(net: Caller, views: Views, truth: torch.Tensor) -> float:
    return float(torch.nn.functional.binary_cross_entropy_with_logits(net.eval()(views), truth))
