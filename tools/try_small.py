"""The whole pipeline on a small draw in some minutes, in a copy of the project below .cache/try: what `make try` runs.

Its figures show how the parts fit together, and nothing of LRRC: seeds, epochs and episodes are too few. Run
again, it goes on where it was stopped; remove the folder to begin anew.
"""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from helpers import project_copies as copies  # noqa: E402

FOLDER = copies.ROOT / ".cache/try"
SMALL = {
    "ranks": [4, 8],
    "rank": 8,
    "budget": 128,
    "data": {"n_episodes": 60},
    "encoder": {"width": 64},
    "model": {"d": 64, "head_width": 32, "vocabulary": 512},
    "train": {"max_epochs": 8, "lr": 0.01},
    "ablate": {"variants": ["recurrence-off"], "seeds": [0]},
    "baseline": {"policies": ["full-context", "bm25", "rims-only"]},
    "tune": {"top": [2, 0], "least_share": [0.15, 0.03], "truncated_turns": [1], "budget": [32, 128]},
    "live": {  # the language model is the slow part
        "policies": ["full-context", "bm25", "lrrc"],
        "episodes": 2,
        "budgets": [64],
        "policies_elsewhere": ["lrrc"],
        "episodes_elsewhere": 2,
        "second_episodes": 0,
    },
    "fidelity": {"policies": ["bm25", "lrrc"], "calls": 3},
}


def main() -> int:
    started = time.monotonic()
    if not (FOLDER / "dvc.yaml").is_file():
        copies.make(FOLDER, **SMALL)
    status = subprocess.run(["dvc", "repro"], cwd=FOLDER, env=copies.environment(FOLDER)).returncode
    if not status:
        copies.commit(FOLDER)  # what `dvc metrics diff HEAD NAME` compares an experiment with
        print(f"\nThe small run took {time.monotonic() - started:.0f} s. Look at {FOLDER / 'report/index.html'};")
        print("to see its MLflow runs and to vary it:")
        print(f"    . '{copies.ROOT / '.venv/bin/activate'}'; cd '{FOLDER}'; lrrc log")
        print("    dvc exp run -n rank-12 -S 'ranks=[4,8,12]' -S rank=12; dvc metrics diff HEAD rank-12")
    return status


if __name__ == "__main__":
    sys.exit(main())
