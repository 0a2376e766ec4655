"""Stage tune: settings of every policy, chosen on each fold's validation episodes by what digests hold -> one file.

python pipeline/tune.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    data/gains.parquet data/tuned.json
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.tuning.stage import tune
from lrrc.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "gains", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    tune(args.models, inputs, args.gains, load_params(), args.out)


if __name__ == "__main__":
    run_script(main)
