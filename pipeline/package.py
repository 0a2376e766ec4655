"""Stage package: a trained coordinator and its encoder -> what the installed package brings (committed).

python pipeline/package.py models/train-r8-s0 data/encoder data/embedded/arena.parquet results/summary.json \\
    src/lrrc/packaged docs/model_card.md --line results/kinds/line.json --gate results/team/gate

Frozen, because a clone has no models: `dvc repro --single-item package` after the pipeline makes it anew.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.policies.packaging import package


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("checkpoint", "encoder", "episodes", "summary", "target", "card"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--line", type=Path, help="weights of an additive line, to go with it")
    parser.add_argument("--gate", type=Path, help="folder of a call gate, to go with it")
    package(**vars(parser.parse_args()))


if __name__ == "__main__":
    run_script(main)
