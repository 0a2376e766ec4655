"""Stage kinds: kinds of conversation, what digests are worth on each -> tables of numbers (committed).

python pipeline/kinds.py data/embedded/arena.parquet data/encoder data/lm models/train-r8-s0 \\
    results/kinds

The kinds beside the arena are `kinds.files`; without any there is nothing to learn from, so the stage is frozen.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.evaluation.kinds.stage import Inputs, evaluate_kinds
from lrrc.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("arena", "encoder", "lm", "checkpoint", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    evaluate_kinds(
        Inputs(args.arena, args.encoder, args.lm, args.checkpoint), load_params(), args.out, Path(".cache/kinds")
    )


if __name__ == "__main__":
    run_script(main)
