"""Arguments that several commands have: the policy with its budget, and a checkpoint with its encoder."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.policy_catalogue import LEARNED, UNTRAINED

if TYPE_CHECKING:
    from lrrc.policies.base import Policy
    from lrrc.policies.spec import PolicySpec


def add_policy(parser: argparse.ArgumentParser) -> None:
    """--policy, --budget, --checkpoint, --encoder."""
    parser.add_argument(
        "--policy",
        metavar="NAME",
        choices=("lrrc", *LEARNED, *UNTRAINED),
        default="lrrc",
        help=f"trained: lrrc (default), {', '.join(LEARNED)}; ready without training: {', '.join(UNTRAINED)}",
    )
    parser.add_argument("--budget", metavar="B", type=int, default=128, help="most tokens of a digest (default 128)")
    add_checkpoint(parser)


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """--checkpoint, --encoder."""
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        type=Path,
        help="a trained model's folder (default: the one `dvc repro` made)",
    )
    parser.add_argument(
        "--encoder",
        metavar="DIR",
        type=Path,
        help="the folder of sentence vectors (default: data/encoder of the project that --checkpoint lies in, or of "
        "this folder)",
    )


def check_budget(args: argparse.Namespace) -> None:
    """Raises ValueError."""
    if args.budget < 0:
        raise ValueError(f"--budget = {args.budget}: allowed is an integer >= 0")


def load(args: argparse.Namespace) -> Policy:
    """The policy that `add_policy`'s arguments ask for, from whatever folder it is called. Raises ValueError."""
    from lrrc.policies.registry import load_policy
    from lrrc.policies.spec import PolicySpec

    check_budget(args)
    spec = PolicySpec(args.policy, args.budget)
    return load_policy(spec, find_encoder(spec, args.encoder, args.checkpoint), args.checkpoint)


def find_encoder(spec: PolicySpec, encoder: Path | None, checkpoint: Path | None) -> Path | None:
    """`encoder`, or else the one that lies where a checkpoint's does; None for the default.

    Raises ValueError that names the folders where none was found.
    """
    from lrrc.policies.registry import DEFAULT_ENCODER
    from lrrc.pretrained.sentence_encoder import FILES

    if encoder or not checkpoint or not checkpoint.is_dir() or not (spec.trained or spec.name == "embedding"):
        return encoder
    folder = Path(os.path.abspath(checkpoint))
    tried = [folder.parent.parent / "data/encoder", folder / "encoder", folder.parent / "encoder", DEFAULT_ENCODER]
    found = [place for place in tried if all((place / name).is_file() for name in FILES)]
    if not found:
        places = ", ".join(map(str, tried))
        raise ValueError(f"{checkpoint}: no encoder was found for it (tried {places}): name its folder by --encoder")
    return found[0]
