"""Stage team_report: results/team -> figures with intervals, plots and tables of the team arena.

python pipeline/team_report.py results/team results/team_ablations.parquet results/team_report
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from lrrc.params import load_params
from lrrc.report.figures.printed import printed
from lrrc.report.figures.style import save_figure
from lrrc.report.figures.team_figures import against_success
from lrrc.report.tables.team_tables import team_tables
from lrrc.report.team_page import episodes_page
from lrrc.results.team_records import Money, read_team
from lrrc.runtime.files import rounded, write_json, write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("team", "ablations", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    figures = read_team(args.team, args.ablations, Money(**asdict(params.team_report)), params.stats.alpha)
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "figures.json", rounded(figures))
    for metric, title in (("calls", "Calls per request"), ("tokens", "Tokens per request, prompt and completion")):
        save_figure(printed(against_success(figures, metric, title)), args.out / metric)
    shown = json.loads((args.team / "shown.json").read_text(encoding="utf-8"))
    write_text(args.out / "episodes.html", episodes_page(shown))
    write_text(args.out / "tables.md", "\n".join(table.markdown() for table in team_tables(figures)))


if __name__ == "__main__":
    run_script(main)
