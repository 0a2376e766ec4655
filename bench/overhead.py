"""What DVC and starting processes cost beside the work: `python bench/overhead.py [--set tiny.yaml | --here]`.

A clone of the project runs `dvc repro` on tiny parameters, or with --here this folder on its own; every stage's script
notes when its `main` begins and ends. Work is the time inside them; the rest of the wall time (DVC, hashing and copying
outputs, interpreters, imports) is overhead. Prints JSON, with the overhead of one stage item; exit status 1 where a
target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from ratio import Target, verdict

ROOT = Path(__file__).resolve().parents[1]
TINY = {
    "ranks": [4],
    "seeds": [0],
    "rank": 4,
    "data": {"n_episodes": 24},
    "split": {"folds": 2},
    "encoder": {"width": 16},
    "model": {"d": 16, "head_width": 8, "vocabulary": 64},
    "train": {"max_epochs": 2, "lr": 0.01},
    "ablate": {"variants": ["top_k-1"]},
    "baseline": {"policies": ["full-context"]},
    "live": {
        "policies": ["no-history", "lrrc"],
        "episodes": 2,
        "budgets": [32],
        "policies_elsewhere": ["lrrc"],
        "episodes_elsewhere": 1,
        "second_episodes": 0,
    },
    "fidelity": {"policies": ["no-history", "lrrc"], "calls": 4},
}
# Python runs a module of this name before a script. Every script of the pipeline hands its `main` to `one_line`.
HOOK = """
import sys
if len(sys.orig_argv) > 1 and sys.orig_argv[1].startswith("pipeline/"):
    import json, os, time
    from lrrc import errors

    def timed(main, one_line=errors.one_line):
        began = time.time()
        try:
            one_line(main)
        finally:
            with open(os.environ["LRRC_BENCH"], "a") as out:
                out.write(json.dumps({"item": " ".join(sys.orig_argv[1:4]), "seconds": time.time() - began}) + "\\n")

    errors.one_line = timed
"""


def repro(folder: Path, log: Path, hook: Path) -> float:
    """Wall seconds of `dvc repro` in `folder`; its stages write their times into `log`. Raises ValueError."""
    (hook / "sitecustomize.py").write_text(HOOK)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_TRACKING"))}
    kept |= {"PYTHONPATH": f"{hook}:{folder / 'src'}", "LRRC_BENCH": str(log)}
    kept |= {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "DVC_SITE_CACHE_DIR": str(hook)}
    began = time.time()
    done = subprocess.run(["dvc", "repro"], cwd=folder, env=kept, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"dvc repro: {done.stderr.strip()[-500:]}")
    return time.time() - began


def clone(target: Path, changes: dict) -> None:
    """The project as committed, with other parameters."""
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ROOT}", str(target)], check=True)
    params = yaml.safe_load((target / "params.yaml").read_text())
    for key, value in changes.items():
        params[key] = {**params[key], **value} if isinstance(value, dict) else value
    (target / "params.yaml").write_text(yaml.safe_dump(params))
    (target / "dvc.lock").unlink(missing_ok=True)  # of other parameters


def summarised(wall: float, items: list[dict]) -> dict[str, float]:
    """Share of the wall time that is no work, and seconds of it per stage item."""
    work = sum(item["seconds"] for item in items)
    return {"share": (wall - work) / wall, "per_item": (wall - work) / max(1, len(items)), "work": work}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--set", type=Path, help="YAML of parameters to change in the clone, in place of tiny ones")
    parser.add_argument("--here", action="store_true", help="run `dvc repro` in this folder, as it stands")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, log, hook = Path(temporary) / "project", Path(temporary) / "items.jsonl", Path(temporary) / "hook"
        hook.mkdir()
        log.touch()
        if args.here:
            folder = ROOT
        else:
            clone(folder, yaml.safe_load(args.set.read_text()) if args.set else TINY)
        wall = repro(folder, log, hook)
        items = [json.loads(line) for line in log.read_text().splitlines()]
    found = summarised(wall, items)
    tiny = not (args.here or args.set)  # on tiny parameters there is next to no work: seconds are what tells
    params = "tiny parameters" if tiny else args.set or "params.yaml"
    what = f"overhead of `dvc repro` on {params}, share of its wall time"
    target = Target(what, found["share"], at_most=None if tiny else 0.1)
    return verdict(
        [target],
        seconds_of_overhead_per_item=round(found["per_item"], 2),
        wall_seconds=round(wall, 1),
        work_seconds=round(found["work"], 1),
        items={item["item"]: round(item["seconds"], 2) for item in items},
    )


if __name__ == "__main__":
    from lrrc.runtime.errors import run_script

    run_script(lambda: sys.exit(main()))
