"""MLflow tracking against real sqlite databases."""

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import pytest
import yaml

from lrrc.tracking import mlflow_runs, mlflow_views, stage_outputs

PARAMS = {"train": {"lr": 0.0001, "batch": 32, "note": "x" * 400}}
HISTORY = [{"fold": f, "epoch": e, "loss": 1.0 / (e + 1) + f} for f in range(2) for e in range(3 + f)]


@pytest.fixture
def repo(tracked, monkeypatch):
    monkeypatch.chdir(tracked)
    return tracked


def client():
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=mlflow_runs.uri())


def runs(name):
    found = client().search_runs([mlflow_runs.ensure_experiment()], max_results=5000)
    return [run for run in found if run.info.run_name == name]


def test_views_are_added_to_an_experiment_without_them(repo):
    experiment, key = mlflow_runs.ensure_experiment(), next(iter(mlflow_views.TAGS))
    client().delete_experiment_tag(experiment, key)
    client().set_experiment_tag(experiment, "mlflow.note.content", "mine")
    assert mlflow_runs.ensure_experiment() == experiment
    tags = client().get_experiment(experiment).tags
    assert json.loads(json.loads(tags[key])["state"])["selectedColumns"][0] == "params.`rank`"
    assert tags["mlflow.note.content"] == "mine"  # what a person wrote stays


def write_item(repo, name, lr=0.0001, loss=0.5):
    """Outputs of one training item, and its entry in dvc.lock as DVC writes it."""
    folder = repo / "models" / name
    (folder / "digests").mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps({"loss": loss, "bound": {"held": True}}))
    (folder / "history.json").write_text(json.dumps(HISTORY))
    (folder / "digests" / "one.md").write_text("- a digest")
    (folder / "rows.parquet").write_bytes(b"PAR1")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]
    md5 = hashlib.md5(json.dumps(sorted(entries, key=lambda e: e["relpath"]), sort_keys=True).encode()).hexdigest()
    return {
        "cmd": "python pipeline/train.py",
        "deps": [{"path": "data/splits.json", "hash": "md5", "md5": "0" * 32, "size": 1}],
        "params": {"params.yaml": {"train": {"lr": lr, "batch": 32}}},
        "outs": [{"path": f"models/{name}", "hash": "md5", "md5": f"{md5}.dir", "size": 1, "nfiles": 3}],
    }


def lock(repo, **stages):
    (repo / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def test_a_run_holds_parameters_curves_and_artefacts(repo):
    write_item(repo, "train-r8-s0")
    folder = repo / "models" / "train-r8-s0"
    assert mlflow_runs.log_stage("full", stage="train", params=PARAMS, artifacts=[folder], tags={"data": "embedded"})
    (run,) = runs("full")
    assert run.info.status == "FINISHED"
    assert run.data.params == {"train.lr": "0.0001", "train.batch": "32", "train.note": "x" * 249}
    assert run.data.metrics["epoch/loss/fit-1"] == 1.25 and run.data.metrics["bound.held"] == 1
    assert {key: run.data.tags[key] for key in ("stage", "data")} == {"stage": "train", "data": "embedded"}
    curve = client().get_metric_history(run.info.run_id, "epoch/loss/fit-0")
    assert [(point.step, point.value) for point in curve] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    mean = client().get_metric_history(run.info.run_id, "epoch/loss")
    assert [(point.step, point.value) for point in mean] == [(0, 1.5), (1, 1.0), (2, pytest.approx(5 / 6))]
    assert run.data.metrics["loss"] == 0.5
    experiment = client().get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    saved = {json.loads(experiment.tags[key])["name"] for key in mlflow_views.TAGS}
    assert saved == {"By stage", "Ranks and seeds", "Ablations", "Policies"}
    assert run.info.artifact_uri.startswith((repo / "mlartifacts").as_uri())
    assert {a.path for a in client().list_artifacts(run.info.run_id)} == {
        "metrics.json",
        "history.json",
        "digests",
    }
    assert [a.path for a in client().list_artifacts(run.info.run_id, "digests")] == ["digests/one.md"]


def test_replay_is_idempotent_and_follows_dvc_lock(repo):
    first, second = write_item(repo, "train-r4-s0"), write_item(repo, "train-r4-s1", loss=0.25)
    lock(repo, **{"train@4-0": first, "train@4-1": second})
    first["deps"] += [{"path": "data/lm", "md5": "1" * 32}, {"path": "src/lrrc/digest", "md5": "2" * 32}]
    lock(repo, **{"train@4-0": first, "train@4-1": second})
    for _ in range(2):
        assert mlflow_runs.log_locked_stages() == mlflow_runs.LoggedStages(shown=("train-r4-s0", "train-r4-s1"))
        for name in ("train-r4-s0", "train-r4-s1"):  # data that was read, neither code nor models
            (read,) = runs(name)[0].inputs.dataset_inputs
            assert (read.dataset.name, read.dataset.digest) == ("data/splits.json", "0" * 32)
            assert json.loads(read.dataset.source)["uri"] == "data/splits.json"
        assert len(runs("train-r4-s0")) == len(runs("train-r4-s1")) == 1
    (run,) = runs("train-r4-s0")
    assert run.data.params == {"train.lr": "0.0001", "train.batch": "32"} and run.data.tags["stage"] == "train"

    lock(repo, **{"train@4-0": write_item(repo, "train-r4-s0", lr=0.001)})  # other parameters, same outputs
    mlflow_runs.log_locked_stages()
    assert sorted(run.data.params["train.lr"] for run in runs("train-r4-s0")) == ["0.0001", "0.001"]

    (repo / "models" / "train-r4-s0" / "metrics.json").write_text('{"loss": 9}')
    assert mlflow_runs.log_locked_stages().absent == ("train-r4-s0",)
    (repo / "dvc.lock").unlink()
    with pytest.raises(ValueError, match="dvc repro"):
        mlflow_runs.log_locked_stages()


def test_replay_completes_what_the_stage_logged_itself(repo):
    lock(repo, **{"train@16-0": write_item(repo, "train-r16-s0")})
    folder = repo / "models" / "train-r16-s0"
    for _ in range(2):  # the second is a forced rerun with the same result
        assert mlflow_runs.log_stage("train-r16-s0", stage="train", params={"train": {"lr": 1e-4}}, artifacts=[folder])
        mlflow_runs.log_locked_stages()
    (run,) = runs("train-r16-s0")
    assert run.data.tags["params_hash"] and run.data.tags["inputs_hash"]
    assert run.data.params == {"train.lr": "0.0001", "train.batch": "32"}


def test_a_run_left_by_a_killed_process_is_completed_once(repo, monkeypatch):
    from mlflow import MlflowClient

    def killed(*args, **kwargs):
        raise RuntimeError("killed here")

    folder = repo / "models" / "train-r32-s0"
    write_item(repo, "train-r32-s0")
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifact", killed)
        assert not mlflow_runs.log_stage("half", stage="train", params=PARAMS, artifacts=[folder])
    assert [run.info.status for run in runs("half")] == ["RUNNING"]
    assert mlflow_runs.log_stage("half", stage="train", params=PARAMS, artifacts=[folder])
    (run,) = runs("half")
    assert run.info.status == "FINISHED"
    assert len(client().get_metric_history(run.info.run_id, "epoch/loss/fit-1")) == 4


def test_thousands_of_points_are_fast(repo):
    history = [{"fold": f, "epoch": e, "a": e / 7, "b": e / 3, "c": f} for f in range(5) for e in range(200)]
    params = {"section": {f"key{i}": i for i in range(150)}}
    start = time.perf_counter()
    assert mlflow_runs.log_stage("long", stage="train", params=params, history=history)
    assert time.perf_counter() - start < 10
    (run,) = runs("long")
    assert len(run.data.params) == 150
    assert len(client().get_metric_history(run.info.run_id, "epoch/a/fit-4")) == 200


def size(file):
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def test_first_use_by_one_that_is_killed_then_by_three_at_once(tmp_path):
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    code = (
        "import sys; from lrrc.tracking import mlflow_runs\n"
        "for name in ('same', sys.argv[1]):\n"
        "    assert mlflow_runs.log_stage(name, stage='train', params={'a': 1}, metrics={'loss': 1})"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, "killed"], cwd=tmp_path)
    enough = random.randrange(500_000)  # bytes, somewhere in MLflow's migrations, which make 950,000
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not any(size(file) > enough for file in tmp_path.glob(".mlflow.db.*.tmp")):
        time.sleep(0.01)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL and not (tmp_path / "mlflow.db").exists()
    writers = [subprocess.Popen([sys.executable, "-c", code, f"own-{i}"], cwd=tmp_path) for i in range(3)]
    assert [writer.wait(timeout=600) for writer in writers] == [0, 0, 0]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        names = [name for (name,) in database.execute("select name from runs where status = 'FINISHED' order by name")]
    assert names == ["own-0", "own-1", "own-2", "same"]
    assert not list(tmp_path.glob(".mlflow.db.*"))


def log_refused(capsys):
    assert not mlflow_runs.log_stage("refused", stage="train", params={}, metrics={"loss": 1})
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1 and "lrrc log" in warning
    return warning


def test_a_locked_database_costs_one_line(repo, capsys, monkeypatch):
    monkeypatch.setattr(mlflow_runs, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(repo / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "database is locked" in log_refused(capsys)
    assert mlflow_runs.log_stage("refused", stage="train", params={}, metrics={"loss": 1})


def test_a_server_that_is_down_costs_one_line(repo, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:hunter2pass@127.0.0.1:9")
    assert "hunter2pass" not in log_refused(capsys)


def test_a_broken_database_costs_one_line(repo, capsys, monkeypatch):
    (repo / "broken.db").write_bytes(b"not a database, whatever its name says" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///broken.db")
    assert "not a database" in log_refused(capsys)


def test_a_busy_lock_and_a_missing_folder_cost_one_line(repo, capsys, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(mlflow_runs, "LOCK_SECONDS", 0.1)
    with FileLock(repo / "mlflow.db.lock"):
        assert "Timeout" in log_refused(capsys)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/nowhere/mlflow.db")
    assert "unable to open" in log_refused(capsys)


def test_secrets_reach_nothing(repo, capsys, monkeypatch):
    planted = "hf_planted0123456789"
    monkeypatch.setenv("HF_TOKEN", planted)
    (repo / "note.md").write_text(f"used {planted}")
    (repo / "clean.md").write_text("fine")
    assert mlflow_runs.log_stage(
        "secret",
        stage="download",
        params={"data": {"token": planted, "url": f"https://user:{planted}@host/x", planted: 1}},
        tags={"note": f"key {planted}"},
        artifacts=[repo / "note.md", repo / "clean.md"],
    )
    (run,) = runs("secret")
    assert run.data.params["data.token"] == "***"
    assert [artifact.path for artifact in client().list_artifacts(run.info.run_id)] == ["clean.md"]
    for path in [repo / "mlflow.db", *(path for path in (repo / "mlartifacts").rglob("*") if path.is_file())]:
        assert planted.encode() not in path.read_bytes()


def test_summary_records_become_metrics(tmp_path):
    lrrc = {
        "evaluation": "replay",
        "data": "embedded",
        "policy": "lrrc",
        "rank": 8,
        "budget": 128,
        "variant": "",
    }
    data = {"evaluation": "dataset", "data": "embedded", "policy": None, "rank": None, "budget": None}
    records = [
        {**lrrc, "metric": "tokens_per_episode", "value": 12.5},
        {**lrrc, "variant": "top_k-2", "metric": "calls_per_episode", "value": None},
        {**data, "variant": "train", "metric": "episodes", "value": 140},
    ]
    (tmp_path / "summary.json").write_text(json.dumps({"schema": 1, "records": records}))
    assert stage_outputs.result(outs=[tmp_path / "summary.json"]).metrics == {
        "replay/embedded/tokens_per_episode/lrrc-rank8-budget128": 12.5,
        "dataset/embedded/episodes/train": 140.0,
    }


def test_root_is_the_real_repository(tmp_path, monkeypatch):
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmpabc" / "pipeline"
    copy.mkdir(parents=True)
    for folder in (tmp_path, copy.parent):
        (folder / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(copy)
    assert mlflow_runs.root() == tmp_path and mlflow_runs.uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///own.db")
    assert mlflow_runs.uri() == f"sqlite:///{tmp_path}/own.db"


TRAIN = """
import json, yaml
from pathlib import Path
from lrrc.tracking import mlflow_runs

params = yaml.safe_load(Path("params.yaml").read_text())
out = Path("models/train-r8-s0")
(out / "digests").mkdir(parents=True)
(out / "metrics.json").write_text(json.dumps({"loss": params["train"]["lr"]}))
(out / "digests" / "one.md").write_text("- a digest")
assert mlflow_runs.log_stage(out.name, stage="train", params=params, artifacts=[out])
"""


def test_an_experiment_in_a_temporary_folder_reaches_the_real_database(tmp_path):
    """`dvc exp run --temp`: its run outlives its folder, and replaying the applied results adds none."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_TRACKING"))}
    env["PATH"] = f"{os.path.dirname(sys.executable)}:{env['PATH']}"
    stage = {
        "cmd": "python train.py",
        "deps": ["train.py"],
        "params": ["train"],
        "outs": ["models/train-r8-s0"],
    }
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "params.yaml").write_text("train:\n  lr: 1.0\n")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    (tmp_path / ".gitignore").write_text("mlflow.db*\nmlartifacts\n/models\n")

    def call(*command):
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def logged():
        with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
            tags = dict(database.execute("select key, value from tags"))
            return database.execute("select key, value from latest_metrics").fetchall(), tags

    for command in ("init -q", "config user.name t", "config user.email t@example.org"):
        call("git", *command.split())
    call("dvc", "init", "-q")
    call("git", "add", "-A")
    call("git", "commit", "-qm", "start")
    call("dvc", "exp", "run", "--temp", "-n", "slow", "-S", "train.lr=0.5")
    metrics, tags = logged()
    assert metrics == [("loss", 0.5)] and tags["DVC_EXP_NAME"] == "slow" and "inputs_hash" not in tags
    assert not (tmp_path / "models").exists()
    call("dvc", "exp", "apply", "slow")
    call("lrrc", "log")
    metrics, tags = logged()
    assert metrics == [("loss", 0.5)] and tags["DVC_EXP_NAME"] == "slow" and tags["inputs_hash"]
    assert sorted(path.name for path in (tmp_path / "mlartifacts").rglob("*.*")) == ["metrics.json", "one.md"]
