"""A certificate says what the theorems suppose, and fails loudly where a checkpoint does not obey."""

import json

import pytest
import torch
from helpers.policies import made_policy
from helpers.random_episodes import ENCODER, LIMIT, WIDTH, episode, model

from lrrc.dataset.episode_arrays import episode_arrays
from lrrc.model.network import build_network
from lrrc.proofs import certificate as certificates
from lrrc.proofs.certificate import THEOREMS, certificate, measure_fit, theorems

EPISODES = [episode(seed) for seed in range(6)]
ARRAYS = [episode_arrays(e, ENCODER, LIMIT) for e in EPISODES]


def policy(rank=4, budget=40, **changes):
    torch.manual_seed(0)
    net = build_network("lrrc", rank, WIDTH, model(**changes))
    return made_policy("lrrc", budget, net)


def test_an_untrained_coordinator_already_obeys() -> None:
    one = policy()
    made = certificate(one, 4, {"main": measure_fit(one, ARRAYS, EPISODES)})
    assert made["holds"] and made["r_u"] == 2
    assert 0 < made["rho_max"] < 0.95
    assert 0 < made["largest_update_norm"] <= 1 + 1e-4
    assert made["largest_state_norm"] <= made["norm_bound"]
    assert 1 <= made["largest_update_rank"] <= 2
    assert 0 < made["largest_digest_tokens"] <= 40
    assert made["turns"] == sum(len(e.turns) for e in EPISODES)
    json.dumps(made)


def test_the_norm_bound_is_that_of_the_theorem() -> None:
    one = policy()
    fit = measure_fit(one, ARRAYS, EPISODES)
    for rho, start, bound in zip(fit["rho"], fit["start_norm"], fit["norm_bound"], strict=True):
        assert bound == pytest.approx(max(start, 1.0 / (1 - rho)), rel=1e-5)


def test_an_update_beyond_b_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = policy()
    rescaled = one.net.cell.update
    monkeypatch.setattr(one.net.cell, "update", lambda *args: 30 * rescaled(*args))
    fit = measure_fit(one, ARRAYS, EPISODES)
    assert not fit["checks"]["update_within_b"]
    with pytest.raises(ValueError, match="fold-3: update_within_b"):
        certificate(one, 4, {"fold-3": fit})


def test_rho_of_one_or_more_breaks_it() -> None:
    one = policy()
    one.net.cell.rho_max = 1.5
    assert not measure_fit(one, ARRAYS, EPISODES)["checks"]["rho_below_one"]


def test_a_digest_over_budget_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = policy()
    monkeypatch.setattr(certificates, "largest_digest", lambda *_: 41)
    assert not measure_fit(one, ARRAYS, EPISODES)["checks"]["digest_within_budget"]


def test_every_named_theorem_is_recorded() -> None:
    named = theorems()
    assert [theorem["name"] for theorem in named] == list(THEOREMS)
    assert all(len(theorem["sha256"]) == 64 and theorem["plain"] for theorem in named)
