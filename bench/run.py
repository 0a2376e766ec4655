"""Run the comparisons and write docs/performance.md: `make bench`, or `python bench/run.py [NAME ...]`.

Results go to bench/results.json, those of benches that are not named stay. The pipeline must have run (`dvc repro`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lrrc.runtime.errors import run_script
from lrrc.runtime.files import write_json, write_text

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE / "results.json", HERE.parent / "docs" / "performance.md"
BENCHES = {name: (f"{name}.py",) for name in ("annotate", "train_step", "compose", "encoder", "start", "overhead")}
BENCHES["overhead-here"] = ("overhead.py", "--here")  # runs the whole pipeline again, so only if it is named
BEGIN, END = "<!-- measured: written by `make bench`, do not edit -->\n", "<!-- end of measured -->"


def machine() -> str:
    """The number of cores and the kind of processor."""
    cores, kind = os.cpu_count(), platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file() and (found := re.search(r"model name\s*: (.+)", info.read_text())):
        kind = found[1].strip()
    return f"{cores} cores, {kind}"


def measured(name: str) -> dict:
    """The JSON that a bench prints. Raises ValueError where it prints none."""
    script, *options = BENCHES[name]
    done = subprocess.run([sys.executable, str(HERE / script), *options], stdout=subprocess.PIPE, text=True)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise ValueError(f"bench/{script}: gave no result (exit status {done.returncode})") from None


def table(results: Mapping[str, Mapping]) -> str:
    """A row for every target and every figure that has none."""
    rows = ["| bench | measured | target | |", "|---|---|---|---|"]
    for name, (script, *_) in BENCHES.items():
        for target in results.get(name, {}).get("targets", ()):
            limits = [f"{sign} {target[key]:g}" for key, sign in (("at_least", "≥"), ("at_most", "≤")) if key in target]
            met = {True: "met", False: "**missed**"}.get(target.get("met"), "")
            value = f"{target['what']}: {target['value']:,.3g}"
            rows.append(f"| [{name}](../bench/{script}) | {value} | {''.join(limits) or 'none'} | {met} |")
    return "\n".join(rows)


def filled(page: str, results: Mapping) -> str:
    """`page` with the results between its marks. Raises ValueError where these are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name}: the marks around the results are missing")
    return f"{before}{BEGIN}On {results['machine']}.\n\n{table(results['benches'])}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all but the last by default"
    )
    args = parser.parse_args()
    if unknown := set(args.names) - BENCHES.keys():
        raise ValueError(f"{', '.join(sorted(unknown))}: no such bench: {', '.join(BENCHES)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"benches": {}}
    results["machine"] = machine()
    for name in args.names or list(BENCHES)[:-1]:
        print(name, flush=True)
        results["benches"][name] = measured(name)
        write_json(RESULTS, results)  # at once: the next one may fail
    write_text(PAGE, filled(PAGE.read_text(encoding="utf-8"), results))
    missed = [t["what"] for found in results["benches"].values() for t in found["targets"] if t.get("met") is False]
    if missed:
        raise ValueError(f"targets missed: {'; '.join(missed)}")


if __name__ == "__main__":
    run_script(main)
