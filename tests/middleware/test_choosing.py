"""`Coordinator.choose`: which agents of a message list to call; and the example that orchestrates a team with it."""

import importlib.util
import json

import pytest
import torch
from helpers.checkpoints import write_encoder
from helpers.paths import ROOT
from helpers.random_episodes import WIDTH
from helpers.word_model import Scorer

from lrrc.episodes.team.episode import read_team
from lrrc.evaluation.team.answering import TeamAgents
from lrrc.middleware import Coordinator
from lrrc.model.caller import Caller, CallerShape
from lrrc.policies.caller import save_gate

AGENTS = ["Fir", "Oak", "Pine"]
TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Does anybody know about the boathouse?"},
    {"role": "assistant", "name": "Oak", "content": "The boathouse is on my sheet."},
    {"role": "assistant", "name": "Fir", "content": "Not on mine."},
    {"role": "user", "content": "What opens the boathouse?"},
]


@pytest.fixture
def made(tmp_path):
    """A coordinator with an encoder of its own, and a gate."""
    torch.manual_seed(0)
    (tmp_path / "encoder").mkdir()
    write_encoder(tmp_path / "encoder")
    save_gate(tmp_path / "gate", [Caller(CallerShape(WIDTH, d=16, width=8))], 0.5)
    return Coordinator("bm25", 40, encoder=tmp_path / "encoder"), tmp_path / "gate"


def test_every_agent_is_judged_and_one_at_least_is_called(made):
    coordinator, gate = made
    choices = coordinator.choose(TALK, AGENTS, gate)
    assert [choice.agent for choice in choices] == AGENTS
    assert any(choice.called for choice in choices)
    assert json.loads(json.dumps(choices)) == [list(choice) for choice in choices]
    assert all(0 <= choice.probability <= 1 for choice in choices)
    assert max(choices, key=lambda choice: choice.probability).called
    assert [choice.reason for choice in choices] == [
        "said nothing on this",
        "said: The boathouse is on my sheet.",
        "has not spoken",
    ]


def test_the_order_of_agents_does_not_matter(made):
    coordinator, gate = made
    here = {choice.agent: choice.probability for choice in coordinator.choose(TALK, AGENTS, gate)}
    there = {choice.agent: choice.probability for choice in coordinator.choose(TALK, AGENTS[::-1], gate)}
    assert here == pytest.approx(there, abs=1e-5)


def test_one_agent_without_a_history(made):
    coordinator, gate = made
    (choice,) = coordinator.choose(TALK[-1:], ["Fir"], gate)
    assert choice.called and choice.reason == "has not spoken"


@pytest.mark.parametrize(
    ("messages", "agents", "told"),
    [
        (TALK, [], "agents"),
        (TALK, "Fir", "agents"),
        (TALK, ["Fir", "Fir"], "agents"),
        (TALK[:-1], AGENTS, "ends with a user's message"),
        ([], AGENTS, "ends with a user's message"),
        ("hello", AGENTS, "a list of messages"),
        ([*TALK[:-1], {"role": "user", "content": 3}], AGENTS, "messages"),
    ],
)
def test_what_cannot_be_chosen_from_is_said_in_a_line(made, messages, agents, told):
    coordinator, gate = made
    with pytest.raises(ValueError, match=told) as error:
        coordinator.choose(messages, agents, gate)
    assert "\n" not in str(error.value)


def test_a_gate_that_is_not_there_is_named(made, tmp_path):
    with pytest.raises(ValueError, match="no call gate here"):
        made[0].choose(TALK, AGENTS, tmp_path / "elsewhere")


def test_a_gate_for_other_vectors_is_refused(made, tmp_path):
    save_gate(tmp_path / "wide", [Caller(CallerShape(2 * WIDTH, d=16, width=8))], 0.5)
    with pytest.raises(ValueError, match=f"width {2 * WIDTH}"):
        made[0].choose(TALK, AGENTS, tmp_path / "wide")


def example():
    spec = importlib.util.spec_from_file_location("team_example", ROOT / "examples/team.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Words(Scorer):
    begin, lead = (), ""


def test_the_example_plays_a_conversation_both_ways(made, capsys):
    """The same requests, fewer prompt tokens, and who was called is printed."""
    coordinator, gate = made
    team, scorer = example(), Words()
    models = TeamAgents(lambda: dict.fromkeys(team.MODELS, scorer))
    episode = next(e for e in read_team(ROOT / "data/embedded/team.parquet") if len(e.agents) == 3)
    everybody = team.play(episode, models, None, None)
    chosen = team.play(episode, models, coordinator, gate)
    assert everybody["requests"] == chosen["requests"] == len(episode.requests)
    assert everybody["calls"] == 3 * len(episode.requests) >= chosen["calls"]
    assert chosen["prompt"] < everybody["prompt"]
    printed = capsys.readouterr().out
    assert printed.count("->") == chosen["calls"]
    assert all(request.question in printed for request in episode.requests)


def test_the_example_names_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["team.py", "--arena", str(tmp_path / "none.parquet")])
    assert example().main() == 1
    assert capsys.readouterr().err.startswith("team.py: ")
