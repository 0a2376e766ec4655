"""Adapting: what holds more is chosen, chance is not, and where nothing is gained that is said."""

import json

import numpy as np
import pytest
from evaluation.test_kinds import talk
from helpers.random_episodes import ENCODER
from helpers.word_model import Scorer

from lrrc.cli import main
from lrrc.digest.additive import OF_ORDER, Line
from lrrc.evaluation.kinds import adapting
from lrrc.evaluation.kinds.adapting import ASKED, CHOICES, GROUPS, adapt, best_choice, changed
from lrrc.evaluation.kinds.calls import Bounds, draw_calls
from lrrc.policies import untrained
from lrrc.pretrained import language_model, sentence_encoder
from lrrc.pretrained.answers import Answers

PLACE = Line({"messages_ago": -1.0, "log_sentences_before": -0.3, "own": 1.0}, ordered=True)


def test_what_holds_more_is_chosen_and_chance_is_not():
    rng = np.random.default_rng(2)
    held_KC = rng.normal(size=(5, 1)) * 0 + rng.uniform(size=40)
    each = [f"talk {c}" for c in range(40)]
    assert best_choice(held_KC, each) == 0  # all alike
    better_KC = held_KC + np.array([0, 0.01, 0.2, 0.1, -0.3])[:, None] * rng.uniform(0.5, 1, size=(5, 40))
    assert best_choice(better_KC, each) == 2
    assert best_choice(better_KC, ["one talk"] * 40) == 0  # a single beginning is no evidence
    once_KC = held_KC.copy()
    once_KC[3, 7] += 0.9  # one call of forty
    assert best_choice(once_KC, each) == 0


def test_a_choice_multiplies_its_group_and_adds_what_is_asked():
    assert changed(PLACE, CHOICES[0]).weights == {**PLACE.weights, ASKED: 0.0}
    other = changed(PLACE, {"place": 2.0, "speaker": 0.5, "asked": 4.0})
    assert other.weights == {"messages_ago": -1.0, "log_sentences_before": -0.6, "own": 0.5, ASKED: 4.0}
    assert other.ordered and set(OF_ORDER) == {"messages_ago"}.union(*GROUPS.values())


@pytest.fixture
def logs(tmp_path):
    path = tmp_path / "logs.jsonl"
    path.write_text("\n".join(json.dumps(talk(seed, replies=9)) for seed in range(20)))
    return path


def test_both_halves_are_met_and_each_call_once(logs):
    calls, ticks = draw_calls("logs", logs, Bounds(120, 4000, 800), 16, 0), []
    found = adapt(calls, PLACE, ENCODER, Answers(Scorer()), 60, 24, lambda: ticks.append(1))
    assert len(found.before) == len(found.after) == 16 and len(ticks) == 32
    assert found.chosen in CHOICES and found.line == changed(PLACE, found.chosen)
    with pytest.raises(ValueError, match="12 are needed"):
        adapt(calls[:11], PLACE, ENCODER, Answers(Scorer()), 60, 24)
    with pytest.raises(ValueError, match="4 different beginnings"):
        adapt([calls[0]] * 12, PLACE, ENCODER, Answers(Scorer()), 60, 24)
    with pytest.raises(ValueError, match="not ordered"):
        adapt(calls, Line(PLACE.weights), ENCODER, Answers(Scorer()), 60, 24)


@pytest.fixture
def command(logs, tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_encoder, "load", lambda folder: ENCODER)
    monkeypatch.setattr(language_model, "load", lambda folder: Scorer())
    (tmp_path / "line.json").write_text(json.dumps({"weights": dict(PLACE.weights), "ordered": True}))
    monkeypatch.setattr(untrained, "PACKAGED_LINE", tmp_path / "line.json")
    out = tmp_path / "adapted.json"

    def run(*more):
        return main(["adapt", str(logs), "--out", str(out), "--budget", "60", "--calls", "14", *more])

    return run, out


def test_a_gain_is_written_and_no_gain_is_not(command, monkeypatch, capsys):
    run, out = command

    def made(gain):
        def fake(calls, line, *_):
            before = [2.0 + 0.01 * i for i in range(len(calls))]
            after = [b - gain - 0.001 * (i % 3) for i, b in enumerate(before)]
            clusters = [c.cluster for c in calls]
            return adapting.Adapted(line, CHOICES[0], before, after, clusters)

        return fake

    monkeypatch.setattr(adapting, "adapt", made(-0.1))
    assert run() == 2 and not out.exists()
    assert "nothing is gained" in capsys.readouterr().out
    monkeypatch.setattr(adapting, "adapt", made(0.1))
    assert run("--picture", str(out.with_suffix(".png"))) == 0
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads(out.read_text())
    assert kept["calls"] == 14 and kept["gain"][1] > 0 and Line.read(out) == PLACE


def test_what_is_wrong_is_told_in_one_line(command, tmp_path, capsys):
    run, _ = command
    assert run("--calls", "3") == 1
    assert capsys.readouterr().err == "lrrc adapt: --calls = 3: allowed is an integer >= 12\n"
    short = tmp_path / "short.jsonl"
    short.write_text(json.dumps(talk(1)))
    assert main(["adapt", str(short), "--budget", "60"]) == 1
    assert "short.jsonl: " in (told := capsys.readouterr().err) and "12 are needed" in told
