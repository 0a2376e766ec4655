"""Stage gains: what every segment is worth to a language model that knows the reply, the targets of training.

python pipeline/gains.py data/raw/episodes.parquet data/lm data/embedded/gains.parquet data/gains.parquet

Calls that the third file already has are taken from it: for the embedded arena that is every call, because the
frozen stage `teach` (the same command with its own output as the third file) measured them all. Of calls of other data
a seeded draw of `gains.calls` is measured here; the rest is taught by words.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from lrrc.dataset.segment_gains import write_gains
from lrrc.params import load_params
from lrrc.runtime.executor import absolute_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("episodes", "lm", "known", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--all", action="store_true", help="measure every call, however many there are")
    args = parser.parse_args()
    params = load_params()
    settings = replace(params.gains, source="model", calls=sys.maxsize) if args.all else params.gains
    write_gains(
        absolute_path(args.episodes),
        absolute_path(args.lm),
        args.known,
        args.out,
        settings,
        params.embed.max_segment_tokens,
        params.engine,
    )


if __name__ == "__main__":
    run_script(main)
