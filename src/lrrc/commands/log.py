"""`lrrc log`: show every result that dvc.lock records in MLflow."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path

from lrrc.runtime.errors import one_line_of
from lrrc.runtime.secrets import redact
from lrrc.tracking.mlflow_runs import ensure_experiment, log_locked_stages, root, uri


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", nargs="?", type=Path, help="folder with the dvc.lock (default: this repository)")


def run(args: argparse.Namespace) -> int:
    result = log_locked_stages(args.repo)
    address, shown = uri(), f"MLflow shows {len(result.shown)} results of dvc.lock"
    page = f"#/experiments/{ensure_experiment()}/runs?viewStateShareKey=ranks" if result.shown else ""
    if result.refused and not result.shown:
        pass  # why was said; no page would show anything
    elif address.startswith(("http://", "https://")):
        print(f"{shown}: {without_user(address)}/{page}")
    elif re.match("databricks", address):  # it has pages of its own
        print(f"{shown}, at {redact(address)}")
    else:
        print(f"{shown}: mlflow ui --backend-store-uri {quoted(address)}")
        if page:
            print(f"then open http://127.0.0.1:5000/{page}")
    if result.model:
        print(
            f"to serve the coordinator: MLFLOW_TRACKING_URI={quoted(address)} "
            f"mlflow models serve -m {result.model} --env-manager local"
        )
    if result.live and not result.refused:
        number = log_calls(root(args.repo), *result.live)
        if number:
            print(f"MLflow shows {number} live calls as traces, and their checks as an evaluation data set")
    if result.absent:
        remedy = "dvc pull, dvc repro" if has_remote(root(args.repo)) else "dvc repro"
        print(f"outputs missing or changed ({remedy}): {', '.join(result.absent)}", file=sys.stderr)
    return 1 if result.refused else 0


def log_calls(repo: Path, run_id: str, result: str) -> int:
    """Live calls as traces, where the outputs that they are composed of are here; trouble costs a line, no status."""
    from lrrc.dataset.inputs import INPUTS, StageInputs
    from lrrc.evaluation.live.shown_calls import shown_calls
    from lrrc.params import load_params
    from lrrc.tracking.mlflow_traces import log_live_calls

    inputs = StageInputs(*(repo / path for path in INPUTS))
    if not all(path.exists() for path in vars(inputs).values()):
        return 0
    try:
        params, rows = load_params(repo / "params.yaml"), repo / "results/live/rows.parquet"
        return log_live_calls(run_id, result, lambda: shown_calls(params, rows, repo / "models", inputs))
    except Exception as error:
        print(redact(f"warning: MLflow has no traces of live calls: {one_line_of(error)}"), file=sys.stderr)
        return 0


def without_user(address: str) -> str:
    """An address for a browser, which asks for user and password itself."""
    return redact(re.sub(r"(?<=://)[^/\s]*@", "", address)).rstrip("/")


def quoted(address: str) -> str:
    """An address as a shell takes it, without its password."""
    return shlex.quote(redact(address))


def has_remote(repo: Path) -> bool:
    """Does DVC know a place to pull outputs from, by any of its configurations?"""
    try:
        from dvc.config import Config
        from dvc.exceptions import DvcException
    except ImportError:
        return False
    try:
        return bool(Config(str(repo / ".dvc"))["remote"])
    except (DvcException, OSError):
        return False
