"""What any reader sees of two replies: counted by hand, in any language, and the same from both sides."""

import math

import numpy as np
import pytest
from helpers.random_episodes import AGENTS, texts
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest.reply_form import FORM, form_differences, reply_form
from lrrc.episodes.episode import Message
from lrrc.pretrained import tokens

REPLY = "Three ways home:\n- by tram 9\n- by tram 12\n```\nwalk(2)\n```"


def numbers(reply, question=""):
    return dict(zip(FORM, reply_form(reply, question).tolist(), strict=True))


def test_counted_by_hand():
    found = numbers(REPLY, "Which tram goes home?")
    assert found["log_tokens"] == pytest.approx(math.log1p(tokens.count(REPLY)))
    assert found["log_lines"] == pytest.approx(math.log(7)) and found["log_list_items"] == pytest.approx(math.log(3))
    assert found["log_code_fences"] == pytest.approx(math.log(3))
    assert found["digits"] == pytest.approx(4 / len(REPLY))  # 9, 12, 2
    words = ["three", "ways", "home", "by", "tram", "9", "by", "tram", "12", "walk", "2"]
    assert found["log_distinct_words"] == pytest.approx(math.log(10))
    assert found["word_length"] == pytest.approx(sum(map(len, words)) / 11)
    assert found["words_of_question"] == 0.5  # tram and home of four words
    assert found["apology"] == 0


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, I cannot open that file.",
        "Es tut mir leid, das geht nicht.",
        "Lo siento, no puedo.",
        "Je suis désolée, impossible.",
        "Mi dispiace, non posso.",
        "Desculpe, não consigo.",
        "Извините, не могу.",
        "抱歉,我做不到。",
        "申し訳ありませんができません。",
        "죄송하지만 할 수 없습니다.",
    ],
)
def test_an_apology_in_many_languages(reply):
    assert numbers(reply)["apology"] == 1
    assert numbers("The tram leaves at nine. 电车九点开。")["apology"] == 0


def test_lists_of_every_kind():
    for item in ("- x", "* x", "• x", "1. x", "12) x", "(a) x", "iv. x", "一、x", "① x"):
        assert numbers(f"Here:\n{item}\n{item}")["log_list_items"] == pytest.approx(math.log(3)), item
    assert numbers("Well. He left.\nSorry. I did not see.")["log_list_items"] == 0


@given(st.lists(st.tuples(texts, texts, texts), max_size=4))
def test_exchanged_agents_change_the_sign_alone(turns):
    said = [
        (Message("user", asked), Message("assistant", a, AGENTS[0]), Message("assistant", b, AGENTS[1]))
        for asked, a, b in turns
    ]
    here, there = form_differences(said, AGENTS), form_differences(said, AGENTS[::-1])
    assert here.shape == (len(turns), len(FORM)) and np.isfinite(here).all()
    np.testing.assert_array_equal(here, -there)


def test_only_turns_with_both_replies_are_compared():
    asked, reply = Message("user", "Where?"), Message("assistant", REPLY, AGENTS[0])
    other = Message("assistant", "", AGENTS[1])
    found = form_differences([(asked, reply), (asked, reply, other), (asked,)], AGENTS)
    assert found[1].any() and not found[[0, 2]].any()
    np.testing.assert_array_equal(found[1], reply_form(REPLY, "Where?") - reply_form("", "Where?"))
    assert not form_differences([(asked, reply)], ("assistant",)).any()
