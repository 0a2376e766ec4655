"""Stage figures: results/summary.json and training curves -> results/figures (PNG, PDF) and results/tables.

python pipeline/figures.py results/summary.json models results/figures results/tables
"""

import argparse
import json
from pathlib import Path

from lrrc.params import load_params
from lrrc.report.figures import pareto
from lrrc.report.figures.architecture import architecture, shapes
from lrrc.report.figures.figure_list import drawable
from lrrc.report.figures.live_figures import call_gate, fidelity, live_ablations
from lrrc.report.figures.paper_figures import dataset, rank_tradeoff, success_and_tokens, training
from lrrc.report.figures.style import save_figure
from lrrc.report.tables import replay_tables
from lrrc.results.summary import load_summary, missing_parts, origin, provenance
from lrrc.results.training_curves import read_histories
from lrrc.runtime.errors import run_script
from lrrc.runtime.files import write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "models", "figures", "tables"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    summary = load_summary(args.summary)
    at = (summary, params.rank, params.budget)
    config = args.models / f"train-r{params.rank}-s{params.seeds[0]}" / "config.json"
    draw = {
        "live_pareto": lambda: pareto.live_pareto(*at),
        "pareto": lambda: pareto.pareto(*at),
        "live_ablations": lambda: live_ablations(*at),
        "fidelity": lambda: fidelity(*at),
        "call_gate": lambda: call_gate(*at),
        "figure1": lambda: architecture(shapes(json.loads(config.read_text(encoding="utf-8")), params.budget)),
        "figure2": lambda: success_and_tokens(*at),
        "figure3": lambda: rank_tradeoff(*at),
        "figure4": lambda: training(read_histories(args.models), params.rank, provenance(origin(summary))),
        "figure5": lambda: dataset(summary),
    }
    args.figures.mkdir(parents=True, exist_ok=True)
    for name in drawable(summary):
        save_figure(draw[name](), args.figures / name)
    for table in replay_tables.all_tables(*at):
        write_text(args.tables / f"{table.name}.csv", table.csv())
        write_text(args.tables / f"{table.name}.md", table.markdown())
    for sentence in missing_parts(summary):
        print(sentence)


if __name__ == "__main__":
    run_script(main)
