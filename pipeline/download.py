"""Stage download: episodes of a source, filtered and drawn (paper section 3.3), and how many of how many.

python pipeline/download.py data/raw/episodes.parquet data/raw/drawn.json
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse

from lrrc.episodes.episode_file import write_episodes
from lrrc.episodes.sources import draw_episodes
from lrrc.params import load_params
from lrrc.runtime.files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("episodes", help="parquet to write")
    parser.add_argument("drawn", help="JSON to write: how many were drawn from how many after each filter")
    args = parser.parse_args()
    data = load_params().data
    episodes, drawn = draw_episodes(
        data.source,
        path=data.path,
        revision=data.revision,
        group_by=data.group_by,
        n_episodes=data.n_episodes,
        min_turns=data.min_turns,
        max_turns=data.max_turns,
        languages=data.languages,
        seed=data.seed,
    )
    write_episodes(args.episodes, episodes)
    write_json(args.drawn, drawn)
    for step in drawn["steps"]:
        print(f"{step['episodes']:>8}  {step['filter']}")


if __name__ == "__main__":
    run_script(main)
