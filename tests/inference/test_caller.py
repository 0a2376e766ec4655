"""The call gate in numpy against the one in torch: the same weights, every switch, the same numbers."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from helpers.random_episodes import WIDTH

from lrrc.digest.agent_view import Seen
from lrrc.digest.features import FEATURES
from lrrc.inference import caller as plain
from lrrc.model import caller

SHAPE = caller.CallerShape(WIDTH, rank=6, d=20, width=12, top_k=3, max_update_rank=3)
CHANGES = [
    {},
    {"state": False},
    {"own": False},
    {"recurrence": False},
    {"gate": False},
    {"low_rank": False},
    {"hierarchy": False},
    {"rank": 2},
]


def seen(rng, turns):
    """A conversation of turns of so many segments, as an agent sees it."""
    turn_N = np.repeat(np.arange(len(turns)), turns)
    said_NE, asked_E = (rng.standard_normal((*size, WIDTH)).astype(np.float32) for size in ((len(turn_N),), ()))
    return Seen(
        said_NE / np.linalg.norm(said_NE, axis=1, keepdims=True),
        turn_N,
        rng.integers(0, 3, len(turn_N)),
        rng.integers(0, 2, (len(turn_N), 2)).astype(np.float32),
        rng.normal(0, 4, (len(turn_N), len(FEATURES))).astype(np.float32),
        asked_E / np.linalg.norm(asked_E),
    )


@pytest.mark.parametrize("changes", CHANGES)
def test_the_same_logits(changes):
    torch.manual_seed(3)
    shape = replace(SHAPE, **changes)
    net = caller.Caller(shape)
    with torch.no_grad():  # weights that let every part speak
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        net.mean_F.normal_()
        net.sd_F.uniform_(0.5, 2)
        if net.cell is not None:
            net.cell.gate.null_R.uniform_(1, 4)
    twin = plain.InferenceCaller({name: value.numpy() for name, value in net.state_dict().items()}, asdict(shape))
    rng = np.random.default_rng(5)
    views = [seen(rng, turns) for turns in ((3, 1, 7), (1,), (2, 0, 4), (), (1, 1, 1, 1, 1, 1, 1, 1))]
    found, expected = twin.logits(views), net.logits(views)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_constants_are_those_of_the_network():
    shape = caller._cell_shape(SHAPE)
    assert (shape.threshold, shape.rho_max, shape.bound) == (plain.THRESHOLD, plain.RHO_MAX, plain.BOUND)
    assert plain.FARTHEST == caller.FARTHEST
