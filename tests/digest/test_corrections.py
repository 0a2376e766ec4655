"""A correction is ranked just before what it corrects, and nothing else moves."""

import numpy as np
import pytest
from helpers.random_episodes import AGENTS, LIMIT, histories
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest.corrections import corrections_first
from lrrc.digest.history import History
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import NO_VECTORS


def history_of(*texts, role="user", limit=LIMIT):
    history = History(AGENTS, NO_VECTORS, limit)
    for text in texts:
        history.append([Message(role, text)])
    return history


def order(scores, history):
    return np.argsort(-corrections_first(np.array(scores, float), history), kind="stable").tolist()


RESTATED = ("The ferry to Skagen leaves at nine.", "It rains in Oslo.", "The ferry to Skagen leaves at noon.")


def test_what_restates_a_better_one_goes_first():
    assert order([5, 3, 1], history_of(*RESTATED)) == [2, 0, 1]
    assert order([1, 3, 5], history_of(*RESTATED)) == [2, 1, 0]  # it was first already
    assert order([5, 3, 1], history_of(*RESTATED[::-1])) == [2, 0, 1]  # whatever it says, the later one counts
    assert order([5, -np.inf, -np.inf], history_of(*RESTATED)) == [0, 1, 2]  # what is sent anyway stays out


def test_of_several_the_latest_goes_first():
    texts = [f"The ferry to Skagen leaves at {hour}." for hour in ("nine", "noon", "four")]
    assert order([3, 2, 1], history_of(*texts)) == [2, 1, 0]


def test_what_the_user_calls_a_correction_goes_before_the_best_earlier_statement():
    texts = ("Supper is at Gustav's.", "It rains in Oslo.", "Sorry, I was wrong, take the other one.")
    assert order([5, 3, 1], history_of(*texts)) == [2, 0, 1]
    assert order([5, 3, 1], history_of(*texts, role="tool")) == [0, 1, 2]  # nobody's statement is corrected
    assert order([5, 3, 1], history_of("Das Essen ist um neun.", "Gut.", "Es ist verschoben.")) == [2, 0, 1]


LONG = "Take one of the ferries that leave at some time of the day, or at night, or else sail there."


@pytest.mark.parametrize(
    ("said", "lifted"),
    [
        ("I changed my mind. Take the ferry.", [2, 3]),
        ("Make that twelve.", [2]),
        ("Scratch  that: Ole cooks.", [2]),
        ("Write no longer than this. Make it shorter, make it rhyme.", []),
        ("There was a change of plane in Oslo.", []),
        ("Take the ferry. My mistake.", [3, 2]),
        ("Me equivoqué. Es el barco.", [2, 3]),
        ("说错了。坐船去。", [2, 3]),
        ("We make beds and that is all.", []),
        (f"{LONG} I was wrong. {LONG}", [3, 4]),  # no room for both
    ],
)
def test_what_is_right_may_stand_beside_the_correction(said, lifted):
    history = history_of("Supper is at Gustav's.", "It rains in Oslo.", said, limit=60)
    below = [1, 2, 3, 4, 5][: len(history.segments) - 1]
    ranked = order([9, 8, *[0] * (len(history.segments) - 2)], history)
    assert ranked == [*lifted, 0, 1, *(i for i in below if i > 1 and i not in lifted)]


@pytest.mark.parametrize(
    "told",
    ["My cousin moved to Turku last week.", "We changed the curtains in the hall.", "Its ears look wrong to Ida."],
)
def test_stories_of_change_correct_nothing(told):
    history = history_of("Supper is at Gustav's.", "It rains in Oslo.", told)
    assert order([5, 3, 1], history) == [0, 1, 2]


def test_a_word_of_correction_counts_for_the_statement_whose_matter_it_names():
    texts = ("Supper with the builders is at eight.", "It rains in Oslo.", "We moved the supper with Ole to nine.")
    assert order([5, 3, 1], history_of(*texts)) == [2, 0, 1]
    assert order([3, 5, 1], history_of(*texts)) == [1, 2, 0]  # not the best, but the one that it is about


@pytest.mark.parametrize(
    ("answer", "lifted"),
    [
        ("No, eleven people.", True),
        ("Actually Ole invites everybody, sixteen of us.", True),
        ("Oops: 16.", True),
        ("Nein, am Donnerstag.", True),
        ("Non, plutôt jeudi.", True),
        ("不是，是星期四。", True),
        ("아니요, 목요일입니다.", True),
        ("No, I see.", False),  # takes nothing back
        ("North of Oslo it snows.", False),
    ],
)
def test_a_short_answer_directly_behind_a_statement_takes_it_back(answer, lifted):
    history = history_of("Supper is for ten people.", answer, "It rains in Oslo.")
    assert order([5, 1, 3], history) == ([1, 0, 2] if lifted else [0, 2, 1])


@pytest.mark.parametrize(
    "said",
    [
        "It was moved to Thursday.",
        "They rescheduled it to Thursday at 10.",
        "It has changed to 19:15.",
        "Es wurde auf Donnerstag verschoben.",
        "Elle a été reportée à jeudi, il y a eu une erreur.",
    ],
)
def test_a_new_value_is_no_matter_of_its_own(said):
    texts = ("Supper is on Monday at seven.", "It rains in Oslo.", said)
    assert order([5, 3, 1], history_of(*texts)) == [2, 0, 1]


def test_a_value_may_be_taken_back_a_little_later():
    texts = ("Supper is for ten people.", "Cook soup.", "No, wait, for 12.", "It rains in Oslo.")
    assert order([5, 2, 1, 3], history_of(*texts)) == [2, 0, 3, 1]
    texts = ("Supper is for ten people.", "Cook soup.", "It rains in Oslo.", "Ole sleeps.", "No, wait, for 12.")
    assert order([5, 4, 3, 2, 1], history_of(*texts))[0] == 0  # too late for supper


def test_an_answer_to_something_else_takes_nothing_back():
    assert order([5, 3, 1], history_of("Supper is for ten people.", "It rains in Oslo.", "No, it snows.")) == [0, 2, 1]


def test_of_two_corrections_the_latest_goes_first_whatever_stands_beside_them():
    texts = ("Supper is at Gustav's.", "I was wrong. It is at Ida's.", "Scratch that.", "It rains in Oslo.")
    assert order([9, 1, 1, 1, 0], history_of(*texts)) == [3, 1, 2, 0, 4]


def test_phrases_are_found_in_long_talk():
    history = history_of("Supper is at Gustav's.", "I meant Ole's place.")
    for number in range(40):
        history.append([Message("assistant", f"I think so. I would go. I said that {number} times.", AGENTS[0])])
    scores = [9, 0, *[1] * (len(history.segments) - 2)]
    assert order(scores, history)[:2] == [1, 0]


def test_one_message_does_not_correct_itself():
    history = History(AGENTS, NO_VECTORS, LIMIT)
    history.append([Message("user", "The ferry to Skagen leaves at nine. The ferry to Skagen leaves on time.")])
    assert order([2, 1], history) == [0, 1]


@settings(deadline=None, max_examples=60)
@given(histories, st.integers(0, 2**31))
def test_scores_only_rise_and_never_above_the_best(turns, seed):
    history = History(AGENTS, NO_VECTORS, LIMIT)
    for turn in turns:
        history.append(turn)
    scores = np.random.default_rng(seed).standard_normal(len(history.segments))
    found = corrections_first(scores, history)
    assert (found >= scores).all() and (not len(scores) or found.max() <= scores.max() + 1e-9)
