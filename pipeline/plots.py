"""Stage plots: results/summary.json and training curves -> series of points for `dvc plots`, numbers for `dvc metrics`.

python pipeline/plots.py results/summary.json models results/plots results/headline.json
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
from pathlib import Path

from lrrc.params import load_params
from lrrc.results import series
from lrrc.results.summary import Summary
from lrrc.results.training_curves import read_histories
from lrrc.runtime.files import rounded, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "models", "plots", "headline"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    summary = Summary.load(args.summary, params.rank, params.budget)
    for name, points in {
        "training": series.training_points(read_histories(args.models)),
        "live": series.live_points(summary),
        "recorded": series.recorded_points(summary),
        "ranks": series.rank_points(summary),
        "gate": series.gate_points(summary),
        "regret": series.regret_points(summary),
    }.items():
        write_json(args.plots / f"{name}.json", rounded(points))
    write_json(args.headline, rounded(series.headline(summary)))


if __name__ == "__main__":
    run_script(main)
