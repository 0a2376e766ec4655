"""Stage explore: what every policy would send in a few held-out episodes, turn by turn -> results/explore.json.

python pipeline/explore.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    results/explore.json
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.explorer import explorer_data, fitted, held_out
from lrrc.params import load_params
from lrrc.runtime.files import write_json


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)  # the same sums on every machine
    params = load_params()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    policies = fitted(args.models, inputs, params)
    write_json(args.out, explorer_data(held_out(inputs), policies, params.explore.episodes, params.explore.seed))


if __name__ == "__main__":
    run_script(main)
