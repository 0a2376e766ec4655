"""The results in README.md, written from results/summary.json between two marks.

python -m lrrc.report.readme_block
"""

from __future__ import annotations

import re
from pathlib import Path

from lrrc.params import load_params
from lrrc.report.figures.figure_list import FIGURES, lead
from lrrc.report.headline import banner, cards, further_sentences, sentences
from lrrc.results.summary import Summary
from lrrc.runtime.errors import run_script
from lrrc.runtime.files import write_text

BEGIN = "<!-- results: written by `python -m lrrc.report.readme_block`, do not edit -->\n"
END = "<!-- end of results -->"


def block(summary: Summary) -> str:
    """The text between the marks."""
    table = ["| | measured | interval |", "|---|---|---|"]
    table += [f"| {card.title} | {card.value} | {card.note} |" for card in cards(summary)]
    parts = [f"> {banner(summary)}", "\n".join(table), *sentences(summary)]
    if shown := lead(summary):
        parts.append(f"![{FIGURES[shown].title}, every policy](results/figures/{shown}.png)")
    parts += further_sentences(summary)
    return "\n\n".join(parts) + "\n"


def filled(readme: str, results: str) -> str:
    """`readme` with `results` between the marks. Raises ValueError where these are missing."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.S)
    if not pattern.search(readme):
        raise ValueError("README.md: the marks around the results are missing")
    return pattern.sub(lambda _: BEGIN + results + END, readme)


def main() -> None:
    params, path = load_params(), Path("README.md")
    results = block(Summary.load("results/summary.json", params.rank, params.budget))
    write_text(path, filled(path.read_text(encoding="utf-8"), results))


if __name__ == "__main__":
    run_script(main)
