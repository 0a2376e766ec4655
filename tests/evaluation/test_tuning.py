"""Tuning: equal trials, validation episodes alone, and what a digest captures worked out by hand."""

import json

import numpy as np
import pytest
from helpers.parameters import VALUES
from helpers.policies import made_policy
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, checked, episode
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.dataset.calls import calls_of, whole_history
from lrrc.dataset.inputs import StageInputs
from lrrc.dataset.segment_gains import save_gains
from lrrc.digest.history import History
from lrrc.digest.selection import Selection, Span
from lrrc.episodes.episode import Message
from lrrc.episodes.episode_file import write_episodes
from lrrc.evaluation.tuning.captured import area, held, valued_calls, worth
from lrrc.evaluation.tuning.stage import tune, tuned_policies
from lrrc.evaluation.tuning.trials import TRIALS, Chosen, stops, trials
from lrrc.params import parse_params
from lrrc.policies.registry import with_settings
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import CATALOGUE, LIVE
from lrrc.runtime.files import write_json

PARAMS = parse_params(VALUES)


@pytest.mark.parametrize("name", tuned_policies(PARAMS))
def test_every_policy_gets_the_same_number_of_different_trials(name):
    tried = trials(name)
    assert len(tried) == len({json.dumps(one, sort_keys=True) for one in tried}) == TRIALS
    usual = PolicySpec.of(PARAMS, name)
    assert usual.with_settings(tried[0]) == usual  # the first is the parameters' own, so that equals change nothing
    for one in tried:
        usual.with_settings(one)  # Raises for a setting that there is not


def test_who_is_tuned_and_who_is_a_curve():
    assert {"lrrc", "bm25", "embedding", "recency", "rims-only", "ccf-only"} <= set(tuned_policies(PARAMS))
    curves = {name for name in LIVE if stops(name, PARAMS.tune)}
    assert curves == {name for name in LIVE if CATALOGUE[name].stop} == set(LIVE) - {"full-context", "no-history"}
    for name in curves:
        for stop in stops(name, PARAMS.tune):
            PolicySpec.of(PARAMS, name).with_settings(stop)


def test_the_area_by_hand():
    assert area([10, 20], [4.0, 4.0], 20) == pytest.approx((10 * 2 + 10 * 4) / 20)
    assert area([20, 10], [4.0, 4.0], 40) == pytest.approx((10 * 2 + 30 * 4) / 40)  # level after the last point
    assert area([80], [8.0], 40) == pytest.approx(2.0)  # the half of the line that lies below 40 tokens
    assert area([10], [-4.0], 20) == pytest.approx(-3.0)


def history_of(*texts):
    history = History(AGENTS, ENCODER, LIMIT)
    for text in texts:
        history.append([Message("user", text)])
    return history


def test_what_a_digest_captures_by_hand():
    history = history_of("The train leaves at nine.", "The train leaves at nine!", "Lentils are cheap.", "At ten.")
    gains = np.array([3.0, 2.5, -1.0, 4.0])
    assert worth(history, [0], gains, 0.8) == 3.0
    assert worth(history, [0, 1, 2], gains, 0.8) == 2.0  # said twice, counted once; what misleads counts
    assert worth(history, [0, 1], gains, 1.0) == 5.5
    sent = Selection((Span(0, 0, 25), Span(3, 0, 2)), 9, "user: ...")
    assert held(history, sent) == [0, 3]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_calls_are_those_with_gains_before_their_turn_is_observed(seed):
    made = checked(seed)
    history = whole_history(made, LIMIT)
    calls = calls_of(made, history)
    stored = {call.key: np.arange(call.segments, dtype=np.float32) for call in calls[::2]}
    seen = []
    for call in valued_calls(made_policy("recency"), [made], stored):
        assert len(call.session.history.segments) == len(call.gains_N) and call.agent == made.agents[0]
        seen.append(call.session.history.turns)
    assert seen == sorted({call.turn for call in calls[::2]})


def test_settings_change_the_policy_and_nothing_else():
    policy = made_policy("bm25")
    other = with_settings(policy, {"query": "question", "top": 2})
    assert (other.spec.query, other.spec.rules.top) == ("question", 2) and other.encoder is policy.encoder
    assert policy.spec.query == "message" and with_settings(other, {"query": "message", "top": 0}).spec == policy.spec


@pytest.fixture
def stage(tmp_path):
    """run(gain of a segment by its speaker) -> what the stage writes, for two rules."""
    episodes = [checked(seed, turns=5) for seed in range(8)] + [episode(seed) for seed in range(2)]
    write_episodes(tmp_path / "episodes", episodes)
    ids = [e.episode_id for e in episodes]
    folds = [{"val": ids[:4], "test": ids[4:]}, {"val": ids[4:], "test": ids[:4]}]
    write_json(tmp_path / "splits", {"folds": folds})
    inputs = StageInputs(*(tmp_path / name for name in ("episodes", "segments", "encoder", "splits")))
    live = VALUES["live"] | {"policies": ["no-history", "recency", "bm25"]}
    few = {"live": live, "fidelity": VALUES["fidelity"] | {"policies": ["lead"]}}
    params = parse_params({**VALUES, **few, "embed": {"max_segment_tokens": LIMIT}})

    def run(gain):
        found = []
        for made in episodes:
            history = whole_history(made, LIMIT)
            found += [(c, [gain(history.speaker[i]) for i in range(c.segments)]) for c in calls_of(made, history)]
        save_gains(tmp_path / "gains", found if gain(0) is not None else [])
        tune(tmp_path / "models", inputs, tmp_path / "gains", params, tmp_path / "tuned.json")
        return json.loads((tmp_path / "tuned.json").read_text()), Chosen(tmp_path / "tuned.json")

    return run


def test_the_stage_finds_who_says_what_matters(stage, tmp_path):
    told, chosen = stage(lambda speaker: 1.0 if speaker == 0 else -1.0)
    assert len(told["trials"]) == 3 * 2 * TRIALS
    assert all(chosen.settings(name, fold)["speakers"] == "user" for name in ("recency", "lead") for fold in (0, 1))
    best = max((t for t in told["trials"] if (t["policy"], t["fold"]) == ("bm25", 1)), key=lambda t: t["area"])
    assert chosen.settings("bm25", 1) == best["settings"]
    sizes = [point["tokens"] for point in told["trials"][0]["points"]]
    assert sizes == sorted(sizes) and sizes[0] > 0  # more segments, more tokens
    first = (tmp_path / "tuned.json").read_bytes()
    stage(lambda speaker: 1.0 if speaker == 0 else -1.0)
    assert (tmp_path / "tuned.json").read_bytes() == first
    _, other = stage(lambda speaker: -1.0 if speaker == 0 else 1.0)
    assert other.settings("recency", 0)["speakers"] == "all"


def test_without_gains_nothing_is_chosen(stage):
    told, chosen = stage(lambda speaker: None)
    assert told == {"trials": [], "chosen": [{}, {}]} and chosen.settings("bm25", 1) == {}
