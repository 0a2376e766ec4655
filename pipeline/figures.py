"""Stage figures: results/summary.json and training curves -> results/figures (PNG, PDF) and results/tables.

python pipeline/figures.py results/summary.json models results/figures results/tables
"""

import argparse
from pathlib import Path

from lrrc import plots, tables
from lrrc.architecture import architecture, shapes
from lrrc.checkpoint import read_config
from lrrc.config import load_params
from lrrc.curves import read_histories
from lrrc.errors import one_line
from lrrc.files import write_text
from lrrc.summary import load_summary, provenance, record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "models", "figures", "tables"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    summary, at = load_summary(args.summary), (params.rank, params.budget)
    measured = record(summary, "preference_success", policy="lrrc", rank=params.rank, budget=params.budget)
    checkpoint = read_config(args.models / f"train-r{params.rank}-s{params.seeds[0]}")
    args.figures.mkdir(parents=True, exist_ok=True)
    for name, figure in {
        "figure1": architecture(shapes(checkpoint, params.budget)),
        "figure2": plots.success_and_tokens(summary, *at),
        "figure3": plots.rank_tradeoff(summary, *at),
        "figure4": plots.training(read_histories(args.models), params.rank, provenance(measured)),
        "figure5": plots.dataset(summary),
        "pareto": plots.pareto(summary, *at),
    }.items():
        plots.save(figure, args.figures / name)
    for table in tables.all_tables(summary, *at):
        write_text(args.tables / f"{table.name}.csv", table.csv())
        write_text(args.tables / f"{table.name}.md", table.markdown())


if __name__ == "__main__":
    one_line(main)
