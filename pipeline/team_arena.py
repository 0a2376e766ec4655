"""Stage team_arena: seeded scripts, and what two local models said in the embedded arena -> the team arena.

python pipeline/team_arena.py data/embedded/arena.parquet data/embedded/team.parquet
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.episodes.team.assemble import make_arena
from lrrc.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arena", type=Path, help="the embedded arena")
    parser.add_argument("out", type=Path, help="the team arena")
    args = parser.parse_args()
    settings = load_params().team_arena
    made = make_arena(args.arena, args.out, settings.episodes, settings.seed)
    print(f"{len(made)} episodes, {sum(len(episode.requests) for episode in made)} requests in {args.out}")


if __name__ == "__main__":
    run_script(main)
