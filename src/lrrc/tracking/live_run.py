"""A training as it runs: its MLflow run is open while the stage works, and its curves grow.

Fits leave their history after every epoch in the stage's work folder; a process of its own looks there every few
seconds, so that nothing changes in the fits, which are forked, and nothing that MLflow does can hold them up. Where it
fails there are no live curves, and no harm. The means of the fits also go to .cache/training/NAME.json, for `dvc plots
show` in a second shell. A stage that is over within seconds opens no run before its end.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrrc.runtime.files import write_json
from lrrc.tracking import stage_outputs

EVERY_SECONDS = 5.0
PATIENCE_SECONDS = 30.0  # for the last look, at the end of the stage
FOLDER = Path(".cache/training")
HISTORIES = ("done.json", "net/state.json", "probe/state.json")  # of a fit, the most final first
OWNER = "process"  # tag: host and number of the process that a run without results belongs to


class LiveRun:
    """Context of a stage item with `fits` fits below `work`; `run_id` is its run's in the end, None where none is."""

    def __init__(self, name: str, stage: str, params: Mapping[str, Any], work: Path, fits: int):
        self.run_id: str | None = None
        self.task = {"name": name, "stage": stage, "params": dict(params), "work": str(work.resolve()), "fits": fits}

    def __enter__(self) -> LiveRun:
        command = [sys.executable, "-m", "lrrc.tracking.live_run", json.dumps(self.task)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        try:
            self.watcher = subprocess.Popen(command, **pipes)
        except OSError:
            self.watcher = None
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if self.watcher is None:
            return
        try:
            said, _ = self.watcher.communicate("failed\n" if kind else "over\n", timeout=PATIENCE_SECONDS)
            self.run_id = said.strip() or None
        except (subprocess.TimeoutExpired, OSError):
            self.watcher.kill()
            self.watcher.communicate()


@dataclass
class Watch:
    """What one training has told so far."""

    name: str
    stage: str
    params: dict[str, Any]
    work: Path
    fits: int
    started: float = field(default_factory=time.time)
    run_id: str | None = None
    told: set[tuple] = field(default_factory=set)

    def look(self) -> None:
        """Write and log what is new."""
        try:
            rows = list(self.rows())
            if rows:
                write_json(FOLDER / f"{self.name}.json", means(rows))
        except (OSError, ValueError):  # half a file, or a full disk: the next look sees more
            return
        curves = stage_outputs.curves(rows)
        if len({row["fold"] for row in rows}) < self.fits:  # a mean over some fits would have to be taken back
            curves = {key: curve for key, curve in curves.items() if "/fit-" in key}
        new = {(key, *point) for key, curve in curves.items() for point in curve} - self.told
        if self.run_id and not new:
            return
        from lrrc.tracking import mlflow_runs

        with mlflow_runs.open_client() as client:
            if self.run_id is None:
                self.run_id = self.opened(client)
            mlflow_runs.log_points(client, self.run_id, sorted(new))
        self.told |= new

    def rows(self) -> Iterator[dict[str, Any]]:
        """One {"fold", "epoch", numbers} for every epoch that ended since the start; older files are of older runs."""
        for fit in sorted({file.parent for file in self.work.rglob("key")}):
            file = next((fit / name for name in HISTORIES if (fit / name).is_file()), None)
            if file is None or file.stat().st_mtime < self.started:
                continue
            label = "-".join(part.removeprefix("fold-") for part in fit.relative_to(self.work).parts)
            for row in json.loads(file.read_text(encoding="utf-8"))["history"]:
                yield {"fold": label, **row}

    def opened(self, client: Any) -> str:
        """The id of a new run, or of the one that a killed process left of the same item with the same parameters."""
        from lrrc.tracking import mlflow_runs

        query = f"attributes.status = 'RUNNING' AND attributes.run_name = '{self.name}' AND tags.{OWNER} LIKE '%'"
        for run in client.search_runs([mlflow_runs.experiment_id(client)], query):
            if alive(run.data.tags[OWNER]) or "outputs_hash" in run.data.tags:
                continue
            if run.data.params == mlflow_runs.shown_params(self.params):
                client.set_tag(run.info.run_id, OWNER, owner())
                return run.info.run_id
            client.delete_run(run.info.run_id)
        tags = {"stage": self.stage, OWNER: owner()}
        return mlflow_runs.open_run(client, self.name, self.params, tags, int(1000 * self.started))

    def failed(self) -> None:
        from lrrc.tracking import mlflow_runs

        if self.run_id:
            with mlflow_runs.open_client() as client:
                client.set_terminated(self.run_id, "FAILED")


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For `dvc plots`: a row an epoch, means over the fits that have finished it."""
    shown = [key for key in rows[0] if key not in ("fold", "epoch")]
    found = []
    for epoch in sorted({row["epoch"] for row in rows}):
        here = [row for row in rows if row["epoch"] == epoch]
        numbers = {key: sum(row[key] for row in here) / len(here) for key in shown}
        found.append({"series": "mean of the fits so far", "epoch": epoch, "fits": len(here), **numbers})
    return found


def owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def alive(process: str) -> bool:
    """Does this process live on? One of another machine may."""
    host, _, number = process.rpartition(":")
    if host != socket.gethostname() or not number.isdigit():
        return True
    with suppress(PermissionError):
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return False
    return True


def main() -> None:
    """Look until the parent says that it is over, or is no more; its last word back is the run's id."""
    task = json.loads(sys.argv[1])
    watch, logs = Watch(**{**task, "work": Path(task["work"])}), True
    while True:
        spoken, _, _ = select.select([sys.stdin], [], [], EVERY_SECONDS)
        word = sys.stdin.readline().strip() if spoken else None
        if word and watch.run_id is None:
            return  # over within seconds: the stage's end logs all there is
        if logs:
            try:
                watch.look()
            except Exception:  # log_stage says what is wrong, when there is a result to lose
                logs = False
        if word == "failed":
            with suppress(Exception):
                watch.failed()
        if word is not None:
            print(watch.run_id or "")
            return


if __name__ == "__main__":
    main()
