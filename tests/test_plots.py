"""Figures: numbers drawn are the records, nothing overlaps or falls outside, the same bytes twice."""

import csv
import io

import pytest
import synthetic
from matplotlib.text import Text
from synthetic import checkpoint, history, replay_rows

from lrrc import plots, tables
from lrrc.architecture import SHAPES, architecture, shapes
from lrrc.config import ModelConfig
from lrrc.summary import find, record

HISTORIES = {(8, seed): history(seed, 8) for seed in (0, 1)}


@pytest.fixture(scope="module")
def summary():
    return synthetic.summary()


def figure_shapes():
    config = checkpoint(8, 0)
    return shapes({**config, "model": ModelConfig(**config["model"])}, 128)


FIGURES = {
    "figure1": lambda summary: architecture(figure_shapes()),
    "figure2": lambda summary: plots.success_and_tokens(summary, 8, 128),
    "figure3": lambda summary: plots.rank_tradeoff(summary, 8, 128),
    "figure4": lambda summary: plots.training(HISTORIES, 8, "here"),
    "figure5": lambda summary: plots.dataset(summary),
    "pareto": lambda summary: plots.pareto(summary, 8, 128),
}


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("name", FIGURES)
def test_same_bytes_twice(name, summary, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        plots.save(FIGURES[name](summary), tmp_path / folder / name)
    for kind in ("png", "pdf"):
        one, two = ((tmp_path / folder / f"{name}.{kind}").read_bytes() for folder in ("one", "two"))
        assert one == two and len(one) > 5000
        assert b"CreationDate" not in one and b"matplotlib" not in one.lower()


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_leaves_the_page(name, summary):
    figure = FIGURES[name](summary)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()  # inches, of everything drawn
    width, height = figure.get_size_inches()
    assert box.x0 >= -0.01 and box.y0 >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01


@pytest.mark.parametrize("name", ["figure2", "figure3", "figure5", "pareto"])
def test_every_figure_says_what_it_was_measured_on(name, summary):
    text = words(FIGURES[name](summary)).replace("\n", " ")
    assert "Embedded arena" in text and "judged by a program" in text and "episodes" in text


def test_figure2_draws_the_records_with_standard_errors(summary):
    figure = FIGURES["figure2"](summary)
    right = figure.axes[1]
    heights = [bar.get_height() for bar in right.patches]
    expected = {r["policy"]: r for r in find(summary, metric="tokens_per_episode") if r["rank"] in (None, 8)}
    assert sorted(heights) == pytest.approx(sorted(r["value"] for r in expected.values()))
    rows = replay_rows(40)
    lrrc = rows[(rows.policy == "lrrc") & (rows["rank"] == 8) & rows.gated & (rows.variant == "")]
    error = lrrc.groupby("episode_id").total_tokens.mean().sem()
    assert plots.standard_error(expected["lrrc"]) == pytest.approx(error, rel=1e-6)


def test_pareto_names_overlap_nothing(summary):
    figure = FIGURES["pareto"](summary)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(t) for t in figure.axes[0].texts if "tokens," in t.get_text()]
    assert len(boxes) == 8 + 4  # policies, ranks
    boxes.sort(key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 for below, above in zip(boxes, boxes[1:], strict=False))


def test_training_needs_curves():
    with pytest.raises(ValueError, match="dvc repro train"):
        plots.training({}, 8, "")


def test_architecture_shows_the_shapes_and_names_a_missing_one():
    text = words(architecture(figure_shapes()))
    assert "256 × 8" in text and "at most 128 tokens" in text
    with pytest.raises(ValueError, match="no shape for budget"):
        architecture(dict.fromkeys(SHAPES[:-1], 8))


def test_tables_hold_the_records(summary):
    made = {table.name: table for table in tables.all_tables(summary, 8, 128)}
    names = "policies lrrc_vs_policies tokens ranks ablations gates tests subgroups power dataset training"
    assert set(made) == set(names.split())
    rows = {row["Policy"]: row for row in csv.DictReader(io.StringIO(made["policies"].csv()))}
    saved = record(summary, "token_reduction_vs_full", policy="bm25")
    assert float(rows["BM25"]["Tokens saved, %"]) == saved["value"]
    assert float(rows["BM25"]["Tokens saved, % high"]) == saved["high"]
    assert f"{saved['value']:.1f} [{saved['low']:.1f}, {saved['high']:.1f}]" in made["policies"].markdown()
    variants = [row[0] for row in made["ablations"].rows]
    assert variants[0] == "LRRC r = 8" and {"gate-off", "top_k-2"} <= set(variants)


def test_cells_for_people():
    column = tables.Column("p", "p")
    assert [column.text(p) for p in (0.0001, 0.25, None)] == ["< 0.001", "0.250", "–"]
    table = tables.Table("t", "T", (tables.Column("a|b"), tables.Column("x", ".1f")), (("one|two", 1.25),))
    assert "a\\|b" in table.markdown() and "| one\\|two | 1.2 |" in table.markdown()
