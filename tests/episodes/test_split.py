"""Parts have the asked sizes, whole groups and the same mix of outcomes; folds test every episode once."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from helpers.paths import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.episodes.episode import ARENA_OUTCOMES, Check, Episode, Message, Turn
from lrrc.episodes.episode_file import write_episodes
from lrrc.episodes.split import PARTS, family_folds, partition, split_episodes
from lrrc.params import load_params
from lrrc.runtime.chance import stream

PAPER = {"train": 0.7, "val": 0.15, "test": 0.15, "folds": 5, "seed": 0}


def episode(number, outcome=None, group=None):
    agents = ("model_a", "model_b")
    turn = Turn((Message("user", "u"),), tuple(Message("assistant", "a", agent) for agent in agents))
    name = f"e{number}"
    return Episode(name, agents, ("x", "y"), (), (turn,), outcome, None, group or name, None, None)


def mixed(n, seed=0, weights=(0.4, 0.3, 0.15, 0.15), groups=None):
    rng = np.random.default_rng(seed)
    outcomes = rng.choice(ARENA_OUTCOMES, n, p=weights)
    return [episode(i, str(o), f"g{rng.integers(groups)}" if groups else None) for i, o in enumerate(outcomes)]


def test_the_papers_sizes():
    for seed in range(5):
        splits = split_episodes(mixed(200, seed), **PAPER)
        assert [len(splits[part]) for part in PARTS] == [140, 30, 30]
        for fold in splits["folds"]:
            assert len(fold["test"]) == 40 and len(fold["val"]) == 28 and len(fold["train"]) == 132


def test_outcomes_are_mixed_alike():
    episodes = mixed(440)
    outcome = {e.episode_id: e.outcome for e in episodes}
    whole = Counter(outcome.values())
    splits = split_episodes(episodes, **PAPER)
    for ids in [
        *(splits[part] for part in PARTS),
        *(fold[part] for fold in splits["folds"] for part in PARTS),
    ]:
        for name, n in Counter(outcome[i] for i in ids).items():
            assert abs(n - whole[name] * len(ids) / 440) <= 1.5


def test_as_good_as_scikit_learn_at_what_it_can_do():
    from sklearn.model_selection import StratifiedGroupKFold

    episodes = mixed(440, groups=90)
    groups, strata = [e.group for e in episodes], [e.outcome for e in episodes]
    theirs = np.zeros(440, int)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(strata, strata, groups)
    for i, (_, test) in enumerate(folds):
        theirs[test] = i

    def unevenness(part):
        counts = [Counter(s for s, p in zip(strata, part, strict=True) if p == i) for i in range(5)]
        return sum(np.std([c[name] for c in counts]) for name in ARENA_OUTCOMES)

    assert unevenness(partition(groups, strata, [1] * 5, stream("split", 0))) <= 1.1 * unevenness(theirs)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_always_whole_groups_and_every_episode_tested_once(data):
    n = data.draw(st.integers(3, 60))
    names = data.draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    outcomes = data.draw(st.lists(st.sampled_from([None, *ARENA_OUTCOMES]), min_size=n, max_size=n))
    folds = data.draw(st.integers(2, 6))
    episodes = [episode(i, o, f"g{g}") for i, (o, g) in enumerate(zip(outcomes, names, strict=True))]
    asked = {**PAPER, "folds": folds, "seed": data.draw(st.integers(0, 9))}
    try:
        splits = split_episodes(episodes, **asked)
    except ValueError as error:
        assert "groups of" in str(error)
        assert len(set(names)) < max(folds, 3) or folds == 2  # half of few groups may be one, not two
        return
    group = {e.episode_id: e.group for e in episodes}
    for parts in (splits, *splits["folds"]):
        assert sorted(i for part in PARTS for i in parts[part]) == sorted(group)
        seen = [{group[i] for i in parts[part]} for part in PARTS]
        assert all(seen) and sum(map(len, seen)) == len(set(names))
    assert sorted(i for fold in splits["folds"] for i in fold["test"]) == sorted(group)
    assert len(splits["folds"]) == folds


def test_episodes_without_outcome_and_few_of_them():
    splits = split_episodes([episode(i) for i in range(12)], **PAPER)
    assert [len(splits[part]) for part in PARTS] == [8, 2, 2]
    assert all(len(fold["val"]) >= 1 for fold in splits["folds"])


def test_the_seed_decides_and_nothing_else():
    episodes = mixed(100)
    assert split_episodes(episodes, **PAPER) == split_episodes(episodes, **PAPER)
    assert split_episodes(episodes, **PAPER) != split_episodes(episodes, **{**PAPER, "seed": 1})


def test_fewer_groups_than_folds_is_one_clear_error():
    episodes = [episode(i, "tie", f"g{i % 4}") for i in range(40)]
    with pytest.raises(ValueError, match="4 groups of 40 episodes cannot fill 5 parts.*split.folds"):
        split_episodes(episodes, **PAPER)


def test_33000_episodes_take_seconds():
    splits = split_episodes(mixed(33_000), **PAPER)
    assert [len(splits[part]) for part in PARTS] == [23_100, 4_950, 4_950]


def stage(folder, name, *paths):
    """A pipeline script as `dvc repro` runs it."""
    script = ROOT / "pipeline" / f"{name}.py"
    return subprocess.run([sys.executable, script, *paths], cwd=folder, capture_output=True, text=True)


def test_annotate_and_split_as_stages(tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    write_episodes(tmp_path / "raw.parquet", mixed(40))
    outs = ("annotated/tokens.parquet", "splits.json", "table1.json")
    found = []
    for _ in range(2):
        assert stage(tmp_path, "annotate", "raw.parquet", outs[0]).returncode == 0
        assert stage(tmp_path, "split", "raw.parquet", *outs).returncode == 0
        found.append([(tmp_path / out).read_bytes() for out in outs])
    assert found[0] == found[1]
    splits, table = json.loads(found[0][1]), json.loads(found[0][2])
    assert [len(splits[part]) for part in PARTS] == [28, 6, 6]
    assert len(splits["folds"]) == load_params(ROOT / "params.yaml").split.folds
    total = [row for row in table if row["split"] == "total"]
    assert [row["accounting"] for row in total] == ["per_side", "joint", "model_a", "model_b"]
    assert [(row["episodes"], row["tokens_per_episode"]) for row in total] == [
        (40, 2),
        (40, 4),
        (40, 2),
        (40, 2),
    ]


def test_too_few_groups_stop_the_stage_with_one_line(tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    write_episodes(tmp_path / "raw.parquet", mixed(2))
    stage(tmp_path, "annotate", "raw.parquet", "tokens.parquet")
    ran = stage(tmp_path, "split", "raw.parquet", "tokens.parquet", "splits.json", "table1.json")
    assert ran.returncode == 1 and not (tmp_path / "splits.json").exists()
    assert ran.stderr.startswith("error: split: 2 groups of 2 episodes") and ran.stderr.count("\n") == 1


def with_family(number, category, *families):
    checks = tuple(Check(0, family, "?", ("yes", "no"), 0, 0, (0, 0)) for family in families)
    return replace(episode(number), category=category, checks=checks)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_fit_without_a_family_saw_none_of_its_checks(data):
    names = [f"kind {i}" for i in range(data.draw(st.integers(2, 12)))]
    others = st.lists(st.sampled_from(names), max_size=2)
    episodes = [with_family(i, name, name, *data.draw(others)) for i, name in enumerate(3 * names)]
    episodes += [with_family(len(episodes) + i, None) for i in range(4)]  # so that something is left of everything
    folds = family_folds(episodes, train=0.7, val=0.15, seed=0)
    assert len(folds) == min(8, len(names) + 1)
    known = {e.episode_id: e for e in episodes}
    assert sorted(i for fold in folds for i in fold["test"]) == sorted(known)
    for fold in folds:
        tested = {known[i].category or "none" for i in fold["test"]}
        seen = [known[i] for part in ("train", "val") for i in fold[part]]
        assert fold["train"] and fold["val"]
        assert not any((e.category or "none") in tested or tested & {c.family for c in e.checks} for e in seen)


def test_no_family_to_leave_out():
    with pytest.raises(ValueError, match="two categories"):
        family_folds(mixed(20), train=0.7, val=0.15, seed=0)
