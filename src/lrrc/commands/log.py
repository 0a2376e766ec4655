"""`lrrc log`: show every result that dvc.lock records in MLflow."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lrrc.runtime.secrets import redact
from lrrc.tracking.mlflow_runs import ensure_experiment, log_locked_stages, uri


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", nargs="?", type=Path, help="folder with the dvc.lock (default: this repository)")


def run(args: argparse.Namespace) -> int:
    result = log_locked_stages(args.repo)
    print(f"MLflow shows {len(result.shown)} results of dvc.lock: mlflow ui --backend-store-uri {redact(uri())}")
    if result.shown:
        print(f"then open http://127.0.0.1:5000/#/experiments/{ensure_experiment()}/runs?viewStateShareKey=ranks")
    if result.model:
        print(
            f"to serve the coordinator: MLFLOW_TRACKING_URI={redact(uri())} "
            f"mlflow models serve -m {result.model} --env-manager local"
        )
    if result.absent:
        print(f"outputs missing or changed (dvc pull, dvc repro): {', '.join(result.absent)}", file=sys.stderr)
    return 1 if result.refused else 0
