"""Answers kept by content: what is asked once is never asked again, and is what would be answered now."""

import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.tiny_language_model import write_lm
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.pretrained.answers import (
    UNIT,
    Answers,
    Kept,
    read_answers,
    read_journals,
    request_key,
    write_answers,
)
from lrrc.pretrained.language_model import LanguageModel, ScoringRequest

ids = st.lists(st.integers(0, 50), min_size=1, max_size=5).map(tuple)
requests = st.builds(ScoringRequest, ids, st.lists(ids, min_size=1, max_size=4).map(tuple))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return LanguageModel(write_lm(tmp_path_factory.mktemp("lm")))


def drawn(model, count, seed=0):
    """Requests of words that the tiny model's tokenizer knows."""
    rng = np.random.default_rng(seed)
    words = lambda most: tuple(map(int, rng.integers(0, 200, rng.integers(1, most))))  # noqa: E731
    return [ScoringRequest(words(60), tuple(words(9) for _ in range(4))) for _ in range(count)]


@given(requests, requests)
def test_a_name_tells_requests_apart(one, two):
    assert (request_key(one, "m") == request_key(two, "m")) == (one == two)
    assert request_key(one, "m") != request_key(one, "another model")


def test_the_order_of_options_and_where_a_prompt_ends_are_part_of_the_name():
    made = ScoringRequest((1, 2), ((3,), (4,)))
    others = [((1, 2), ((4,), (3,))), ((1,), ((2, 3), (4,))), ((1, 2), ((3, 4),)), ((1, 2, 3), ((4,),))]
    assert len({request_key(ScoringRequest(*other), "m") for other in others} | {request_key(made, "m")}) == 5


def test_a_score_is_the_mean_over_the_answers_tokens_rounded(model):
    for request in drawn(model, 5):
        (found,) = Answers(model).score([request])
        ((logs,),) = model.score([[request]])
        np.testing.assert_allclose(found, [one.mean() for one in logs], atol=UNIT / 2 + 1e-9)
        np.testing.assert_allclose(found / UNIT, np.round(found / UNIT), atol=1e-6)


def test_nobody_else_in_a_call_changes_a_score(model):
    asked = drawn(model, 12)
    alone = [Answers(model).score([request])[0] for request in asked]
    together = Answers(model).score([*asked, *reversed(asked)])
    for i, one in enumerate(alone):
        assert (one == together[i]).all() and (one == together[-1 - i]).all()


def test_journals_and_files_hold_what_was_answered(model, tmp_path):
    asked = drawn(model, 20)
    answers = Answers(model, {}, tmp_path / "journals/7.jsonl")
    first = answers.score(asked)
    used, new = answers.handed_over()
    assert new == len(used) == 20 and answers.handed_over() == ({}, 0)
    assert read_journals(tmp_path / "journals") == used
    with open(tmp_path / "journals/7.jsonl", "a") as file:
        file.write('{"key": 5, "sco')  # killed here
    assert read_journals(tmp_path / "journals") == used
    write_answers(tmp_path / "one.parquet", used)
    write_answers(tmp_path / "two.parquet", dict(reversed(used.items())))
    assert read_answers(tmp_path / "one.parquet") == used
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()

    class Silent:
        digest = model.digest

    again = Answers(Silent(), used).score(asked)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.integers(0, 2**64 - 1), st.lists(st.integers(-60_000, 0), min_size=1, max_size=5)))
def test_any_answers_come_back(tmp_path_factory, made):
    kept = {key: Kept(tuple(scores), "a processor") for key, scores in made.items()}
    path = tmp_path_factory.mktemp("kept") / "answers.parquet"
    write_answers(path, kept)
    assert read_answers(path) == kept


def test_files_of_a_model_name_it(tmp_path):
    one, same, other = (write_lm(tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    digests = [LanguageModel(folder).digest for folder in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]


def test_remembered_answers_are_fresh_ones(model):
    """A hundred of those drawn, asked again in another order."""
    asked = drawn(model, 300)
    answers = Answers(model)
    remembered = answers.score(asked)
    for i in np.random.default_rng(1).permutation(len(asked))[:100]:
        assert (Answers(model).score([asked[i]])[0] == remembered[i]).all()


STORED = ROOT / "data/embedded/answers.parquet"


def test_the_committed_file_is_readable_small_and_numbers():
    assert all(kept.scores and max(kept.scores) <= 0 and kept.processor for kept in read_answers(STORED).values())
    assert STORED.stat().st_size < 8 * 2**20
