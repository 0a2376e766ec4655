"""Arguments that several commands have: the policy with its budget, and a checkpoint with its encoder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.policy_catalogue import LEARNED, UNTRAINED

if TYPE_CHECKING:
    from lrrc.policies.base import Policy


OURS = "the packaged coordinator"


def add_policy(parser: argparse.ArgumentParser) -> None:
    """--policy, --budget, --adapted, --checkpoint, --encoder."""
    parser.add_argument(
        "--policy",
        metavar="NAME",
        choices=("lrrc", *LEARNED, *UNTRAINED),
        default="lrrc",
        help=f"trained: lrrc (default), {', '.join(LEARNED)}; ready without training: {', '.join(UNTRAINED)}",
    )
    parser.add_argument("--budget", metavar="B", type=int, default=128, help="most tokens of a digest (default 128)")
    parser.add_argument(
        "--adapted", metavar="FILE", type=Path, help="what `lrrc adapt` wrote for conversations of yours"
    )
    add_checkpoint(parser)


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """--checkpoint, --encoder."""
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        type=Path,
        help="a trained model's folder, such as models/train-r8-s0 of a finished pipeline (default: the packaged one)",
    )
    parser.add_argument(
        "--encoder",
        metavar="DIR",
        type=Path,
        help="the folder of sentence vectors (default: the packaged one; data/encoder of the project that --checkpoint "
        "lies in)",
    )


def check_budget(args: argparse.Namespace) -> None:
    """Raises ValueError."""
    if args.budget < 0:
        raise ValueError(f"--budget = {args.budget}: allowed is an integer >= 0")


def load(args: argparse.Namespace) -> Policy:
    """The policy that `add_policy`'s arguments ask for, from whatever folder it is called. Raises ValueError."""
    from lrrc.policies.serving import adapted, serving_policy
    from lrrc.policies.spec import PolicySpec

    check_budget(args)
    policy = serving_policy(PolicySpec(args.policy, args.budget), args.encoder, args.checkpoint)
    return adapted(policy, args.adapted) if args.adapted else policy


def tell_whose(policies: Iterable[Policy]) -> None:
    """Say on stderr where a policy is the packaged coordinator."""
    from lrrc.policies.serving import PACKAGED

    if any(policy.checkpoint == str(PACKAGED) for policy in policies):
        print(f"lrrc: {OURS} ({PACKAGED / 'MODEL_CARD.md'}); --checkpoint names another", file=sys.stderr)
