"""Replay's shortcut sends what the policy's own session sends."""

import pytest
import torch
from generated import ENCODER, LIMIT, WIDTH, episode, history_of, model

from lrrc import crossfit, dataset
from lrrc.fitting import Inputs
from lrrc.model.coordinator import build
from lrrc.policies.learned import Learned
from lrrc.replay import episode_cost


@pytest.mark.parametrize("name", ["lrrc", "rims-only", "ccf-only"])
def test_logged_sessions_send_what_sessions_send(name, monkeypatch, tmp_path) -> None:
    episodes = [episode(seed) for seed in range(12)]
    arrays = [dataset.episode_arrays(e, ENCODER, LIMIT) for e in episodes]
    monkeypatch.setattr(crossfit, "arrays_of", lambda *_: arrays)
    monkeypatch.setattr(crossfit, "histories", lambda *_: [history_of(e) for e in episodes])
    torch.manual_seed(0)
    policy = Learned(name, 25, net=build(name, 4, WIDTH, model()), encoder=ENCODER, max_segment_tokens=LIMIT,
                     max_overlap=0.8, squeeze=0.3)  # fmt: skip
    fast = crossfit.logged_sessions(policy, episodes, Inputs(tmp_path, tmp_path, tmp_path, tmp_path))
    for one, session in zip(episodes, fast, strict=True):
        assert episode_cost(one, policy, session=session) == episode_cost(one, policy)


def test_every_episode_of_a_batch_gets_its_own_scores(monkeypatch, tmp_path) -> None:
    """More episodes than a batch, and single ones, give the same digests."""
    episodes = [episode(seed) for seed in range(5)]
    arrays = [dataset.episode_arrays(e, ENCODER, LIMIT) for e in episodes]
    monkeypatch.setattr(crossfit, "arrays_of", lambda *_: arrays)
    monkeypatch.setattr(crossfit, "histories", lambda *_: [history_of(e) for e in episodes])
    policy = Learned("lrrc", 25, net=build("lrrc", 4, WIDTH, model()), encoder=ENCODER, max_segment_tokens=LIMIT)
    inputs = Inputs(tmp_path, tmp_path, tmp_path, tmp_path)
    costs = []
    for size in (1, 2, 32):
        monkeypatch.setattr(crossfit, "BATCH", size)
        sessions = crossfit.logged_sessions(policy, episodes, inputs)
        costs.append([episode_cost(e, policy, session=s) for e, s in zip(episodes, sessions, strict=True)])
    assert costs[0] == costs[1] == costs[2]
