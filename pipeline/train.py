"""Stage train: the coordinator at one rank and seed, on the main split and on every fold (paper section 3.5).

python pipeline/train.py 8 0 models/train-r8-s0
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.params import load_params
from lrrc.policies.spec import PolicySpec
from lrrc.training.fit_spec import FitSpec
from lrrc.training.stage import fit_and_log


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rank", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path, help="folder to write")
    args = parser.parse_args()
    params = load_params()
    spec = PolicySpec.of(params, "lrrc", args.rank)
    item = FitSpec(spec, args.seed, params.model, params.train, params.gains.source)
    fit_and_log("train", {"": item}, args.seed == params.seeds[0], args.out)


if __name__ == "__main__":
    run_script(main)
