"""The closed loop of the team arena: calls, payloads, answers by content, the gate that learns from them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.paths import ROOT
from helpers.policies import ENCODER, made_policy
from helpers.word_model import NEW, SEEN, Scorer

from lrrc.digest.agent_view import look
from lrrc.digest.history import History
from lrrc.episodes.episode import Message
from lrrc.episodes.team.episode import read_team
from lrrc.episodes.team.wording import NOTHING
from lrrc.evaluation.team import headroom
from lrrc.evaluation.team.answering import Opinion, TeamAgents
from lrrc.evaluation.team.calls import CallPolicy, Situation, untrained
from lrrc.evaluation.team.gate import Recording, all_called, calibrate, chosen_at, teach, thresholds
from lrrc.evaluation.team.loop import Table, play, row
from lrrc.evaluation.team.readers import Readers
from lrrc.model.batch import PAD
from lrrc.model.caller import Caller, CallerShape, by_turn
from lrrc.params import TEAM_CALLS
from lrrc.policies.caller import CallGate, load_gate, save_gate
from lrrc.pretrained.answers import read_journals

EPISODES = read_team(ROOT / "data/embedded/team.parquet")[:12]
FULL = made_policy("full-context", None)


def table(agents=None, **thresholds):
    return Table(agents or Readers(EPISODES), ENCODER, thresholds, 128, 60)


def rows_of(calls, policy=FULL, episodes=EPISODES, **thresholds):
    return [
        row(episode, request, made)
        for episode in episodes
        for request, _, made in play(episode, policy, calls, table(**thresholds))
    ]


class Spy:
    """Agents that answer the first option, and remember what they were sent."""

    def __init__(self, confidence=1.0):
        self.chats, self.confidence = [], confidence

    def opinion(self, model, chat, question, options):
        self.chats.append(chat)
        return Opinion(0, self.confidence)


@pytest.mark.parametrize("name", untrained())
def test_a_call_policy_calls_known_agents_once(name):
    for each in rows_of(untrained()[name]):
        assert len(each["called"]) == len(set(each["called"])) == each["calls"] >= 1
        assert all(0 <= agent < each["agents"] for agent in each["called"])
        assert each["calls"] == each["agents"] or name != "all"


def test_readers_with_everything_are_right_and_the_oracle_needs_one_call():
    everybody, oracle = rows_of(untrained()["all"]), rows_of(untrained()["oracle"])
    assert np.mean([each["right"] for each in everybody]) == 1
    assert np.mean([each["right"] for each in oracle]) == 1
    assert all(each["calls"] == 1 for each in oracle)
    alone = rows_of(untrained()["random"])
    assert np.mean([each["right"] for each in alone if each["kind"] == "private"]) < 0.8


def test_an_agent_gets_its_own_notes_the_history_and_the_question():
    spy, episode = Spy(), EPISODES[0]
    play(episode, FULL, CallPolicy(), table(spy))
    first = episode.requests[0]
    chats = spy.chats[: len(episode.agents)]
    for agent, chat in zip(episode.agents, chats, strict=True):
        assert chat[0] == ("system", agent.system)
        assert chat[-1] == ("user", episode.turns[first.turn].message)
        others = [note for other in episode.agents if other != agent for note in other.notes]
        assert not any(note in content for _, content in chat[:1] for note in others)
        own = [
            reply.content for turn in episode.turns[: first.turn] for reply in turn.replies if reply.name == agent.name
        ]
        assert [content for role, content in chat if role == "assistant"] == own


def test_what_is_answered_becomes_history_and_an_unsure_agent_says_so():
    """Both ways: the reply of a called agent stands in the next payload, nobody else's does."""
    episode = EPISODES[0]
    first, second = episode.requests[:2]
    for sure, said in ((1.0, first.options[0]), (-1.0, NOTHING)):
        spy = Spy(sure)
        made = play(episode, FULL, untrained()["in-turn"], table(spy, **{a.model: 0.0 for a in episode.agents}))
        assert made[0][2][0].says == said
        heard = [content for _, content in spy.chats[1]]
        assert any(said in content for content in heard)
        assert second.turn > first.turn


def test_the_same_prefix_is_reusable_and_tokens_add_up():
    for each in rows_of(untrained()["all"]):
        assert 0 <= each["reusable_tokens"] <= each["prompt_tokens"]
    grown = rows_of(untrained()["all"], episodes=EPISODES[:1])
    assert grown[-1]["reusable_tokens"] > grown[0]["reusable_tokens"] == 0


def test_a_call_policy_does_not_see_the_replies_it_decides_on():
    """What it is shown of the history ends before the request's turn."""

    class Looking(CallPolicy):
        def choose(self, here):
            assert here.heard.turns == here.request.turn
            assert not len(here.heard.turn_N) or here.heard.turn_N.max() < here.request.turn
            return super().choose(here)

    rows_of(Looking())


# answers by content


class OtherScorer(Scorer):
    begin, lead = (), ""


def test_answers_are_remembered_by_content(tmp_path, monkeypatch):
    scorer = OtherScorer()
    agents = TeamAgents(lambda: {"m": scorer}, journal=tmp_path / "a.jsonl")
    chat = (("system", "The code is blue"), ("user", "What is it?"))
    options = ("It is blue", "It is green")
    first = agents.opinion("m", chat, "What is it?", options)
    assert first.choice == 0 and agents.new == 2
    assert first.confidence == pytest.approx(
        (SEEN - NEW) / 4, abs=1e-3
    )  # one word of three, and the end of the message
    known = read_journals(tmp_path)

    def refuse():
        raise AssertionError("no model is needed")

    assert TeamAgents(refuse, known).opinion("m", chat, "What is it?", options) == first
    with pytest.raises(AssertionError, match="no model"):
        TeamAgents(refuse, known).opinion("m", chat, "Where is it?", options)


def test_thresholds_let_most_right_answers_pass():
    answered = [
        headroom.Answered("e", 0, "said", "town", "m", given, right, confidence)
        for given, right, confidence in [
            *(("facts", True, float(i)) for i in range(101)),
            ("facts", False, -9.0),
            ("nothing", True, -9.0),
        ]
    ]
    assert headroom.thresholds(answered) == {"m": pytest.approx(5.0)}


def test_headroom_gives_what_it_says():
    found = headroom.measure(Readers(EPISODES), EPISODES, 3)
    right = {given: [each.right for each in found if each.given == given] for given in headroom.GIVEN}
    assert np.mean(right["facts"]) == np.mean(right["everything"]) == 1
    hidden = [each.right for each in found if each.given == "nothing" and each.kind != "talk"]
    assert np.mean(hidden) < 0.5
    whole = {each.episode_id for each in found if each.given == "everything"}
    assert whole == {episode.episode_id for episode in EPISODES[::3]}


# the gate


def recorded(episodes=EPISODES):
    asked = []
    for episode in episodes:
        recording = Recording()
        asked += all_called(episode, play(episode, FULL, recording, table(Readers(episodes))), recording)
    return asked


def gate_of(seed=0, **shape):
    torch.manual_seed(seed)
    return CallGate((Caller(CallerShape(ENCODER.width, d=16, width=8, **shape)).eval(),), 0.5)


@pytest.mark.parametrize("off", [{}, {"state": False}, {"own": False}, {"low_rank": False}, {"gate": False}])
def test_exchanging_agents_exchanges_their_probabilities(off):
    gate = gate_of(**off)
    for each in recorded(EPISODES[:3]):
        here = gate.probabilities(each.seen)
        assert gate.probabilities(each.seen[::-1]) == pytest.approx(here[::-1], abs=1e-5)


def test_padding_changes_no_probability():
    gate, asked = gate_of(), recorded(EPISODES[:3])
    alone = [gate.probabilities(each.seen) for each in asked]
    together = gate.probabilities([view for each in asked for view in each.seen])
    assert together == pytest.approx(np.concatenate(alone), abs=1e-5)


def test_segments_stand_in_their_turns():
    seen = torch.arange(1.0, 11.0).view(2, 5, 1)
    turns = torch.tensor([[0, 0, 2, PAD, PAD], [1, 1, 1, 2, PAD]])
    found, there = by_turn(seen, turns)
    assert found[..., 0].tolist() == [[[1, 2, 0], [0, 0, 0], [3, 0, 0]], [[0, 0, 0], [6, 7, 8], [9, 0, 0]]]
    assert (there == (found[..., 0] > 0)).all()


def test_any_number_of_agents_and_no_history():
    gate = gate_of()
    for count in (1, 2, 7):
        history = History([f"agent {i}" for i in range(count)], ENCODER, 60)
        assert len(gate.choose(history, "Who has the keys?")) == count
        assert sum(choice.called for choice in gate.choose(history, "Who has the keys?")) >= 1


def test_a_view_knows_who_speaks_and_who_is_named():
    history = History(["Fir", "Oak"], ENCODER, 60)
    said = [
        Message("user", "Who has the keys?"),
        Message("assistant", "Oak has the keys.", "Fir"),
        Message("assistant", "Not me.", "Oak"),
    ]
    history.append(said)
    fir, oak = look(history, "Where are the keys?")
    assert fir.speaker_N.tolist() == [0, 1, 2] and oak.speaker_N.tolist() == [0, 2, 1]
    assert fir.naming_N2.tolist() == [[0, 0], [0, 1], [0, 0]] and oak.naming_N2.tolist() == [[0, 0], [1, 0], [0, 0]]


def test_the_threshold_is_the_highest_that_loses_no_more_than_the_margin():
    asked = recorded()
    chances = [np.where(each.right_M, 0.9, 0.2) for each in asked]  # knows who is right
    assert calibrate(asked, chances, 0.0) == pytest.approx(1.0)
    blind = [np.where(each.right_M, 0.2, 0.9) for each in asked]  # calls whoever is wrong first
    assert calibrate(asked, blind, 0.0) <= 0.2
    assert chosen_at(np.array([0.1, 0.4, 0.3]), 0.35) == [1]
    assert chosen_at(np.array([0.1, 0.2, 0.3]), 0.9) == [2]


def test_every_fold_has_a_threshold_of_the_other_folds(monkeypatch):
    asked = recorded()
    folds = {episode.episode_id: i % 3 for i, episode in enumerate(EPISODES)}
    seen = []
    monkeypatch.setattr(
        "lrrc.evaluation.team.gate.calibrate",
        lambda some, *_: seen.append({each.episode.episode_id for each in some}) or 0.1 * len(seen),
    )
    found = thresholds(asked, [np.zeros(len(each.seen)) for each in asked], folds, 0.0)
    for fold, names in enumerate(seen):
        assert names == {name for name, other in folds.items() if other != fold}
    assert found == pytest.approx({0: 0.1, 1: 0.2, 2: 0.3})


def test_a_gate_learns_who_has_the_notes():
    """Where an agent's having said so is all that tells: better than by chance on episodes not trained on, and as sure
    as it may be."""
    episodes = read_team(ROOT / "data/embedded/team.parquet")[:16]
    asked = [each for each in recorded(episodes) if each.request.kind in ("private", "joint")]
    for each in asked:  # the holder is right, nobody else is
        each.right_M[:] = [agent.name in each.request.holders for agent in each.episode.agents]
    names = [episode.episode_id for episode in episodes]
    some, others = ([each for each in asked if each.episode.episode_id in half] for half in (names[:10], names[10:]))
    taught = teach(some, CallerShape(ENCODER.width, state=False), [0, 1], 25)
    gate = CallGate(taught.nets, 0.0)
    chances = [gate.probabilities(each.seen) for each in others]
    first = [each.forwarded_right([int(np.argmax(chance))]) for each, chance in zip(others, chances, strict=True)]
    assert np.mean(first) > np.mean([1 / len(each.seen) for each in others]) + 0.1
    assert taught.gain > 0  # nets are no surer than validation episodes bear out


def test_a_saved_gate_is_the_same(tmp_path):
    gate, asked = replace(gate_of(), threshold=0.25), recorded(EPISODES[:1])
    save_gate(tmp_path / "gate", gate.nets, gate.threshold)
    again = load_gate(tmp_path / "gate")
    assert again.threshold == 0.25
    assert again.probabilities(asked[0].seen) == pytest.approx(gate.probabilities(asked[0].seen), abs=1e-5)
    assert json.loads((tmp_path / "gate/config.json").read_text())["nets"] == 1
    with pytest.raises(ValueError, match="dvc repro team"):
        load_gate(tmp_path / "nowhere")


def test_a_situation_has_a_stream_of_chance_of_its_own():
    episode = EPISODES[0]
    one, other = (
        Situation(episode, History(episode.names, ENCODER, 60), request, None) for request in episode.requests[:2]
    )
    assert one.chance.random() == one.chance.random() != other.chance.random()


def test_the_parameters_name_every_call_policy():
    assert set(TEAM_CALLS) == set(untrained())
