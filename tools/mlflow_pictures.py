"""Pictures for docs/mlflow.md, taken of `mlflow ui` on this repository's own runs by headless Chromium.

python tools/mlflow_pictures.py docs/images     (after `lrrc log`)
"""

import json
import sys
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from browser import chromium  # noqa: E402
from servers import serve  # noqa: E402

from lrrc import tracking  # noqa: E402


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    from mlflow import MlflowClient

    client, experiment = MlflowClient(tracking_uri=tracking.uri()), tracking.ensure_experiment()
    runs = {run.info.run_name: run.info.run_id for run in client.search_runs([experiment], order_by=["start_time"])}
    ranks = [run_id for name, run_id in sorted(runs.items()) if name.startswith("train-") and name.endswith("-s0")]
    home, curve = f"/#/experiments/{experiment}", ".js-plotly-plot .scatterlayer path.js-line"
    trained = quote("tags.stage = 'train'")
    pages = {  # picture -> address, what must be seen before it is taken
        "runs": (f"{home}/runs?searchFilter={trained}", "text=train-r8-s0"),
        "ranks": (
            f"/#/compare-runs?runs={quote(json.dumps(ranks))}&experiments={quote(json.dumps([experiment]))}",
            "text=train-r8-s0",
        ),
        "curve": (f"{home}/runs/{runs['train-r8-s0']}/model-metrics", curve),
        "file": (
            f"{home}/runs/{runs['figures']}/artifacts/figure3.png",
            "img[src^=blob], .image-outer-container img",
        ),
    }
    command = ("mlflow", "ui", "--workers", "1", "--backend-store-uri", tracking.uri())
    with (
        serve(*command, cwd=folder, ready="/health", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false") as server,
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        for name, (address, seen) in pages.items():
            page.goto(server + address, wait_until="commit")
            page.locator(seen).first.wait_for()
            page.wait_for_timeout(3000)  # until what slides has come to rest
            page.screenshot(path=folder / f"mlflow-{name}.png")
    (folder / "server.log").unlink()


if __name__ == "__main__":
    main()
