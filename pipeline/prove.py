"""Stage prove: the Lean proofs, checked -> one JSON file with a verdict for every theorem.

python pipeline/prove.py results/proofs.json

Where no Lean can be run the verdict is "not checked" and the stage goes on; a proof that fails ends it.
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from dataclasses import asdict
from pathlib import Path

from lrrc.proofs.check import check_proofs
from lrrc.runtime.files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    report = check_proofs(Path("proofs"))
    if report.problems:
        raise ValueError("; ".join(map(str, report.problems)))
    write_json(args.out, asdict(report))


if __name__ == "__main__":
    run_script(main)
