"""Alternatives that share their beginnings match what they match alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest import rule_wording
from lrrc.digest.signals import Signal, any_of, shared_beginnings

LETTERS = st.text("ab", min_size=1, max_size=3)
PIECES = st.one_of(
    LETTERS,
    st.builds("(?:{}|{}){}".format, LETTERS, LETTERS, st.sampled_from(["", "?", "*"])),
    st.builds("[{}]".format, LETTERS),
    st.builds("(?!{})".format, LETTERS),
    st.just("a?"),
)


@given(
    st.lists(st.lists(PIECES, min_size=1, max_size=3).map("".join), min_size=1, max_size=6), st.text("abc", max_size=8)
)
def test_the_tree_matches_where_the_list_does(alternatives, text):
    plain, tree = "|".join(alternatives), shared_beginnings("|".join(alternatives))
    for end in range(len(text) + 1):
        assert bool(re.fullmatch(plain, text[:end])) == bool(re.fullmatch(tree, text[:end]))


@pytest.mark.parametrize("name", [n for n, value in vars(rule_wording).items() if isinstance(value, Signal)])
def test_every_signal_compiles_to_what_it_says(name):
    signal = getattr(rule_wording, name)
    for words in filter(None, (signal.words, signal.clause)):
        tree = re.compile(shared_beginnings(words))
        for text in ("from now on", "please never use emojis", "a partir de ahora", "jede antwort", "il treno"):
            assert bool(tree.search(text)) == bool(re.search(words, text))


def test_words_are_whole_and_orders_open_their_clause():
    signal = Signal({"en": "never|at all", "ja": "毎回"}, clause="write")
    assert signal.search("we never know") and signal.search("not at all") and signal.search("毎回書く")
    assert not signal.search("nevertheless") and not signal.search("clever")
    assert signal.search("ok, write it") and signal.search("write it") and not signal.search("they write it")
    assert any_of(signal, Signal({"de": "immer"})).search("they write it")
