"""Stage votes: every policy on conversations that people judged, cross-fitted by prompt -> one folder (committed).

python pipeline/votes.py data/encoder results/votes

From the hub, or from the file that `votes.path` names; the stage is frozen, as a bare clone has neither. It goes on
where an earlier run stopped.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.evaluation.votes import evaluate_votes
from lrrc.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("encoder", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    evaluate_votes(args.encoder, load_params(), args.out, Path(".cache/votes"))


if __name__ == "__main__":
    run_script(main)
