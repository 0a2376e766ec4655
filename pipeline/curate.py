"""Remake the embedded arena: two local models play seeded scripts, a program judges them.

    python pipeline/curate.py data/embedded          # or: dvc repro curate --force

Needs pipeline/requirements-curate.txt. One process per model; resumable; takes about an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import yaml

from lrrc.episodes.arena import curate
from lrrc.episodes.arena.curate import MODELS, SLOTS, assemble, play_all, playing_order, shard_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of arena.parquet and DATA_CARD.md")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/curate"), help="finished episodes and model files")
    parser.add_argument("--model", choices=MODELS, help="play this model's side only, assemble nothing")
    parser.add_argument("--assemble", action="store_true", help="play nothing, assemble what has been played")
    args = parser.parse_args()
    params = yaml.safe_load(args.params.read_text())["curate"]
    seed, max_tokens = params["seed"], params["max_reply_tokens"]
    shards = [shard_path(args.cache, name, seed, max_tokens) for name in MODELS]
    if args.model:
        from lrrc.episodes.arena.players import STYLES, LlamaPlayer, model_file

        agent = LlamaPlayer(STYLES[args.model], model_file(args.model, args.cache), SLOTS)
        order = playing_order(seed, params["episodes"])
        scripts = [curate.make_script(seed, index) for index in order]
        shard = shards[MODELS.index(args.model)]
        play_all(agent, scripts, shard, seed, max_tokens, params["deadline_min"])
        return
    if not args.assemble:
        os.nice(5)  # an hour of two busy cores: leave the machine usable
        commands = [[sys.executable, *sys.argv, "--model", name] for name in MODELS]
        playing = [subprocess.Popen(command) for command in commands]
        if sum(process.wait() != 0 for process in playing):
            raise SystemExit(
                "a model's process failed; what it had finished is kept, and the next run goes on from there"
            )
    from lrrc.episodes.arena.data_card import write_card, write_headroom

    rows = assemble(shards, seed, args.out / "arena.parquet")
    write_headroom(args.out, shards, seed, rows)
    write_card(args.out, params)
    print(f"{len(rows)} episodes in {args.out}")


if __name__ == "__main__":
    main()
