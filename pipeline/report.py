"""Stage report: everything measured -> report/index.html and report/summary.md.

python pipeline/report.py results/summary.json results/figures models docs/claims.yaml results/proofs.json \
    results/explore.json data/embedded/DATA_CARD.md report
"""

import argparse
from pathlib import Path

from lrrc.config import load_params
from lrrc.errors import one_line
from lrrc.files import write_text
from lrrc.pictures import fitted_runs
from lrrc.report import Sources, build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "figures", "models", "claims", "proofs", "explore", "data_card", "report"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    sources = Sources(args.summary, args.figures, args.models, args.claims, args.proofs, args.explore, args.data_card)
    html, markdown = build(sources, params.rank, params.budget, list(params.ranks), fitted_runs(params))
    write_text(args.report / "index.html", html)
    write_text(args.report / "summary.md", markdown)


if __name__ == "__main__":
    one_line(main)
