"""Keep for everybody what language models answered in the last run: into data/embedded/answers.parquet, and what the
team answered into data/embedded/team_answers.parquet.

python tools/remember.py              adds what results/live, results/fidelity and results/team used
python tools/remember.py --only-used  and drops what they did not use

Then commit the files. The next `dvc repro`, on any machine, asks the models for none of these answers.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lrrc.pretrained.answers import read_answers, write_answers

STORED = {
    Path("data/embedded/answers.parquet"): ("live", "fidelity"),
    Path("data/embedded/team_answers.parquet"): ("team",),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only-used", action="store_true")
    args = parser.parse_args()
    for stored, stages in STORED.items():
        keep(stored, stages, args.only_used)
    return 0


def keep(stored: Path, stages: Sequence[str], only_used: bool) -> None:
    """Add what these stages used to a file, and say what it holds now."""
    before, used = read_answers(stored) if stored.is_file() else {}, {}
    for path in (Path("results") / stage / "answers.parquet" for stage in stages):
        used |= read_answers(path) if path.is_file() else {}
    kept = {key: before.get(key, answer) for key, answer in used.items()}
    kept = kept if only_used else before | kept
    write_answers(stored, kept)
    new = len(kept.keys() - before.keys())
    print(f"{stored}: {len(kept)} answers, {new} of them new, {stored.stat().st_size} bytes")
    for name, count in Counter(answer.processor for answer in kept.values()).most_common():
        print(f"  {count} by {name}")


if __name__ == "__main__":
    sys.exit(main())
