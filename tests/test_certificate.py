"""A certificate says what the theorems suppose, and fails loudly where a checkpoint does not obey."""

import json

import pytest
import torch
from generated import ENCODER, LIMIT, WIDTH, episode, model

from lrrc import certificate, dataset
from lrrc.model.coordinator import build
from lrrc.policies.learned import Learned

EPISODES = [episode(seed) for seed in range(6)]
ARRAYS = [dataset.episode_arrays(e, ENCODER, LIMIT) for e in EPISODES]


def policy(rank=4, budget=40, **changes):
    torch.manual_seed(0)
    net = build("lrrc", rank, WIDTH, model(**changes))
    return Learned("lrrc", budget, net=net, encoder=ENCODER, max_segment_tokens=LIMIT)


def test_an_untrained_coordinator_already_obeys() -> None:
    one = policy()
    made = certificate.certificate(one, 4, {"main": certificate.measure(one, ARRAYS, EPISODES)})
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
    fit = certificate.measure(one, ARRAYS, EPISODES)
    for rho, start, bound in zip(fit["rho"], fit["start_norm"], fit["norm_bound"], strict=True):
        assert bound == pytest.approx(max(start, 1.0 / (1 - rho)), rel=1e-5)


def test_an_update_beyond_b_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = policy()
    rescaled = one.net.cell.update
    monkeypatch.setattr(one.net.cell, "update", lambda *args: 30 * rescaled(*args))
    fit = certificate.measure(one, ARRAYS, EPISODES)
    assert not fit["checks"]["update_within_b"]
    with pytest.raises(ValueError, match="fold-3: update_within_b"):
        certificate.certificate(one, 4, {"fold-3": fit})


def test_rho_of_one_or_more_breaks_it() -> None:
    one = policy()
    one.net.cell.rho_max = 1.5
    assert not certificate.measure(one, ARRAYS, EPISODES)["checks"]["rho_below_one"]


def test_a_digest_over_budget_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = policy()
    monkeypatch.setattr(certificate, "largest_digest", lambda *_: 41)
    assert not certificate.measure(one, ARRAYS, EPISODES)["checks"]["digest_within_budget"]


def test_every_named_theorem_is_recorded() -> None:
    named = certificate.theorems()
    assert [theorem["name"] for theorem in named] == list(certificate.THEOREMS)
    assert all(len(theorem["sha256"]) == 64 and theorem["plain"] for theorem in named)
