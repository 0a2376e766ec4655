"""Whom a message speaks to, and with whom somebody speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest.dialogue import RECENT, addressee, in_dialogue
from lrrc.episodes.episode import Message

NAMES = {"ines": "Ines", "critic of science": "Critic of Science", "otto_7": "otto_7", "jörg": "Jörg"}


@pytest.mark.parametrize(
    ("text", "whom"),
    [
        ("Ines: which port?", "Ines"),
        ("  ines, it works", "Ines"),
        ("@Ines it works", "Ines"),
        ("JÖRG> so", "Jörg"),
        ("otto_7: try 8080", "otto_7"),
        ("Critic of Science, what is missing?", "Critic of Science"),
        ("Thanks, Ines: that was it", None),
        ("Inesita: hm", None),
        ("I asked Ines: she said no", None),
        ("Ines", None),
        ("Ines\n: no", None),
        ("", None),
    ],
)
def test_a_name_at_the_beginning(text, whom):
    assert addressee(text, NAMES) == whom


def said(*lines):
    return [Message("user", text, name) for name, text in lines]


def test_who_is_spoken_to_and_who_answers():
    talk = said(
        ("Otto", "My printer is silent."),
        ("Mara", "Otto: is it plugged in?"),
        ("Ines", "Anybody for lunch?"),
        ("Otto", "It is."),
        ("Ines", "Mara: soup?"),
        ("Mara", "Otto: which driver?"),
        ("Otto", "The old one."),
    )
    assert in_dialogue(talk, "Mara") == [0, 3, 4, 6]  # Otto's, with whom she speaks, and what Ines said to her
    assert in_dialogue(talk[:5], "Mara") == [2, 4]  # who spoke to her last is her partner
    assert in_dialogue(talk, "Otto") == [1, 5]
    assert in_dialogue(talk, "nobody") == [] == in_dialogue(talk, "assistant")
    assert in_dialogue([m if m.name != "Mara" else Message("assistant", m.content, m.name) for m in talk], "Mara")
    ines = [m if m.name != "Ines" else Message("assistant", m.content, m.name) for m in talk]
    assert in_dialogue(ines, "Mara") == []  # agents take turns


def test_a_dialogue_of_long_ago_is_over():
    talk = said(("Otto", "Mara: hm?"), *[("Ines", "The sky is grey.")] * RECENT)
    assert in_dialogue(talk[:-1], "Mara") == [0] and in_dialogue(talk, "Mara") == []


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "A", "b", "C c"]), st.sampled_from(["a: x", "@B x", "c C, x", "x", "A", ":"])),
        max_size=12,
    ),
    st.sampled_from(["A", "b", "C c", "stranger"]),
)
def test_nothing_of_its_own_and_only_of_the_one_partner(lines, agent):
    talk = said(*lines)
    found = in_dialogue(talk, agent)
    assert found == sorted(set(found)) and all(talk[i].name != agent for i in found)
    names = {"a": "A", "b": "b", "c c": "C c", agent.casefold(): agent}
    assert len({talk[i].name for i in found if addressee(talk[i].content, names) != agent}) <= 1
