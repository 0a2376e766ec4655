"""What documents say of results, written from results/summary.json between marks: README.md the verdicts in short and
cards, docs/own_logs.md what is lost on each kind of conversation left out, docs/team.md what a team that is played
showed.

python -m lrrc.report.readme_block
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lrrc.params import load_params
from lrrc.report.tables.kinds_tables import by_kind
from lrrc.report.tables.team_tables import team_tables
from lrrc.report.verdicts import in_short, verdicts
from lrrc.results.summary import Summary
from lrrc.results.team_records import figures_of
from lrrc.runtime.errors import run_script
from lrrc.runtime.files import write_text

BEGIN = "<!-- {}: written by `python -m lrrc.report.readme_block`, do not edit -->\n"
END = "<!-- end of {} -->"
CARDS = 4  # questions that README answers; report/summary.md has them all


def blocks(summary: Summary) -> dict[str, str]:
    """The text between the marks, by their name."""
    rows = [f"| {v.question} | **{v.answer}** | {v.measured} | {v.data} |" for v in verdicts(summary)[:CARDS]]
    table = ["| question | answer | measured (95 % intervals) | on |", "|---|---|---|---|", *rows]
    return {
        "verdict": f"**{in_short(summary)}**\n",
        "cards": "\n".join(table) + "\n",
    }


def kinds_block(summary: Summary) -> dict[str, str]:
    """The same of docs/own_logs.md: what is lost on each kind of conversation left out."""
    return {"kinds": by_kind(summary) or "Kinds left out were not measured in this run.\n"}


def team_block(summary: Summary) -> dict[str, str]:
    """The same of docs/team.md: every pair of policies, kinds of request, the gate and its parts, both models."""
    tables = "\n".join(table.markdown() for table in team_tables(figures_of(summary)) if table.rows)
    return {"team": tables or "No episode of the team arena was played in this run.\n"}


def filled(readme: str, texts: Mapping[str, str]) -> str:
    """`readme` with each of `texts` between its marks. Raises ValueError where these are missing."""
    for name, text in texts.items():
        begin, end = BEGIN.format(name), END.format(name)
        readme, times = re.subn(
            re.escape(begin) + ".*?" + re.escape(end), lambda _, new=begin + text + end: new, readme, flags=re.S
        )
        if not times:
            raise ValueError(
                f"README, docs/own_logs.md, docs/team.md: the marks around {name} are missing; they are\n{begin}{end}"
            )
    return readme


def main() -> None:
    params = load_params()
    summary = Summary.load("results/summary.json", params.rank, params.budget)
    written = {
        "README.md": blocks(summary),
        "docs/own_logs.md": kinds_block(summary),
        "docs/team.md": team_block(summary),
    }
    for name, found in written.items():
        path = Path(name)
        write_text(path, filled(path.read_text(encoding="utf-8"), found))


if __name__ == "__main__":
    run_script(main)
