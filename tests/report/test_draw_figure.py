"""One figure is drawn from results as they are committed."""

import runpy

import pytest
from helpers import made_up_results as synthetic
from helpers.paths import ROOT

from lrrc.runtime.files import write_json

tool = runpy.run_path(str(ROOT / "tools/draw_figure.py"))


@pytest.fixture
def draw(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    write_json(tmp_path / "summary.json", synthetic.summary().content())

    def run(*args):
        given = ["draw_figure.py", *args, "--summary", str(tmp_path / "summary.json"), "--models", str(tmp_path)]
        monkeypatch.setattr("sys.argv", given)
        tool["main"]()

    return run


def test_it_is_a_picture_and_a_page(draw, tmp_path):
    draw("figure3", "--out", str(tmp_path / "new/f3"))
    assert (tmp_path / "new/f3.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "new/f3.pdf").read_bytes()[:4] == b"%PDF"


def test_a_name_that_is_none_is_told_the_names(draw):
    with pytest.raises(ValueError, match="figure = 'figure9': .*summary.json has .*figure3, "):
        draw("figure9")


def test_training_curves_are_asked_for(draw):
    with pytest.raises(ValueError, match="no training curves in .*; `dvc repro train` makes them"):
        draw("figure4")
