"""Figures: numbers drawn are the records, nothing overlaps or falls outside, the same bytes twice."""

import csv
import dataclasses
import io

import pytest
from helpers import made_up_results as synthetic
from helpers.made_up_results import checkpoint, history, replay_rows
from matplotlib.text import Text

from lrrc.report.figures.architecture import SHAPES, architecture
from lrrc.report.figures.figure_list import FIGURES, Measured, drawable, lead
from lrrc.report.figures.interactive import interactive
from lrrc.report.figures.paper_figures import training
from lrrc.report.figures.pareto import live_pareto
from lrrc.report.figures.style import save_figure, spread, standard_error
from lrrc.report.tables import replay_tables
from lrrc.report.tables.table import Column, Table

HISTORIES = {(8, seed): history(seed, 8) for seed in (0, 1)}


@pytest.fixture(scope="module")
def summary():
    return synthetic.summary()


def measured(summary):
    return Measured(summary, HISTORIES, checkpoint(8, 0))


def draw(name, summary):
    return FIGURES[name].draw(measured(summary))


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("name", FIGURES)
def test_same_bytes_twice(name, summary, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save_figure(draw(name, summary), tmp_path / folder / name)
    for kind in ("png", "pdf"):
        one, two = ((tmp_path / folder / f"{name}.{kind}").read_bytes() for folder in ("one", "two"))
        assert one == two and len(one) > 5000
        assert b"CreationDate" not in one and b"matplotlib" not in one.lower()


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_leaves_the_page(name, summary):
    figure = draw(name, summary)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()  # inches, of everything drawn
    width, height = figure.get_size_inches()
    assert box.x0 >= -0.01 and box.y0 >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01


@pytest.mark.parametrize("name", ["figure2_arena", "figure3_arena", "figure5", "pareto"])
def test_every_figure_says_what_it_was_measured_on(name, summary):
    text = words(draw(name, summary)).replace("\n", " ")
    assert "Embedded arena" in text and "judged by a program" in text and "episodes" in text


@pytest.mark.parametrize("name", ["figure2", "figure3"])
def test_figures_about_people_are_drawn_from_their_votes(name, summary):
    assert "judged by people" in words(draw(name, summary)).replace("\n", " ")
    elsewhere = dataclasses.replace(summary, budget=64)  # where nobody's votes were measured
    assert elsewhere.by_votes() is elsewhere
    assert "judged by a program" in words(draw(name, synthetic.without("votes"))).replace("\n", " ")


def test_figure2_draws_the_records_with_standard_errors(summary):
    figure = draw("figure2", summary)
    right = figure.axes[1]
    heights = [bar.get_height() for bar in right.patches]
    expected = {
        r["policy"]: r for r in summary.find(evaluation="replay", metric="tokens_per_episode") if r["rank"] in (None, 8)
    }
    assert sorted(heights) == pytest.approx(sorted(r["value"] for r in expected.values()))
    rows = replay_rows(40)
    lrrc = rows[(rows.policy == "lrrc") & (rows["rank"] == 8) & ~rows.gated & (rows.variant == "")]
    error = lrrc.groupby("episode_id").total_tokens.mean().sem()
    assert standard_error(expected["lrrc"]) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "count"), [("pareto", 8 + 4), ("live_pareto", 12 + 4), ("second_pareto", 12 + 1)]
)  # policies, ranks
def test_pareto_names_overlap_nothing(name, count, summary):
    figure = draw(name, summary)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(t) for t in figure.axes[1].texts]
    assert len(boxes) == count
    boxes.sort(key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 0.5 for below, above in zip(boxes, boxes[1:], strict=False))
    assert all(box.y0 >= 0 and box.y1 <= figure.bbox.y1 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert min(box.x0 for box in boxes) >= figure.axes[0].get_window_extent().x1


def test_live_pareto_joins_budgets_and_tells_the_operating_one(summary):
    one = next(one for one in live_pareto(summary).panels[0].series if one.role == "main")
    assert [*map(int, one.beside)] == [32, 64, 128, 256] and one.beside[one.labelled] == "128"
    assert "LRRC r = 8: 2,024 tokens, 54.0 %" in words(draw("live_pareto", summary))


@pytest.mark.parametrize("name", [name for name, figure in FIGURES.items() if figure.plot])
def test_page_and_print_draw_the_same_numbers(name, summary):
    plot = FIGURES[name].plot(measured(summary))
    described = [series for panel in plot.panels for series in panel.series]
    traces = interactive(plot).data
    assert len(traces) == len(described)
    along = "x" if plot.share == "y" else "y"  # panels laid over each other are shifted along y
    assert sorted(map(tuple, (trace[along] for trace in traces))) == sorted(
        tuple(getattr(series, along)) for series in described
    )
    for trace in traces:
        assert len(trace.hovertext) == len(trace.x) == len(trace.y) > 0


def test_labels_are_spread_in_order():
    assert spread([1, 1, 5], 2, 0, 10) == [1, 3, 5]
    assert spread([9, 9, 9], 2, 0, 10) == [6, 8, 10]
    assert spread([], 2, 0, 10) == []


@pytest.mark.parametrize("name", [n for n, p in FIGURES.items() if not p.needs and n not in ("figure1", "figure4")])
def test_figures_of_the_paper_without_outcomes(name):
    text = words(draw(name, synthetic.without("success", "call-gate", "votes"))).lower()
    assert "success (%)" not in text and ("no outcomes recorded" in text) == (name != "figure5")
    assert ("calls per episode" in text) == (name != "figure5")


def test_what_cannot_be_drawn_is_named():
    part = synthetic.without("success", "live", "call-gate")
    assert {"pareto", "live_pareto", "second_pareto", "live_curves", "call_gate"} == set(FIGURES) - set(drawable(part))
    assert lead(part) is None
    assert [text.partition(" is ")[0] for text in part.missing_parts()] == [
        "Preference success",
        "Live success",
        "The curve of the call gate",
    ]
    assert lead(synthetic.without("live")) == "pareto" and lead(synthetic.summary()) == "live_curves"
    names = {t.name for t in replay_tables.all_tables(part)}
    assert not names & {"live", "live_details", "call_gate", "tests", "power"} and {"fidelity", "policies"} <= names


def test_training_needs_curves():
    with pytest.raises(ValueError, match="dvc repro train"):
        training(synthetic.summary(), {})


def test_architecture_shows_the_shapes_and_names_a_missing_one():
    text = words(draw("figure1", synthetic.summary()))
    assert "256 × 8" in text and "at most 128 tokens" in text
    with pytest.raises(ValueError, match="no shape for budget"):
        architecture(dict.fromkeys(SHAPES[:-1], 8))


def test_tables_hold_the_records(summary):
    made = {t.name: t for t in replay_tables.all_tables(summary)}
    names = "live live_details live_second live_families live_ablations fidelity transfer call_gate policies "
    names += "lrrc_vs_policies tokens ranks ablations gates tests subgroups power dataset training live_curves "
    names += "live_equal_tokens tuned "
    names += "votes votes_variants votes_gates votes_call_gate votes_no_loss kinds_128 kinds_256 "
    names += "kinds_words_128 kinds_words_256 recall_chess team_pairs team_kinds team_gate "
    names += "team_gate_readers team_headroom"
    assert set(made) == set(names.split())
    rows = {row["Policy"]: row for row in csv.DictReader(io.StringIO(made["policies"].csv()))}
    saved = summary.record("token_reduction_vs_full", evaluation="replay", policy="bm25")
    assert float(rows["BM25"]["Tokens saved, %"]) == saved["value"]
    assert float(rows["BM25"]["Tokens saved, % high"]) == saved["high"]
    assert f"{saved['value']:.1f} [{saved['low']:.1f}, {saved['high']:.1f}]" in made["policies"].markdown()
    variants = [row[0] for row in made["ablations"].rows]
    assert variants[0] == "LRRC r = 8" and {"call-gate-on", "top_k-2"} <= set(variants)


def test_live_tables(summary):
    made = {t.name: t for t in replay_tables.all_tables(summary)}
    matrix = {row[0]: row for row in made["live"].rows}
    assert matrix["LRRC r = 8"][1::3] == (44.0, 50.0, 54.0, 52.0, None)
    assert matrix["Full-Context"][1:13] == (None,) * 12 and matrix["Full-Context"][13] == 41.0
    header, rows = made["live_details"].shown()
    assert header == [
        "Policy",
        "Budget",
        "Tokens / episode",
        "Tokens saved, %",
        "Prompt tokens / check",
        "Live success, %",
        "Points vs Full-Context",
        "p",
        "LRRC minus it, points",
        "p ",
    ]
    assert [
        "BM25",
        "128",
        "2,024",
        "48.1 [47.1, 49.1]",
        "506",
        "50.0 [47.0, 53.0]",
        "+9.0 [+5.5, +12.5]",
        "0.020",
        "+4.0 [+1.0, +7.0]",
        "0.040",
    ] in rows
    families = made["live_families"]
    assert "rule: standing rules: set once by the user" in families.note
    assert (
        "answered right: LRRC r = 8 54 % [44, 64], BM25 50 %" in families.note and "rule (n = 58), %" in families.csv()
    )
    assert made["live_ablations"].rows[0][0] == "LRRC r = 8" and len(made["live_ablations"].rows) == 9
    assert {row[0] for row in made["fidelity"].rows} == {
        "embedded arena, small local models",
        "MT-Bench human judgments",
        "tau-bench airline logs",
    }
    assert [row[0] for row in made["call_gate"].rows][:2] == ["tau=0.30", "tau=0.40"]


def test_cells_for_people():
    column = Column("p", "p")
    assert [column.text(p) for p in (0.0001, 0.25, None)] == ["< 0.001", "0.250", "–"]
    made = Table("t", "T", (Column("a|b"), Column("x", ".1f")), (("one|two", 1.25),))
    assert "a\\|b" in made.markdown() and "| one\\|two | 1.2 |" in made.markdown()
