"""docs/artifact.md says what params, locks and results say today."""

import json

import yaml
from helpers.paths import ROOT

from lrrc.report.artifact import appendix


def test_the_committed_figures_are_those_of_the_committed_results():
    page = (ROOT / "docs/artifact.md").read_text(encoding="utf-8")
    made, kept = (text.partition("## What to expect")[2].partition("## Stages")[0] for text in (appendix(ROOT), page))
    assert made == kept and made, "run `python -m lrrc.report.artifact`"


def test_every_stage_and_its_size_stand_there():
    page = appendix(ROOT)
    for name in yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]:
        assert f"| {name} |" in page
    records = json.loads((ROOT / "results/summary.json").read_text(encoding="utf-8"))["records"]
    live = next(
        r
        for r in records
        if (r["evaluation"], r["metric"], r["policy"], r["rank"], r["budget"])
        == ("live", "live_success", "lrrc", 8, 128)
    )
    assert f"| {100 * live['value']:.1f} | {200 * live['retrained_se']:.1f} |" in page
