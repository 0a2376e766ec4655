"""A training's run is open while it works; what it holds then is what its result holds, and MLflow can harm neither."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from helpers.paths import ROOT

from lrrc.tracking import live_run, mlflow_runs

PARAMS = {"rank": 4, "train": {"lr": 0.01}}
EPOCHS = [{"epoch": e, "val_loss": 3.0 - e, "state_norm": 1.0 + e} for e in range(3)]


@pytest.fixture
def repo(tracked, tmp_path, monkeypatch):
    for name in ("dvc.yaml", "mlflow.db"):
        shutil.copyfile(tracked / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    return tmp_path


def runs():
    with mlflow_runs.open_client() as client:
        return client.search_runs([mlflow_runs.experiment_id(client)], "attributes.run_name = 'train-r4-s77'")


def history(run, key):
    with mlflow_runs.open_client() as client:
        return [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, key)]


def write_epochs(work, fit, number, name="net/state.json"):
    (work / fit / "net").mkdir(parents=True, exist_ok=True)
    (work / fit / "key").write_text("parameters and inputs")
    (work / fit / name).write_text(json.dumps({"history": EPOCHS[:number]}))


def watch(work, fits=2):
    return live_run.Watch("train-r4-s77", "train", PARAMS, work, fits)


def test_curves_grow_and_the_result_completes_the_same_run(repo):
    work, out = repo / "work", repo / "models/train-r4-s77"
    seen = watch(work)
    seen.look()
    (run,) = runs()
    assert run.info.status == "RUNNING" and run.data.params["train.lr"] == "0.01" and not run.data.metrics
    for number in (1, 3):
        write_epochs(work, "fold-0", number)
        seen.look()
        assert history(run, "epoch/val_loss/fit-0") == [(e, 3.0 - e) for e in range(number)]
        assert history(run, "epoch/val_loss") == []  # not before all fits have begun
    write_epochs(work, "fold-1", 3, "done.json")
    seen.look()
    rows = [{"fold": fold, **row} for fold in ("0", "1") for row in EPOCHS]
    out.mkdir(parents=True)
    (out / "history.json").write_text(json.dumps(rows))
    for _ in range(2):
        logged = mlflow_runs.log_stage("train-r4-s77", stage="train", params=PARAMS, artifacts=[out], live=seen.run_id)
        assert logged == run.info.run_id
    (run,) = runs()
    assert run.info.status == "FINISHED" and run.info.end_time > run.info.start_time
    for key in ("epoch/val_loss", "epoch/val_loss/fit-0", "epoch/val_loss/fit-1"):
        assert history(run, key) == [(0, 3.0), (1, 2.0), (2, 1.0)]  # each point once
    assert json.loads((repo / ".cache/training/train-r4-s77.json").read_text())[2]["val_loss"] == 1.0


def test_a_run_with_the_same_result_stays_the_only_one(repo):
    out = repo / "models/train-r4-s77"
    out.mkdir(parents=True)
    (out / "metrics.json").write_text('{"epochs": 3}')
    first = mlflow_runs.log_stage("train-r4-s77", stage="train", params=PARAMS, artifacts=[out])
    again = watch(repo / "work")
    again.look()
    assert again.run_id != first
    logged = mlflow_runs.log_stage("train-r4-s77", stage="train", params=PARAMS, artifacts=[out], live=again.run_id)
    assert logged == first and [run.info.run_id for run in runs()] == [first]


def test_what_a_killed_process_left_is_taken_over_where_it_is_the_same(repo, monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = watch(repo / "work")
    with monkeypatch.context() as patch:
        patch.setattr(live_run, "owner", lambda: f"{live_run.socket.gethostname()}:{dead.pid}")
        left.look()
    same = watch(repo / "work")
    same.look()
    assert same.run_id == left.run_id and len(runs()) == 1
    other = live_run.Watch("train-r4-s77", "train", {**PARAMS, "rank": 8}, repo / "work", 2)
    other.look()
    assert other.run_id != left.run_id and len(runs()) == 2  # that of a process that lives is left alone


def test_epochs_of_an_older_run_are_not_told(repo):
    write_epochs(repo / "work", "fold-0", 3)
    os.utime(repo / "work/fold-0/net/state.json", (1, 1))
    assert list(watch(repo / "work").rows()) == []


@pytest.mark.parametrize("end", ["over", "failed", "killed"])
def test_the_watcher_ends_with_the_stage(repo, end):
    script = (
        "import sys, time; from pathlib import Path; from lrrc.tracking import live_run\n"
        f"with live_run.LiveRun('train-r4-s77', 'train', {PARAMS!r}, Path('work'), 1) as live:\n"
        "    print(live.watcher.pid, flush=True)\n"
        "    sys.stdin.readline()\n"
        f"    assert {end!r} != 'failed'\n"
        "print(live.run_id, flush=True)\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    stage = subprocess.Popen([sys.executable, "-c", script], **pipes)
    watcher = int(stage.stdout.readline())
    write_epochs(repo / "work", "fold-0", 2)
    until = time.monotonic() + 60
    while not (found := runs()) and time.monotonic() < until:
        time.sleep(0.5)
    assert found and found[0].info.status == "RUNNING"
    if end == "killed":
        stage.send_signal(signal.SIGKILL)
        stage.communicate()  # and close its pipes
    else:
        said, _ = stage.communicate("\n", timeout=60)
        assert (said.strip() == found[0].info.run_id) if end == "over" else stage.returncode == 1
    while live_run.alive(f"{live_run.socket.gethostname()}:{watcher}") and time.monotonic() < until:
        time.sleep(0.2)
    assert not live_run.alive(f"{live_run.socket.gethostname()}:{watcher}")
    assert runs()[0].info.status == {"over": "RUNNING", "failed": "FAILED", "killed": "RUNNING"}[end]


def test_no_mlflow_no_harm(repo, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////nowhere/at/all.db")
    write_epochs(repo / "work", "fold-0", 2)
    with live_run.LiveRun("train-r4-s77", "train", PARAMS, repo / "work", 1) as live:
        time.sleep(0.1)
    assert live.run_id is None
