"""Outcome heads cannot favour a side: exchanging the agents exchanges what they say."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.random_episodes import ENCODER, LIMIT, WIDTH, episode, model
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.dataset.batches import collate, collate_kept
from lrrc.dataset.episode_arrays import episode_arrays
from lrrc.digest.reply_form import FORM
from lrrc.episodes.episode import ARENA_AGENTS, ARENA_OUTCOMES
from lrrc.model.network import build_network
from lrrc.model.outcome import EXCHANGED, FIRST, FormHead, even_handed, exchange_agents, exchange_outcomes, preferred
from lrrc.model.outcome_probe import KeptFeatures, OutcomeProbe
from lrrc.policy_catalogue import LEARNED


def involution(draw_pairs, size):
    """A permutation of `size` outcomes that is its own inverse, from a list of pairs to exchange."""
    image = list(range(size))
    for a, b in draw_pairs:
        if image[a] == a and image[b] == b:
            image[a], image[b] = b, a
    return tuple(image)


@given(data=st.data(), size=st.integers(1, 7), seed=st.integers(0, 1000))
def test_exchanging_the_sides_exchanges_the_answer_for_any_set_of_outcomes(data, size, seed):
    numbers = st.integers(0, size - 1)
    exchanged = involution(data.draw(st.lists(st.tuples(numbers, numbers))), size)
    here, there = torch.randn(2, 5, size, generator=torch.Generator().manual_seed(seed))
    one, other = even_handed(here, there, exchanged), even_handed(there, here, exchanged)
    assert torch.equal(one, other[:, list(exchanged)])  # to the last bit
    kept = [o for o in range(size) if exchanged[o] == o]
    assert torch.equal(one[:, kept], other[:, kept])


def test_the_outcomes_of_the_arena():
    names = [ARENA_OUTCOMES[o] for o in EXCHANGED]
    assert names == ["model_b", "model_a", "tie", "tie (bothbad)"] and tuple(names[1::-1]) == ARENA_AGENTS
    assert exchange_outcomes(torch.tensor([0, 1, 2, 3, -1])).tolist() == [1, 0, 2, 3, -1]
    assert exchange_agents(torch.tensor([0, 1, 2, 3, 4])).tolist() == [0, 1, 3, 2, 4]


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("kind", ["lrrc", *LEARNED])
@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 10**6))
@torch.inference_mode()
def test_no_network_can_favour_an_agent(kind, form, seed):
    torch.manual_seed(seed)
    net = build_network(kind, 4, WIDTH, model(form=form)).eval()
    for parameter in net.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    batch = collate([episode_arrays(episode(seed + i), ENCODER, LIMIT) for i in range(3)], 32)
    here = net(batch).outcome_BTO
    there = net(batch.swapped(torch.ones(3, dtype=torch.bool))).outcome_BTO
    torch.testing.assert_close(here, there[..., list(EXCHANGED)], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(preferred(here), -preferred(there), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_an_episode_that_looks_the_same_from_both_sides_has_no_favourite():
    torch.manual_seed(0)
    net = build_network("lrrc", 4, WIDTH, model()).eval()
    made = episode_arrays(episode(3, turns=4), ENCODER, LIMIT)
    of_the_user = dataclasses.replace(made, speaker_N=np.zeros_like(made.speaker_N))
    assert not preferred(net(collate([of_the_user], 32)).outcome_BTO).any()


@given(seed=st.integers(0, 1000), turns=st.integers(1, 4), form=st.booleans())
@torch.inference_mode()
def test_no_probe_can_favour_an_agent(seed, turns, form):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((turns, 3, 5)).astype(np.float32)
    differences = rng.standard_normal((turns, len(FORM))).astype(np.float32)
    batch = collate_kept([KeptFeatures("k", features, differences, 0, 2)])
    probe = OutcomeProbe(5, form)
    if form:
        torch.nn.init.normal_(probe.form.weight_F)
    here, there = probe(batch), probe(batch.swapped(torch.ones(1, dtype=torch.bool)))
    assert torch.equal(here, there[..., list(EXCHANGED)])


@torch.no_grad()
def test_form_is_weighed_turn_by_turn():
    head, form_BTF = FormHead(), torch.randn(2, 3, len(FORM), generator=torch.Generator().manual_seed(0))
    assert not head(form_BTF).any()  # says nothing before it has learnt
    head.standardise(form_BTF.flatten(0, 1))
    head.weight_F.copy_(torch.randn(len(FORM), generator=torch.Generator().manual_seed(1)))
    head.keep.fill_(-2.0)
    keep, said = 1 / (1 + np.exp(2.0)), ((form_BTF / head.scale_F) @ head.weight_F).numpy()
    expected = [said[:, 0], said[:, 1] + keep * said[:, 0], said[:, 2] + keep * said[:, 1] + keep**2 * said[:, 0]]
    logits = head(form_BTF)
    np.testing.assert_allclose(logits[..., FIRST].numpy(), np.stack(expected, axis=1), rtol=1e-5)
    assert torch.equal(logits[..., 1], -logits[..., 0]) and not logits[..., 2:].any()
    scaled = form_BTF / head.scale_F
    torch.testing.assert_close((scaled**2).mean((0, 1)), torch.ones(len(FORM)))
