"""Copies of the project with tiny parameters, and `dvc` in them as a user would call it: run, kill, compare."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from helpers.paths import ROOT

INPUTS = (
    ".dvc/config",
    ".dvc/plots",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "data/embedded",
    "docs/claims.yaml",
    "docs/model_card.md",
    "dvc.yaml",
    "params.yaml",
    "pipeline",
    "proofs",
    "results/kinds",
    "results/summary.json",
    "results/team",
    "results/team_ablations.parquet",
    "results/transfer.parquet",
    "results/votes",
    "src",
)
TINY = {
    "ranks": [2, 4],
    "seeds": [0],
    "rank": 4,
    "budget": 64,
    "data": {"n_episodes": 24},
    "split": {"folds": 2},
    "encoder": {"width": 16},
    "model": {"d": 16, "head_width": 8, "vocabulary": 64},
    "train": {"max_epochs": 2, "lr": 0.01},
    "ablate": {"variants": ["top_k-1", "targets-lexical"], "seeds": [0]},
    "baseline": {"policies": ["full-context", "bm25"]},
    "tune": {"top": [1, 0], "least_share": [0.2, 0.07], "truncated_turns": [1], "budget": [16, 64]},
    "live": {
        "policies": ["no-history", "full-context", "bm25", "lrrc"],
        "episodes": 2,
        "budgets": [32],
        "policies_elsewhere": ["bm25"],
        "episodes_elsewhere": 1,
        "second_episodes": 0,
    },
    "fidelity": {"policies": ["no-history", "bm25", "lrrc"], "calls": 4},
}
STORED = {"curate", "kinds", "package", "teach", "team", "team_ablate", "transfer", "votes"}  # frozen, committed


def make(folder, **changes):
    """Copy the project to `folder`, with tiny parameters and `changes` to them, as a git repository."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in INPUTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
        else:
            shutil.copyfile(ROOT / name, folder / name)
    shrink(folder, **changes)
    freeze(folder, "team")  # other budgets ask both models for minutes: tests/evaluation/test_team_stage.py plays it
    run(folder, "git", "init", "-q")
    for key in ("name", "email"):
        run(folder, "git", "config", f"user.{key}", "test@example.org")
    commit(folder)
    return folder


def own_files(folder):
    """Copy what the stage download needs, with logs.jsonl for its data; DVC and the file are left to the caller."""
    for name in ("src", "pipeline"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copyfile(ROOT / "dvc.yaml", folder / "dvc.yaml")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["data"] |= {"source": "files", "path": "logs.jsonl", "min_turns": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def shrink(folder, **changes):
    """Tiny parameters, with `changes` to them."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for key, value in [*TINY.items(), *changes.items()]:
        params[key] = params[key] | value if isinstance(value, dict) else value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def freeze(folder, stage):
    """What a stage left is taken as it is."""
    stages = (folder / "dvc.yaml").read_text()
    assert f"\n  {stage}:\n" in stages
    (folder / "dvc.yaml").write_text(stages.replace(f"\n  {stage}:\n", f"\n  {stage}:\n    frozen: true\n"))


def environment(folder, **more):
    """Of commands in a copy: its own source, this Python's commands, nobody else's DVC or MLflow."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_TRACKING"))}
    env |= {"PYTHONPATH": f"src{os.pathsep}{ROOT / 'tests/startup'}"}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return env | {"DVC_SITE_CACHE_DIR": str(folder.parent / "site"), **more}


def start(folder, *command, env=None, **options):
    """The command as a process group of its own, its stdout and stderr in one pipe."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    return subprocess.Popen(
        command, cwd=folder, env=environment(folder, **env or {}), start_new_session=True, **options
    )


def run(folder, *command, status=0, env=None, timeout=3600):
    """What the command said on stdout and stderr."""
    process = start(folder, *command, env=env)
    try:
        said = process.communicate(timeout=timeout)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()  # DVC takes a dead process that nobody waited for as one that lives
    assert process.returncode == status, said[-3000:]
    return said


def ran(said):
    """Stage items that `dvc repro` executed."""
    return re.findall(r"^Running stage '([^']+)'", said, re.MULTILINE)


def commit(folder):
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "test")


def hashes(folder):
    """Stage item -> [(path, hash)] of the outputs in dvc.lock."""
    return locked((folder / "dvc.lock").read_text())


def locked(text):
    """The same of the text of a dvc.lock."""
    stages = yaml.safe_load(text)["stages"]
    return {name: [(out["path"], out["md5"]) for out in entry["outs"]] for name, entry in stages.items()}


def until(process, stage):
    """Read what `dvc repro` says up to the start of `stage`."""
    said = ""
    while stage not in ran(said):
        line = process.stdout.readline()
        assert line, said[-3000:]
        said += line
    return said


def kill(process, folder, stage, moment, send=os.killpg):
    """SIGKILL a running `dvc repro` (`send`: os.kill for DVC alone) once `stage` runs and moment() is true.

    Returns what was said up to the start of `stage`.
    """
    said = until(process, stage)
    while not moment():
        assert process.poll() is None
        time.sleep(0.01)
    send(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)  # ends with the last process that writes there: none may live on
    assert stage not in hashes(folder)
    return said
