"""Replay's shortcut sends what the policy's own session sends."""

import pytest
import torch
from helpers.policies import made_policy
from helpers.random_episodes import ENCODER, LIMIT, WIDTH, episode, history_of, model

from lrrc.dataset.episode_arrays import episode_arrays
from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation import cross_fitting
from lrrc.evaluation.cross_fitting import logged_sessions
from lrrc.evaluation.replay.accounting import episode_cost
from lrrc.model.network import build_network


@pytest.mark.parametrize("name", ["lrrc", "rims-only", "ccf-only"])
def test_logged_sessions_send_what_sessions_send(name, monkeypatch, tmp_path) -> None:
    episodes = [episode(seed) for seed in range(12)]
    arrays = [episode_arrays(e, ENCODER, LIMIT) for e in episodes]
    monkeypatch.setattr(cross_fitting, "arrays_of", lambda *_: arrays)
    monkeypatch.setattr(cross_fitting, "histories", lambda *_: [history_of(e) for e in episodes])
    torch.manual_seed(0)
    policy = made_policy(name, 25, build_network(name, 4, WIDTH, model()), max_overlap=0.8)
    fast = logged_sessions(policy, episodes, StageInputs(tmp_path, tmp_path, tmp_path, tmp_path))
    for one, session in zip(episodes, fast, strict=True):
        assert episode_cost(one, policy, session=session) == episode_cost(one, policy)


def test_every_episode_of_a_batch_gets_its_own_scores(monkeypatch, tmp_path) -> None:
    """More episodes than a batch, and single ones, give the same digests."""
    episodes = [episode(seed) for seed in range(5)]
    arrays = [episode_arrays(e, ENCODER, LIMIT) for e in episodes]
    monkeypatch.setattr(cross_fitting, "arrays_of", lambda *_: arrays)
    monkeypatch.setattr(cross_fitting, "histories", lambda *_: [history_of(e) for e in episodes])
    policy = made_policy("lrrc", 25, build_network("lrrc", 4, WIDTH, model()))
    inputs = StageInputs(tmp_path, tmp_path, tmp_path, tmp_path)
    costs = []
    for size in (1, 2, 32):
        monkeypatch.setattr(cross_fitting, "BATCH", size)
        sessions = logged_sessions(policy, episodes, inputs)
        costs.append([episode_cost(e, policy, session=s) for e, s in zip(episodes, sessions, strict=True)])
    assert costs[0] == costs[1] == costs[2]
