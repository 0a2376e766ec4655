"""Cut every episode into segments, embed them, and compute features and targets of every call.

python pipeline/embed.py data/raw/episodes.parquet data/encoder data/gains.parquet data/segments.safetensors
"""

import sys

from lrrc import segment_file
from lrrc.config import load_params
from lrrc.engine import shared
from lrrc.errors import one_line
from lrrc.files import atomic


def main() -> None:
    source, vectors, stored, out = map(shared, sys.argv[1:])
    params = load_params()
    parts = segment_file.made(source, vectors, params.embed.max_segment_tokens, stored, params.engine)
    with atomic(out) as temporary:
        segment_file.write(temporary, parts)


if __name__ == "__main__":
    one_line(main)
