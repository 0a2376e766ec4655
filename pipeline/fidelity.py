"""Stage fidelity: how much the true next reply surprises a language model that reads a policy's payload -> one table.

python pipeline/fidelity.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    data/tuned.json data/lm results/fidelity
"""

import argparse

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.fidelity.stage import evaluate_fidelity
from lrrc.params import load_params
from lrrc.runtime.errors import run_script
from lrrc.runtime.executor import absolute_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "tuned", "lm", "out"):
        parser.add_argument(name, type=absolute_path)
    args = parser.parse_args()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    evaluate_fidelity(args.models, inputs, args.tuned, args.lm, load_params(), args.out)


if __name__ == "__main__":
    run_script(main)
