"""A digest is exactly counted, within its budget, chronological, and copied from the history."""

import numpy as np
import pytest
from helpers.assertions import check
from helpers.policies import digest_of
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, histories
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest.history import History
from lrrc.digest.rendering import HEAD, head_tokens
from lrrc.digest.writer import EMPTY_DIGEST, LABEL_TOKENS, Span, trim_to_budget
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import NO_VECTORS

HEAD_TOKENS = head_tokens()


def history_of(turns, encoder=NO_VECTORS, limit=LIMIT):
    history = History(AGENTS, encoder, limit)
    for turn in turns:
        history.append(turn)
    return history


@settings(deadline=None, max_examples=150)
@given(
    histories,
    st.integers(0, 400),
    st.floats(0.5, 1.0),
    st.integers(0, 2**31),
)
def test_any_history_at_any_budget(turns, budget, max_overlap, seed):
    history = history_of(turns)
    scores = np.random.default_rng(seed).standard_normal(len(history.segments))
    made = digest_of(history, scores, budget, max_overlap=max_overlap)
    check(history, made, budget)
    again = digest_of(history, scores, budget, max_overlap=max_overlap)
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
    made = digest_of(history, [0, 5, 0, 4, 0, 3], HEAD_TOKENS + 40)
    assert made.text.splitlines()[1] == "user: Budget is 740 euros. My name is Anna."  # room was left for all
    made = digest_of(history, [0, 5, 0, 4, 0, 3], HEAD_TOKENS + 21)
    assert made.text == HEAD + "user: … My name is Anna.\nuser: The budget is 740 euros."
    assert digest_of(history, [0, 5, 0, 4, 0, 3], HEAD_TOKENS + 9).text == HEAD + "user: … My name is Anna."
    assert digest_of(history, [0, 0, 0, 0, 0, 1], HEAD_TOKENS + 7).text == HEAD + "search: 42"


def test_what_is_said_twice_is_sent_once():
    history = history_of(TALK)
    scores = [5, 0, 0, 6, 0, 0]
    full = digest_of(history, scores, 200)
    spare = digest_of(history, scores, 200, max_overlap=0.9)
    assert full.text.count("740") == 2 and spare.text.count("740") == 1
    assert "The budget is 740" in spare.text  # the better one stays


def test_the_worst_goes_where_estimates_were_too_small():
    name = "agent-with-a-very-long-name-" * 3
    history = History((name,), ENCODER, LIMIT)
    history.append([Message("user", "first fact"), Message("assistant", "second fact", name)])
    groups = [(Span(0, 0, 10),), (Span(1, 0, 11),)]
    assert trim_to_budget(history, groups, HEAD_TOKENS + 12).text == HEAD + "user: first fact"
    assert trim_to_budget(history, groups[::-1], HEAD_TOKENS + 5) == EMPTY_DIGEST


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
    assert made.text == HEAD + "user: Budget is 740 euros.\nuser: The budget is 740 euros."
    assert digest_of(history, np.log(gains), 200, least_gain=5) == EMPTY_DIGEST


@pytest.mark.parametrize("budget", [0, 1, 3, HEAD_TOKENS, HEAD_TOKENS + 3])
def test_no_budget_no_digest(budget):
    assert digest_of(history_of(TALK), np.ones(6), budget) == EMPTY_DIGEST


def test_a_rule_without_room_among_the_rules_is_a_segment_like_others():
    """Rules have half of the budget; the last of three is sent all the same where it scores best."""
    texts = [f"Always name the {kind} of the Lisbon ferry first." for kind in ("price", "length", "colour")]
    history = history_of([[Message("user", text)] for text in (*texts, "Good weather.")])
    cost = history.segments[0].tokens + LABEL_TOKENS + 1
    made = digest_of(history, [5, 0, 0, 1], HEAD_TOKENS + 4 * cost, standing=0.5)
    assert made.standing and made.spans[0] not in made.standing and made.spans[0].message == 0


@pytest.mark.parametrize("place", [0, 1])
def test_of_a_rule_too_long_for_the_share_of_rules_no_part_is_sent(place):
    """Its best segment alone would be another rule; of one that no digest could hold, parts are marked as such."""
    rule = "Always answer in Danish and name the ferry first, " + "then its length, its colour and its price, " * 3
    history = history_of([[Message("user", rule + "whatever is asked.")], [Message("user", "Good weather.")]], limit=40)
    scores = [1, 1, 0]
    scores[place] = 5
    assert history.message == [0, 0, 1]
    whole = HEAD_TOKENS + LABEL_TOKENS + sum(segment.tokens + 1 for segment in history.segments[:2])
    for budget in range(HEAD_TOKENS + 10, whole + 30):
        made = digest_of(history, scores, budget, standing=0.5)
        parts = sum(span.message == 0 for span in made.spans)
        assert parts in (0, 2) or (budget < whole and "…" in made.text)
    assert len(made.spans) == 3


@pytest.mark.parametrize("items", [3, 10, 30, 40])
def test_a_list_of_rules_that_no_budget_holds_leaves_room_for_others(items):
    rules = "From now on follow these rules:\n" + "\n".join(
        f"- Never mention ferry {i} in answers." for i in range(items)
    )
    said = [Message("user", f"Boat {number} has {number + 3} masts and {number + 9} sails.") for number in range(9)]
    history = history_of([[Message("user", rules)], *[[message] for message in said]], limit=60)
    scores = np.arange(len(history.segments), 0, -1)
    made = digest_of(history, scores, 128, standing=0.5)
    assert made.tokens > 100
    assert len(made.spans) == len(set(made.spans)), "nothing is copied twice"
    of_rules = sum(span.message == 0 for span in made.spans)
    assert of_rules in (0, items + 1) if items < 10 else of_rules


def test_what_a_rule_needs_comes_once_and_in_order():
    table = "From now on follow these rules:\n- | a | b |\n- |---|---|\n- | 1 | 2 |\n"
    history = history_of([[Message("user", table)]], limit=60)
    for best in range(len(history.segments)):
        scores = np.zeros(len(history.segments))
        scores[best] = 1
        made = digest_of(history, scores, 128, standing=0.05)
        assert len(made.spans) == len(set(made.spans)) and list(made.spans) == sorted(
            made.spans, key=lambda span: (span.message, span.start)
        )


def test_two_rules_in_one_line_are_written_once_and_with_their_heading():
    table = "| Matter | Wish |\n| --- | --- |\n| words | Always answer in Danish. Never use a semicolon. |"
    history = history_of([[Message("user", table)], [Message("assistant", "Fine.", AGENTS[0])]], limit=60)
    made = digest_of(history, [0.0] * len(history.segments), 128, standing=0.5)
    assert made.text.count("Always answer in Danish") <= 1 and len(set(made.spans)) == len(made.spans)
    code = "def greet():\n    # Always answer in Danish\n    # Never use a semicolon\n    return 1"
    history = history_of([[Message("user", code)], [Message("assistant", "Fine.", AGENTS[0])]], limit=60)
    made = digest_of(history, [0.0] * len(history.segments), 128, standing=0.5)
    assert made.text.count("Always answer in Danish") <= 1


def test_an_older_rule_does_not_stand_in_for_a_newer_one_that_does_not_fit():
    newer = "From now on you write every answer to me in Danish, with the dates in figures and the sums in crowns."
    talk = [[Message("user", "Please always answer in German.")], [Message("user", newer)]]
    history = history_of([*talk, [Message("assistant", "Fine.", AGENTS[0])]], limit=60)
    assert digest_of(history, [0.0] * len(history.segments), 128, standing=0.5).standing[0].message == 1
    assert not digest_of(history, [0.0] * len(history.segments), 44, standing=0.5).standing
