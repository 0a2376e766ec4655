"""Ranks trained side by side by DVC's queue must give what they give one after the other, and all reach MLflow.

python tools/ranks_at_once.py       (some minutes on tiny parameters)

Two experiments, each with a rank of its own and up to the stage train, once with `dvc exp run --temp` one after the
other and once with `dvc exp run --queue` and `dvc queue start -j 2`; compares every hash of their dvc.lock and counts
MLflow's runs.
"""

import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from same_twice import compared, copies  # noqa: E402

EXPERIMENTS = {"rank-6": "ranks=[4,6]", "rank-8": "ranks=[4,8]"}
DEADLINE = 3600  # s


def prepared(folder: Path) -> Path:
    """A copy whose own results are there and committed, so that an experiment runs what is new."""
    copies.make(folder, ranks=[4], ablate={"variants": ["top_k-1"], "seeds": [0]})
    copies.run(folder, "dvc", "repro", "train")
    copies.commit(folder)
    return folder


def one_after_the_other(folder: Path) -> None:
    for name, change in EXPERIMENTS.items():
        copies.run(folder, "dvc", "exp", "run", "--temp", "-n", name, "-S", change, "train")


def side_by_side(folder: Path) -> None:
    for name, change in EXPERIMENTS.items():
        copies.run(folder, "dvc", "exp", "run", "--queue", "-n", name, "-S", change, "train")
    copies.run(folder, "dvc", "queue", "start", "-j", "2")
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        status = copies.run(folder, "dvc", "queue", "status")
        if "Failed" in status:
            logs = [copies.run(folder, "dvc", "queue", "logs", name) for name in EXPERIMENTS]
            raise SystemExit("\n".join([status, *logs]))
        if status.count("Success") == len(EXPERIMENTS):
            return
        time.sleep(2)
    raise SystemExit(f"the queue did not end in {DEADLINE} s")


def results(folder: Path) -> dict:
    """Hashes of every experiment's dvc.lock."""
    refs, found = copies.run(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split(), {}
    for name in EXPERIMENTS:
        (ref,) = (ref for ref in refs if ref.endswith(f"/{name}"))
        locked = copies.locked(copies.run(folder, "git", "show", f"{ref}:dvc.lock"))
        found |= {f"{name} {item}": outs for item, outs in locked.items()}
    return found


def logged(folder: Path) -> Counter:
    """How many MLflow runs every item has; all of them must be finished."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        unfinished = database.execute("select count(*) from runs where status != 'FINISHED'").fetchone()
        assert unfinished == (0,), unfinished
        return Counter(name for (name,) in database.execute("select name from runs"))


def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        serial, queue = (Path(home).resolve() / name / "copy" for name in ("serial", "queue"))
        prepared(serial)
        shutil.copytree(serial, queue)
        for made in ("mlflow.db", "mlartifacts"):  # they know where they lie
            (queue / made).unlink() if (queue / made).is_file() else shutil.rmtree(queue / made)
        started = time.monotonic()
        one_after_the_other(serial)
        middle = time.monotonic()
        side_by_side(queue)
        print(f"one after the other {middle - started:.0f} s, side by side {time.monotonic() - middle:.0f} s")
        trained = logged(queue)
        print("MLflow, from the queue:", ", ".join(f"{name} {n}" for name, n in sorted(trained.items())))
        complete = trained == {"train-r6-s0": 1, "train-r8-s0": 1}
        return compared(results(serial), results(queue)) or (0 if complete else 1)


if __name__ == "__main__":
    sys.exit(main())
