"""Checkpoints on disk: a folder with config.json and one safetensors file per fit (no pickle anywhere).

`main.safetensors` is trained on the main split and is what the command line uses; `fold-0.safetensors` and so on are
the cross-fitted ones, each blind to its fold's test episodes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Le
from pydantic import TypeAdapter, ValidationError

from lrrc.digest.additive import Line
from lrrc.params import ModelConfig
from lrrc.runtime.checked import allowed, checked, one_line

if TYPE_CHECKING:
    from torch import nn

    from lrrc.model.network import CoordinatorNetwork
    from lrrc.policies.spec import PolicySpec


SCHEMA = 2  # 1 was written by version 0.1.0, whose networks were others
LINE = "line.json"
FITS = "fits.json"  # beside config.json: what training measured of every fit
LARGEST = 100_000  # of a rank, a width or a segment: what config.json says is not to be believed
Size = Annotated[int, Ge(1), Le(LARGEST), allowed(f"an integer from 1 to {LARGEST}")]


@checked
class Config:
    """config.json, beside its schema."""

    policy: str
    rank: Size | None
    seed: int
    encoder_width: Size
    max_segment_tokens: Size
    model: ModelConfig


KEYS = tuple(field.name for field in dataclasses.fields(Config))


def checkpoint_config(spec: PolicySpec, seed: int, width: int, model: ModelConfig) -> dict:
    """The content of config.json."""
    return {
        "schema": SCHEMA,
        "policy": spec.name,
        "rank": spec.rank,
        "seed": seed,
        "encoder_width": width,
        "max_segment_tokens": spec.max_segment_tokens,
        "model": {k: v for k, v in dataclasses.asdict(model).items() if (k, v) != ("form", False)},
    }


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a checkpoint. Raises ValueError where it is missing or of another schema."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder}: no checkpoint here (config.json is missing): run `dvc repro` or name a folder")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if config["schema"] != SCHEMA:
            raise ValueError(
                f"schema {config['schema']}: this version reads schema {SCHEMA}: train it anew with `dvc repro`"
            )
        if missing := [key for key in KEYS if key not in config]:
            raise ValueError(f"{', '.join(missing)} missing")
        config["model"] = {"form": False, **config["model"]}  # heads that saw none of it do not name it
        found = TypeAdapter(Config).validate_python({key: config[key] for key in KEYS})
    except KeyError:
        raise ValueError(f"{path}: not a checkpoint's config.json: schema missing") from None
    except ValidationError as error:
        raise ValueError(f"{path}: not a checkpoint's config.json: {one_line(error, Config)}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: not a checkpoint's config.json: {error}") from None
    return config | vars(found)


def check_fit(spec: PolicySpec, config: Mapping[str, Any], width: int, checkpoint: Path, encoder: Path) -> None:
    """Raises ValueError where a checkpoint is of another policy, or was trained on vectors of another width."""
    if config["policy"] != spec.name:
        raise ValueError(f"{checkpoint}: holds a checkpoint of {config['policy']}, not of {spec.name}")
    if width != config["encoder_width"]:
        raise ValueError(
            f"{checkpoint}: trained on vectors of width {config['encoder_width']}, but {encoder} has width {width}"
        )


def line_of(folder: Path) -> Line | None:
    """The line beside a checkpoint (LINE), for conversations unlike those that it was trained on; None where
    there is none. Raises ValueError where it is broken."""
    path = Path(folder) / LINE
    return Line.read(path) if path.is_file() else None


def head_beats_majority(folder: Path, fit: str) -> bool:
    """Was a fit's outcome head better than naming the more frequent winner always? False where nothing is known."""
    path = Path(folder) / FITS
    try:
        return json.loads(path.read_text(encoding="utf-8"))[fit]["outcome_head"]["beats_majority"] is True
    except (OSError, ValueError, LookupError, TypeError):
        return False


def save_weights(net: nn.Module, path: Path) -> None:
    from safetensors.torch import save_file

    from lrrc.runtime.files import atomic

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


def load_net(folder: Path, fit: str = "main") -> CoordinatorNetwork:
    """The network of a checkpoint, in evaluation mode."""
    import torch

    from lrrc.model.network import build_network

    config = read_config(folder)
    with torch.device("meta"):  # takes no memory: the sizes are those that config.json claims
        try:
            net = build_network(config["policy"], config["rank"] or 1, config["encoder_width"], config["model"])
        except (RuntimeError, TypeError) as error:  # sizes beyond 64 bits
            raise ValueError(f"{folder}: not a checkpoint's config.json: {str(error).splitlines()[0][:200]}") from None
    load_weights(net, Path(folder) / f"{fit}.safetensors")
    return net.eval()
