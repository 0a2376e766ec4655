"""Stage models: the language model of its registry package -> safetensors, once.

python pipeline/models.py data/lm
"""

import argparse
from pathlib import Path

from lrrc import lm
from lrrc.errors import one_line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write")
    lm.convert(parser.parse_args().out)


if __name__ == "__main__":
    one_line(main)
