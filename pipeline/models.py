"""Stage models: the language model of its registry package -> safetensors, once.

python pipeline/models.py data/lm
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.pretrained.smollm2 import convert


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write")
    convert(parser.parse_args().out)


if __name__ == "__main__":
    run_script(main)
