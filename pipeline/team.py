"""Stage team: who is called, with what, in conversations of several agents that need each other -> results/team.

python pipeline/team.py models data/encoder data/embedded/arena.parquet data/embedded/team.parquet data/lm \\
    data/embedded/team_answers.parquet results/team

Models are asked for what data/embedded/team_answers.parquet lacks. What they answer is kept under .cache/team, and the
next run goes on from there.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.evaluation.team.stage import Places, evaluate_team
from lrrc.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("models", "encoder", "arena", "episodes", "lm", "answers", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--cache", type=Path, default=Places.cache, help="answers as they come, and the second model")
    import torch

    torch.set_num_threads(1)
    evaluate_team(Places(**vars(parser.parse_args())), load_params())


if __name__ == "__main__":
    run_script(main)
