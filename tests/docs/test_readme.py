"""README: short, its numbers those of results/summary.json, its links and paths those of the project."""

import re

import pytest
from helpers.paths import ROOT

from lrrc.params import load_params
from lrrc.report.readme_block import BEGIN, END, blocks, filled, kinds_block, team_block
from lrrc.results.summary import Summary

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_quotes_the_committed_results() -> None:
    params = load_params(ROOT / "params.yaml")
    results = blocks(Summary.load(ROOT / "results/summary.json", params.rank, params.budget))
    assert filled(README, results) == README, "run `python -m lrrc.report.readme_block`"


@pytest.mark.parametrize(("page", "block"), [("docs/own_logs.md", kinds_block), ("docs/team.md", team_block)])
def test_pages_quote_the_committed_results(page, block) -> None:
    params, text = load_params(ROOT / "params.yaml"), (ROOT / page).read_text(encoding="utf-8")
    results = block(Summary.load(ROOT / "results/summary.json", params.rank, params.budget))
    assert filled(text, results) == text, "run `python -m lrrc.report.readme_block`"


def test_only_the_results_change() -> None:
    text = f"before\n{BEGIN.format('cards')}old\n{END.format('cards')}\nafter\n"
    assert filled(text, {"cards": "new\n"}) == text.replace("old", "new")


def test_missing_marks_are_named() -> None:
    with pytest.raises(ValueError, match="marks around cards are missing"):
        filled("no marks", {"cards": "new\n"})


def test_it_is_read_in_five_minutes() -> None:
    assert len(README.splitlines()) <= 100


def test_its_links_and_its_tree_name_what_is_there() -> None:
    links = {link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link}
    assert not [link for link in links if link and not (ROOT / link).exists()]
    packages = re.findall(r"^        (\w+)/  ", README, re.M)
    assert sorted(packages) == sorted(p.name for p in (ROOT / "src/lrrc").iterdir() if (p / "__init__.py").is_file())
