"""Distil the static word vectors that every policy with embeddings uses.

python pipeline/encoder.py data/encoder
"""

import sys
from pathlib import Path

from lrrc.params import load_params
from lrrc.pretrained.sentence_encoder import distil
from lrrc.runtime.errors import (
    run_script,  # not stage_script: rounding makes processors alike, in a quarter of the time
)


def main() -> None:
    distil(Path(sys.argv[1]), load_params().encoder.width)


if __name__ == "__main__":
    run_script(main)
