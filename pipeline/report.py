"""Stage report: everything measured -> report/index.html and report/summary.md.

python pipeline/report.py results/summary.json results/figures models docs/claims.yaml results/proofs.json \
    results/explore.json data/embedded/DATA_CARD.md report
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.params import load_params
from lrrc.policies.run_items import fitted_runs
from lrrc.report.page import ReportInputs, build_report
from lrrc.runtime.files import write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "figures", "models", "claims", "proofs", "explore", "team", "data_card", "report"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    sources = ReportInputs(
        args.summary, args.figures, args.models, args.claims, args.proofs, args.explore, args.team, args.data_card
    )
    html, markdown = build_report(sources, params.rank, params.budget, list(params.ranks), fitted_runs(params))
    write_text(args.report / "index.html", html)
    write_text(args.report / "summary.md", markdown)


if __name__ == "__main__":
    run_script(main)
