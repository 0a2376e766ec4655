"""Stage live: a real agent answers the checks of held-out episodes from what every policy sends -> one table.

python pipeline/live.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    data/gains.parquet data/lm results/live
"""

import argparse
from pathlib import Path

from lrrc.config import load_params
from lrrc.errors import one_line
from lrrc.fitting import Inputs
from lrrc.live_stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "gains", "lm", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    inputs = Inputs(args.episodes, args.segments, args.encoder, args.splits)
    run(args.models, inputs, args.gains, args.lm, load_params(), args.out)


if __name__ == "__main__":
    one_line(main)
