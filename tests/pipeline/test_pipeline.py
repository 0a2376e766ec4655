"""The whole pipeline on tiny parameters, used as a user would: run, run again, change, interrupt, compare.

Two copies of the project run side by side: one undisturbed; the other elsewhere, killed, without MLflow's database.
"""

import csv
import json
import os
import resource
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from helpers.project_copies import STORED, TINY, commit, hashes, kill, make, own_files, ran, run, start, until

pytestmark = pytest.mark.pipeline

ALIKE = {"encoder", "models"}  # slow, and the same for both copies

FITTED = {  # stage item -> MLflow run
    "train@2-0": "train-r2-s0",
    "train@4-0": "train-r4-s0",
    "ablate@top_k-1": "ablate-top_k-1",
    "ablate@targets-lexical": "ablate-targets-lexical",
    "baseline@full-context-0": "baseline-full-context-s0",
    "baseline@bm25-0": "baseline-bm25-s0",
}
NO_DATABASE = {"MLFLOW_TRACKING_URI": "sqlite:////nowhere/mlflow.db"}


def disturb(folder):
    """Kill DVC alone between two epochs, all its processes between two tables, and between the kills start it twice.

    All without a database for MLflow. Returns the hashes, and what was said: by the second of two at once, and up to
    the second kill.
    """

    def repro():
        return start(folder, "dvc", "repro", env=NO_DATABASE)

    kill(repro(), folder, "train@2-0", lambda: any(folder.glob(".cache/fits/*/*/*/state.json")), os.kill)
    process = repro()
    until(process, "train@4-0")
    refused = run(folder, "dvc", "repro", status=255, env=NO_DATABASE)
    said = kill(process, folder, "replay", lambda: any(folder.glob("results/replay/*.parquet")))
    run(folder, "dvc", "repro", env=NO_DATABASE)
    found = hashes(folder)
    commit(folder)
    return found, refused, said


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """(undisturbed copy after `dvc repro`, what that said, disturbed copy, what `disturb` returned)."""
    first = make(tmp_path_factory.mktemp("first") / "copy")
    second = tmp_path_factory.mktemp("second") / "a longer path" / "copy"
    run(first, "dvc", "repro", *sorted(ALIKE))
    shutil.copytree(first, second)
    with ThreadPoolExecutor() as pool:
        disturbed = pool.submit(disturb, second)
        said = run(first, "dvc", "repro")
        commit(first)
        return first, said, second, disturbed.result()


def test_every_stage_runs_once_up_to_the_report(copies):
    first, said, _, _ = copies
    assert sorted(ran(said)) == sorted(set(hashes(first)) - STORED - ALIKE)
    assert set(FITTED) < set(ran(said)) and ran(said)[-1] == "report"
    stages = yaml.safe_load((first / "dvc.yaml").read_text())["stages"]
    assert {name.split("@")[0] for name in hashes(first)} == set(stages)
    assert {name for name, stage in stages.items() if stage.get("frozen")} == STORED
    assert "<html" in (first / "report/index.html").read_text()


def test_what_the_language_model_said_is_in_the_results(copies):
    first, _, _, _ = copies
    records = json.loads((first / "results/summary.json").read_text())["records"]
    measured = {(r["evaluation"], r["policy"], r["rank"], r["budget"], r["variant"]) for r in records}
    on_all = [
        ("no-history", None, None, ""),
        ("full-context", None, None, ""),
        ("oracle", None, None, ""),
        ("bm25", None, 64, ""),
        ("lrrc", 4, 64, ""),
    ]
    elsewhere = [("bm25", None, 32, ""), ("lrrc", 2, 64, "")]  # on fewer episodes, which all met
    for evaluation, configs in (("live", on_all), ("live-shared", [*on_all, *elsewhere])):
        assert {(evaluation, *c) for c in configs} == {found for found in measured if found[0] == evaluation}
    variants = {variant for evaluation, *_, variant in measured if evaluation == "live-ablation"}
    assert variants == set(TINY["ablate"]["variants"])
    assert {p for e, p, *_ in measured if e == "fidelity"} == {"full-context", *TINY["fidelity"]["policies"]}
    assert all(r["agent"] for r in records if r["evaluation"].startswith(("live", "fidelity")))
    page = (first / "report/index.html").read_text()
    assert "Live success" in page and "no agent answered checks" not in page


def test_a_second_run_does_nothing_quickly(copies):
    first, _, _, _ = copies
    began = _cpu()
    run(first, "dvc", "--version")
    start_only, cpu, wall = _cpu() - began, _cpu(), time.monotonic()
    said = run(first, "dvc", "repro")
    cpu, wall = _cpu() - cpu, time.monotonic() - wall
    print(f"a second dvc repro: {wall:.1f} s, {cpu:.1f} s of them computing, {start_only:.1f} s for dvc --version")
    assert ran(said) == [] and "up to date" in said
    assert cpu <= 12 * start_only  # of computing, which takes as much longer as this processor is slower
    assert run(first, "git", "status", "--porcelain") == ""


def _cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_kills_and_another_folder_change_no_byte(copies):
    first, _, _, (disturbed, _, _) = copies
    assert disturbed == hashes(first)


def test_of_two_at_once_the_second_says_why_it_cannot_run(copies):
    _, _, _, (_, refused, _) = copies
    assert refused.count("ERROR") == 1 and "is busy, it is being blocked by" in refused and "Traceback" not in refused


def test_without_a_database_every_training_ends_with_a_warning(copies):
    _, _, _, (_, _, said) = copies
    warnings = [line for line in said.splitlines() if line.startswith("warning: MLflow")]
    assert len(warnings) == len(FITTED) - 1  # train@2-0 had ended before
    assert all("/nowhere/mlflow.db" in line and "`lrrc log` logs what is missing" in line for line in warnings)
    assert "Traceback" not in said


def test_mlflow_shows_every_item_once(copies):
    first, _, _, _ = copies
    run(first, "lrrc", "log")
    with closing(sqlite3.connect(first / "mlflow.db")) as database:
        ask = lambda query: [row[0] for row in database.execute(query)]  # noqa: E731
        assert sorted(ask("select name from runs where status = 'FINISHED'")) == sorted(
            FITTED.get(item, item) for item in hashes(first)
        )
        of_train = "run_uuid in (select run_uuid from runs where name = 'train-r2-s0')"
        assert ask(f"select value from params where key = 'train.lr' and {of_train}") == ["0.01"]
        assert "epoch/val_agreement" in ask(f"select key from metrics where step = 1 and {of_train}")
        (artifacts,) = ask(f"select artifact_uri from runs where {of_train}")
    stored = {path.name for path in Path(artifacts.removeprefix("file://")).rglob("*")}
    assert {"main.safetensors", "fold-1.safetensors", "certificate.json"} <= stored


@pytest.mark.parametrize(
    ("section", "key", "value"), [("train", "lr", 7), ("data", "n_episode", 9), ("data", "source", "moon")]
)
def test_wrong_parameters_stop_with_one_line(copies, section, key, value):
    first, _, _, _ = copies
    right = (first / "params.yaml").read_text()
    params = yaml.safe_load(right)
    params[section][key] = value
    try:
        (first / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        said = run(first, "dvc", "repro", status=255)
    finally:
        (first / "params.yaml").write_text(right)
    (line,) = [line for line in said.splitlines() if f"{section}.{key}" in line]
    assert repr(value) in line and ("allowed" in line or "known are" in line)
    assert len(ran(said)) == 1 and "Traceback" not in said


def test_own_files_are_read_again_when_they_change(tmp_path):
    """`data.path` is a dependency: new content alone reruns the download, an unchanged file does not."""
    own_files(tmp_path)
    run(tmp_path, "dvc", "init", "-q", "--no-scm")

    def write(*questions):
        chats = ([{"role": "user", "content": q}, {"role": "assistant", "content": "Yes."}] for q in questions)
        lines = (json.dumps({"id": str(i), "messages": chat}) for i, chat in enumerate(chats))
        (tmp_path / "logs.jsonl").write_text("\n".join(lines))

    write("One?", "Two?")
    assert ran(run(tmp_path, "dvc", "repro", "download")) == ["download"]
    assert ran(run(tmp_path, "dvc", "repro", "download")) == []
    write("One?", "Two?", "Three?")
    assert ran(run(tmp_path, "dvc", "repro", "download")) == ["download"]
    assert "3" in (tmp_path / "data/raw/drawn.json").read_text()


def test_experiments_run_what_their_change_touches(copies):
    _, _, second, _ = copies
    said = run(second, "dvc", "exp", "run", "-n", "one-more-rank", "-S", "ranks=[2,4,6]")
    assert [stage for stage in ran(said) if "@" in stage] == ["train@6-0"]
    assert "embed" not in ran(said) and "report" in ran(said)
    assert "lrrc-r6" in (second / "results/metrics.json").read_text()
    assert "headline.json" in run(second, "dvc", "metrics", "diff", "--all", "HEAD", "one-more-rank")
    said = run(second, "dvc", "exp", "run", "-n", "slower", "-S", "train.lr=3e-4", "train@2-0")
    assert ran(said) == ["train@2-0"]
    table = run(second, "dvc", "exp", "show", "--csv").splitlines()
    rates = {row["Experiment"]: row["train.lr"] for row in csv.DictReader(table)}
    assert rates["one-more-rank"] == "0.01" and rates["slower"] == "0.0003"
    page = Path(run(second, "dvc", "plots", "show").strip().removeprefix("file://").replace("%20", " "))
    assert "figure2.png" in page.read_text()
