"""Sentences end where readers of many languages see an end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest.sentences import language_of, sentence_spans


def said(text):
    return [text[a:b].strip() for a, b in sentence_spans(text, 0, len(text))]


@pytest.mark.parametrize(
    "sentences",
    [
        ["It costs 3.50 euros.", '"Really?"', "Yes!", "He left (at 9 p.m.).", "Then rain…", "Ok"],
        ["Ask Dr. Osei at No. 7, e.g. after lunch, cf. Fig. 2 on p. 31.", "Mr. Obi knows her.", "So does J. K. Lund."],
        ["The U.S. team uses approx. 20 m vs. 25 m here.", "It is not for me.", "We did not do it.", "I said no."],
        ["Der Termin ist am 3. Oktober bei Dr. Blume, Nr. 8, bzw. beim Amt.", "Das ist nicht sicher.", "Komm bald."],
        ["M. Petit n'est pas là.", "Il vient avec Mme. Roux.", "Pourquoi pas?"],
        ["El Sr. Ruiz no viene hoy.", "¿Viene mañana?", "¡No!"],
        ["Встреча на ул. Садовой не сегодня.", "Она завтра.", "Вы придёте?"],
        ["मुझे दूध नहीं चाहिए।", "चाय दीजिए।", "कब आएँगे?"],
        ["أريد الشاي.", "متى تأتي؟", "لا أعرف."],
        ["猫に牛乳を飲ませないでください。", "「はい。」", "分かりました!", "本当?"],
        ["不要把钥匙给他。", "他明天来!", "你呢?"],
        ["1. Mix the flour.", "2. Add no salt.", "(3) Bake."],
        ["Ring twice.", "4. Do not open.", "b. Wait."],
        ['Olga cried "no, we leave!" but nobody believed her.', '"Why?"', '"Because!" she said.', '"Go."'],
        ["I would ... never lend him the car again.", "Hmm…", "not today.", "Fine..."],
        ["Do not (!) turn the red key (why?) to the left.", "Good."],
        ["Yahoo! is no customer of theirs.", "Ebay is!", "Is it?", "thanks"],
        ["Add 3 tbsp. oil and 2 tsp. sugar.", "Do not stir."],
        ["Das Büro ist im 3. Stock links.", "Der 2. Versuch war nicht gut.", "Wir waren 4.", "Dann kam Ida."],
        ["先生は「だめ！」と言いました。", "「はい。」"],
        ["他说“不要开门！”的时候已经晚了。", "门开了。"],
        ["Ne criez jamais « Au feu ! » dans la salle.", "« Pourquoi ? » demanda-t-il.", "Il le sait."],
        ["Er wohnt in der Gartenstr. 5 in Kiel.", "Nicht in der Hauptstr.", "Das war früher."],
        ["hey!", "are you there?", "i forgot the key.", "no, wait...", "it is here"],
    ],
)
def test_sentences(sentences):
    unspaced = sentences[0][0] in "猫不先他"
    assert said(("" if unspaced else " ").join(sentences)) == sentences


def test_numbers_of_steps_stay_with_their_steps():
    assert said("In short: 1. Close the valve. 2. Call nobody.") == ["In short: 1. Close the valve.", "2. Call nobody."]


def test_lines_end_sentences_unless_they_are_wrapped():
    assert said("Milk\nBread and butter\nno eggs") == ["Milk", "Bread and butter", "no eggs"]
    wrapped = "The committee has decided that the shed at the north gate is not to be\nopened before the inspection."
    assert said(f"{wrapped}\nNothing else.") == [wrapped, "Nothing else."]


@pytest.mark.parametrize(
    ("wrapped", "after"),
    [
        (
            "Ida has written that the yearly price of the shed at the gate falls from 900 to\n"
            "650 crowns, and that nobody has to sign anything for it before the summer or\nMay at the latest.",
            "Bye.",
        ),
        (
            "Es hat sich gezeigt, dass der Vertrag mit der Gemeinde nicht durch Frau Blum und ihre\n"
            "Kinder verlängert werden darf, weil auch dort niemand mehr von der Sache selbst gewusst\nhat.",
            "Gruß",
        ),
    ],
)
def test_wrapped_lines_go_on_with_numbers_and_capitals(wrapped, after):
    assert said(f"{wrapped}\n{after}") == [wrapped, after]


@pytest.mark.parametrize(
    "lines",
    [
        [
            f"tests/shop/test_basket.py::test_{what} FAILED"
            for what in ("rounds_half_crowns_up", "sums_empty_ones_to_0")
        ],
        ["src/shop/pages/basket/parts/CouponFieldWithHint.tsx", "src/shop/pages/basket/parts/TotalOfTheOrder.tsx"],
        ["src/shop/basket.py:88: sums = add_up(lines, rate)", "src/shop/basket.py:131: sums = add_up(rest, 0)"],
        ["started the pool of workers with seven of them", "received an order of twelve bytes", "sent it on"],
        [
            "hey, so i am looking for a house at the lake with my wife",
            "please always answer in danish",
            "we like trees",
        ],
        ["The basket forgets its lines where nobody has signed in", "total is wrong for orders in crowns", "ok"],
    ],
)
def test_lines_as_long_as_what_they_say_stand_alone(lines):
    assert said("\n".join(lines)) == lines


def test_lines_of_a_list_without_bullets_stand_alone():
    lines = ["Ask the shop by the harbour for a new lamp", "Write to the owners about the roof of the shed", "Wash up"]
    assert said("\n".join(lines)) == lines


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The dog is not in the house and it barks", "en"),
        ("Der Hund ist nicht im Haus und bellt", "de"),
        ("Le chien n'est pas dans la maison et il aboie", "fr"),
        ("Собака не в доме", "ru"),
        ("कुत्ता घर में नहीं है", "hi"),
        ("12 + 30", "en"),
    ],
)
def test_languages(text, language):
    assert language_of(text) == language


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(["Dr", ".", " ", "\n", "!", "。", "Ok", "3", '"', "…", "e\u0301", "।"])).map("".join))
def test_spans_cover_the_text(text):
    spans = sentence_spans(text, 0, len(text))
    assert [a for a, _ in spans] == [0, *(b for _, b in spans)][: len(spans)] and (
        not text or spans[-1][1] == len(text)
    )


@pytest.mark.parametrize("blank", "\u00a0\u202f\u2003\u3000\u2028")
def test_any_blank_may_stand_before_a_dot(blank):
    text = f"It ends on Friday {blank}. Call us {blank}.).\nBye."
    spans = sentence_spans(text, 0, len(text))
    assert "".join(text[a:b] for a, b in spans) == text
