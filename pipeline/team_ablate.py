"""Stage team_ablate: what the parts of the team's call gate are worth -> results/team_ablations.parquet (committed).

python pipeline/team_ablate.py models data/encoder data/embedded/arena.parquet data/embedded/team.parquet \\
    results/team/gate results/team_ablations.parquet
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.evaluation.team.ablations import evaluate_ablations
from lrrc.evaluation.team.stage import Sources
from lrrc.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("models", "encoder", "arena", "episodes", "gate", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    sources = Sources(args.models, args.encoder, args.arena, args.episodes)
    evaluate_ablations(sources, args.gate, load_params(), args.out)


if __name__ == "__main__":
    run_script(main)
