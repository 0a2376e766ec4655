"""The benches compute what they say; how fast anything is, `make bench` says."""

import json
import sys
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from helpers.paths import ROOT
from helpers.policies import served_policy
from helpers.random_episodes import WIDTH, learnable, model, train

from lrrc.dataset.array_file import flatten, write_arrays
from lrrc.dataset.batches import collate
from lrrc.model.network import build_network
from lrrc.params import EMBEDDED
from lrrc.runtime.files import write_json

sys.path.append(str(ROOT / "bench"))

import annotate  # noqa: E402
import compose  # noqa: E402
import overhead  # noqa: E402
import ratio  # noqa: E402
import run  # noqa: E402
import start  # noqa: E402
import train_step  # noqa: E402
from encoder import DECISIVE, cases, found_at  # noqa: E402


def test_targets(capsys):
    Target = ratio.Target
    assert Target("a", 1.0, at_least=0.9).met and not Target("a", 0.89, at_least=0.9).met
    assert Target("a", 0.1, at_most=0.1).met and not Target("a", 0.11, at_most=0.1).met
    assert Target("a", 5.0).met and not Target("a", float("nan")).met
    assert ratio.verdict([Target("a", 1.0, at_least=0.9)], more=3) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"targets": [{"what": "a", "value": 1.0, "at_least": 0.9, "met": True}], "more": 3}
    assert ratio.verdict([Target("a", 1.0), Target("b", 2.0, at_most=1.0)]) == 1


def test_the_least_of_rounds_in_turn():
    ticks, order = iter([0, 5, 5, 6, 6, 8, 8, 12]), []
    rivals = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    assert ratio.least(rivals, 2, lambda: next(ticks)) == {"a": 2, "b": 1}
    assert order == ["a", "b", "a", "b"]


def test_annotation_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["annotate.py", str(ROOT / EMBEDDED), "--rounds", "1"])
    annotate.main()
    shown = json.loads(capsys.readouterr().out)
    assert [target["value"] > 0 for target in shown["targets"]] == [True, True]
    assert shown["messages"] > 1_000 and {*shown["tokens_per_second"]} >= {"annotate", "loop"}


def test_slope():
    assert ratio.slope([0, 1, 2, 5], [3, 5, 7, 13]) == pytest.approx(2)
    rng = np.random.default_rng(0)
    x, y = rng.random(20), rng.random(20)
    assert ratio.slope(x.tolist(), y.tolist()) == pytest.approx(np.polyfit(x, y, 1)[0])


def test_the_help_imports_nothing_heavy():
    modules = start.modules_of_help()
    assert "lrrc.cli" in modules and not {*start.HEAVY} & {*modules}


def test_both_loops_train_the_same_network(tmp_path):
    """In one epoch, after which no earlier one can be the better: bit for bit."""
    warnings.filterwarnings("ignore", module="lightning")
    config = train(max_epochs=1)
    made = [learnable(i, turns=2 + i % 3) for i in range(24)]
    write_arrays(tmp_path / "segments.safetensors", [flatten(made)])
    ids = [episode.episode_id for episode in made]
    write_json(tmp_path / "splits.json", {"train": ids[:20], "val": ids[20:]})
    data, val = train_step.load(tmp_path)
    make, ended = partial(collate, vocabulary=32), {}
    for loop in (train_step.lightning_loop, train_step.plain_loop):
        torch.manual_seed(0)
        net, stamps = build_network("lrrc", 4, WIDTH, model()), train_step.Stamps(3)
        loop(net, stamps, data, val, make, config, 0)
        assert len(stamps.steps) == 2 and min(stamps.steps) > 0  # of three batches
        ended[loop] = net.state_dict()
    left, right = ended.values()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_histories_grow_and_the_state_does_not(monkeypatch):
    monkeypatch.setattr(compose, "LENGTHS", (100, 1_000))
    policy = served_policy(build_network("lrrc", 4, WIDTH, model()), 64)
    found, sizes = compose.growth({"lrrc": policy}, 1)
    assert sizes == {4 * model().d}
    assert {length: {*ways} for length, ways in found["lrrc"].items()} == {
        length: {"next turn", "re-read"} for length in (100, 1_000)
    }
    assert len(compose.turns_of(1_000)) > len(compose.turns_of(100))


def test_pruning_keeps_what_surprises(smollm2):
    from lrrc.episodes.episode import Message

    said = [Message("user", "The cat sat on the mat and the dog sat on the mat. The code is XQ-7731 zebra.")]
    made = compose.prune(smollm2, said, 24)
    assert 0 < made.tokens <= 24
    assert "mat" not in made.text.split() and all(word in made.text.split() for word in ("XQ", "7731", "zebra"))
    assert all(said[0].content[span.start : span.end] in made.text for span in made.spans)


def test_the_encoders_are_asked_what_the_language_model_answered():
    made = cases(ROOT / "data/embedded/gains.parquet", 3, 0)
    assert len(made) == 3
    for asked, pieces, gains_N in made:
        assert asked and len(pieces) == len(gains_N) and gains_N.max() >= DECISIVE


def test_recall_and_share():
    gains = np.array([0.0, 8.0, 4.0, -3.0])
    assert found_at(1, np.array([1, 2, 0, 3]), gains) == (True, 1.0)
    assert found_at(2, np.array([3, 2, 1, 0]), gains) == (False, 0.5)
    assert found_at(1, np.array([3, 2, 1, 0]), gains) == (False, 0.0)


def test_overhead_is_what_is_left():
    items = [{"seconds": 6.0}, {"seconds": 3.0}]
    assert overhead.summarised(10.0, items) == {"share": pytest.approx(0.1), "per_item": 0.5, "work": 9.0}


def test_the_page_shows_the_results():
    page, results = run.PAGE.read_text(encoding="utf-8"), json.loads(run.RESULTS.read_text(encoding="utf-8"))
    assert run.filled(page, results) == page
    assert {*results["benches"]} <= {*run.BENCHES}
    made = {"annotate": {"targets": [{"what": "speed", "value": 0.5, "at_least": 0.9, "met": False}]}}
    assert "| speed: 0.5 | ≥ 0.9 | **missed** |" in run.table(made)
    with pytest.raises(ValueError, match="marks"):
        run.filled("nothing", results)
