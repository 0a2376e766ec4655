"""The README's numbers are those of results/summary.json."""

import pytest
from helpers.paths import ROOT

from lrrc.params import load_params
from lrrc.report.readme_block import BEGIN, END, block, filled
from lrrc.results.summary import Summary


def test_readme_quotes_the_committed_results() -> None:
    params = load_params(ROOT / "params.yaml")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    results = block(Summary.load(ROOT / "results/summary.json", params.rank, params.budget))
    assert filled(text, results) == text, "run `python -m lrrc.report.readme_block`"


def test_only_the_results_change() -> None:
    text = f"before\n{BEGIN}old\n{END}\nafter\n"
    assert filled(text, "new\n") == f"before\n{BEGIN}new\n{END}\nafter\n"


def test_missing_marks_are_named() -> None:
    with pytest.raises(ValueError, match="marks"):
        filled("no marks", "new\n")
