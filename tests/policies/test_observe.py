"""Turns taken in together equal turns taken in one by one, bit for bit; an error takes in none of them."""

import numpy as np
import pytest
import torch
from helpers.all_policies import POLICIES
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, episode, histories
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from lrrc.digest.growing_rows import GrowingRows
from lrrc.digest.history import History
from lrrc.digest.words import words_of
from lrrc.episodes.episode import Message
from lrrc.middleware import Coordinator, Settings
from lrrc.policies.untrained import bm25
from lrrc.policy_catalogue import LEARNED

QUESTION = [Message("user", "Lisbon budget? Remember the train.")]
STATEFUL = ("lrrc", *LEARNED, "bm25", "embedding")


def state_of(session):
    """Everything a session knows, as comparable values; arrays as bytes."""
    known = {**vars(session.history), "counts": list(session.tokens_before)}
    if hasattr(session, "net"):
        known |= {"state": session.state_1CD.detach().numpy(), "projected": session.projected_NH}
    del known["encoder"]
    known |= {f"index {name}": value for name, value in vars(known.pop("index")).items()}
    plain = {name: list(value) if isinstance(value, list) else value for name, value in known.items()}
    plain = {name: value.rows if isinstance(value, GrowingRows) else value for name, value in plain.items()}
    return {name: (v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for name, v in plain.items()}


@pytest.mark.parametrize("name", STATEFUL)
@settings(deadline=None, max_examples=15)
@given(turns=histories, cut=st.integers(0, 5))
def test_together_equals_one_by_one(name, turns, cut):
    policy = POLICIES[name]
    apart, together = policy.session(AGENTS), policy.session(AGENTS)
    for turn in turns:
        apart.observe(turn)
    together.observe_all(turns[:cut])
    together.observe_all(turns[cut:])
    assert state_of(apart) == state_of(together)
    assert apart.select(QUESTION, "model_a", 40) == together.select(QUESTION, "model_a", 40)


def test_a_long_history_together():
    made = episode(7, turns=60)
    turns = [[*turn.inputs, *turn.replies] for turn in made.turns]
    for name in STATEFUL:
        apart, together = POLICIES[name].session(AGENTS), POLICIES[name].session(AGENTS)
        for turn in turns:
            apart.observe(turn)
        together.observe_all(turns)
        assert state_of(apart) == state_of(together)


class Failing:
    """Stands before a function and fails at the call of a given number."""

    def __init__(self, function, at):
        self.function, self.left = function, at

    def __call__(self, *args, **options):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("out of luck")
        return self.function(*args, **options)


@pytest.mark.parametrize("part", ["encoder", "encode_turns", "step", "project", "project_turns"])
@pytest.mark.parametrize("at", [1, 3])
def test_all_or_nothing(monkeypatch, part, at):
    policy, turns = POLICIES["lrrc"], [[*t.inputs, *t.replies] for t in episode(3, turns=7, empty=0).turns]
    session = policy.session(AGENTS)
    session.observe_all(turns[:2])
    before, chosen = state_of(session), session.select(QUESTION, "model_a", 40)
    once = {
        "encoder": (ENCODER, "encode"),
        "encode_turns": (policy.net, "encode_turns"),
        "project_turns": (policy.net.decoder, "project_turns"),
    }
    owner, name = once.get(part, (policy.net, part))
    at = 1 if part in once else at  # they are asked once for all turns
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, Failing(getattr(owner, name), at))
        with pytest.raises(RuntimeError, match="out of luck"):
            session.observe_all(turns[2:])
    assert state_of(session) == before and session.select(QUESTION, "model_a", 40) == chosen
    session.observe_all(turns[2:])
    whole = policy.session(AGENTS)
    whole.observe_all(turns)
    assert state_of(session) == state_of(whole)


def test_a_conversation_goes_on_after_an_error(monkeypatch):
    policy = POLICIES["lrrc"]
    made = episode(5, turns=8, agents=("assistant",), system=False, empty=0)
    said = [m for turn in made.turns for m in (*turn.inputs, *turn.replies)]
    messages = [{"role": "user" if m.role == "tool" else m.role, "content": m.content} for m in said]
    messages.append({"role": "user", "content": "Lisbon budget?"})
    settings_ = Settings(rewrite="always", min_tokens=0, turn_tokens=0)
    hurt, sound = Coordinator(policy, settings=settings_), Coordinator(policy, settings=settings_)
    with monkeypatch.context() as patch:
        patch.setattr(policy.net, "step", Failing(policy.net.step, 3))
        with pytest.raises(RuntimeError, match="out of luck"):
            hurt.compose(messages, conversation="talk")
    payload, receipt = hurt.compose(messages, conversation="talk")
    assert (payload, receipt) == sound.compose(messages, conversation="talk")
    assert receipt.digest_tokens > 0


@settings(deadline=None, max_examples=25)
@given(turns=histories, asked=st.text(max_size=30) | st.sampled_from(["the budget, the budget", "Lisbon", "日本語"]))
def test_bm25_equals_an_index_made_anew(turns, asked):
    history = History(AGENTS, POLICIES["bm25"].encoder, LIMIT)
    for turn in turns:
        history.append(turn)
        corpus = [words_of(segment.text) for segment in history.segments]
        if any(corpus):
            scores = BM25Okapi(corpus).get_scores(words_of(asked)) + 1e-9 * np.arange(len(corpus))
            assert bm25(history, asked, "model_a").tobytes() == scores.tobytes()


def test_a_turn_is_indexed_once(monkeypatch):
    """Its segments are cut into words when it is taken in, and never again."""
    history, read, words = History(AGENTS, POLICIES["bm25"].encoder, LIMIT), [], words_of
    for turn in episode(2, turns=6, empty=0).turns:
        history.append([*turn.inputs, *turn.replies])
        with monkeypatch.context() as patch:
            patch.setattr("lrrc.policies.untrained.words_of", lambda text: read.append(text) or words(text))
            bm25(history, "", "model_a")
    assert read == [""] * 6  # the questions


@torch.inference_mode()
def test_the_size_of_the_state_is_constant():
    session = POLICIES["lrrc"].session(AGENTS)
    shape = session.state_1CD.shape
    for turn in episode(4, turns=30).turns:
        session.observe([*turn.inputs, *turn.replies])
        assert session.state_1CD.shape == shape
