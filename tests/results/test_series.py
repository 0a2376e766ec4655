"""Series for `dvc plots` and the headline for `dvc metrics`: the numbers of the records, in rows of the same keys."""

import json

import pytest
import yaml
from helpers import made_up_results
from helpers.paths import ROOT

from lrrc.results import series
from lrrc.results.summary import Summary


@pytest.fixture(scope="module")
def summary():
    return made_up_results.summary()


def test_points_are_means_over_the_fits_that_came_so_far():
    rows = [
        {"fold": fold, "epoch": epoch, "val_loss": loss}
        for fold, losses in (("main", (4.0, 2.0)), ("0", (6.0,)))
        for epoch, loss in enumerate(losses)
    ]
    points = series.training_points({(8, 0): rows})
    assert points == [
        {"series": "r = 8", "epoch": 0, "val_loss": 5.0},
        {"series": "r = 8", "epoch": 1, "val_loss": 2.0},
    ]


@pytest.mark.parametrize("made", [series.live_points, series.recorded_points, series.gate_points, series.regret_points])
def test_dvc_can_draw_them(summary, made):
    points = made(summary)
    assert points and len({tuple(point) for point in points}) == 1  # rows of other keys are refused


def test_regret_is_what_the_best_policy_there_has_more(summary):
    for point in series.regret_points(summary):
        assert point["regret"] >= 0 and (point["regret"] == 0 or point["best"] != f"LRRC r = {summary.rank}")


def test_the_headline_is_of_the_operating_point(summary):
    found = series.headline(summary)
    at = {"policy": "lrrc", "rank": summary.rank, "budget": summary.budget}
    assert found["live"]["checks right, %"] == 100 * summary.value("live_success", evaluation="live", **at)
    assert sum(map(len, found.values())) <= 12


def test_nothing_measured_gives_no_points():
    nothing = Summary((), 8, 128)
    assert series.live_points(nothing) == series.rank_points(nothing) == series.gate_points(nothing) == []


def test_plots_name_fields_and_templates_that_are_there():
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    drawn = [(title, plot) for entry in plots if isinstance(entry, dict) for title, plot in entry.items()]
    assert len(drawn) > 5
    for title, plot in drawn:
        ((file, field),) = plot["y"].items()
        points = json.loads((ROOT / file).read_text(encoding="utf-8"))
        assert points and {plot["x"], field} <= set(points[0]), title
        template = ROOT / f".dvc/plots/{plot['template']}.json"
        assert plot["template"] in ("simple", "linear") or json.loads(template.read_text(encoding="utf-8")), title
