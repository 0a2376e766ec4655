"""Checkpoints on disk: a folder with config.json and one safetensors file per fit (no pickle anywhere).

`main.safetensors` is trained on the main split and is what the command line uses; `fold-0.safetensors` and so on are
the cross-fitted ones, each blind to its fold's test episodes.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.config import ModelConfig, typed

if TYPE_CHECKING:
    from torch import nn

    from lrrc.model.coordinator import Coordinator
    from lrrc.policies.learned import Learned

SCHEMA = 1
LARGEST = 100_000  # of a rank, a width or a segment: what config.json says is not to be believed
KEYS = {"policy": str, "rank": int | None, "seed": int, "encoder_width": int, "max_segment_tokens": int,
        "model": ModelConfig}  # fmt: skip


def describe(policy: str, rank: int | None, seed: int, width: int, max_segment_tokens: int, model: ModelConfig) -> dict:
    """The content of config.json."""
    return {
        "schema": SCHEMA, "policy": policy, "rank": rank, "seed": seed, "encoder_width": width,
        "max_segment_tokens": max_segment_tokens, "model": dataclasses.asdict(model),
    }  # fmt: skip


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a checkpoint. Raises ValueError where it is missing or of another schema."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder}: no checkpoint here (config.json is missing): run `dvc repro` or name a folder")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if config["schema"] != SCHEMA:
            raise ValueError(f"schema {config['schema']}: this version reads schema {SCHEMA}")
        if missing := [key for key in KEYS if key not in config]:
            raise ValueError(f"{', '.join(missing)} missing")
        config |= {key: typed(config[key], kind, key) for key, kind in KEYS.items()}
        sizes = {"rank": config["rank"] or 1, "encoder_width": config["encoder_width"],
                 "max_segment_tokens": config["max_segment_tokens"]}  # fmt: skip
        if wrong := [key for key, size in sizes.items() if not 1 <= size <= LARGEST]:
            raise ValueError(f"{wrong[0]} = {sizes[wrong[0]]}: allowed is an integer from 1 to {LARGEST}")
    except KeyError:
        raise ValueError(f"{path}: not a checkpoint's config.json: schema missing") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: not a checkpoint's config.json: {str(error).removeprefix('params: ')}") from None
    return config


def item_name(folder: Path) -> str:
    """What results call a checkpoint: `train-r8-s0` as its folder, `ablate-gate-off-s0` that of ablate-gate-off/s0."""
    return f"{folder.parent.name}-{folder.name}" if folder.parent.name.startswith("ablate-") else folder.name


def save_weights(net: nn.Module, path: Path) -> None:
    from safetensors.torch import save_file

    from lrrc.files import atomic

    with atomic(path) as temporary:
        save_file({name: value.detach().contiguous() for name, value in net.state_dict().items()}, temporary)


def load_weights(net: nn.Module, path: Path) -> None:
    """Raises ValueError where the file is missing, belongs to another network, or holds something else than numbers."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ValueError(f"{path}: no such weights")
    try:
        tensors = load_file(path)
        net.load_state_dict(tensors, assign=True)
    except (RuntimeError, SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: not the weights of this network: {reason}") from None
    if wrong := [name for name, value in tensors.items() if value.dtype != torch.float32 or not value.isfinite().all()]:
        raise ValueError(f"{path}: not the weights of this network: {wrong[0]} is not made of finite 32-bit numbers")


def load_net(folder: Path, fit: str = "main") -> Coordinator:
    """The network of a checkpoint, in evaluation mode."""
    import torch

    from lrrc.model.coordinator import build

    config = read_config(folder)
    with torch.device("meta"):  # takes no memory: the sizes are those that config.json claims
        try:
            net = build(config["policy"], config["rank"] or 1, config["encoder_width"], config["model"])
        except (RuntimeError, TypeError) as error:  # sizes beyond 64 bits
            raise ValueError(f"{folder}: not a checkpoint's config.json: {str(error).splitlines()[0][:200]}") from None
    load_weights(net, Path(folder) / f"{fit}.safetensors")
    return net.eval()


def load_learned(
    name: str,
    budget: int,
    folder: Path,
    encoder: Path,
    max_overlap: float = 0.8,
    squeeze: float = 0.2,
    least_share: float = 0.0,
    least_gain: float = 0.0,
    standing: float = 1.0,
    prior: float = 0.0,
    fit: str = "main",
) -> Learned:
    """A learned policy, ready to compose."""
    from lrrc.encoder import load
    from lrrc.policies.learned import Learned, Pruning

    config = read_config(folder)
    if config["policy"] != name:
        raise ValueError(f"{folder}: holds a checkpoint of {config['policy']}, not of {name}")
    vectors = load(str(encoder))
    if vectors.width != config["encoder_width"]:
        raise ValueError(
            f"{folder}: trained on vectors of width {config['encoder_width']}, but {encoder} has width {vectors.width}"
        )
    kind = Pruning if name == "tokensqueeze-only" else Learned
    return kind(
        name, budget, net=load_net(folder, fit), encoder=vectors, max_overlap=max_overlap, squeeze=squeeze,
        least_share=least_share, least_gain=least_gain, standing=standing, prior=prior,
        max_segment_tokens=config["max_segment_tokens"], checkpoint=str(folder),
    )  # fmt: skip
