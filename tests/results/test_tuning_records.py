"""What was tried and chosen, as records: means over folds by hand."""

from lrrc.results.scores import Settings, Source
from lrrc.results.summary import Summary
from lrrc.results.tuning_records import CHOSEN, GIVEN, read_tuning
from lrrc.runtime.files import write_json


def trial(policy, fold, area, **settings):
    return {"policy": policy, "fold": fold, "settings": settings, "calls": 10 + fold, "points": [], "area": area}


def test_by_hand(tmp_path):
    trials = [
        trial("lrrc", 0, 4.0, speakers="all"),
        trial("lrrc", 0, 3.0, speakers="user"),
        trial("lrrc", 1, 2.0, speakers="all"),
        trial("lrrc", 1, 5.0, speakers="user", prior=0.3),
    ]
    write_json(tmp_path / "tuned.json", {"trials": trials, "chosen": [{}, {}]})
    records = read_tuning(tmp_path / "tuned.json", Source("embedded", "verifier"), Settings(rank=8, budget=64))
    summary = Summary.of(records, 8, 64)
    given, chosen = (summary.record("captured_gain", evaluation="tune", variant=v) for v in (GIVEN, CHOSEN))
    assert (given["value"], chosen["value"]) == (3.0, 4.5)
    assert (chosen["n"], chosen["trials"], chosen["rank"], chosen["budget"]) == (21, 2, 8, 64)
    assert chosen["settings"] == ["speakers all", "prior 0.3, speakers user"]


def test_without_trials_there_are_no_records(tmp_path):
    write_json(tmp_path / "tuned.json", {"trials": [], "chosen": [{}]})
    assert read_tuning(tmp_path / "tuned.json", Source("lmsys", "human"), Settings(rank=8, budget=64)) == []
