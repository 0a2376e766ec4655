"""Episodes as arrays: targets by hand, and the file gives back what was saved."""

import dataclasses

import numpy as np
import pytest
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, WIDTH, episode

from lrrc.dataset.array_file import ArrayFile, flatten, write_arrays
from lrrc.dataset.episode_arrays import UNKNOWN, Targets, episode_arrays
from lrrc.dataset.targets import SHARPNESS, distribution, essential_words, lexical_gains
from lrrc.digest.features import FEATURES, Query
from lrrc.digest.history import History
from lrrc.digest.words import word_bucket, word_weight
from lrrc.episodes.episode import ARENA_OUTCOMES, Episode, Message, Turn
from lrrc.params import TARGETS


def arrays_of(episodes):
    return [episode_arrays(e, ENCODER, LIMIT) for e in episodes]


RAGGED = [
    *(episode(seed) for seed in range(8)),
    episode(8, agents=("assistant",)),
    episode(9, outcome=None),
    episode(10, turns=1, empty=1.0),
]


def test_shapes_and_sums():
    for made, e in zip(RAGGED, arrays_of(RAGGED), strict=True):
        assert e.turns == len(made.turns) == len(e.query_TE)
        assert e.embeddings_NE.shape == (len(e.turn_N), WIDTH) and e.features[0].shape == (0, len(FEATURES))
        assert e.outcome == (ARENA_OUTCOMES.index(made.outcome) if made.outcome else -1)
        assert set(e.targets) == set(TARGETS) and e.agents == len(made.agents)
        for targets in e.targets.values():
            assert targets.worth_TM.shape == (e.turns, e.agents)
            for t, (features, target) in enumerate(zip(e.features, targets.target, strict=True)):
                before = (e.turn_N < t).sum()
                assert features.shape == (before, len(FEATURES)) and target.shape == (len(made.agents), before)
                sums = target.sum(1)
                assert ((np.abs(sums - 1) < 1e-5) | (sums == 0)).all() and (target >= 0).all()
                worth = targets.worth_TM[t]
                assert ((worth > 0) == (sums > 0)).all() and ((worth >= 0) | (worth == UNKNOWN)).all()
                called = [before and bool(r.content) for r in made.turns[t].replies]
                assert (worth >= 0).tolist() == called  # known wherever there is a history and a reply
        for turn, pairs in zip(made.turns, e.essential, strict=True):
            for reply, (hashes, weights) in zip(turn.replies, pairs, strict=True):
                expected = essential_words(reply.content)
                assert hashes.tolist() == [word_bucket(word) for word in expected]
                assert weights.sum() == pytest.approx(1 if expected else 0, abs=1e-5)


def test_features_at_a_turn_are_those_of_a_history_up_to_it():
    made = episode(1, turns=4)
    e = episode_arrays(made, ENCODER, LIMIT)
    history = History(AGENTS, ENCODER, LIMIT)
    for turn, features in zip(made.turns, e.features, strict=True):
        np.testing.assert_array_equal(features, history.features(Query.of(turn.inputs, ENCODER)))
        history.append([*turn.inputs, *turn.replies])


def test_targets_prefer_what_the_reply_needs_and_the_question_lacks():
    def reply(content, agent):
        return Message("assistant", content, agent)

    first = Turn(
        (Message("user", "Zanzibar trip costs 740. Quokka feeding needs boots. Hello there."),),
        (reply("Noted.", "model_a"), reply("Noted.", "model_b")),
    )
    second = Turn(
        (Message("user", "What about Zanzibar?"),),
        (reply("Zanzibar: 740", "model_a"), reply("Quokka boots", "model_b")),
    )
    made = Episode("x", AGENTS, AGENTS, (), (first, second), "tie", None, "x", None, None)
    target = episode_arrays(made, ENCODER, 60).targets["lexical"].target[1]
    np.testing.assert_allclose(target, [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])  # not for repeating `Zanzibar`

    history = History(AGENTS, ENCODER, 60)
    history.append([*first.inputs, *first.replies])
    query = Query.of(second.inputs, ENCODER)
    shared = lexical_gains(history, query, "740 quokka boots", 5)  # one against two words that weigh 1
    both = distribution(shared)  # 1 to 4
    weights = [word_weight(word) for word in ("740", "quokka", "boots")]
    gains = np.array([weights[0], weights[1] + weights[2]]) ** SHARPNESS
    np.testing.assert_allclose(both[:2], gains / gains.sum(), rtol=1e-5)


def test_a_saved_data_set_is_given_back(tmp_path):
    made = arrays_of(RAGGED)
    write_arrays(tmp_path / "a", [flatten(made, form=True)], form=True)
    loaded = list(ArrayFile(tmp_path / "a").values())
    for before, after in zip(made, loaded, strict=True):
        for field in dataclasses.fields(before):
            a, b = getattr(before, field.name), getattr(after, field.name)
            for x, y in zip(flat(a), flat(b), strict=True):
                np.testing.assert_array_equal(x, y, field.name)
                assert np.asarray(x).dtype == np.asarray(y).dtype, field.name
    write_arrays(tmp_path / "b", [flatten([one], form=True) for one in loaded], form=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_holds_forms_only_where_heads_see_them(tmp_path):
    made = arrays_of(RAGGED)
    write_arrays(tmp_path / "without", [flatten(made)])
    without = ArrayFile(tmp_path / "without")
    assert "form" not in without.file.entries and without[made[0].episode_id].form_TF.shape == (made[0].turns, 0)
    assert made[0].form_TF.any()


def flat(value):
    """Arrays and names inside lists, mappings and targets, in order."""
    if isinstance(value, Targets):
        value = [value.target, value.worth_TM]
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    return [leaf for item in value for leaf in flat(item)] if isinstance(value, (list, tuple)) else [value]


def test_a_missing_file_names_the_stage(tmp_path):
    with pytest.raises(ValueError, match="run `dvc repro embed` first"):
        ArrayFile(tmp_path / "none.safetensors")


def test_buckets_are_the_same_everywhere():
    assert word_bucket("lisbon") == 543183029
