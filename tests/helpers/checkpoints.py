"""A small coordinator and encoder on disk, where the pipeline would have put them.

The weights are random: they show that everything fits together, never how well it works.
"""

from pathlib import Path

import numpy as np
import torch
from model2vec import StaticModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from helpers.random_episodes import VOCABULARY, WIDTH, model
from lrrc.model.network import build_network
from lrrc.policies.checkpoint import checkpoint_config, save_weights
from lrrc.policies.spec import PolicySpec
from lrrc.runtime.files import write_json


def write_encoder(folder: Path) -> None:
    words = sorted({word.lower().strip(",.") for word in VOCABULARY})
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate([*words, "[UNK]"])}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    vectors = np.random.default_rng(0).standard_normal((len(words) + 1, WIDTH)).astype(np.float32)
    StaticModel(vectors, tokenizer, normalize=True).save_pretrained(str(folder))


def write_checkpoint(root: Path, policy: str = "lrrc", rank: int = 4, limit: int = 20) -> Path:
    """data/encoder and models/train-r8-s0 under `root`; the checkpoint's folder."""
    folder = root / "models/train-r8-s0"
    write_encoder(root / "data/encoder")
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    save_weights(build_network(policy, rank, WIDTH, model()), folder / "main.safetensors")
    write_json(
        folder / "config.json",
        checkpoint_config(PolicySpec(policy, rank=rank, max_segment_tokens=limit), 0, WIDTH, model()),
    )
    return folder
