"""Words of any script, and what each of them says."""

import unicodedata

import pytest
from helpers.random_episodes import texts
from hypothesis import given, settings

from lrrc.digest.words import overlap, word_spans, word_weight, words_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It's Anna's x_1, B-2.", ["it's", "anna's", "x_1", "b", "2"]),
        ("मुझे एलर्जी नहीं है", ["मुझे", "एलर्जी", "नहीं", "है"]),
        ("naïve cafés", ["naïve", "cafés"]),
        ("می‌خواهم", ["می‌خواهم"]),  # one word, with a joiner inside
        ("小林喜欢花。", ["小林", "林喜", "喜欢", "欢花"]),
        ("花", ["花"]),
        ("ไม่แพ้", ["ไม่", "ม่แ", "แพ้"]),
        ("GPUを2台", ["gpu", "を", "2", "台"]),
        ("🙂 ...", []),
    ],
)
def test_words(text, found):
    assert words_of(text) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("الاِجْتِمَاعُ غَدًا", "الاجتماع غدا"),  # vowel marks are mostly left out
        (unicodedata.normalize("NFD", "Ärztin über Ångström"), "Ärztin über Ångström"),
        ("שָׁלוֹם", "שלום"),
    ],
)
def test_two_ways_to_write_a_word(one, other):
    assert one != other and words_of(one) == words_of(other)


@pytest.mark.parametrize(
    ("said", "asked", "else_said"),
    [
        ("小陈的自行车放在地下室。", "自行车在哪里?", "我们明天去爬山。"),
        ("自転車は地下室にあります。", "自転車はどこですか?", "明日は山に行きます。"),
        ("จักรยานอยู่ในห้องใต้ดิน", "จักรยานอยู่ที่ไหน", "พรุ่งนี้เราจะไปปีนเขา"),
    ],
)
def test_a_question_shares_words_with_its_answer(said, asked, else_said):
    assert overlap(words_of(asked), words_of(said)) > overlap(words_of(asked), words_of(else_said)) + 0.2


def test_weights_tell_names_from_function_words():
    assert word_weight("the") < 0.05 and word_weight("and") < 0.05
    assert word_weight("the") < word_weight("because") < word_weight("kingdom") < 1
    assert word_weight("bogdanescu") == word_weight("1200") == word_weight("b2") == 1.0


@settings(deadline=None, max_examples=100)
@given(texts)
def test_word_spans_are_where_the_words_are(text):
    spans = word_spans(text)
    assert all(text[a:b].lower() == word for a, b, word in spans)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
    assert all(0 <= word_weight(word) <= 1 for _, _, word in spans)
    if text.isascii():
        assert [word for _, _, word in spans] == words_of(text)


def test_overlap_is_the_share_of_weight():
    assert overlap(["bogdan", "lentils"], ["lentils", "bogdan", "other"]) == 1.0
    assert overlap(["bogdan"], ["lentils"]) == 0.0
    assert overlap([], ["lentils"]) == 1.0  # nothing to add
    assert overlap(["x1", "x2"], ["x2"]) == pytest.approx(0.5)
