"""`lrrc certify`: measure on a checkpoint what the theorems suppose, and the bounds that follow."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrrc.episodes.episode_file import open_episodes
from lrrc.params import load_params
from lrrc.proofs.certificate import certificate, measure_fit


def certify(folder: Path, budget: int, data: Path = Path("data"), proofs: Path = Path("proofs")) -> dict[str, Any]:
    """Recompute the certificate of a checkpoint from its weights and the data of the pipeline."""
    from lrrc.dataset.array_file import ArrayFile
    from lrrc.dataset.inputs import StageInputs
    from lrrc.policies import checkpoint
    from lrrc.policies.registry import load_policy
    from lrrc.policies.spec import PolicySpec

    config = checkpoint.read_config(folder)
    if config["policy"] != "lrrc":
        raise ValueError(f"{folder}: a checkpoint of {config['policy']}: only the coordinator has a certificate")
    episodes = open_episodes(data / "raw/episodes.parquet")
    arrays = ArrayFile(data / "segments.safetensors")
    inputs = StageInputs(
        data / "raw/episodes.parquet", data / "segments.safetensors", data / "encoder", data / "splits.json"
    )
    spec = replace(PolicySpec.of(load_params(), "lrrc"), budget=budget)
    names = sorted(path.stem for path in Path(folder).glob("*.safetensors"))
    fits, policy = {}, None
    for name in names:
        policy = load_policy(spec, inputs.encoder, folder, name)
        test = inputs.of(folder).ids(name)["test"]
        fits[name] = measure_fit(policy, arrays.by_ids(test), episodes.each(test))
    if policy is None:
        raise ValueError(f"{folder}: no weights here")
    return certificate(policy, config["rank"], fits)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="a checkpoint, such as models/train-r8-s0")
    parser.add_argument("--budget", metavar="B", type=int, default=128, help="most tokens of a digest (default 128)")


def run(args: argparse.Namespace) -> int:
    from lrrc.runtime.files import canonical_json

    made = certify(args.folder, args.budget)
    print(canonical_json(made), end="")
    return 0
