"""Throughput of the stage annotate against the tokenizer alone: `python bench/annotate.py [EPISODES.parquet]`.

The same texts are counted by tasks of `lrrc.annotate`, which make the whole table, by a bare `encode_ordinary_batch`,
which makes ids and nothing else, and by a loop over `encode_ordinary`, which is faster than the batch on short texts.
Processor time, of all threads. Prints JSON; exit status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ratio import Target, least, verdict

from lrrc.episodes.episode_file import read_episodes
from lrrc.episodes.token_counts import EPISODES_AT_ONCE, messages, token_table
from lrrc.params import EMBEDDED
from lrrc.pretrained import tokens
from lrrc.runtime.errors import run_script
from lrrc.runtime.executor import chunks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("episodes", nargs="?", type=Path, default=Path(EMBEDDED))
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    episodes = read_episodes(args.episodes)
    texts = [message.content for episode in episodes for _, _, message in messages(episode)]
    parts = [episodes[start:stop] for start, stop in chunks(len(episodes), EPISODES_AT_ONCE)]
    encoding = tokens.encoding()
    rivals = {
        "annotate": lambda: list(map(token_table, parts)),
        "batch, one thread": lambda: encoding.encode_ordinary_batch(texts, num_threads=1),
        "batch, two threads": lambda: encoding.encode_ordinary_batch(texts, num_threads=2),
        "loop": lambda: [len(encoding.encode_ordinary(text)) for text in texts],
    }
    seconds = least(rivals, args.rounds)
    batch = min(seconds["batch, one thread"], seconds["batch, two threads"])
    count = sum(tokens.count_batch(texts))
    return verdict(
        [
            Target("annotation / encode_ordinary_batch, throughput", batch / seconds["annotate"], at_least=0.9),
            Target("annotation / loop over encode_ordinary, throughput", seconds["loop"] / seconds["annotate"]),
        ],
        messages=len(texts),
        tokens=count,
        tokens_per_second={name: round(count / s) for name, s in seconds.items()},
    )


if __name__ == "__main__":
    run_script(lambda: sys.exit(main()))
