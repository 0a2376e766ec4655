"""LRRC's gate where it saves as many calls as the paper claims."""

import numpy as np
import pandas as pd
import pytest
from helpers.made_up_results import write_votes

from lrrc.report.verdicts import fewer_calls
from lrrc.results.scores import Settings
from lrrc.results.summary import Summary
from lrrc.results.votes_records import read_votes

SAVED = {0.0: 0.5, 0.1: 0.25, 0.2: 0.2, 0.3: 0.1}  # threshold -> share of the calls


@pytest.fixture
def folder(tmp_path):
    """Votes whose gate saves what SAVED says, and loses a tenth of the episodes at every threshold."""
    write_votes(tmp_path)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    full = rows[(rows["policy"] == "full-context") & ~rows["gated"]]
    episodes = sorted(full["episode_id"].unique())
    worse = full["episode_id"].map({e: float(i % 10 == 0) for i, e in enumerate(episodes)})
    curve = [
        full.assign(tau=tau, calls=full["calls"] * (1 - saved), success=full["success"] - worse, rank=8, budget=128)
        for tau, saved in SAVED.items()
    ]
    pd.concat(curve).to_parquet(tmp_path / "gate/curve.parquet", index=False)
    return tmp_path


def test_the_highest_threshold_that_saves_enough_is_told(folder):
    records = read_votes(folder, Settings(8, 128))
    found = {r["metric"]: r for r in records if r["evaluation"] == "votes-fewer-calls"}
    assert {r["variant"] for r in found.values()} == {"tau=0.20"}
    assert found["call_reduction_vs_full"]["value"] == pytest.approx(20)
    assert found["success_difference_vs_full"]["value"] == pytest.approx(-10)
    lost = {r["variant"]: r["value"] for r in records if r["metric"] == "no_loss_p" and "tau=0.20" in r["variant"]}
    assert set(lost) == {"tau=0.20 margin=3", "tau=0.20 margin=5"} and min(lost.values()) > 0.5
    (told,) = fewer_calls(Summary.of(records, 8, 128))
    assert "(20.0" in told and "-10.0 (" in told and told.count("is not excluded") == 2


def test_where_no_threshold_saves_enough_nothing_is_told(folder):
    curve = pd.read_parquet(folder / "gate/curve.parquet")
    full = curve["calls"] / (1 - curve["tau"].map(SAVED))
    curve.assign(calls=full * np.float64(0.9)).to_parquet(folder / "gate/curve.parquet", index=False)
    records = read_votes(folder, Settings(8, 128))
    assert not [r for r in records if r["evaluation"] == "votes-fewer-calls"]
    assert fewer_calls(Summary.of(records, 8, 128)) == []
