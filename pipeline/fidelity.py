"""Stage fidelity: how much the true next reply surprises a language model that reads a policy's payload -> one table.

python pipeline/fidelity.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    data/lm results/fidelity
"""

import argparse

from lrrc.config import load_params
from lrrc.engine import shared
from lrrc.errors import one_line
from lrrc.fidelity_stage import run
from lrrc.fitting import Inputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "lm", "out"):
        parser.add_argument(name, type=shared)
    args = parser.parse_args()
    inputs = Inputs(args.episodes, args.segments, args.encoder, args.splits)
    run(args.models, inputs, args.lm, load_params(), args.out)


if __name__ == "__main__":
    one_line(main)
