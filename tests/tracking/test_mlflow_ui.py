"""What a person sees in `mlflow ui`: runs by name, their parameters, a curve, a file shown in place."""

import contextlib
import json
import os
import shutil

import pytest
from helpers.browser import BINARIES, chromium
from helpers.http_servers import serve

from lrrc.tracking import mlflow_runs

needs_browser = pytest.mark.skipif(
    not (os.environ.get("CHROMIUM") or any(map(shutil.which, BINARIES))),
    reason="needs a browser: apt-get install chromium, or set CHROMIUM to its path",
)
pytestmark = [needs_browser, pytest.mark.browser]


@pytest.fixture(scope="module")
def ids(tmp_path_factory):
    """Runs of a small repository by name, and its folder."""
    from mlflow import MlflowClient

    repo = tmp_path_factory.mktemp("ui")
    (repo / "dvc.yaml").write_text("stages: {}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo)
        out = repo / "models/train-r8-s0"
        out.mkdir(parents=True)
        history = [{"fold": "main", "epoch": e, "val_loss": 1 / (e + 1)} for e in range(5)]
        (out / "history.json").write_text(json.dumps(history))
        (out / "note.md").write_text("The certificate of rank eight.")
        for rank in (4, 8):
            params = {"rank": rank, "seed": 0, "train": {"lr": 0.0123}}
            files = [out] if rank == 8 else []
            assert mlflow_runs.log_stage(
                f"train-r{rank}-s0", stage="train", params=params, metrics={"val_agreement": 0.5}, artifacts=files
            )
        client = MlflowClient(tracking_uri=mlflow_runs.uri())
        experiment = mlflow_runs.ensure_experiment()
        runs = {run.info.run_name: run.info.run_id for run in client.search_runs([experiment])}
    return repo, experiment, runs


def test_runs_parameters_curves_and_files_can_be_seen(ids):
    repo, experiment, runs = ids
    command = ("mlflow", "ui", "--workers", "1", "--backend-store-uri", f"sqlite:///{repo}/mlflow.db")
    with (
        serve(*command, cwd=repo, ready="/health", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false") as server,
        chromium() as browser,
        said_on_failure(browser.new_page(viewport={"width": 1440, "height": 900}), repo / "server.log") as page,
    ):
        page.set_default_timeout(60_000)  # the page is large, and the machine may be busy

        def see(path, *texts):
            page.goto(f"{server}/#/experiments/{experiment}{path}", wait_until="commit")
            for text in texts:
                page.get_by_text(text).first.wait_for()

        see("/runs", "train-r4-s0", "train-r8-s0")
        see("/runs?viewStateShareKey=ranks", "Ranks and seeds", "train-r8-s0", "val_agreement")
        columns = page.locator("[role=columnheader]").all_text_contents()
        assert [name for name in columns if name in ("rank", "seed", "val_agreement")] == [
            "rank",
            "seed",
            "val_agreement",
        ]
        see(f"/runs/{runs['train-r8-s0']}", "train-r8-s0", "train.lr", "0.0123")
        see(f"/runs/{runs['train-r8-s0']}/model-metrics", "epoch/val_loss/fit-main")
        page.locator(".js-plotly-plot .scatterlayer path.js-line").first.wait_for()
        see(f"/runs/{runs['train-r8-s0']}/artifacts/note.md", "The certificate of rank eight.")


@contextlib.contextmanager
def said_on_failure(page, log):
    """What the page shows, its console and requests without an answer are printed where a test of it fails."""
    heard = []
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("requestfailed", lambda request: heard.append(f"failed: {request.url} {request.failure}"))
    try:
        yield page
    except Exception:
        shown = page.locator("body").inner_text(timeout=5000)
        print(*heard, f"shown: {shown[:2000]}", f"server: {log.read_text()[-4000:]}", sep="\n")
        raise
