"""One figure from the committed results, in seconds; nothing of the pipeline has to run.

python tools/draw_figure.py live_pareto             writes live_pareto.png and .pdf here
python tools/draw_figure.py figure3 --out drawn/f3

`dvc repro figures` draws all of them from results of its own, which takes the whole pipeline the first time.
"""

import argparse
import json
from pathlib import Path

from lrrc.params import load_params
from lrrc.policies.serving import PACKAGED
from lrrc.report.figures.figure_list import Measured, drawable
from lrrc.report.figures.style import save_figure
from lrrc.results.summary import Summary
from lrrc.results.training_curves import read_histories
from lrrc.runtime.errors import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--summary", type=Path, default=Path("results/summary.json"))
    parser.add_argument("--models", type=Path, default=Path("models"), help="for figure4, which shows their training")
    parser.add_argument("--out", type=Path, help="without suffix; by default the figure's name")
    args = parser.parse_args()
    params = load_params()
    summary = Summary.load(args.summary, params.rank, params.budget)
    figures = drawable(summary)
    if args.name not in figures:
        raise ValueError(f"figure = {args.name!r}: {args.summary} has {', '.join(sorted(figures))}")
    histories = read_histories(args.models)
    if args.name == "figure4" and not histories:
        raise ValueError(f"figure4: no training curves in {args.models}; `dvc repro train` makes them")
    config = json.loads((PACKAGED / "config.json").read_text(encoding="utf-8"))
    out = args.out or Path(args.name)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figures[args.name].draw(Measured(summary, histories, config)), out)
    print(f"{out}.png and {out}.pdf from {args.summary}")


if __name__ == "__main__":
    run_script(main)
