"""SIGKILL `dvc repro` at random moments, in every stage in turn; the run after it must finish with equal hashes.

python tools/kill_soak.py --kills 30 --seed 0       (half an hour on tiny parameters)

Each kill hits all processes, DVC alone, the stage alone or one of its workers. Before it, the target's results are
forgotten (outputs, entry in dvc.lock, DVC's run cache), so that it runs. Prints JSON; exit status 1 if anything failed.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from helpers import project_copies as copies  # noqa: E402

MODES = {"all": 4, "dvc": 2, "stage": 2, "worker": 2}  # who is killed: how often
EPOCHS = 40  # so that a fit takes long enough to be hit


def reference(folder: Path, stages: list[str]) -> tuple[dict, dict[str, float]]:
    """Hashes of an undisturbed run, and the seconds from the start of each stage item to the start of the next."""
    process, starts = copies.start(folder, "dvc", "repro", *stages), {}
    for line in process.stdout:
        starts |= dict.fromkeys(copies.ran(line), time.monotonic())
    if process.wait():
        raise SystemExit("the undisturbed run failed")
    ends = [*starts.values(), time.monotonic()][1:]
    return copies.hashes(folder), {name: end - start for (name, start), end in zip(starts.items(), ends, strict=True)}


def forget(folder: Path, item: str) -> None:
    """Make DVC run a stage item again from the start."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    for out in lock["stages"].pop(item)["outs"]:
        path = folder / out["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    for used in (folder / ".dvc/cache/runs", folder / ".cache/fits"):
        shutil.rmtree(used, ignore_errors=True)


def victim(dvc: subprocess.Popen, mode: str) -> int:
    """The process to kill; DVC's whole group, as a negative number, where the one wanted does not exist now."""
    try:
        children = psutil.Process(dvc.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return -dvc.pid
    stages = [p.pid for p in children if p.ppid() == dvc.pid]
    workers = [p.pid for p in children if p.ppid() in stages]
    return next(iter({"dvc": [dvc.pid], "stage": stages, "worker": workers}.get(mode, [])), -dvc.pid)


def saved_epochs(folder: Path) -> int:
    """Finished epochs of fits that had not ended, which an interrupted training can go on from."""
    states = (folder / ".cache/fits").rglob("state.json")
    unfinished = [state for state in states if not (state.parents[1] / "done.json").is_file()]
    return sum(len(json.loads(state.read_text())["history"]) for state in unfinished)


def one_kill(folder: Path, stages: list[str], item: str, after: float, mode: str, expected: dict) -> dict | None:
    """Kill in `item`, run again, compare. None where it had ended before the kill."""
    forget(folder, item)
    process = copies.start(folder, "dvc", "repro", *stages)
    copies.until(process, item)
    try:
        process.wait(after)
        return None
    except subprocess.TimeoutExpired:
        pass
    target = victim(process, mode)
    (os.killpg if target < 0 else os.kill)(abs(target), signal.SIGKILL)
    hit = mode if target > 0 else "all"
    problems = []
    try:
        process.communicate(timeout=30)  # ends when the last process has closed the pipe
    except subprocess.TimeoutExpired:
        problems.append("a process lived on for 30 s")
        os.killpg(process.pid, signal.SIGKILL)
    epochs = saved_epochs(folder)
    again = copies.start(folder, "dvc", "repro", *stages)
    said = again.communicate(timeout=1200)[0]
    if again.returncode:
        problems.append(f"the next run failed: {said[-2000:]}")
    elif copies.hashes(folder) != expected:
        problems.append("other hashes")
    resumed = sum(map(int, re.findall(r"goes on after epoch (\d+)", said)))  # two processes may share a line
    if resumed < epochs and item in copies.ran(said):
        problems.append(f"{epochs} epochs were saved, {resumed} of them used")
    if "Traceback" in said:
        problems.append("a traceback")
    return {"stage": item, "killed": hit, "after_s": round(after, 2), "resumed_epochs": resumed, "problems": problems}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", help="up to these stages (default: all)")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600, help="begin no further kill after so long")
    args = parser.parse_args()
    rng, started, kills = random.Random(args.seed), time.monotonic(), []
    with tempfile.TemporaryDirectory() as home:
        folder = copies.make(
            Path(home).resolve() / "copy", train={**copies.TINY["train"], "max_epochs": EPOCHS, "patience": EPOCHS}
        )
        expected, seconds = reference(folder, args.stages)
        print(f"undisturbed: {len(seconds)} stage items, {time.monotonic() - started:.0f} s", file=sys.stderr)
        order = rng.sample(sorted(seconds), len(seconds))
        while len(kills) < args.kills and time.monotonic() - started < 60 * args.minutes:
            item = order[len(kills) % len(order)]
            (mode,) = rng.choices(list(MODES), MODES.values())
            kill = one_kill(folder, args.stages, item, rng.uniform(0, seconds[item]), mode, expected)
            if kill:
                kills.append(kill)
                print(f"{len(kills)}/{args.kills}: {json.dumps(kill)}", file=sys.stderr, flush=True)
    failed = [kill for kill in kills if kill["problems"]]
    summary = {
        "kills": len(kills),
        "stages_hit": f"{len({kill['stage'] for kill in kills})} of {len(seconds)}",
        "killed": Counter(kill["killed"] for kill in kills),
        "trainings_resumed": sum(kill["resumed_epochs"] > 0 for kill in kills),
        "epochs_resumed": sum(kill["resumed_epochs"] for kill in kills),
        "seconds": round(time.monotonic() - started),
        "failed": failed,
    }
    print(json.dumps(summary, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
