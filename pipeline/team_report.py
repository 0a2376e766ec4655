"""Stage team_report: results/team -> figures with intervals, plots and tables of the team arena.

python pipeline/team_report.py results/team results/team_report
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
import json
from pathlib import Path

from lrrc.params import load_params
from lrrc.report.figures.printed import printed
from lrrc.report.figures.style import save_figure
from lrrc.report.team import against_success, episodes_page, tables
from lrrc.results.team_records import Money, read_team
from lrrc.runtime.files import rounded, write_json, write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("team", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    params = load_params()
    prices = params.team_report
    figures = read_team(args.team, Money(prices.prompt, prices.cached, prices.completion), params.stats.alpha)
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "figures.json", rounded(figures))
    for metric, title in (("calls", "Calls per request"), ("tokens", "Tokens per request, prompt and completion")):
        save_figure(printed(against_success(figures, metric, title)), args.out / metric)
    shown = json.loads((args.team / "shown.json").read_text(encoding="utf-8"))
    write_text(args.out / "episodes.html", episodes_page(shown))
    write_text(args.out / "tables.md", "\n".join(table.markdown() for table in tables(figures)))


if __name__ == "__main__":
    run_script(main)
