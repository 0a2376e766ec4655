"""Stage figures: results/summary.json and training curves -> results/figures (PNG, PDF) and results/tables.

python pipeline/figures.py results/summary.json models results/figures results/tables
"""

import argparse
from pathlib import Path

from lrrc import plots, tables
from lrrc.architecture import architecture
from lrrc.config import Params, load_params
from lrrc.curves import read_histories
from lrrc.files import write_text
from lrrc.summary import load_summary, provenance, record


def shapes(params: Params) -> dict[str, int]:
    """What the default model is made of."""
    model, rank = params.model, params.rank
    return {"d": model.d, "r": rank, "k": min(model.top_k, rank), "r_u": min(rank, model.max_update_rank),
            "e": params.embed.width, "h": model.head_width, "V": model.vocabulary, "budget": params.budget}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "models", "figures", "tables"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    summary, at = load_summary(args.summary), (params.rank, params.budget)
    measured = record(summary, "preference_success", policy="lrrc", rank=params.rank, budget=params.budget)
    args.figures.mkdir(parents=True, exist_ok=True)
    for name, figure in {
        "figure1": architecture(shapes(params)),
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
    main()
