"""Stage baseline: a policy to compare with, trained as the coordinator is, as far as it learns (paper section 3.4).

python pipeline/baseline.py bm25 0 models/baseline-bm25-s0
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
    parser.add_argument("policy")
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path, help="folder to write")
    args = parser.parse_args()
    params = load_params()
    rank = params.rank if args.policy == "rims-only" else None  # RIMs have channels too; as many as the coordinator
    spec = PolicySpec.of(params, args.policy, rank)
    item = FitSpec(spec, args.seed, params.model, params.train, params.gains.source)
    fit_and_log("baseline", {"": item}, args.seed == params.seeds[0], args.out)


if __name__ == "__main__":
    run_script(main)
