"""Cut every episode into segments, embed them, and compute features and targets of every call.

python pipeline/embed.py data/raw/episodes.parquet data/encoder data/gains.parquet data/segments.safetensors
"""

import sys
from pathlib import Path

from tqdm import tqdm

from lrrc import dataset, encoder, gains
from lrrc.config import load_params
from lrrc.episodes import read_episodes
from lrrc.errors import one_line
from lrrc.files import atomic


def main() -> None:
    source, vectors, stored, out = map(Path, sys.argv[1:])
    limit = load_params().embed.max_segment_tokens
    loaded = encoder.load(str(vectors))
    episodes = tqdm(read_episodes(source), unit="episode", delay=5)
    known = gains.load(stored)
    arrays = [dataset.episode_arrays(episode, loaded, limit, known) for episode in episodes]
    with atomic(out) as temporary:
        dataset.save(temporary, arrays)


if __name__ == "__main__":
    one_line(main)
