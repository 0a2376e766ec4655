"""The stage team from end to end, with agents that need no model; its figures, plots and tables."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.checkpoints import write_checkpoint
from helpers.paths import ROOT

from lrrc.episodes.team.episode import read_team, write_team
from lrrc.evaluation.team import stage
from lrrc.evaluation.team.ablations import evaluate_ablations
from lrrc.evaluation.team.readers import Readers
from lrrc.params import TeamAblateConfig, load_params, parse_params
from lrrc.policies.caller import load_gate
from lrrc.report.figures.team_figures import against_success
from lrrc.report.page import render
from lrrc.report.tables.team_tables import team_tables
from lrrc.results import team_records
from lrrc.results.team_records import Money, one, with_money

ARENA = read_team(ROOT / "data/embedded/team.parquet")[: stage.RESERVED + 12]
PRICES = Money(2.0, 1.0, 10.0)


class Known(Readers):
    """Readers where the stage has models."""

    new, used = 0, {}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder that the stage wrote, over six episodes."""
    root = tmp_path_factory.mktemp("team")
    write_team(root / "team.parquet", ARENA)
    write_checkpoint(root, rank=4)
    (root / "models/train-r8-s0").rename(root / "models/train-r4-s0")
    params = load_params(ROOT / "params.yaml")
    few = {"episodes": 6, "calibrate": 3, "folds": 2, "seeds": (0, 1), "taught": 6, "epochs": 1}
    pairs = ("lrrc/all", "full-context/all", "lrrc/oracle")
    team, parts = dataclasses.replace(params.team, **few, pairs=pairs), TeamAblateConfig(("state-off",), 2)
    params = dataclasses.replace(params, rank=4, ranks=(4,), team=team, team_ablate=parts)
    patch = pytest.MonkeyPatch()
    patch.setattr(stage, "remembering", lambda *_: Known(ARENA))
    places = stage.Places(
        root / "models",
        root / "data/encoder",
        ROOT / "data/embedded/arena.parquet",
        root / "team.parquet",
        root,
        root / "none",
        root / "out",
        root / "cache",
    )
    with patch.context():
        stage.evaluate_team(places, params)
        evaluate_ablations(places, root / "out/gate", params, root / "ablations.parquet")
    patch.undo()
    return root / "out"


@pytest.fixture(scope="module")
def figures(played):
    return team_records.read_team(played, played.parent / "ablations.parquet", PRICES)


def test_every_pair_meets_the_same_requests(played):
    rows = pd.read_parquet(played / "rows.parquet")
    met = {
        pair: set(zip(some["episode_id"], some["turn"], strict=True))
        for pair, some in rows.groupby(["payload", "call"])
    }
    assert set(met) == {("lrrc", "all"), ("full-context", "all"), ("lrrc", "oracle"), ("lrrc", "lrrc")}
    assert len({frozenset(each) for each in met.values()}) == 1
    assert (rows["calls"] == rows["called"].map(len)).all()


def test_what_is_played_and_what_calibrates_are_apart(played):
    """And a longer run begins with the episodes of a shorter one."""
    order = stage.drawn(ARENA, 0)
    names = set(pd.read_parquet(played / "rows.parquet")["episode_id"])
    assert names == {episode.episode_id for episode in order[:6]}
    assert not names & set(pd.read_parquet(played / "headroom.parquet")["episode_id"])


def test_the_gate_that_is_written_can_be_read(played):
    gate = load_gate(played / "gate")
    assert len(gate.nets) == 2 and 0 <= gate.threshold <= 1


def test_readers_make_everybody_with_everything_right(figures):
    full = one(figures, part="played", payload="full-context", call="all", kind="all", metric="success")
    assert full["value"] == 1 and full["episodes"] == 6
    saved = one(figures, part="against", payload="lrrc", call="oracle", metric="calls_saved")
    assert saved["value"] > 50 and saved["low"] <= saved["value"] <= saved["high"]


def test_figures_are_named_once_and_can_be_drawn(figures):
    found = figures
    names = [tuple(each[k] for k in ("part", "payload", "call", "changed", "kind", "metric")) for each in found]
    assert len(set(names)) == len(names)
    for metric in ("calls", "tokens"):
        plot = against_success(found, metric, "x")
        assert any(series.role == "reference" for series in plot.panels[0].series)
    shown = "\n".join(table.markdown() for table in team_tables(found))
    assert "state-off" in shown and "oracle (knows who)" in shown and "LRRC's gate" in shown
    json.dumps(found)


def test_the_page_shows_who_was_called_and_what_each_was_sent(played):
    shown = json.loads((played / "shown.json").read_text())
    rows = pd.read_parquet(played / "rows.parquet")
    gated = rows[(rows["call"] == "lrrc") & (rows["episode_id"] == shown[0]["episode_id"])]
    asked = [turn for turn in shown[0]["turns"] if "question" in turn]
    assert [sum(each["call"] is not None for each in turn["judged"]) for turn in asked] == gated["calls"].tolist()
    page = render("team.html.j2", {"team": [{**shown[0], "episode_id": "<script>"}]})
    assert "<script>" not in page and all(agent["name"] in page for agent in shown[0]["agents"])
    assert page.count("not called") == sum(each["call"] is None for turn in asked for each in turn["judged"])


def test_ablations_are_set_against_the_whole_gate_of_the_same_seed(figures):
    parts = {"part": "gate-readers", "call": "best agent"}
    gap = one(figures, **parts, changed="state-off", metric="success_minus_whole_gate")
    mine, whole = (one(figures, **parts, changed=v, metric="success")["value"] for v in ("state-off", ""))
    assert gap["value"] == pytest.approx(100 * (mine - whole)) and gap["seeds"] == 2


def test_money_counts_cached_tokens_at_their_price():
    rows = pd.DataFrame({"prompt_tokens": [100], "reusable_tokens": [40], "completion_tokens": [10]})
    found = with_money(rows, PRICES).iloc[0]
    assert found["tokens"] == 110
    assert found["money"] == pytest.approx((200 + 100) / 1e6)
    assert found["money_cached"] == pytest.approx((60 * 2 + 40 + 100) / 1e6)


def test_requests_of_an_episode_are_drawn_together():
    """The interval of 40 requests in four like episodes is that of four draws, not of forty."""
    rng = np.random.default_rng(1)
    right = np.repeat(rng.random(4), 10)
    rows = pd.DataFrame({"payload": "lrrc", "call": "all", "kind": "said", "right": 1.0, "calls": right})
    rows["episode_id"] = np.repeat(list("abcd"), 10)
    rows[["tokens", "prompt_tokens", "completion_tokens", "money", "money_cached"]] = 1.0
    found = next(f for f in team_records.played(rows) if f["metric"] == "calls" and f["kind"] == "all")
    means = np.repeat(right[::10], 1)
    assert found["high"] - found["value"] == pytest.approx(3.182446 * means.std(ddof=1) / 2, rel=1e-4)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="dvc repro team"):
        team_records.read_team(tmp_path, tmp_path / "none.parquet", PRICES)


@pytest.mark.parametrize(
    ("section", "key", "value", "told"),
    [
        ("team", "pairs", ["lrrc/nobody"], "PAYLOAD/CALL"),
        ("team", "pairs", ["nothing/all"], "PAYLOAD/CALL"),
        ("team", "seeds", [1, 1], "different"),
        ("team", "taught_seed", 0, "team_arena.seed"),
        ("team_prices", "cached", -1, "number"),
        ("team_arena", "episodes", 1, "integer"),
    ],
)
def test_impossible_parameters_are_refused(section, key, value, told):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values[section][key] = value
    with pytest.raises(ValueError, match=told):
        parse_params(values)
