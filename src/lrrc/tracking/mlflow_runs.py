"""Results in MLflow: one flat run per stage item, never logged twice; imports mlflow, as `mlflow_model` does.

A stage logs its own outputs when it ends (`log_stage`); `lrrc log` (`log_locked_stages`) logs whatever dvc.lock
records and MLflow does not show yet, because a stage served from DVC's run cache executes nothing. Tracking
never costs a run: what goes wrong here becomes one line on stderr, and the next replay makes up for it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.runtime.files import atomic
from lrrc.runtime.secrets import holds_secret, redact
from lrrc.tracking import mlflow_views, stage_outputs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


EXPERIMENT = "lrrc"
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # opens as a table of runs, not of traces
    "mlflow.note.content": "One run per item of the pipeline (train-r8-s0, stats, ...). Curves are under "
    "epoch/: one per fold, and their mean. Group by the tag `stage`. Tables with useful columns are under *Views*.",
    **mlflow_views.TAGS,
}
LOCK_SECONDS = 120
BUSY_SECONDS = 20
ARTIFACT_BYTES = 20_000_000
WHAT_TO_DO = {  # sign in an error's text -> advice
    "is locked": "end the program that holds it",
    "could not be acquired": "end the program that holds it",
    "not a database|malformed|out-of-date|no such table|no such column": "move it away, it is made anew",
    "readonly|unable to open|Read-only|Permission": "its folder must be there and writable",
    "No space|is full": "make room",
}
ARTIFACTS = {".json", ".png", ".pdf", ".svg", ".html", ".md", ".txt", ".csv", ".tex", ".safetensors"}
"""Files that become artefacts. Data tables (parquet) stay with DVC; their bytes count in the hash."""


def root(start: Path | None = None) -> Path:
    """The real repository's root, absolute, also from the throw-away copy that `dvc exp run --temp` works in.

    DVC_ROOT, which DVC sets for every stage command, else the nearest folder upwards with a dvc.yaml, else
    `start` (default: the working directory).
    """
    if start is None and os.environ.get("DVC_ROOT"):
        return Path(os.environ["DVC_ROOT"]).resolve()
    start = (start or Path.cwd()).resolve()
    copy = re.match(r"(.*?)/\.dvc/tmp/exps/", f"{start.as_posix()}/")
    if copy:
        return Path(copy[1])
    return next((folder for folder in (start, *start.parents) if (folder / "dvc.yaml").is_file()), start)


def uri() -> str:
    """MLFLOW_TRACKING_URI or the sqlite database at the repository's root, a sqlite path made absolute."""
    address = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if address.startswith("sqlite:///"):
        return f"sqlite:///{root() / address.removeprefix('sqlite:///')}"
    return address


def ensure_experiment(name: str = EXPERIMENT) -> str:
    """Id of the experiment; makes database and experiment once, however many processes ask at the same time.

    Raises what MLflow, sqlite or the file lock raise.
    """
    with open_client() as client:
        return experiment_id(client, name)


def open_run(client: MlflowClient, name: str, params: Mapping, tags: Mapping[str, str], started_ms: int) -> str:
    """Id of a new run that goes on, with its parameters."""
    run = client.create_run(
        experiment_id(client), start_time=started_ms, run_name=name, tags={**_origin(), **redacted(tags)}
    )
    _log_params(client, run, params)
    return run.info.run_id


def log_points(client: MlflowClient, run_id: str, points: Iterable[tuple[str, int, float]]) -> None:
    """Points (curve, epoch, value) of a run. One that is logged again, later or at the end, is the same."""
    from mlflow.entities import Metric

    stamp = client.get_run(run_id).info.start_time
    metrics = [Metric(_key(key), value, stamp, epoch) for key, epoch, value in points]
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


def log_stage(  # all that a run is made of, by name
    name: str,
    *,
    stage: str,
    params: Mapping,
    metrics: Mapping = {},
    history: Sequence[Mapping] = (),
    artifacts: Iterable[Path] = (),
    params_hash: str | None = None,
    inputs_hash: str | None = None,
    tags: Mapping[str, str] = {},
    model: stage_outputs.ServedModel | None = None,
    live: str | None = None,
    data: Iterable[tuple[str, str]] = (),
) -> str | None:
    """Log one stage item as one run. Returns its id, or None, and one line on stderr, where MLflow fails.

    A result is known by its name and the hashes of its parameters, inputs and outputs, and never logged
    twice. While a stage runs nobody knows the hashes of parameters and inputs yet (DVC takes them after the
    command): they stay None, and the replay adds them to the same run. A run left by a killed process is
    completed.

    params: as in params.yaml, {"train": {"lr": ...}, ...}. artifacts: all outputs of the stage item, files
    and folders (see ARTIFACTS); the metrics.json, history.json and summary.json among them count as metrics
    and history. history: one mapping per epoch, with "epoch", optionally "fold", and numbers.
    model: logged with the run, in MLflow's format. live: id of the run that was opened when the stage began, which
    the result completes, or that goes where another run has the same result. data: path and hash of what was read.
    """
    try:
        result = stage_outputs.result(metrics, history, artifacts)
        hashes = {"params_hash": params_hash, "inputs_hash": inputs_hash, "outputs_hash": result.digest}
        with open_client() as client:
            experiment = experiment_id(client)
            run = _find(client, experiment, name, hashes)
            if live and run is None:
                run = client.get_run(live)
            elif live and run.info.run_id != live:
                client.delete_run(live)
            if run is None:
                run = client.create_run(experiment, run_name=name, tags=_origin())
            _complete(client, run, result, params, {"stage": stage, **hashes, **tags})
            _log_data(client, run, data)
            if model:
                with warnings.catch_warnings(action="ignore"):  # MLflow warns about type hints of its own
                    from lrrc.tracking.mlflow_model import log_model
                log_model(client, run, model)
        return run.info.run_id
    except Exception as error:  # whatever it is, hours of training weigh more than their entry in a database
        reason = str(error).strip().partition("\n")[0][:300]
        advice = next((advice for signs, advice in WHAT_TO_DO.items() if re.search(signs, reason)), "see to it")
        print(
            redact(
                f"warning: MLflow did not take {name} ({type(error).__name__}: {reason}); the result itself is safe. "
                f"{uri()}: {advice}, then `lrrc log` logs what is missing"
            ),
            file=sys.stderr,
        )
        return None


@dataclass(frozen=True)
class LoggedStages:
    """Names of dvc.lock's items that MLflow shows, that it refused, and that are not on this disk.

    `model`: address of the coordinator that can be served, where one was logged. `live`: run of the stage live, and a
    hash of what it was made of.
    """

    shown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    model: str | None = None
    live: tuple[str, str] | None = None


def log_locked_stages(repo: Path | None = None) -> LoggedStages:
    """Log every item of dvc.lock whose outputs on disk are those it records; a second time changes nothing.

    Stops at the first refusal, which may have waited for a timeout. Raises ValueError without a dvc.lock.
    """
    repo, address = root(repo), None
    shown, absent, live = [], [], None
    for item in stage_outputs.items(repo):
        if not item.here:
            absent.append(item.name)
            continue
        model = stage_outputs.model_to_serve(repo, item)
        run_id = log_stage(
            item.name,
            stage=item.stage,
            params=item.params,
            artifacts=item.outs,
            params_hash=item.params_hash,
            inputs_hash=item.inputs_hash,
            model=model,
            data=item.data,
        )
        if run_id is None:
            return LoggedStages(tuple(shown), (item.name,), tuple(absent))
        shown.append(item.name)
        live = (run_id, f"{item.inputs_hash}-{item.params_hash}") if item.stage == "live" else live
        address = f"runs:/{run_id}/{stage_outputs.MODEL}" if model else address
    return LoggedStages(tuple(shown), (), tuple(absent), address, live)


@contextmanager
def open_client() -> Iterator[MlflowClient]:
    """A client of `uri()`, for one writer at a time: first use of a database races, so does look-then-log."""
    from filelock import FileLock

    address = uri()
    with FileLock(root() / "mlflow.db.lock", timeout=LOCK_SECONDS):
        file = Path(address.removeprefix("sqlite:///")) if address.startswith("sqlite:///") else None
        if file and file.is_file():  # fail at once where it is locked or read-only: MLflow retries for minutes
            with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as database:
                database.execute("BEGIN IMMEDIATE")
        for key, value in {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        }.items():
            os.environ.setdefault(key, value)
        from mlflow import MlflowClient

        for noisy in ("mlflow", "alembic"):  # after the import, which sets them up
            logging.getLogger(noisy).setLevel(logging.ERROR)
        if file and not (file.is_file() and file.stat().st_size):
            _make_database(file)
        yield MlflowClient(tracking_uri=address)


def _make_database(file: Path) -> None:
    """All of the database or none: killed between two of MLflow's migrations it could never be used again."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    if not file.parent.is_dir():
        raise FileNotFoundError(f"unable to open {file}: no such folder")
    with atomic(file) as temporary:
        SqlAlchemyStore(f"sqlite:///{temporary}", "mlruns").engine.dispose()


def experiment_id(client: MlflowClient, name: str = EXPERIMENT) -> str:
    """Id of the experiment, made where it is missing."""
    known = client.get_experiment_by_name(name)
    if known is not None:
        for key in EXPERIMENT_TAGS.keys() - known.tags.keys():  # made by an older version
            client.set_experiment_tag(known.experiment_id, key, EXPERIMENT_TAGS[key])
        return known.experiment_id
    place = (root() / "mlartifacts").as_uri() if uri().startswith("sqlite:") else None
    return client.create_experiment(name, artifact_location=place, tags=EXPERIMENT_TAGS)


def _find(client: MlflowClient, experiment: str, name: str, hashes: Mapping[str, str | None]) -> Run | None:
    """The run that holds this result: each hash is the same, or not known yet on one side."""

    def agreement(run: Run) -> int:
        pairs = [(value, run.data.tags.get(key)) for key, value in hashes.items()]
        return -1 if any(a and b and a != b for a, b in pairs) else sum(a == b for a, b in pairs)

    runs = client.search_runs([experiment], f"tags.outputs_hash = '{hashes['outputs_hash']}'", max_results=1000)
    runs = [run for run in runs if run.info.run_name == name and agreement(run) >= 0]
    return max(runs, key=agreement, default=None)


def _complete(
    client: MlflowClient, run: Run, result: stage_outputs.StageOutputs, params: Mapping, tags: Mapping
) -> None:
    """Write what the run does not hold yet, and finish it."""
    from mlflow.entities import Metric, RunTag

    run_id = run.info.run_id
    _log_params(client, run, params)
    named = redacted(tags)
    new = {key: value for key, value in named.items() if key not in run.data.tags}
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in new.items()])
    if run.info.status == "FINISHED":
        return
    stamp = run.info.start_time  # the same in every attempt, so that a completed run holds each value once
    points = [Metric(_key(key), value, stamp, 0) for key, value in result.metrics.items()]
    for key, curve in result.curves.items():
        points += [Metric(_key(key), value, stamp, epoch) for epoch, value in curve]
    for start in range(0, len(points), 1000):
        client.log_batch(run_id, metrics=points[start : start + 1000])
    for path, file in result.files.items():
        if file.suffix in ARTIFACTS and file.stat().st_size <= ARTIFACT_BYTES and not holds_secret(file):
            client.log_artifact(run_id, str(file), str(Path(path).parent) if "/" in path else None)
    client.set_terminated(run_id)


def _log_params(client: MlflowClient, run: Run, params: Mapping) -> None:
    """Those that the run does not have; MLflow takes 100 of them, and 1000 metrics, at a time."""
    from mlflow.entities import Param

    missing = [Param(key, value) for key, value in shown_params(params).items() if key not in run.data.params]
    for start in range(0, len(missing), 100):
        client.log_batch(run.info.run_id, params=missing[start : start + 100])


def shown_params(params: Mapping) -> dict[str, str]:
    """Parameters as a run shows them."""
    return {_key(key): _value(value) for key, value in stage_outputs.flat(params)}


def redacted(tags: Mapping[str, str | None]) -> dict[str, str]:
    return {_key(key): redact(value) for key, value in tags.items() if value}


def _log_data(client: MlflowClient, run: Run, data: Iterable[tuple[str, str]]) -> None:
    """What the stage read, as data sets of the run: name, DVC's hash, and the path in the repository."""
    from mlflow.entities import Dataset, DatasetInput

    known = {(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs} if run.inputs else set()
    new = [(path, md5[:36]) for path, md5 in data if (path, md5[:36]) not in known]
    sets = [Dataset(path, md5, "local", json.dumps({"uri": path, "dvc_md5": md5})) for path, md5 in new]
    if sets:
        client.log_inputs(run.info.run_id, datasets=[DatasetInput(one, []) for one in sets])


def _origin() -> dict[str, str]:
    """Tags that say where a new run comes from."""
    tags = {"DVC_EXP_NAME": os.environ.get("DVC_EXP_NAME", "")}
    try:
        commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True, stderr=subprocess.DEVNULL).strip()
        tags |= {"git_commit": commit, "mlflow.source.git.commit": commit}
    except (OSError, subprocess.CalledProcessError):
        pass  # not a git checkout: nothing to say
    return {key: value for key, value in tags.items() if value}


def _key(key: str) -> str:
    return re.sub(r"[^\w\-./: ]", "_", redact(key))[:250]


def _value(value: object) -> str:
    return redact(value if isinstance(value, str) else json.dumps(value, sort_keys=True))[:249]
