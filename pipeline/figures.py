"""Stage figures: results/summary.json and training curves -> results/figures (PNG, PDF) and results/tables.

python pipeline/figures.py results/summary.json models results/figures results/tables
"""

import argparse
from pathlib import Path

from lrrc import pareto, plots, plots_live, tables
from lrrc.architecture import architecture, shapes
from lrrc.checkpoint import read_config
from lrrc.config import load_params
from lrrc.curves import read_histories
from lrrc.drawing import save
from lrrc.errors import one_line
from lrrc.files import write_text
from lrrc.pictures import drawable
from lrrc.summary import left_out, load_summary, origin, provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "models", "figures", "tables"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    summary = load_summary(args.summary)
    at = (summary, params.rank, params.budget)
    checkpoint = args.models / f"train-r{params.rank}-s{params.seeds[0]}"
    draw = {
        "live_pareto": lambda: pareto.live_pareto(*at),
        "pareto": lambda: pareto.pareto(*at),
        "live_ablations": lambda: plots_live.live_ablations(*at),
        "fidelity": lambda: plots_live.fidelity(*at),
        "call_gate": lambda: plots_live.call_gate(*at),
        "figure1": lambda: architecture(shapes(read_config(checkpoint), params.budget)),
        "figure2": lambda: plots.success_and_tokens(*at),
        "figure3": lambda: plots.rank_tradeoff(*at),
        "figure4": lambda: plots.training(read_histories(args.models), params.rank, provenance(origin(summary))),
        "figure5": lambda: plots.dataset(summary),
    }
    args.figures.mkdir(parents=True, exist_ok=True)
    for name in drawable(summary):
        save(draw[name](), args.figures / name)
    for table in tables.all_tables(*at):
        write_text(args.tables / f"{table.name}.csv", table.csv())
        write_text(args.tables / f"{table.name}.md", table.markdown())
    for sentence in left_out(summary):
        print(sentence)


if __name__ == "__main__":
    one_line(main)
