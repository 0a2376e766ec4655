"""docs/artifact.md: what a reviewer of the artifact needs, written from params.yaml, dvc.yaml, dvc.lock, the locks of
packages, docs/scale.json and results/summary.json.

python -m lrrc.report.artifact
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lrrc.params import load_params
from lrrc.report.live_headline import operating_point
from lrrc.results.summary import DATA, METRICS, Summary
from lrrc.runtime.errors import run_script
from lrrc.runtime.files import write_text

HEAD = """# Artifact appendix

<!-- written by `python -m lrrc.report.artifact`, do not edit -->

What it takes to check this artifact, what to type, and what to expect. In words: [README](../README.md); what is
guaranteed about bytes: [reproducibility](reproducibility.md).
"""
COMMANDS = (
    ("does it run at all", "make try", "a report of a small draw below .cache/try, whose numbers mean nothing"),
    ("tests", "make test-fast; make test", "all pass"),
    ("every figure and table", "make repro", "results/ and report/ with the bytes of the commit, on a like processor"),
    ("one figure", "python tools/draw_figure.py live_curves", "from the committed results, without any run"),
    ("all figures", "dvc repro figures", "results/figures/; nothing runs where nothing changed"),
    ("the theorems", "lrrc prove", "every theorem proved, by the Lean kernel"),
    ("the claims", "dvc repro report", "report/summary.md, The paper's claims"),
    ("two clones, the same bytes", "make same-twice", "all equal"),
    ("this processor against others", "make same-elsewhere", "docs/processors.json says which stages are equal"),
    ("a rank more", "dvc exp run -n rank-12 -S 'ranks=[4,8,12,16,32]' -S rank=12", "trains that rank alone"),
    ("the middleware on your logs", "lrrc estimate logs.jsonl", "tokens and money of every policy"),
)
EXPECTED = (  # evaluation, metric, policy
    ("live", "live_success", "lrrc"),
    ("live", "live_tokens_per_episode", "lrrc"),
    ("live", "live_token_reduction_vs_full", "lrrc"),
    ("live", "live_success_difference_vs_full", "lrrc"),
    ("live", "live_success", "full-context"),
    ("replay", "tokens_per_episode", "lrrc"),
    ("replay", "tokens_per_episode", "full-context"),
    ("replay", "token_reduction_vs_full", "lrrc"),
    ("replay", "preference_success", "lrrc"),
    ("votes", "success_difference_vs_full", "lrrc"),
    ("votes", "token_reduction_vs_full", "lrrc"),
)


def appendix(root: Path) -> str:
    """The page. Raises ValueError where an input is missing or wrong."""
    params = load_params(root / "params.yaml")
    summary = Summary.load(root / "results/summary.json", params.rank, params.budget)
    lock, stages = (yaml.safe_load(_read(root / name))["stages"] for name in ("dvc.lock", "dvc.yaml"))
    parts = [HEAD, _needs(root, lock), _commands(), _expected(summary), _stages(stages, lock)]
    return "\n".join(parts)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _needs(root: Path, lock: Mapping[str, Any]) -> str:
    project = tomllib.loads(_read(root / "pyproject.toml"))["project"]
    packages = len(re.findall(r"^[\w.-]+==", _read(root / "requirements.lock"), re.M))
    scale = json.loads(_read(root / "docs/scale.json"))
    memory = max((stage["peak_mib_of_a_process"], name) for name, stage in scale["stages"].items())
    size = sum(out.get("size", 0) for entry in lock.values() for out in entry.get("outs", []))
    return f"""## What is needed

| | |
|---|---|
| software | Python {project["requires-python"]}, make, git; {packages} packages of requirements.lock, by hash |
| processor | any; x86-64 with AVX2 for equal bytes; sizes in params.yaml fit two cores; no GPU |
| memory | {memory[0]:,} MiB for the largest process ({memory[1]}) on {scale["episodes"]:,} episodes |
| disk | {round(size, -7) / 1e6:,.0f} MB for the pipeline's outputs, as much for DVC's cache, and the packages |
| network | the package registry while `make setup` installs; none afterwards |
| accounts | none; data of the Hugging Face hub only where `data.source` or `votes` ask for it |
| licence | {project["license"]}; models and data: [data card](../data/embedded/DATA_CARD.md) |
"""


def _commands() -> str:
    rows = [f"| {what} | `{command}` | {seen} |" for what, command, seen in COMMANDS]
    return "\n".join(["## What to type", "", "| to check | type | and see |", "|---|---|---|", *rows]) + "\n"


def _expected(summary: Summary) -> str:
    lines = [
        "## What to expect",
        "",
        "The committed figures. On a processor of the same kind they come out to the last digit. Elsewhere, or with",
        "other versions, trainings differ: the tolerance is two standard errors of training anew, as the seeds of this",
        "run have it (none for policies that are not trained). Intervals: other episodes and other trainings together.",
        "",
        "| figure | policy | on | value | tolerance | 95 % interval |",
        "|---|---|---|--:|--:|---|",
    ]
    for evaluation, metric, policy in EXPECTED:
        at = operating_point(summary) if policy == "lrrc" else {"policy": policy}
        record = summary.record_or_none(metric, evaluation=evaluation, **at)
        if record:
            lines.append(_row(record, policy))
    return "\n".join(lines) + "\n"


def _row(record: Mapping[str, Any], policy: str) -> str:
    label, unit = METRICS[record["metric"]]
    scale, unit = (100, unit.replace("share", "%")) if unit.startswith("share") else (1, unit)
    value, low, high = (f"{scale * record[key]:,.1f}" for key in ("value", "low", "high"))
    again = record.get("retrained_se")
    told = f"{2 * scale * again:.1f}" if again else ("one training" if policy == "lrrc" else "0")
    where = f"{DATA.get(record['data'], record['data'])}, n = {record['n']}"
    return f"| {label} ({unit}) | {policy} | {where} | {value} | {told} | {low} to {high} |"


def _stages(stages: Mapping[str, Any], lock: Mapping[str, Any]) -> str:
    rows = []
    for name, stage in stages.items():
        entries = [entry for address, entry in lock.items() if address.partition("@")[0] == name]
        size = sum(out.get("size", 0) for entry in entries for out in entry.get("outs", []))
        kept = "committed, passed over" if stage.get("frozen") else ""
        rows.append(f"| {name} | {stage.get('desc', '')} | {len(entries)} | {size / 1e6:,.0f} | {kept} |")
    head = ["## Stages", "", "| stage | what it makes | items | MB | |", "|---|---|--:|--:|---|"]
    return "\n".join([*head, *rows]) + "\n"


def main() -> None:
    write_text("docs/artifact.md", appendix(Path(".")))


if __name__ == "__main__":
    run_script(main)
