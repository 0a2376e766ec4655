"""Adapting: factors are found where they are true, believed to be one where nothing is seen, and declined honestly."""

import json

import numpy as np
import pytest
from evaluation.test_kinds import talk
from helpers.random_episodes import ENCODER
from helpers.word_model import Scorer

from lrrc.cli import main
from lrrc.digest.additive import ADDITIVE_FEATURES, Line
from lrrc.evaluation.kinds import adapting
from lrrc.evaluation.kinds.adapting import GROUPS, adapt, fit_factors, group_values, with_factors
from lrrc.evaluation.kinds.calls import Bounds, draw_calls
from lrrc.policies import untrained
from lrrc.pretrained import language_model, sentence_encoder
from lrrc.pretrained.answers import Answers

PLACE = Line({"newest_message": 0.2, "log_messages_ago": -0.1, "asked_words_in_segment": 0.1, "log_tokens": 0.05})


def test_every_feature_is_in_one_group():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(ADDITIVE_FEATURES)


def test_factors_that_made_the_worth_are_found_and_chance_changes_little():
    rng, true_G = np.random.default_rng(2), np.array([0.4, 1.0, 1.8, 1.0])
    sums = [rng.normal(size=(8, 4)) for _ in range(400)]
    told = [(x, -10 * x @ true_G) for x in sums]
    found = np.array(list(fit_factors(told).values()))
    assert found[0] < 0.85 < 1.2 < found[2] and abs(found[1] - 1) < 0.15
    noise = [(x, rng.normal(size=8)) for x in sums]
    assert np.abs(np.array(list(fit_factors(noise).values())) - 1).max() < 0.35 or min(fit_factors(noise).values()) >= 0


def test_groups_add_up_to_the_line():
    rows_NA = np.random.default_rng(4).normal(size=(5, len(ADDITIVE_FEATURES)))
    line = Line(dict(zip(ADDITIVE_FEATURES, np.linspace(-1, 1, len(ADDITIVE_FEATURES)), strict=True)))
    assert group_values(rows_NA, line).sum(axis=1) == pytest.approx(line.values(rows_NA))
    halved = with_factors(line, {**dict.fromkeys(GROUPS, 1.0), "words": 0.5})
    gone = 0.5 * group_values(rows_NA, line)[:, list(GROUPS).index("words")]
    assert halved.values(rows_NA) == pytest.approx(line.values(rows_NA) - gone)


@pytest.fixture
def logs(tmp_path):
    path = tmp_path / "logs.jsonl"
    path.write_text("\n".join(json.dumps(talk(seed, replies=9)) for seed in range(20)))
    return path


def test_both_halves_are_met_and_each_call_once(logs):
    calls, ticks = draw_calls("logs", logs, Bounds(120, 4000, 800), 16, 0), []
    found = adapt(calls, PLACE, ENCODER, Answers(Scorer()), 60, 24, lambda: ticks.append(1))
    assert len(found.before) == len(found.after) == 16 and len(ticks) == 32
    assert set(found.factors) == set(GROUPS) and min(found.factors.values()) >= 0
    with pytest.raises(ValueError, match="12 are needed"):
        adapt(calls[:11], PLACE, ENCODER, Answers(Scorer()), 60, 24)


@pytest.fixture
def command(logs, tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_encoder, "load", lambda folder: ENCODER)
    monkeypatch.setattr(language_model, "load", lambda folder: Scorer())
    (tmp_path / "line.json").write_text(json.dumps({"weights": dict(PLACE.weights)}))
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
            return adapting.Adapted(line, dict.fromkeys(GROUPS, 1.0), before, after, clusters)

        return fake

    monkeypatch.setattr(adapting, "adapt", made(-0.1))
    assert run() == 2 and not out.exists()
    assert "nothing is gained" in capsys.readouterr().out
    monkeypatch.setattr(adapting, "adapt", made(0.1))
    assert run("--picture", str(out.with_suffix(".png"))) == 0
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads(out.read_text())
    assert kept["calls"] == 14 and kept["gain"][1] > 0 and Line.read(out).weights == PLACE.weights


def test_what_is_wrong_is_told_in_one_line(command, tmp_path, capsys):
    run, _ = command
    assert run("--calls", "3") == 1
    assert capsys.readouterr().err == "lrrc adapt: --calls = 3: allowed is an integer >= 12\n"
    short = tmp_path / "short.jsonl"
    short.write_text(json.dumps(talk(1)))
    assert main(["adapt", str(short), "--budget", "60"]) == 1
    assert "short.jsonl: " in (told := capsys.readouterr().err) and "12 are needed" in told
