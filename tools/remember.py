"""Keep for everybody what the language model answered in the last run: into data/embedded/answers.parquet.

python tools/remember.py              adds what results/live and results/fidelity used
python tools/remember.py --only-used  and drops what they did not use

Then commit the file. The next `dvc repro`, on any machine, asks the model for none of these answers.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from lrrc.pretrained.answers import read_answers, write_answers

STORED = Path("data/embedded/answers.parquet")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only-used", action="store_true")
    args = parser.parse_args()
    before = read_answers(STORED) if STORED.is_file() else {}
    used = {}
    for path in sorted(Path("results").glob("*/answers.parquet")):
        used |= read_answers(path)
    kept = {key: before.get(key, answer) for key, answer in used.items()}
    kept = kept if args.only_used else before | kept
    write_answers(STORED, kept)
    print(
        f"{STORED}: {len(kept)} answers, {len(kept.keys() - before.keys())} of them new, {STORED.stat().st_size} bytes"
    )
    for name, count in Counter(answer.processor for answer in kept.values()).most_common():
        print(f"  {count} by {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
