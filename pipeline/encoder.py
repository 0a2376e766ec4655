"""Distil the static word vectors that every policy with embeddings uses.

python pipeline/encoder.py data/encoder
"""

import sys
from pathlib import Path

from lrrc.config import load_params
from lrrc.encoder import distil
from lrrc.errors import one_line


def main() -> None:
    distil(Path(sys.argv[1]), load_params().encoder.width)


if __name__ == "__main__":
    one_line(main)
