"""Stage transfer: trained on some kinds of conversation, tested on one never seen -> one table (committed).

python pipeline/transfer.py data/embedded/arena.parquet data/embedded/gains.parquet data/encoder data/lm \\
    results/transfer.parquet

The data sets beside the arena are `transfer.files`; without any there is nothing to do, so the stage is frozen.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.evaluation.fidelity.transfer import evaluate_transfer
from lrrc.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("arena", "gains", "encoder", "lm", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    evaluate_transfer(args.arena, args.gains, args.encoder, args.lm, load_params(), args.out, Path(".cache/transfer"))


if __name__ == "__main__":
    run_script(main)
