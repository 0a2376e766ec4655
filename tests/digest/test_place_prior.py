"""The prior of a segment's place: by hand, and as a mixture that keeps what a history promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest.history import History
from lrrc.digest.place_prior import ANOTHERS, PER_MESSAGE, PER_SENTENCE, log_prior, mix_with_place
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
def test_a_mixture_promises_what_the_scores_do(share, scores):
    history = history_of(FIRST, SECOND)
    found = mix_with_place(np.array(scores), history, "model_a", share)
    assert np.logaddexp.reduce(found) == pytest.approx(np.logaddexp.reduce(scores), abs=1e-6)
    shares = np.exp(scores - np.logaddexp.reduce(scores))
    expected = (1 - share) * shares + share * np.exp(log_prior(history, "model_a"))
    np.testing.assert_allclose(np.exp(found - np.logaddexp.reduce(found)), expected, rtol=1e-6, atol=1e-12)


def test_the_ends_of_the_scale():
    history, scores = history_of(FIRST), np.array([0.0, -3, 2, 1, 0])
    np.testing.assert_array_equal(mix_with_place(scores, history, "model_b", 0), scores)
    prior, all_of_it = log_prior(history, "model_b"), mix_with_place(scores, history, "model_b", 1)
    np.testing.assert_allclose(all_of_it - np.logaddexp.reduce(all_of_it), prior)
