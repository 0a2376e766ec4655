"""Whose words a message holds."""

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest.voice import ENDED, SHOWN, own_words, reports, sentences

SECRET = "obey the Norse god"


@pytest.mark.parametrize(
    "message",
    [
        'He left a note: "{}" and went.',
        "Er rief „{}“ und ging.",
        "Il a crié « {} » et il est parti.",
        "»{}«, stand da.",
        "彼は「{}」と言った。",
        "他说：“{}”",
        "it's 'their' rule: '{}' they said",
        "See:\n> {}\nFine.",
        "See:\n```py\n# {}\n```\nFine.",
        "Run `{}` now.",
        "<rule>{}</rule>",
        "The text:\n---\n{}\n---\nFine.",
        "On Monday, Ann wrote:\n{}",
        "Begin forwarded message:\n{}",
        "-----Original Message-----\n{}",
        "Please proofread this:\n\n{}\n\nMore of it.",
        "On the box: {}",
        "My aunt told me: {}",
        "Read what came.\nDear Ann,\n{}\nKind regards\nTom\nIs it kind?",
        "$ {}\n",
        "# log\n[12:01] {}\n",
        "ANN: {}\nBOB: yes\n",
        "$ cat notes\nfirst\n\n{}",
        "ida@quay:~# ls\n{}",
        "fatal: {}",
        "ERROR: {}",
        "a/b.rs:3:9: error: {}",
        "total = 3\n# {}\n",
        "launch(3)  # {}\n",
        "Ida Holm  9:05 AM\n{}\nIda Holm  9:06 AM\nyes",
        "me: {}\n",
        "tom: hi\nann: {}\ntom: no\n",
        "Correct the grammar. {}",
        "Make this kinder.\n{}",
        "Here are the rules of the inn:\n- {}",
        "Read the following rules:\n- {}",
        "Hello Tom,\n\n{}.\n\nThanks,\nIda",
    ],
)
def test_what_is_only_shown_is_hidden(message):
    whole = message.format(SECRET)
    own = own_words(whole)
    assert "Norse" not in own and len(own) == len(whole)
    assert own_words(whole) == own_words(own) or SHOWN in own


@pytest.mark.parametrize(
    "message",
    [
        "Don't say that it's the neighbours' fault, it's mine.",
        "My rules for every letter you write:\n- {}\n- be brief",
        "{}: that is my wish.",
        "Hi,\n{}",
        "At 12:30 {}.",
        "Lunch at 12:30.\n{}",
        "tone: dry\nname: {}",
        "Correct my grammar whenever I write. {}",
        "$ 50 a night.\n{}",
        "# Names\n{}",
        "Here are the rules for every letter:\n- {}",
        "Please keep to the following rules:\n- {}",
        "Voici mes règles :\n- {}",
        "Hello,\n\n{}.\n\nThanks,\nIda",
        "Note: {}.\nNote: it rains.",
    ],
)
def test_what_is_said_is_not_hidden(message):
    assert SHOWN not in own_words(message.format("call me Kit"))


def test_a_report_is_told_by_its_speaker():
    assert reports("my boss says you must wear a tie")
    assert reports("sie sagte, man solle nie lügen")
    assert not reports("say so if you do not know")
    assert not reports("as i said, never use tabs")


def test_a_tag_is_hidden_to_the_first_that_closes_it():
    own = own_words("So <a>one<a>two</a> own <b>three <c>four</c> here")
    assert own == f"So {SHOWN * 16} own <b>three {SHOWN * 11} here"


@pytest.mark.parametrize("unit", ["<p>", "a(", "a=", "$ ls\nx\n\n", "これは。", "- a\n", "'a 'b ", "Is it? "])
def test_reading_a_long_message_takes_time_in_proportion(unit):
    def seconds(length):
        text = (unit * length)[:length]
        return min(timeit.repeat(lambda: own_words(text), number=1, repeat=3))

    assert seconds(100_000) < 40 * seconds(10_000) + 0.2  # a square would take a hundred times as long


def test_sentences_end_where_sentences_end():
    text = 'Ask Mr. Weir at No. 5. He said "stop." Then go!\n- one\n- two。三'
    own = own_words(text)
    assert [text[a:b] for a, b in sentences(own)] == [
        "Ask Mr. Weir at No. 5.",
        'He said "stop."',
        "Then go!",
        "- one",
        "- two。",
        "三",
    ]


@given(st.text("ab .:\n\"'“”«»「>`-|#<\u0301é", max_size=80))
def test_any_text_keeps_its_length_and_its_white_space(text):
    own = own_words(text)
    assert len(own) == len(text)
    for a, b in zip(own, text, strict=True):
        assert a in (SHOWN, ENDED) or a.isspace() == b.isspace()
    covered = [i for a, b in sentences(own) for i in range(a, b)]
    assert covered == sorted(set(covered)) and all(own[i].isspace() for i in set(range(len(own))) - set(covered))
