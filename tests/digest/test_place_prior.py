"""The prior of a segment's place and of the words asked: by hand, as a mixture, and however long the history is."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest.history import History
from lrrc.digest.place_prior import (
    ANOTHERS,
    ASKED,
    PER_MESSAGE,
    PER_SENTENCE,
    Leads,
    log_prior,
    mix_with_prior,
    share_of_the_question,
)
from lrrc.digest.ranking import promise
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import NO_VECTORS


def history_of(*turns):
    history = History(("model_a", "model_b"), NO_VECTORS, 60)
    for turn in turns:
        history.append(turn)
    return history


FIRST = [
    Message("user", "Ask one. And two."),
    Message("assistant", "A one. A two.", "model_a"),
    Message("assistant", "B one.", "model_b"),
]
SECOND = [Message("user", "Ask more."), Message("tool", "7"), Message("assistant", "Done.", "model_a")]


def test_newer_messages_and_first_sentences_by_hand():
    prior = log_prior(history_of(FIRST, SECOND), "model_a")
    # Ask one, And two | A one, A two | B one (said at once with A) | Ask more | 7 | Done
    steps, places = np.array([0, 0, 1, 1, 1, 2, 3, 4]), np.array([0, 1, 0, 1, 0, 0, 0, 0])
    others = np.array([0, 0, 0, 0, 1, 0, 0, 0])
    expected = np.exp(-PER_MESSAGE * (4 - steps) - PER_SENTENCE * places - ANOTHERS * others)
    np.testing.assert_allclose(np.exp(prior), expected / expected.sum())


def test_what_comes_later_changes_nothing_for_the_first_segments():
    whole, part = history_of(FIRST, SECOND), history_of(FIRST)
    np.testing.assert_array_equal(log_prior(whole, "model_b", len(part.segments)), log_prior(part, "model_b"))
    assert log_prior(history_of(), "model_a").shape == (0,)


@given(st.floats(0, 1), st.lists(st.floats(-20, 5), min_size=8, max_size=8))
def test_where_no_word_is_asked_a_mixture_promises_what_the_scores_do(share, scores):
    history = history_of(FIRST, SECOND)
    found = mix_with_prior(np.array(scores), history, "model_a", share, {})
    assert np.logaddexp.reduce(found) == pytest.approx(np.logaddexp.reduce(scores), abs=1e-6)
    shares = np.exp(scores - np.logaddexp.reduce(scores))
    expected = (1 - share) * shares + share * np.exp(log_prior(history, "model_a"))
    np.testing.assert_allclose(np.exp(found - np.logaddexp.reduce(found)), expected, rtol=1e-6, atol=1e-12)


def test_the_ends_of_the_scale():
    history, scores = history_of(FIRST), np.array([0.0, -3, 2, 1, 0])
    np.testing.assert_array_equal(mix_with_prior(scores, history, "model_b", 0, {"one": 1.0}), scores)
    prior, all_of_it = log_prior(history, "model_b"), mix_with_prior(scores, history, "model_b", 1, {})
    np.testing.assert_allclose(all_of_it - np.logaddexp.reduce(all_of_it), prior)
    assert mix_with_prior(np.zeros(0), history_of(), "model_a", 0.8, {"one": 1.0}).shape == (0,)


def test_how_much_of_the_question_a_segment_has_by_hand():
    history = history_of(FIRST)  # Ask one | And two | A one | A two | B one
    asked = {"ask": 1.0, "one": 0.5, "nowhere": 0.5}  # what nobody has said is no part of it
    one = 0.5 * (1 - np.log(3) / np.log(5))
    expected = np.array([1 + one, 0, one, 0, one]) / 1.5
    np.testing.assert_allclose(share_of_the_question(history, asked, 5), expected)
    one = 0.5 * (1 - np.log(2) / np.log(4))  # before the last segment
    np.testing.assert_allclose(share_of_the_question(history, asked, 4), np.array([1 + one, 0, one, 0]) / 1.5)
    common = share_of_the_question(history, {"ask": 0.3, "nowhere": 1.0}, 5)
    np.testing.assert_allclose(common, [0.3, 0, 0, 0, 0])  # a common word alone is little
    assert not share_of_the_question(history, {}, 5).any()


def test_what_is_asked_in_its_own_words_is_worth_more_than_a_place():
    """Added to what the mixture deals: in full where a segment has all that is asked and no other has any of it."""
    history, scores = history_of(FIRST, SECOND), np.zeros(8)
    plain = mix_with_prior(scores, history, "model_a", 0.8, {})
    found = mix_with_prior(scores, history, "model_a", 0.8, {"and": 1.0, "ask": 0.0})
    gained = np.exp(found - promise(scores)) - np.exp(plain - promise(scores))
    np.testing.assert_allclose(gained, [0, ASKED, 0, 0, 0, 0, 0, 0], atol=1e-12)
    half = mix_with_prior(scores, history, "model_a", 0.8, {"and": 0.5, "done": 0.5})
    np.testing.assert_allclose(np.exp(half - promise(scores))[1] - np.exp(plain - promise(scores))[1], ASKED / 16)


def test_what_is_sent_anyway_takes_no_share():
    history, scores = history_of(FIRST, SECOND), np.zeros(8)
    scores[[0, 1, 7]] = -np.inf
    found = mix_with_prior(scores, history, "model_a", 0.8, {"ask": 1.0})
    assert np.isneginf(found[[0, 1, 7]]).all() and np.isfinite(found[2:7]).all()
    free = log_prior(history, "model_a")[2:7]
    place = np.exp(mix_with_prior(scores, history, "model_a", 1, {})[2:7] - promise(scores))
    np.testing.assert_allclose(place, np.exp(free - np.logaddexp.reduce(free)))
    nothing = np.full(8, -np.inf)
    np.testing.assert_array_equal(mix_with_prior(nothing, history, "model_a", 0.8, {"ask": 1.0}), nothing)


FACT = "The ferry to Skagen carries the green piano."
ASKED_WORDS = dict.fromkeys(("when", "ferry", "skagen", "carries", "green", "piano"), 1.0)


@pytest.mark.parametrize("lines", [10, 200, 5_000])
def test_the_share_of_a_fact_that_is_asked_for_does_not_depend_on_what_follows(lines):
    """At scores that say nothing, which is the hardest case."""
    history = history_of([Message("user", FACT)], *([Message("tool", f"line {i} is done")] for i in range(lines)))
    scores = np.zeros(len(history.segments))
    found = mix_with_prior(scores, history, "model_a", 0.8, ASKED_WORDS)
    assert np.exp(found[0] - promise(found)) == pytest.approx(0.31, abs=0.03)
    assert (found > found[0]).sum() <= 2


TABLE = """| Lock | Keeper | Toll |
|---|---|---|
| Tern | Ida Falk | 31 |
| Gull | Per Holm | 47 |
| Smew | Liv Aune | 58 |"""
ASKED_OF_A_ROW = {"toll": 0.6, "gull": 1.0, "lock": 0.6}


def test_a_row_has_the_words_of_its_head():
    history = history_of([Message("user", TABLE)], [Message("user", "The toll is paid. The lock is old.")])
    assert [piece.frame for piece in history.segments] == [True, False, False, False, False, False]
    by_itself = share_of_the_question(history, ASKED_OF_A_ROW, 6)
    found = share_of_the_question(history, ASKED_OF_A_ROW, 6, Leads(history, 6))
    toll = lock = 0.6 * (1 - np.log(2) / np.log(6)) / 2.2
    np.testing.assert_allclose(by_itself, [toll + lock, 0, 1 / 2.2, 0, toll, lock])
    np.testing.assert_allclose(found, [toll + lock, toll + lock, 1, toll + lock, toll, lock])


def test_no_head_is_the_best_match_as_none_is_chosen_by_itself():
    """The row that has the rest of what is asked gets all that the best match gets, and its head nothing."""
    history, scores = history_of([Message("user", TABLE)], [Message("user", "It rained.")]), np.zeros(5)
    plain = mix_with_prior(scores, history, "model_a", 0.8, {})
    found = mix_with_prior(scores, history, "model_a", 0.8, ASKED_OF_A_ROW)
    gained = np.exp(found - promise(scores)) - np.exp(plain - promise(scores))
    assert gained[2] == pytest.approx(ASKED)
    assert gained[0] == gained[4] == 0 and gained[1] == pytest.approx(gained[3]) and 0 < gained[1] < ASKED / 4


def test_a_value_of_json_has_the_words_of_its_keys():
    mills = {f"mill-{i}": {"wheel": i * 11, "notes": "ground oats and rye all winter " * 4} for i in range(4)}
    history = history_of([Message("tool", json.dumps({"mills": mills}, indent=1))], [Message("user", "Thanks. " * 9)])
    count = len(history.segments)
    asked = {"wheel": 0.6, "mill": 0.8, "2": 1.0}
    found = share_of_the_question(history, asked, count, Leads(history, count))
    best = history.segments[int(np.argmax(found))]
    assert '"wheel": 22' in best.text and found.max() == 1
    assert np.argmax(mix_with_prior(np.zeros(count), history, "model_a", 0.8, asked)) == np.argmax(found)


@given(st.lists(st.sampled_from(["Ask one. And two.", "A one, so.", "Nothing more. One and two?"]), max_size=6))
def test_where_nothing_leads_to_anything_its_share_is_as_before(texts):
    history = history_of(FIRST, [Message("user", text) for text in texts], SECOND)
    count, asked = len(history.segments), {"one": 0.5, "two": 0.7, "nowhere": 1.0}
    led = share_of_the_question(history, asked, count, Leads(history, count))
    np.testing.assert_array_equal(led, share_of_the_question(history, asked, count))


def test_a_first_row_that_may_be_the_answer_leads_no_row_of_other_words():
    """The name asked for in the first row is no word of the others; what names a column is one of the row asked for."""
    people = "Ines Roth | 42 | Bern\nPaul Dorn | 17 | Graz\nOlga Lind | 23 | Turku"
    history = history_of([Message("user", people)])
    found = share_of_the_question(history, {"ines": 1.0, "roth": 1.0}, 3, Leads(history, 3))
    np.testing.assert_array_equal(found, [1, 0, 0])
    history = history_of([Message("user", "Boat,Owner,Mast\nTern,Ida,oak\nGull,Per,elm\nSmew,Liv,ash")])
    assert not any(piece.frame for piece in history.segments)
    found = share_of_the_question(history, {"owner": 0.7, "gull": 1.0}, 4, Leads(history, 4))
    np.testing.assert_allclose(found, [0.7 / 1.7, 0, 1, 0])


def test_the_items_of_a_list_have_the_words_of_its_opening_line():
    rules = "Nobody may at the weir:\n- feed the swans\n- moor a barge\n\nIt is old."
    history = history_of([Message("user", rules)])
    leads = Leads(history, 4)
    np.testing.assert_allclose(share_of_the_question(history, {"weir": 0.8}, 4, leads), [0.8, 0.8, 0.8, 0])
    found = share_of_the_question(history, {"weir": 0.8, "swans": 0.9}, 4, leads)
    np.testing.assert_allclose(found, [0.8 / 1.7, 1, 0.8 / 1.7, 0])
    assert not leads.frame_N.any()
