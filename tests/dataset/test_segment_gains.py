"""Gains of segments: who is called, what is asked, exact sums with a scorer that counts words, and the file."""

import dataclasses
from itertools import count

import numpy as np
import pytest
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, checked, episode
from helpers.word_model import NEW, SEEN, Scorer

from lrrc.dataset.calls import TeachingCall, calls_of, gains_by_call, whole_history
from lrrc.dataset.episode_arrays import UNKNOWN, episode_arrays
from lrrc.dataset.segment_gains import (
    DECIMALS,
    candidates,
    load_gains,
    measure_gains,
    requests_of,
    save_gains,
    write_gains,
)
from lrrc.dataset.targets import NOISE, SHARPNESS, essential_words
from lrrc.digest.words import word_bucket, word_weight
from lrrc.episodes.episode import Check, Episode, Message, Turn
from lrrc.episodes.episode_file import write_episodes
from lrrc.params import GainsConfig
from lrrc.pretrained import language_model


def settings_of(**changes):
    return dataclasses.replace(GainsConfig("model", candidates=16, reply_tokens=64, calls=1000, seed=0), **changes)


def talk(*turns, checks=(), name="t"):
    """An episode of (user, reply of a, reply of b)."""
    made = [
        Turn((Message("user", u),), (Message("assistant", a, "model_a"), Message("assistant", b, "model_b")))
        for u, a, b in turns
    ]
    return Episode(name, AGENTS, AGENTS, (), tuple(made), None, None, name, None, None, tuple(checks))


TALK = talk(
    ("Budget is 740 euros. Lisbon is warm.", "Noted.", ""),
    ("What is the budget?", "It is 740 euros.", "Lisbon"),
)
CHECK = Check(1, "recall", "What is the budget?", ("It is 9 euros.", "It is 740 euros."), 1, 0, (0, 1))


def test_calls_of_logs():
    found = calls_of(TALK, whole_history(TALK, LIMIT))
    assert [(call.turn, call.agent, call.inputs, call.reply, call.segments) for call in found] == [
        (1, 0, TALK.turns[1].inputs, "It is 740 euros.", 3),
        (1, 1, TALK.turns[1].inputs, "Lisbon", 3),
    ]  # nothing comes before the first turn
    silent = talk(("Hello.", "Hi.", "Hi."), ("And?", "", "So."))
    assert [call.agent for call in calls_of(silent, whole_history(silent, LIMIT))] == [1]


def test_where_there_are_checks_nothing_else_counts():
    asked = dataclasses.replace(TALK, checks=(CHECK,))
    (call,) = calls_of(asked, whole_history(asked, LIMIT))
    assert (call.turn, call.agent, call.reply, call.segments) == (1, -1, "It is 740 euros.", 3)
    early = dataclasses.replace(TALK, checks=(dataclasses.replace(CHECK, turn=0),))
    assert calls_of(early, whole_history(early, LIMIT)) == []
    for seed in range(20):
        made = checked(seed)
        calls = calls_of(made, whole_history(made, LIMIT))
        wanted = {c.turn: c.options[c.answer] for c in made.checks}
        assert all(call.reply == wanted[call.turn] and call.agent == -1 and call.segments > 0 for call in calls)


def test_a_key_names_the_content():
    call = TeachingCall("t", 1, 0, (Message("user", "What?"),), "That.", 3, "")
    others = [
        {"episode_id": "u"},
        {"inputs": (Message("user", "Why?"),)},
        {"reply": "This."},
        {"history": "other"},
        {"inputs": (*call.inputs, Message("tool", "42", "search"))},
        {"inputs": ()},
        {"inputs": (Message("user", ""),), "reply": "What?\0That."},
    ]
    keys = {dataclasses.replace(call, **changes).key for changes in ({}, *others)}
    assert len(keys) == len(others) + 1
    assert dataclasses.replace(call, inputs=(Message("user", "What?"),)).key == call.key


def test_gains_of_another_segmentation_are_never_taken():
    """As many segments, the same question and reply: cut elsewhere, or of other words, they are other segments."""
    whole = whole_history(TALK, LIMIT)
    (call, _) = calls_of(TALK, whole)
    moved = whole_history(TALK, LIMIT)
    first = moved.segments[0]
    moved.segments[0] = first._replace(end=first.end - 1, text=first.text[:-1])
    assert calls_of(TALK, moved)[0].key != call.key
    told = talk(("Budget is 741 euros. Lisbon is warm.", "Noted.", ""), ("What is the budget?", "It is 740 euros.", ""))
    (other,) = calls_of(told, whole_history(told, LIMIT))
    assert other.segments == call.segments and other.key != call.key
    assert gains_by_call(TALK, moved, {call.key: np.zeros(3, np.float32)}) == {}


def test_a_row_is_measured_with_its_head():
    table = "| Part | Price |\n|---|---|\n| hinge | 7 |\n| rail | 88 |\n| cap | 2 |"
    made = talk((table, "Noted.", ""), ("What does a rail cost?", "88", ""))
    history = whole_history(made, 60)
    (call,) = calls_of(made, history)
    scorer = Scorer()
    row = next(i for i, piece in enumerate(history.segments) if "rail" in piece.text)
    _, shown = requests_of(scorer, history, call, [row], 9)
    words = {number: word for word, number in scorer.ids.items()}
    assert "user part price rail 88" in " ".join(words.get(number, "") for number in shown.prompt)


def test_candidates_share_words_or_are_new():
    told = [f"Parcel {i} is heavy." for i in range(20)] + ["Anna lives in Lisbon."] + [f"Box {i}." for i in range(20)]
    made = talk(*((text, "", "") for text in told), ("Where does Anna live?", "In Lisbon.", ""))
    history = whole_history(made, LIMIT)
    (call,) = calls_of(made, history)
    assert candidates(history, call, 41) == list(range(41))
    few = candidates(history, call, 8)
    assert len(set(few)) == 8 and few == sorted(few)
    assert 20 in few  # shares `Anna` and `Lisbon`
    assert {40, 39, 38} < set(few)  # the newest


def test_the_question_stands_first():
    scorer, history = Scorer(), whole_history(TALK, LIMIT)
    call = calls_of(TALK, history)[0]
    asked = requests_of(scorer, history, call, [0, 2], reply_tokens=3)
    words = {i: word for word, i in scorer.ids.items()} | {1: "<", 2: ">"}
    said = [(" ".join(words[t] for t in r.prompt), " ".join(words[t] for t in r.answers[0])) for r in asked]
    assert said == [
        ("< user what is the budget > < assistant", "it is 740"),
        ("< user what is the budget user budget is 740 euros > < assistant", "it is 740"),
        ("< user what is the budget model_a noted > < assistant", "it is 740"),
    ]
    whole = requests_of(scorer, history, call, [], reply_tokens=64)[0].answers[0]
    assert whole == (*scorer.encode("It is 740 euros."), 2)  # the end of the reply counts as well


def test_gains_by_hand():
    (first, of_a), (second, of_b) = measure_gains(Scorer(), TALK, LIMIT, most=16, reply_tokens=64)
    assert (first.agent, second.agent) == (0, 1)
    # `it`, `740` and `euros` are new to the question: the first segment holds two of them
    np.testing.assert_array_equal(of_a, [2 * (SEEN - NEW), 0, 0])
    np.testing.assert_array_equal(of_b, [0, SEEN - NEW, 0])
    only = measure_gains(Scorer(), TALK, LIMIT, 16, 64, keys={second.key})
    assert [call for call, _ in only] == [second]


def test_what_is_no_candidate_gains_nothing():
    told = [(f"Parcel {i} is at depot {i}.", "", "") for i in range(12)]
    made, scorer = talk(*told, ("Where is parcel 3?", "At depot 3.", "")), Scorer()
    ((call, gains_N),) = measure_gains(scorer, made, LIMIT, most=4, reply_tokens=64)
    chosen = candidates(whole_history(made, LIMIT), call, 4)
    assert len(scorer.asked) == 1 + 4 and gains_N.shape == (12,)
    assert not np.delete(gains_N, chosen).any() and gains_N[3] == 2 * (SEEN - NEW)  # `at` and `depot`


def test_a_file_gives_back_what_it_holds(tmp_path):
    found = measure_gains(Scorer(), TALK, LIMIT, 16, 64)
    found[0][1][:] = [1 / 3, -2 / 3, 1e-9]
    save_gains(tmp_path / "gains.parquet", found)
    stored = load_gains(tmp_path / "gains.parquet")
    assert set(stored) == {call.key for call, _ in found}
    for call, gains_N in found:
        np.testing.assert_allclose(stored[call.key], gains_N, atol=0.5 * 10**-DECIMALS)
        assert stored[call.key].dtype == np.float32
    save_gains(tmp_path / "again.parquet", [(call, stored[call.key]) for call, _ in found])
    assert (tmp_path / "gains.parquet").read_bytes() == (tmp_path / "again.parquet").read_bytes()
    (tmp_path / "gains.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match="gains.parquet") as caught:
        load_gains(tmp_path / "gains.parquet")
    assert "\n" not in str(caught.value)


def test_a_check_counts_for_every_agent():
    asked = dataclasses.replace(TALK, checks=(CHECK,))
    history = whole_history(asked, LIMIT)
    (call,) = calls_of(asked, history)
    stored = {call.key: np.array([5, 0, 0], np.float32), "another": np.zeros(3, np.float32)}
    found = gains_by_call(asked, history, stored)
    assert set(found) == {(1, 0), (1, 1)} and all(gains_N.tolist() == [5, 0, 0] for gains_N in found.values())
    assert gains_by_call(asked, history, {call.key: np.zeros(2, np.float32)}) == {}  # of segments cut otherwise
    by_agent = gains_by_call(TALK, history, {c.key: np.full(3, c.agent, np.float32) for c in calls_of(TALK, history)})
    assert {place: gains_N[0] for place, gains_N in by_agent.items()} == {(1, 0): 0, (1, 1): 1}


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A file of episodes, the scorer in place of a model (workers are forks, so they have it too)."""
    monkeypatch.setattr(language_model, "load", lambda folder: Scorer())
    made = [TALK, *(episode(seed, outcome=None) for seed in range(4))]
    write_episodes(tmp_path / "episodes.parquet", made)
    return tmp_path / "episodes.parquet", [call for e in made for call in calls_of(e, whole_history(e, LIMIT))]


def run(path, known, out, **changes):
    write_gains(path, path.parent / "lm", known, out, settings_of(**changes), LIMIT)
    return load_gains(out)


def test_known_gains_are_copied_and_others_measured(source, tmp_path, monkeypatch):
    path, calls = source
    first = run(path, tmp_path / "none", tmp_path / "all.parquet")
    assert set(first) == {call.key for call in calls} and len(first) > 8
    for call in calls_of(TALK, whole_history(TALK, LIMIT)):
        expected = {c.key: g for c, g in measure_gains(Scorer(), TALK, LIMIT, 16, 64)}[call.key]
        np.testing.assert_array_equal(first[call.key], expected)
    half = calls[::2]
    mark = np.float32(7.5)  # no scorer says this
    save_gains(tmp_path / "half.parquet", [(call, np.full(call.segments, mark)) for call in half])
    mixed = run(path, tmp_path / "half.parquet", tmp_path / "mixed.parquet")
    for call in calls:
        known_already = call.key in {c.key for c in half}
        expected = np.full(call.segments, mark) if known_already else first[call.key]
        np.testing.assert_array_equal(mixed[call.key], expected)

    def nobody(folder):
        raise AssertionError("a model was asked for")

    monkeypatch.setattr(language_model, "load", nobody)
    again = run(path, tmp_path / "all.parquet", tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "all.parquet").read_bytes()
    assert set(run(path, tmp_path / "half.parquet", tmp_path / "few", source="lexical")) == {c.key for c in half}
    assert set(again) == set(first)


def test_of_many_calls_some_are_drawn(source, tmp_path, capsys):
    path, calls = source
    outs = (tmp_path / str(i) for i in count())
    every = run(path, tmp_path / "none", next(outs))
    one, same, other = (run(path, tmp_path / "none", next(outs), calls=3, seed=seed) for seed in (0, 0, 1))
    assert f"3 of {len(every)} calls are measured" in capsys.readouterr().out
    assert len(one) == len(other) == 3 and set(one) == set(same) != set(other) and set(one) < set(every)
    assert set(run(path, tmp_path / "none", next(outs), source="model", calls=10**9)) == {call.key for call in calls}


def test_targets_of_stored_gains_by_hand():
    history = whole_history(TALK, LIMIT)
    of_a, of_b = calls_of(TALK, history)
    above = np.array([4.0, 1.0, -2.0], np.float32)
    stored = {of_a.key: NOISE + above}
    made = episode_arrays(TALK, ENCODER, LIMIT, stored)
    model, lexical = made.targets["model"], made.targets["lexical"]
    sharp = np.array([4.0, 1.0, 0.0]) ** SHARPNESS
    np.testing.assert_allclose(model.target[1][0], sharp / sharp.sum(), rtol=1e-6)
    assert model.worth_TM[1, 0] == 5  # what is above the noise, together
    np.testing.assert_array_equal(model.target[1][1], lexical.target[1][1])  # not measured: by words
    assert model.worth_TM[1, 1] == lexical.worth_TM[1, 1] == pytest.approx(word_weight("lisbon"))
    assert (model.worth_TM[0] == UNKNOWN).all()
    nothing = episode_arrays(TALK, ENCODER, LIMIT, {of_a.key: np.full(3, NOISE, np.float32)})
    assert not nothing.targets["model"].target[1][0].any() and nothing.targets["model"].worth_TM[1, 0] == 0


def test_at_a_check_both_agents_learn_the_true_answer():
    asked = dataclasses.replace(TALK, checks=(CHECK,))
    (call,) = calls_of(asked, whole_history(asked, LIMIT))
    made = episode_arrays(asked, ENCODER, LIMIT, {call.key: np.array([9, 0, 0], np.float32) + NOISE})
    assert made.targets["model"].target[1].tolist() == [[1, 0, 0]] * 2
    assert made.targets["model"].worth_TM.tolist() == [[UNKNOWN] * 2, [9, 9]]
    wanted = essential_words("It is 740 euros.")
    for hashes, _ in made.essential[1]:
        assert hashes.tolist() == [word_bucket(word) for word in wanted]
