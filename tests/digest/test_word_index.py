"""Which segments have a word, against looking through all of them."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lrrc.digest.word_index import WordIndex
from lrrc.digest.words import word_weight, words_of

WORDS = ["the", "budget", "lisbon", "of", "zanzibar", "7", "日本"]
documents = st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=12)


def index_of(*parts):
    index = WordIndex()
    for part in parts:
        index.add(part)
    return index


@given(documents, documents, st.integers(0, 30))
def test_looking_up_equals_looking_through(first, more, before):
    index, whole = index_of(first, more), first + more
    for word in (*WORDS, "never"):
        having = [i for i, words in enumerate(whole) if word in words]
        assert index.having(word).tolist() == having
        assert index.having(word, before).tolist() == [i for i in having if i < before]
        assert index.often(word).tolist() == [whole[i].count(word) for i in having]
        assert (word in index) == bool(having)
    assert index.words == sum(map(len, whole)) and index.lengths_N.tolist() == [*map(len, whole)]
    seen = dict.fromkeys(word for words in whole for word in dict.fromkeys(words))
    assert index.spread() == [sum(word in words for words in whole) for word in seen]


@given(documents, st.dictionaries(st.sampled_from(WORDS), st.floats(0.0005, 1), max_size=7))
def test_shared_weights_are_rounded_once(whole, weights):
    expected = [math.fsum(weights[word] for word in set(words) & weights.keys()) for words in whole]
    np.testing.assert_array_equal(index_of(whole).shared(weights), expected)


def test_shared_weights_of_real_words_are_rounded_once():
    words = sorted({*words_of("When did the 40 quokkas of Zanzibar leave for the vestry?"), *WORDS})
    weights = {word: word_weight(word) for word in words}
    whole = [words[i::3] + words[: 2 * i] for i in range(6)]
    expected = [math.fsum(weights[word] for word in set(one)) for one in whole]
    np.testing.assert_array_equal(index_of(whole).shared(weights), expected)
