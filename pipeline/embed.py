"""Cut every episode into segments, embed them, and compute features and targets of every call.

python pipeline/embed.py data/raw/episodes.parquet data/encoder data/gains.parquet data/segments.safetensors
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import sys

from lrrc.dataset.array_file import array_parts, write_arrays
from lrrc.params import load_params
from lrrc.runtime.executor import absolute_path
from lrrc.runtime.files import atomic


def main() -> None:
    source, vectors, stored, out = map(absolute_path, sys.argv[1:])
    params = load_params()
    form = params.model.form
    parts = array_parts(source, vectors, params.embed.max_segment_tokens, stored, params.engine, form)
    with atomic(out) as temporary:
        write_arrays(temporary, parts, form)


if __name__ == "__main__":
    run_script(main)
