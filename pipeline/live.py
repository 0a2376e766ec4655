"""Stage live: a real agent answers the checks of held-out episodes from what every policy sends -> one table.

python pipeline/live.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    data/gains.parquet data/tuned.json data/lm data/embedded/answers.parquet results/live

What answers.parquet holds is not asked for again, nor what an earlier run on this machine asked (.cache/answers);
`live.remember=false` asks for everything. results/live/answers.parquet has every answer that was used; `make remember`
adds them to the first file, for everybody.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.live.stage import evaluate_live
from lrrc.params import load_params
from lrrc.pretrained.answers import LanguageModelFiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "gains", "tuned", "lm", "answers", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    lm = LanguageModelFiles(args.lm, args.answers)
    evaluate_live(args.models, inputs, args.gains, args.tuned, lm, load_params(), args.out)


if __name__ == "__main__":
    run_script(main)
