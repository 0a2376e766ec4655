"""tools/compare_results.py: two runs of one thing agree, a run that moved does not, and every difference is by hand."""

import importlib.util
import math
import subprocess
import sys

import numpy as np
import pytest
from helpers.paths import ROOT
from scipy import stats

from lrrc.results.crossed import crossed
from lrrc.results.scores import crossed_record
from lrrc.results.summary import Summary
from lrrc.runtime.files import write_json

spec = importlib.util.spec_from_file_location("compare_results", ROOT / "tools/compare_results.py")
tool = importlib.util.module_from_spec(spec)
sys.modules["compare_results"] = tool
spec.loader.exec_module(tool)

BASE = {"evaluation": "live", "data": "made up", "judge": None, "rank": None, "budget": None, "variant": ""}


def runs(count=300, seeds=3, moved=0.0):
    """Two summaries of `count` policies on the same episodes; trainings are drawn anew, and the second is `moved`."""
    rng, found = np.random.default_rng(0), [[], []]
    for number in range(count):
        episode_E = rng.normal(size=30)
        for records, shift in zip(found, (0, moved), strict=True):
            scores = 0.3 * rng.normal(size=(seeds, 1)) + episode_E + 0.5 * rng.normal(size=(seeds, 30)) + shift
            records.append(crossed_record({**BASE, "policy": f"p{number}"}, "live_success", crossed(scores)))
    return [Summary.of(records, 8, 128) for records in found]


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_other_seeds_of_the_same_thing_agree(seeds, capsys):
    found, alone = tool.compared(*runs(seeds=seeds))
    beyond = np.mean([abs(d.z) > tool.LIMIT for d in found])
    assert len(found) == 300 and not alone and 0.02 < beyond <= tool.MOST
    assert tool.report(found, alone, 3) == 0
    assert "300 trained figures" in capsys.readouterr().out


def test_a_run_that_moved_is_seen(capsys):
    found, alone = tool.compared(*runs(moved=0.6))
    assert tool.report(found, alone, 3) == 1
    assert sum(d.left for d in found) > 50 and "left the interval: and" in capsys.readouterr().out


def record(value, se=None, low=None, high=None, **more):
    trained = {} if se is None else {"retrained_se": se}
    measured = {"metric": "live_success", "value": value, "low": low, "high": high, "n": 4, "seeds": 3}
    return {**BASE, "policy": "lrrc", **measured, **trained, **more}


def test_by_hand():
    seen = tool.difference(record(1.0, 0.3, 0.5, 1.5), record(2.0, 0.4, 1.2, 2.8))
    assert stats.norm.sf(seen.z) == pytest.approx(stats.t.sf(1 / 0.5, 4)) and seen.left
    back = tool.difference(record(2.0, 0.4, 1.2, 2.8), record(1.0, 0.3, 0.5, 1.5))
    assert back.z == -seen.z and back.left
    assert not tool.difference(record(1.0, 0.3, 0, 3), record(2.0, 0.4, 0, 3)).left
    assert tool.difference(record(1.0), record(2.0)) == ("live made up lrrc live_success", 1.0, 2.0, None, None)
    assert tool.difference(record(1.0, 0.0), record(2.0, 0.0)).z == math.inf  # nothing about it is trained
    assert tool.difference(record(1 / 3, 0.0), record(0.3333333333, 0.0)).z == 0


def test_the_command(tmp_path):
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, run in zip(paths, runs(count=40), strict=True):
        write_json(path, run.content())
    lone = runs(count=41)[0].content()
    write_json(tmp_path / "more.json", lone)

    def said(*names):
        command = [sys.executable, ROOT / "tools/compare_results.py", *names]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    assert "40 figures in both, 1 in one alone" in said(paths[0], tmp_path / "more.json")[1]
    status, text = said(paths[0], paths[0])
    assert status == 0 and "0 of 40 trained figures (0.0 %)" in text and "0 differ" in text
    status, text = said(paths[0], tmp_path / "none.json")
    assert status == 2 and text.startswith("error: ") and text.count("\n") == 1
