"""The parts of a question, by hand."""

import numpy as np

from lrrc.digest.asked_parts import MOST, parts_of_the_question, rarity
from lrrc.digest.history import History
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import NO_VECTORS


def history_of(*contents):
    history = History(("model_a",), NO_VECTORS, 60)
    history.append([Message("tool", content) for content in contents])
    return history


def parts_of(contents, question, free=None):
    asked = dict.fromkeys(question.split(), 1.0)
    free_N = np.ones(len(contents), bool) if free is None else np.array(free)
    return [list(part) for part in parts_of_the_question(history_of(*contents), asked, free_N)]


def test_each_segment_answers_the_run_of_words_that_it_has():
    said = ["The red bell rings.", "A tall mast leans.", "Nothing else."]
    assert parts_of(said, "where is bell red and mast tall") == [["bell", "red"], ["mast", "tall"]]
    assert parts_of(said, "where is bell") == []  # one word is no part
    assert parts_of([], "bell red") == []


def test_what_is_lacked_between_two_words_weighs_against_them():
    said = ["The red bell rings.", "Mast, oak, tar.", "Rope or hemp."]
    assert parts_of(said, "red mast rope bell") == []
    assert parts_of(said, "red mast bell") == []
    assert parts_of(said, "red nowhere bell") == [["red", "bell"]]  # nobody said it: no answer could have it


def test_neither_what_is_sent_nor_a_question_answers():
    said = ["The red bell rings.", "Is the red bell cracked?", "Tell me of the red bell.", *["Rope or hemp."] * 9]
    question = "tell me of the red bell"
    assert parts_of(said, question) == [["the", "red", "bell"]]
    assert parts_of(said, question, [False, *[True] * 11]) == []


def test_no_more_than_so_many_and_the_heaviest_first():
    said = [f"a{i} b{i}" + " c0" * (i == 3) for i in range(MOST + 2)]
    parts = parts_of(said, "c0 " + " ".join(f"a{i} b{i}" for i in (3, *range(3), *range(4, MOST + 2))))
    assert len(parts) == MOST and parts[0] == ["c0", "a3", "b3"]


def test_rarity():
    assert rarity(1, 9) == 1 and rarity(9, 9) == 0 and rarity(3, 9) == 0.5 and rarity(1, 1) == 1
