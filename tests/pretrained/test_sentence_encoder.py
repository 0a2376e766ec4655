"""Vectors of texts, against those that the library computes."""

import numpy as np
import pytest

from lrrc.pretrained.sentence_encoder import SentenceEncoder

STRANGE = [
    "",
    "   ",
    "-0",
    "[PAD] beside a [UNK] and a [pad]",
    "a\x0bbreak, a\x1cbreak, a\x7fbreak, a\x00break",
    "tabs\tand\r\nlines",
    "Ärger über 3,50 €; naïve café, 明日の会議 🙂",
    "İzmir and ﬁne ligatures",
    "don't-stop_now (it's 12:30!) a/b\\c {x: [1, 2]}",
    "x" * 101,
    "antidisestablishmentarianism" * 12,
    "long " * 700,
    "é" * 4_000,
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """Random vectors for a small vocabulary of pieces, as `distil` saves them."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    pieces = [*map(chr, range(33, 127)), *(f"##{chr(c)}" for c in range(97, 123)), "##stop", "lines", "é", "明", "##s"]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(["[PAD]", "[UNK]", *pieces]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]"])
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((len(vocabulary), 24)) * 64).round() / 64  # on a grid, as GRID is one
    vectors[rng.random(vectors.shape) < 0.2] = -0.0
    folder = tmp_path_factory.mktemp("encoder")
    StaticModel(vectors.astype(np.float16), tokenizer, config={}, normalize=True).save_pretrained(str(folder))
    return SentenceEncoder(folder)


def expected(encoder, texts):
    from model2vec import StaticModel

    library = StaticModel.from_pretrained(str(encoder.folder))
    return library.encode(list(texts), use_multiprocessing=False).astype(np.float32)


@pytest.mark.parametrize("text", STRANGE)
def test_any_text_has_the_library_s_bits(encoder, text):
    assert encoder.encode([text]).tobytes() == expected(encoder, [text]).tobytes()


def test_so_have_many_at_once(encoder):
    rng = np.random.default_rng(1)
    texts = ["".join(map(chr, rng.integers(32, 127, rng.integers(0, 90)))) for _ in range(300)] + STRANGE
    found = encoder.encode(texts)
    assert found.tobytes() == expected(encoder, texts).tobytes() and np.abs(found).any(axis=1).sum() > 250
