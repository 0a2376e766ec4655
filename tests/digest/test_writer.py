"""A digest is exactly counted, within its budget, chronological, and copied from the history."""

import numpy as np
import pytest
from helpers.assertions import check
from helpers.policies import digest_of
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, histories
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest import segments
from lrrc.digest.history import History
from lrrc.digest.writer import EMPTY_DIGEST, LABEL_TOKENS, Span, trim_to_budget
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import NO_VECTORS


def history_of(turns, encoder=NO_VECTORS, limit=LIMIT):
    history = History(AGENTS, encoder, limit)
    for turn in turns:
        history.append(turn)
    return history


@settings(deadline=None, max_examples=150)
@given(
    histories,
    st.integers(0, 400),
    st.sampled_from([0.0, 0.5]),
    st.floats(0.5, 1.0),
    st.integers(0, 2**31),
)
def test_any_history_at_any_budget(turns, budget, squeeze, max_overlap, seed):
    history = history_of(turns)
    scores = np.random.default_rng(seed).standard_normal(len(history.segments))
    made = digest_of(history, scores, budget, max_overlap=max_overlap, squeeze=squeeze)
    check(history, made, budget)
    again = digest_of(history, scores, budget, max_overlap=max_overlap, squeeze=squeeze)
    assert made == again


@settings(deadline=None, max_examples=50)
@given(histories, st.integers(0, 2**31))
def test_with_room_for_all_everything_is_kept(turns, seed):
    history = history_of(turns)
    scores = np.random.default_rng(seed).standard_normal(len(history.segments))
    made = digest_of(history, scores, 10**6)
    assert [(s.message, s.start, s.end) for s in made.spans] == [
        (m, s.start, s.end) for m, s in zip(history.message, history.segments, strict=True)
    ]


TALK = [
    [
        Message("user", "Budget is 740 euros. My name is Anna."),
        Message("assistant", "Noted, Anna.", "model_a"),
    ],
    [Message("user", "The budget is 740 euros. Good weather."), Message("tool", "42", "search")],
]


def test_by_hand():
    history = history_of(TALK)
    texts = [piece.text for piece in history.segments]
    assert texts == [
        "Budget is 740 euros.",
        "My name is Anna.",
        "Noted, Anna.",
        "The budget is 740 euros.",
        "Good weather.",
        "42",
    ]
    made = digest_of(history, [0, 5, 0, 4, 0, 3], 40)
    assert made.text.splitlines()[0] == "user: Budget is 740 euros. My name is Anna."  # room was left for all
    made = digest_of(history, [0, 5, 0, 4, 0, 3], 21)
    assert made.text == "user: My name is Anna.\nuser: The budget is 740 euros."
    assert digest_of(history, [0, 5, 0, 4, 0, 3], 9).text == "user: My name is Anna."
    assert digest_of(history, [0, 0, 0, 0, 0, 1], 7).text == "search: 42"


def test_what_is_said_twice_is_sent_once():
    history = history_of(TALK)
    scores = [5, 0, 0, 6, 0, 0]
    full = digest_of(history, scores, 200)
    spare = digest_of(history, scores, 200, max_overlap=0.9)
    assert full.text.count("740") == 2 and spare.text.count("740") == 1
    assert "The budget is 740" in spare.text  # the better one stays


def test_squeezing_drops_the_lightest_words_up_to_its_share():
    content = "Please do tell the whole team that Zanzibar ferries leave at 740 and the quokka stays"
    history = history_of([[Message("user", content)]], limit=60)
    whole = history.segments[0].tokens + LABEL_TOKENS + 1
    assert digest_of(history, [1], whole - 4).text == ""
    made = digest_of(history, [1], whole - 4, squeeze=0.5)
    check(history, made, whole - 4)
    assert "Zanzibar" in made.text and "740" in made.text and "quokka" in made.text
    left = segments.words(made.text.removeprefix("user: "))
    gone = [word for word in segments.words(content) if word not in left]
    total = sum(map(segments.word_weight, segments.words(content)))
    assert gone and sum(map(segments.word_weight, gone)) <= 0.5 * total
    assert max(map(segments.word_weight, gone)) <= min(map(segments.word_weight, left))
    heavy = digest_of(history, [1], whole - 4, squeeze=0.5, essential=lambda word: float(word != "quokka"))
    assert "quokka" not in heavy.text  # the given weights decide


def test_a_squeezed_digest_never_costs_more_than_there_is():
    history = history_of([[Message("user", "the the the the the the the the the the")]])
    for budget in range(20):
        check(history, digest_of(history, [1], budget, squeeze=0.9), budget)


def test_the_worst_goes_where_estimates_were_too_small():
    name = "agent-with-a-very-long-name-" * 3
    history = History((name,), ENCODER, LIMIT)
    history.append([Message("user", "first fact"), Message("assistant", "second fact", name)])
    groups = [(Span(0, 0, 10),), (Span(1, 0, 11),)]
    assert trim_to_budget(history, groups, 12).text == "user: first fact"
    assert trim_to_budget(history, groups[::-1], 5) == EMPTY_DIGEST


@settings(deadline=None, max_examples=100)
@given(histories, st.integers(0, 400), st.floats(0.001, 5), st.floats(0, 5), st.integers(0, 2**31))
def test_a_digest_is_as_long_as_the_history_is_useful(turns, budget, least, more, seed):
    """Every segment sent promises its price, a dearer price sends no more, and no price fills the budget."""
    history = history_of(turns)
    scores = np.random.default_rng(seed).normal(0, 3, len(history.segments))
    made = digest_of(history, scores, budget, least_gain=least)
    check(history, made, budget)
    worth = {
        (m, s.start, s.end): np.exp(score) / s.tokens
        for m, s, score in zip(history.message, history.segments, scores, strict=True)
    }
    assert all(worth[s.message, s.start, s.end] >= least for s in made.spans)
    everything = digest_of(history, scores, 10**6, least_gain=least)
    assert len(everything.spans) == sum(value >= least for value in worth.values())
    fewer = digest_of(history, scores, 10**6, least_gain=least + more)
    assert set(fewer.spans) <= set(everything.spans)
    assert digest_of(history, scores, budget, least_gain=0.0) == digest_of(history, scores, budget)


def test_the_least_gain_by_hand():
    history = history_of(TALK)
    gains = np.array([6.0, 2.0, 0.1, 12.0, 0.1, 0.1])  # nats; a segment has 4 to 7 tokens
    made = digest_of(history, np.log(gains), 200, least_gain=0.5)
    assert made.text == "user: Budget is 740 euros.\nuser: The budget is 740 euros."
    assert digest_of(history, np.log(gains), 200, least_gain=5) == EMPTY_DIGEST
    squeezed = digest_of(history, np.log(gains), 9, squeeze=0.5, least_gain=0.5)
    check(history, squeezed, 9)  # what is squeezed had to promise the price of the whole


@pytest.mark.parametrize("budget", [0, 1, 3])
def test_no_budget_no_digest(budget):
    assert digest_of(history_of(TALK), np.ones(6), budget) == EMPTY_DIGEST
