"""Segments are exact slices that lose nothing but white space and never exceed their limit."""

import time

import pytest
from helpers.random_episodes import texts
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest import segments
from lrrc.pretrained import tokens


@settings(deadline=None, max_examples=300)
@given(texts, st.integers(8, 70))
def test_slices_cover_everything_but_white_space(text, limit):
    pieces = segments.split_segments(text, limit)
    position, between = 0, ""
    for piece in pieces:
        assert piece.start >= position
        assert piece.text == text[piece.start : piece.end] == piece.text.strip() != ""
        assert piece.tokens == tokens.count(piece.text) <= limit
        between += text[position : piece.start]
        position = piece.end
    assert (between + text[position:]).strip() == ""


@pytest.mark.parametrize(
    "text",
    [
        "日本語の文章" * 200,
        "https://example.org/?q=" + "%E2%82%AC" * 300,
        "🙂" * 300,
        "a" * 3000,
        "\u200b" * 300,
        "-" * 5000,
    ],
)
def test_unbroken_text_is_cut_to_the_limit(text):
    pieces = segments.split_segments(text, 60)
    assert "".join(piece.text for piece in pieces) == text
    assert max(piece.tokens for piece in pieces) <= 60
    assert len(pieces) < len(text) / 4  # cut, not crumbled


def test_cuts_at_sentences_and_lines():
    text = 'It costs 3.50 euros. "Really?" Yes!\n- first\n- second。三番目。end'
    found = [piece.text for piece in segments.split_segments(text)]
    assert found == ["It costs 3.50 euros.", '"Really?"', "Yes!", "- first", "- second。", "三番目。", "end"]
    assert segments.split_segments("") == segments.split_segments(" \n\t ") == []


def test_time_grows_with_length_not_with_its_square():
    started = time.process_time()
    segments.split_segments("." * 20_000)
    segments.split_segments("?!" * 10_000 + "x")
    segments.split_segments("word " * 20_000)
    assert time.process_time() - started < 10


def test_weights_tell_names_from_function_words():
    assert segments.word_weight("the") < 0.05 and segments.word_weight("and") < 0.05
    assert segments.word_weight("the") < segments.word_weight("because") < segments.word_weight("kingdom") < 1
    assert segments.word_weight("bogdanescu") == segments.word_weight("1200") == segments.word_weight("b2") == 1.0


@settings(deadline=None, max_examples=100)
@given(texts)
def test_word_spans_are_where_the_words_are(text):
    spans = segments.word_spans(text)
    assert [word for _, _, word in spans] == segments.words(text)
    assert all(text[a:b].lower() == word for a, b, word in spans)
    assert all(0 <= segments.word_weight(word) <= 1 for _, _, word in spans)


def test_overlap_is_the_share_of_weight():
    assert segments.overlap(["bogdan", "lentils"], ["lentils", "bogdan", "other"]) == 1.0
    assert segments.overlap(["bogdan"], ["lentils"]) == 0.0
    assert segments.overlap([], ["lentils"]) == 1.0  # nothing to add
    half = segments.overlap(["x1", "x2"], ["x2"])
    assert half == pytest.approx(0.5)
