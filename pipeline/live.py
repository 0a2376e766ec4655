"""Stage live: a real agent answers the checks of held-out episodes from what every policy sends -> one table.

python pipeline/live.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    data/gains.parquet data/tuned.json data/lm results/live
"""

import argparse
from pathlib import Path

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.live.stage import evaluate_live
from lrrc.params import load_params
from lrrc.runtime.errors import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "gains", "tuned", "lm", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    evaluate_live(args.models, inputs, args.gains, args.tuned, args.lm, load_params(), args.out)


if __name__ == "__main__":
    run_script(main)
