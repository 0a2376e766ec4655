"""Segments are exact slices that lose nothing but white space and blobs, and never exceed their limit."""

import time

import pytest
import regex
from helpers.random_episodes import texts
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest.segments import split_segments
from lrrc.pretrained import tokens

scripts = st.sampled_from(
    ["Grüße", "Ärztin", "नहीं", "रसोइये", "ผู้", "ไม่แพ้ถั่ว", "أَنْ", "تُرْسِلَ", "不要", "ください", "ខ្ញុំ", "👩‍👩‍👧", "🇩🇪"]
)
scripts_said = st.lists(
    st.one_of(scripts, st.sampled_from([". ", "! ", "。", "। ", "؟ ", ", ", "\n", " "])), min_size=30, max_size=120
).map("".join)


def said(text, limit=60):
    return [piece.text for piece in split_segments(text, limit)]


@settings(deadline=None, max_examples=300)
@given(st.one_of(texts, scripts_said), st.integers(8, 70))
def test_slices_cover_everything_but_white_space_and_blobs(text, limit):
    position, between = 0, ""
    for piece in split_segments(text, limit):
        assert piece.start >= position
        assert piece.text == text[piece.start : piece.end] == piece.text.rstrip() != ""
        assert piece.text.lstrip() == piece.text or text[: piece.start].rstrip(" \t")[-1:] in ("", "\n")
        assert piece.tokens == tokens.count(piece.text) <= limit
        between += text[position : piece.start] + "\n"
        position = piece.end
    left_out = [run for run in regex.split(r"\s+", between + text[position:]) if run.strip()]
    assert all(len(run) >= 40 or tokens.count(run) > limit for run in left_out), left_out


@settings(deadline=None, max_examples=200)
@given(scripts_said, st.integers(8, 30))
def test_no_cut_inside_a_character_or_a_word(text, limit):
    clusters = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    spaced = regex.compile(r"(?V1)[\p{L}\p{M}--[\p{Han}\p{Hiragana}\p{Thai}\p{Khmer}]]")
    for piece in split_segments(text, limit):
        for place in (piece.start, piece.end):
            assert place in clusters or text[place - 1].isspace()
            around = text[max(0, place - 1) : place + 1]
            assert not (0 < place < len(text)) or not all(spaced.match(character) for character in around)


@pytest.mark.parametrize("text", ["日本語の文章" * 200, "🙂" * 300, "ภาษาไทยไม่มีช่องว่าง" * 40])
def test_scripts_without_spaces_are_cut_to_the_limit(text):
    pieces = split_segments(text, 60)
    assert "".join(piece.text for piece in pieces) == text
    assert max(piece.tokens for piece in pieces) <= 60
    assert len(pieces) < len(text) / 4  # cut, not crumbled


BASE64 = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAAAAUA" * 60
MINIFIED = "".join(f"var a{i}=function(e,t){{return e?t({i}):null}};" for i in range(60))


@pytest.mark.parametrize(
    "blob",
    [
        BASE64,
        MINIFIED,
        "https://example.org/?q=" + "%E2%82%AC" * 300,
        "a" * 3000,
        "-" * 5000,
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n" * 4,
        "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 9),
        "жж" * 400,
    ],
)
def test_blobs_are_in_no_segment(blob):
    assert said(f"The key is here.\n{blob}\nKeep it safe.") == ["The key is here.", "Keep it safe."]


def test_what_stands_around_a_blob_in_a_sentence_stays():
    assert said(f"The logo is {BASE64} and has to be blue.") == ["The logo is", "and has to be blue."]


def test_long_sentences_are_cut_where_a_clause_ends():
    clause = "the harbour office keeps a ledger of every boat that ties up at the north pier"
    assert said(f"On Monday {clause}, and {clause}.", 25) == [f"On Monday {clause},", f"and {clause}."]


def test_time_grows_with_length_not_with_its_square():
    started = time.process_time()
    for text in (
        "." * 2_000,
        "?!" * 1_000 + "x",
        "word " * 2_000,
        "Dr. " * 2_000,
        "{[" * 2_000,
        '{"a":' * 20_000,
        "[1,\n" * 1_000 + "x y",
        "```\nx\n" * 500 + "```",
        "~~~\n" * 501,
        "<p>" * 2_000 + "</q>" * 2_000,
        "<p>" * 2_000 + "</p>" * 2_000,
        "<!--" * 2_000 + "<script>" + "</p>" * 9,
        "  at f(x)\n" * 1_000,
        "Error: x\n" * 1_000,
        "a,b,c\n" * 1_000,
        "| a\n" * 1_000,
        "x = 1\n\n" * 1_000,
        "(" * 5_000,
        "\u0301" * 5_000,
        "e\u0301\u200d" * 2_000,
    ):
        split_segments(text)
    assert time.process_time() - started < 10
