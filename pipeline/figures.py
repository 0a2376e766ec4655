"""Stage figures: results/summary.json and training curves -> results/figures (PNG, PDF) and results/tables.

python pipeline/figures.py results/summary.json models results/figures results/tables
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
import json
from pathlib import Path

from lrrc.params import load_params
from lrrc.policies.run_items import train_name
from lrrc.report.figures.figure_list import Measured, drawable
from lrrc.report.figures.style import save_figure
from lrrc.report.tables import replay_tables
from lrrc.results.summary import Summary
from lrrc.results.training_curves import read_histories
from lrrc.runtime.files import write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "models", "figures", "tables"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    summary = Summary.load(args.summary, params.rank, params.budget)
    checkpoint = args.models / train_name(params.rank, params.seeds[0])
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    measured = Measured(summary, read_histories(args.models), config)
    args.figures.mkdir(parents=True, exist_ok=True)
    for name, figure in drawable(summary).items():
        save_figure(figure.draw(measured), args.figures / name)
    for table in replay_tables.all_tables(summary):
        write_text(args.tables / f"{table.name}.csv", table.csv())
        write_text(args.tables / f"{table.name}.md", table.markdown())
    for sentence in summary.missing_parts():
        print(sentence)


if __name__ == "__main__":
    run_script(main)
