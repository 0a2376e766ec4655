"""Pictures for docs/mlflow.md, taken of `mlflow ui` on this repository's own runs by headless Chromium.

python tools/mlflow_pictures.py docs/images     (after `lrrc log`)
"""

import json
import sys
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from helpers.browser import chromium  # noqa: E402
from helpers.http_servers import serve  # noqa: E402

from lrrc.tracking import mlflow_runs  # noqa: E402

SETTINGS = {  # of MLflow's page: no assistant, no tips, the pages for training
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.workflowType_v1": '"machine_learning"',
    "MLflowLocalStorage-1.1-ExperimentView-tooltipLastPopup-tooltipLastPopup": "9999999999",
}
PLAIN = """() => {  // the assistant's button, and where files lie on this machine
    for (const e of document.querySelectorAll("button")) if (e.textContent == "MLflow Assistant") e.remove();
    for (const e of document.querySelectorAll("main *, #root *"))
        if (e.textContent.includes("file:///") && !e.querySelector("img, button")) e.style.visibility = "hidden";
}"""


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    from mlflow import MlflowClient

    client, experiment = MlflowClient(tracking_uri=mlflow_runs.uri()), mlflow_runs.ensure_experiment()
    runs = {run.info.run_name: run.info.run_id for run in client.search_runs([experiment], order_by=["start_time"])}
    ranks = [run_id for name, run_id in sorted(runs.items()) if name.startswith("train-") and name.endswith("-s0")]
    home, lines = f"/#/experiments/{experiment}", ".js-plotly-plot .scatterlayer"
    pages = {  # picture -> address, what must be seen before it is taken
        "ranks": (f"{home}/runs?viewStateShareKey=ranks", "text=train-r8-s0"),
        "curves": (f"{home}/runs?viewStateShareKey=ranks&compareRunsMode=CHART", lines),
        "compare": (
            f"/#/compare-runs?runs={quote(json.dumps(ranks))}&experiments={quote(json.dumps([experiment]))}",
            "text=train-r8-s0",
        ),
        "stages": (f"{home}/runs?viewStateShareKey=stages", "text=train"),
        "traces": (f"{home}/traces", "text=answer"),
        "registry": ("/#/models/lrrc", "text=champion"),
        "file": (f"{home}/runs/{runs['figures']}/artifacts/figure3.png", "img[src^=blob], .image-outer-container img"),
    }
    command = ("mlflow", "ui", "--workers", "1", "--backend-store-uri", mlflow_runs.uri())
    with (
        serve(*command, cwd=folder, ready="/health", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false") as server,
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        page.add_init_script(f"for (const [k, v] of Object.entries({json.dumps(SETTINGS)})) localStorage.setItem(k, v)")
        for name, (address, seen) in pages.items():
            page.goto(server + address, wait_until="commit")
            page.locator(seen).first.wait_for()
            if banner := page.get_by_label("Hide banner").all():
                banner[0].click()
            if tip := page.get_by_role("button", name="Got it").all():
                tip[0].click()
            if name == "compare":  # the metric that is drawn
                page.locator("input[id^=dubois-select]").nth(1).click()
                page.keyboard.press("Backspace")
                page.keyboard.type("val_loss")
                page.keyboard.press("Enter")
                page.keyboard.press("Escape")
            page.wait_for_timeout(4000)  # until what slides has come to rest
            page.evaluate(PLAIN)
            page.screenshot(path=folder / f"mlflow-{name}.png")
    (folder / "server.log").unlink()


if __name__ == "__main__":
    main()
