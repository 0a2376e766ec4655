"""The README's numbers are those of results/summary.json."""

from pathlib import Path

import pytest

from lrrc import readme
from lrrc.config import load_params
from lrrc.summary import load_summary

ROOT = Path(__file__).parents[1]


def test_readme_quotes_the_committed_results() -> None:
    params = load_params(ROOT / "params.yaml")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    results = readme.block(load_summary(ROOT / "results/summary.json"), params.rank, params.budget)
    assert readme.filled(text, results) == text, "run `python -m lrrc.readme`"


def test_only_the_results_change() -> None:
    text = f"before\n{readme.BEGIN}old\n{readme.END}\nafter\n"
    assert readme.filled(text, "new\n") == f"before\n{readme.BEGIN}new\n{readme.END}\nafter\n"


def test_missing_marks_are_named() -> None:
    with pytest.raises(ValueError, match="marks"):
        readme.filled("no marks", "new\n")
