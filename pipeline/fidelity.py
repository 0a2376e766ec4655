"""Stage fidelity: how much the true next reply surprises a language model that reads a policy's payload -> one table.

python pipeline/fidelity.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    data/tuned.json data/lm data/embedded/answers.parquet results/fidelity
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.fidelity.stage import evaluate_fidelity
from lrrc.params import load_params
from lrrc.pretrained.answers import JOURNALS, LanguageModelFiles
from lrrc.runtime.executor import absolute_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "tuned", "lm", "answers", "out"):
        parser.add_argument(name, type=absolute_path)
    args = parser.parse_args()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    lm = LanguageModelFiles(args.lm, args.answers, absolute_path(JOURNALS))
    evaluate_fidelity(args.models, inputs, args.tuned, lm, load_params(), args.out)


if __name__ == "__main__":
    run_script(main)
