"""Measures of the state find what they are for: reads that collapse, channels that die, a gate that chooses nothing."""

import math

import pytest
import torch
from helpers.random_episodes import ENCODER, LIMIT, WIDTH, episode, model

from lrrc.dataset.batches import collate
from lrrc.dataset.episode_arrays import episode_arrays
from lrrc.model.cells import LowRankCell
from lrrc.model.network import build_network
from lrrc.model.state_measures import effective_rank, evenness, faults, measure_state, singular_values, written

RANK = 8
BATCHES = [
    collate([episode_arrays(episode(seed, turns=5, empty=0), ENCODER, LIMIT) for seed in seeds], 32)
    for seeds in (range(6), range(6, 10))
]


def living(kind="lrrc", **changes):
    """A network whose gate has settled on these episodes, as it does in training."""
    torch.manual_seed(1)
    options = {"d": 32, "max_update_rank": 4, "top_k": 4, "activity_threshold": 0.5} | changes
    net = build_network(kind, RANK, WIDTH, model(**options))
    net.train()
    with torch.no_grad():
        for _ in range(40):
            for batch in BATCHES:
                net(batch)
    return net.eval()


def with_weights(net, **values):
    with torch.no_grad():
        for name, value in values.items():
            dict(net.cell.named_parameters())[name.replace("__", ".")].copy_(value)
    return net


def test_effective_rank_by_hand():
    matrices = torch.zeros(3, 4, 6)
    matrices[0, 0, 0] = 2.0  # one direction
    matrices[1, :2, :2] = 3 * torch.eye(2)  # two as strong as each other
    matrices[2] = 1e-3 + torch.zeros(4, 6)  # every column the same
    torch.testing.assert_close(effective_rank(matrices), torch.tensor([1.0, 2.0, 1.0]).double(), atol=1e-3, rtol=0)
    random = torch.randn(5, 4, 6)
    torch.testing.assert_close(singular_values(random), torch.linalg.svdvals(random.double()), atol=1e-6, rtol=1e-6)


def test_evenness_by_hand():
    assert evenness(torch.tensor([5, 5, 5, 5])) == pytest.approx(1)
    assert evenness(torch.tensor([9, 0, 0, 0])) == evenness(torch.tensor([0, 0])) == 0
    assert evenness(torch.tensor([4, 4, 0, 0])) == pytest.approx(math.log(2) / math.log(4))
    assert (evenness(torch.tensor([3])), evenness(torch.tensor([0]))) == (1.0, 0.0)


@torch.inference_mode()
def test_what_is_written_is_the_update_of_the_cell():
    net, batch = living(), BATCHES[0]
    run = net.run(net.encode(batch.embeddings_BNE, batch.speaker_BN), batch.turn_BN, 5)
    rebuilt, u = run.state_BTCD[:, 0], written(net.cell, run)
    for t in range(5):
        active = run.active_BTC[:, t, :, None]
        rebuilt = torch.where(active, net.cell.rho_R[:, None] * rebuilt + u[:, t], rebuilt)
        torch.testing.assert_close(rebuilt, run.state_BTCD[:, t + 1])
    assert (u.norm(dim=3) <= net.cell.bound * (1 + 1e-4)).all()


def test_a_living_state_has_no_faults():
    found = measure_state(living(), BATCHES)
    assert faults(found) == []
    assert found["update_rank"] > 1.5 and found["channels_used"] == 1 and 0 < found["threshold_binds"] < 1


def test_reads_that_collapse_are_found():
    """Channels that ask the same read the same: whatever r_u says, the update is of rank 1."""
    net = living()
    alike = with_weights(
        net,
        gate__channel_RK=net.cell.gate.channel_RK[:1].expand(RANK, -1).clone(),
        start_RD=net.cell.start_RD[:1].expand(RANK, -1).clone(),
        gate__from_state__weight=0,
    )
    found = measure_state(alike, BATCHES)
    assert found["update_rank"] < 1.1 and found["second_singular"] < 0.05
    assert any("rank 1" in fault for fault in faults(found))


def test_slots_that_attend_alike_are_found():
    net = living()
    found = measure_state(with_weights(net, slot_UK=net.cell.slot_UK[:1].expand(4, -1).clone()), BATCHES)
    assert found["second_singular"] < 1e-3 and any("rank 1" in fault for fault in faults(found))


def test_channels_that_die_are_found():
    net = living()
    net.cell.gate.null_R[: RANK // 2] = 50.0  # nothing is worth a read
    found = measure_state(net, BATCHES)
    assert found["channels_used"] == 0.5 and any("50%" in fault for fault in faults(found))
    net.cell.gate.null_R[1:] = 50.0
    assert any("a few channels" in fault for fault in faults(measure_state(net, BATCHES)))


def test_a_threshold_that_never_binds_is_found():
    net = living()
    net.cell.gate.null_R.fill_(-50.0)
    found = measure_state(net, BATCHES)
    assert found["threshold_binds"] == 0 and any("never binds" in fault for fault in faults(found))


def test_a_state_that_nobody_reads_is_found():
    net = living()
    with torch.no_grad():
        net.head.reader.value.weight.zero_()
    found = measure_state(net, BATCHES)
    assert found["calls_changed"] == 0 and found["state_gain"] == 0
    assert any("without the state" in fault for fault in faults(found))


def test_the_gate_settles_where_every_channel_passes_its_threshold_as_often_as_it_should():
    net = living()
    gate = net.cell.gate
    shares = []
    for batch in BATCHES:
        with torch.inference_mode():
            run = net.run(net.encode(batch.embeddings_BNE, batch.speaker_BN), batch.turn_BN, 5)
        shares.append((run.g_BTC[run.said_BT] > gate.threshold).float())
    often_R = torch.cat(shares).mean(dim=0)
    wanted = gate.top_k / RANK
    assert abs(float(often_R.mean()) - wanted) < 0.1 and ((often_R - wanted).abs() < 0.35).all()  # few turns: it swings
    before = gate.null_R.clone()
    gate.settle(torch.zeros(0, RANK))  # no turn says anything
    assert torch.equal(gate.null_R, before)


@pytest.mark.parametrize("kind", ["rims-only", "ccf-only", "tokensqueeze-only"])
def test_other_networks(kind):
    found = measure_state(living(kind), BATCHES)
    assert bool(found) == (kind == "rims-only") and not faults({})


@pytest.mark.parametrize("changes", [{"recurrence": False}, {"low_rank": False}, {"noop": False}, {"gate": False}])
def test_every_ablation_is_measured(changes):
    net = living(**changes)
    assert isinstance(net.cell, LowRankCell)
    found = measure_state(net, BATCHES)
    assert all(math.isfinite(value) for value in found.values()) and found["update_rank"] >= 1
