"""The network in numpy against the one in torch: the same weights, every switch, the same numbers."""

import itertools

import numpy as np
import pytest
import torch
from helpers.random_episodes import WIDTH, model

from lrrc.inference import cell
from lrrc.inference import network as plain
from lrrc.model import cells, decoder, network

CHANGES = [
    {},
    {"gate": False},
    {"noop": False},
    {"recurrence": False},
    {"low_rank": False},
    {"hierarchy": False},
    {"gate": False, "low_rank": False, "hierarchy": False},
    {"form": True},
]
SIZES = (3, 1, 7, 2, 12, 1, 5)  # segments of each turn
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def both(rank=6, **changes):
    """The same network twice, with weights that let every part speak."""
    torch.manual_seed(7)
    shape = model(d=24, max_update_rank=3, top_k=3, **changes)
    net = network.build_network("lrrc", rank, WIDTH, shape).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        net.cell.gate.null_R.uniform_(1, 4)
        net.decoder.feature_mean_F.normal_()
        net.decoder.feature_sd_F.uniform_(0.5, 2)
    return net, plain.InferenceNetwork({k: v.numpy() for k, v in net.state_dict().items()}, shape)


def conversation(seed):
    """Embeddings of length one [n, E], speakers [n], and the turns."""
    rng = np.random.default_rng(seed)
    said_nE = rng.standard_normal((sum(SIZES), WIDTH)).astype(np.float32)
    said_nE /= np.linalg.norm(said_nE, axis=1, keepdims=True)
    ends = [0, *itertools.accumulate(SIZES)]
    return said_nE, rng.integers(0, 5, len(said_nE)), [slice(a, b) for a, b in itertools.pairwise(ends)]


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("seed", range(3))
@torch.inference_mode()
def test_the_same_state_and_scores(changes, seed):
    net, twin = both(**changes)
    said_nE, speaker_n, turns = conversation(seed)
    z_1nZ = net.encode_turns(torch.from_numpy(said_nE)[None], torch.from_numpy(speaker_n)[None], turns)
    projected_1nH, state_1CD, moved = net.decoder.project_turns(z_1nZ, turns), net.initial(1), 0
    state_CD = twin.start()
    for here in turns:
        mask_1n = torch.ones(1, here.stop - here.start, dtype=torch.bool)
        state_1CD, activity = net.step(state_1CD, *net.project(z_1nZ[:, here]), mask_1n)
        moved += int(activity.active_BR.sum())
        one_turn = [slice(0, here.stop - here.start)]
        state_CD, projected_nH = twin.take_in(state_CD, said_nE[here], speaker_n[here], one_turn)
        np.testing.assert_allclose(state_CD, state_1CD[0], **CLOSE)
        np.testing.assert_allclose(projected_nH, projected_1nH[0, here], **CLOSE)
    assert moved > len(turns)  # or nothing was compared
    query_E, features_nF = said_nE[4], np.random.default_rng(seed).normal(0, 3, (len(said_nE), 19)).astype(np.float32)
    for agent in range(3):
        p_1MH = net.head(state_1CD, torch.from_numpy(query_E)[None], agent + 1)
        p_H = twin.prompt(state_CD, query_E, agent)
        np.testing.assert_allclose(p_H, p_1MH[0, agent], **CLOSE)
        relation_1Mn = network.relations(torch.from_numpy(speaker_n)[None], agent + 1)
        relation_n = plain.relations(speaker_n, agent)
        assert relation_n.tolist() == relation_1Mn[0, agent].tolist()
        scored = net.decoder.score(p_1MH, projected_1nH, torch.from_numpy(features_nF)[None, None], relation_1Mn)
        found_n = twin.score(p_H, projected_1nH[0].numpy(), features_nF, relation_n)
        np.testing.assert_allclose(found_n, scored[0, 0, agent], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(twin.essential(p_H), net.decoder.essential(p_1MH[0, agent]), **CLOSE)


@pytest.mark.parametrize("changes", CHANGES)
def test_turns_together_have_the_bits_of_turns_one_by_one(changes):
    _, twin = both(**changes)
    said_nE, speaker_n, turns = conversation(9)
    state_CD, apart = twin.start(), []
    for here in turns:
        state_CD, projected_nH = twin.take_in(
            state_CD, said_nE[here], speaker_n[here], [slice(0, here.stop - here.start)]
        )
        apart.append(projected_nH)
    together_CD, projected_nH = twin.take_in(twin.start(), said_nE, speaker_n, turns)
    assert together_CD.tobytes() == state_CD.tobytes()
    assert projected_nH.tobytes() == np.concatenate(apart).tobytes()


def test_an_empty_state_can_be_read():
    """Zero columns are not there, in both."""
    net, twin = both()
    state_CD, query_E = np.zeros((6, 24), np.float32), np.ones(WIDTH, np.float32)
    state_CD[2] = np.arange(24)
    with torch.inference_mode():
        expected = net.head(torch.from_numpy(state_CD)[None], torch.from_numpy(query_E)[None], 1)[0, 0]
    np.testing.assert_allclose(twin.prompt(state_CD, query_E, 0), expected, **CLOSE)


@pytest.mark.parametrize("changes", CHANGES)
def test_the_sizes_are_those_of_the_network(changes):
    shape = model(**changes)
    found = {
        name: tuple(value.shape)
        for name, value in network.build_network("lrrc", 4, WIDTH, shape).state_dict().items()
        if not name.startswith(("outcome", "standing", "form"))
    }
    assert plain.sizes(4, WIDTH, shape) == found


def test_constants_are_the_network_s():
    assert (cell.SHARPNESS, cell.KEY_WIDTH, plain.FARTHEST) == (cells.SHARPNESS, cells.KEY_WIDTH, decoder.FARTHEST)
    assert pytest.approx(cells.KEY_NORM) == cell.KEY_NORM and plain.RELATIONS == decoder.RELATIONS
    assert (plain.Z, plain.SEEN, plain.SPEAKERS) == (network.Z, network.SEEN, network.SPEAKERS)
