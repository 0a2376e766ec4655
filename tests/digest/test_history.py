"""What is known of a segment before any learning, against plain recomputation."""

import numpy as np
import pytest
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, episode, history_of

from lrrc.digest import segments
from lrrc.digest.features import FEATURES, FIRST_AGENT, OTHER, USER, Query, question
from lrrc.digest.history import History
from lrrc.digest.words import word_weight, words_of
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import NO_VECTORS

QUESTION = "When does the Lisbon train leave?"
USER_MESSAGE = Message("user", f"{QUESTION} I need it.")
ASKED = set(words_of(QUESTION))


def weigh(words):
    return sum(map(word_weight, sorted(words)))


@pytest.mark.parametrize("seed", range(6))
def test_growing_history_equals_recomputation(seed):
    made = episode(seed, turns=5)
    history = History(AGENTS, ENCODER, LIMIT)
    query = Query.of([USER_MESSAGE], ENCODER)
    texts, turn = [], []
    for t, each in enumerate(made.turns):
        history.append([*each.inputs, *each.replies])
        for message in (*each.inputs, *each.replies):
            pieces = [piece.text for piece in segments.split_segments(message.content, LIMIT)]
            texts += pieces
            turn += [t] * len(pieces)
        found = dict(zip(FEATURES, history.features(query).T, strict=True))
        vectors = ENCODER.encode(texts)
        in_asked = [weigh(ASKED & set(words_of(text))) / weigh(ASKED) for text in texts]
        for i, text in enumerate(texts):
            asked, words = set(words_of(USER_MESSAGE.content)), set(words_of(text))
            shared = weigh(asked & words)
            later = [float(vectors[i] @ vectors[j]) for j in range(len(texts)) if turn[j] > turn[i]]
            expected = {
                "cosine": vectors[i] @ query.embedding_E,
                "query_words_in_segment": shared / weigh(asked),
                "segment_words_in_query": shared / max(1e-6, weigh(words)),
                "asked_cosine": vectors[i] @ ENCODER.encode([QUESTION])[0],
                "asked_words_in_segment": in_asked[i],
                "segment_words_in_asked": weigh(ASKED & words) / max(1e-6, weigh(words)),
                "asked_again_later": max([0.0, *(x for x, when in zip(in_asked, turn, strict=True) if when > turn[i])])
                - in_asked[i],
                "recency": 1 / (t + 1 - turn[i]),
                "log_turns_ago": np.log(t + 1 - turn[i]),
                "question": float("?" in text),
                "later_similar": max([0.0, *later]),
            }
            for name, value in expected.items():
                assert found[name][i] == pytest.approx(value, abs=2e-5), name
    assert history.turn == turn and [piece.text for piece in history.segments] == texts


def test_features_of_a_message_by_hand():
    history = History(AGENTS, ENCODER, LIMIT)
    history.append([Message("user", "From now on call me Bob. Is 2024 fine? ok")])
    found = dict(zip(FEATURES, history.features(Query.of([USER_MESSAGE], ENCODER)).T, strict=True))
    assert found["position"].tolist() == [0, 0.5, 1]
    assert found["first"].tolist() == [1, 0, 0] and found["last"].tolist() == [0, 0, 1]
    assert found["directive"].tolist() == [1, 0, 0] and found["question"].tolist() == [0, 1, 0]
    assert found["digits"].tolist() == [0, 1, 0] and found["capitals"].tolist() == [0.25, 0, 0]


def test_speaker_codes():
    history = History(AGENTS, NO_VECTORS, LIMIT)
    codes = [
        history.speaker_code(Message(role, "", name))
        for role, name in [
            ("user", None),
            ("tool", "search"),
            ("assistant", "model_a"),
            ("assistant", "model_b"),
        ]
    ]
    assert codes == [USER, OTHER, FIRST_AGENT, FIRST_AGENT + 1]
    mixed = History(("planner", "assistant"), NO_VECTORS, LIMIT)  # an agent without a name is called assistant
    assert mixed.speaker_code(Message("assistant", "")) == FIRST_AGENT + 1
    assert mixed.speaker_code(Message("assistant", "", "stranger")) == FIRST_AGENT


def test_nothing_said_and_nothing_asked():
    history = History(AGENTS, ENCODER, LIMIT)
    assert history.features(Query.of([], ENCODER)).shape == (0, len(FEATURES))
    history.append([Message("user", " \n"), Message("assistant", "", "model_a")])
    assert history.features(Query.of([USER_MESSAGE], ENCODER)).shape == (0, len(FEATURES))
    assert (history.turns, len(history.messages), history.segments) == (1, 2, [])
    history.append([USER_MESSAGE])
    features = history.features(Query.of([Message("user", "")], ENCODER))
    assert features.shape == (2, len(FEATURES)) and np.isfinite(features).all()


def test_without_an_encoder_only_the_cosines_are_missing():
    made = episode(3, turns=4)
    query = Message("user", "budget for Lisbon?")
    known = history_of(made).features(Query.of([query], ENCODER))
    blind = history_of(made, NO_VECTORS).features(Query.of([query], NO_VECTORS))
    semantic = [FEATURES.index(name) for name in ("cosine", "asked_cosine", "later_similar")]
    assert not blind[:, semantic].any() and known[:, semantic].any()
    np.testing.assert_array_equal(np.delete(blind, semantic, 1), np.delete(known, semantic, 1))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Hello. When does it leave? I need it.", "When does it leave?"),
        ("One? Two? Three? Done.", "Two? Three?"),  # the last two at most
        ("Sum up what I said. Be brief.", "Be brief."),  # nothing is asked: the last sentence
        ('He said "why?" Fine. And *really?*', 'He said "why?" And *really?*'),
        ("予算はいくらですか？ よろしく。", "予算はいくらですか？"),
        ("Is 3 > 2 ? yes", "Is 3 > 2 ?"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_the_question_of_a_message(text, asked):
    assert question(text) == asked


def test_one_question_alone():
    assert question("One? Two? Three?", most=1) == "Three?"


def test_a_query_holds_the_question_beside_the_whole():
    inputs = [Message("user", "Anna is allergic to peanuts."), Message("tool", "What can she eat? Soup.", "search")]
    query = Query.of(inputs, ENCODER)
    whole = "Anna is allergic to peanuts.\nWhat can she eat? Soup."
    np.testing.assert_array_equal(query.embedding_E, ENCODER.encode([whole])[0])
    np.testing.assert_array_equal(query.asked_E, ENCODER.encode(["What can she eat?"])[0])
    assert query.weights.keys() == set(words_of(whole))
    assert query.asked_weights == {word: word_weight(word) for word in ("what", "can", "she", "eat")}


def test_what_is_asked_again_later_shows():
    """A fact that was said anew is worth less than its latest wording."""
    history = History(AGENTS, NO_VECTORS, LIMIT)
    history.append([Message("user", "The Lisbon train leaves at nine. The soup is green.")])
    history.append([Message("user", "The Lisbon train does leave at ten.")])
    asked = [Message("user", "Hm. When does the Lisbon train leave?")]
    found = dict(zip(FEATURES, history.features(Query.of(asked, NO_VECTORS)).T, strict=True))
    first, soup, last = found["asked_again_later"]
    assert 0 < first < soup and last < 0


def test_a_segment_is_compared_with_its_neighbours(monkeypatch):
    """With those that follow while they are near, whatever the length; near ones, as if all were compared."""
    texts = [f"The {['lisbon', 'budget', 'soup', 'train'][i % 4]} number {i}." for i in range(40)]
    vectors = ENCODER.encode(texts)
    whole = History(AGENTS, ENCODER, LIMIT)
    for text in texts:
        whole.append([Message("user", text)])
    monkeypatch.setattr("lrrc.digest.history.NEIGHBOURS", 5)
    near, at_once = History(AGENTS, ENCODER, LIMIT), History(AGENTS, ENCODER, LIMIT)
    for text in texts:
        near.append([Message("user", text)])
    at_once.commit(at_once.prepare([[Message("user", text)] for text in texts]))
    later = FEATURES.index("later_similar")
    query = Query.of([USER_MESSAGE], ENCODER)
    similar = vectors @ vectors.T
    for history, reach in ((whole, 40), (near, 5), (at_once, 5)):
        expected = [max([0.0, *similar[i, i + 1 : i + 1 + reach]]) for i in range(40)]
        np.testing.assert_allclose(history.features(query)[:, later], expected, atol=1e-5)


@pytest.mark.parametrize("count", [3, 512, 513, 1_500])
def test_cosines_do_not_depend_on_what_is_at_hand(count):
    """To the last bit those of one product, for all segments and for some."""
    history = History(AGENTS, ENCODER, LIMIT)
    said = " ".join(f"Train {i} leaves Lisbon for {i * 7 % 100} euros." for i in range(count))
    history.append([Message("user", said)])
    query, every = Query.of([USER_MESSAGE], ENCODER), np.arange(count)
    whole = history.features(query)
    assert len(whole) == count
    np.testing.assert_array_equal(whole[:, FEATURES.index("cosine")], history.embeddings_NE @ query.embedding_E)
    np.testing.assert_array_equal(whole[:, FEATURES.index("asked_cosine")], history.embeddings_NE @ query.asked_E)
    some = every[every % 3 != 1]
    rows = history.feature_rows(history.query_features(query, some), some)
    np.testing.assert_allclose(rows, whole[some], rtol=1e-6, atol=1e-7)
