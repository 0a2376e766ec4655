"""Stage split: parts and folds (paper section 3.3), and the paper's Table 1 over the parts.

python pipeline/split.py data/raw/episodes.parquet data/annotated/tokens.parquet data/splits.json \\
    data/table1.json
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from dataclasses import replace

import pyarrow.parquet as pq

from lrrc.episodes.episode_file import iter_episodes
from lrrc.episodes.split import PARTS, split_episodes
from lrrc.episodes.token_counts import table1
from lrrc.params import load_params
from lrrc.runtime.files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("episodes", help="parquet to read")
    parser.add_argument("tokens", help="parquet of the stage annotate")
    parser.add_argument("splits", help="JSON to write: episode ids of train, val, test and of every fold")
    parser.add_argument("table1", help="JSON to write: the rows of Table 1, both accountings")
    args = parser.parse_args()
    split = load_params().split
    light = {"system": (), "turns": (), "checks": ()}  # what is said plays no part, and would fill the memory
    episodes = [replace(episode, **light) for episode in iter_episodes(args.episodes)]
    splits = split_episodes(
        episodes, train=split.train, val=split.val, test=split.test, folds=split.folds, seed=split.seed
    )
    agents = {episode.episode_id: episode.agents for episode in episodes}
    rows = table1(pq.read_table(args.tokens), agents, {part: splits[part] for part in PARTS})
    write_json(args.splits, splits)
    write_json(args.table1, rows)


if __name__ == "__main__":
    run_script(main)
