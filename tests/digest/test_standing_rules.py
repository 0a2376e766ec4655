"""Standing rules: which segments teach, which stand, and that a digest holds them whatever is asked."""

import dataclasses

import numpy as np
import torch
from helpers.policies import digest_of, made_policy
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, WIDTH, compose, history_of
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.dataset.standing_labels import NO_RULE, RULE, TELLING_GAIN, UNKNOWN, standing_labels
from lrrc.digest.history import History
from lrrc.digest.standing_rules import rules_in_force
from lrrc.digest.writer import LABEL_TOKENS
from lrrc.episodes.episode import Check, Episode, Message, Turn
from lrrc.model.network import build_network
from lrrc.params import load_params


def turn(said, *replies):
    return Turn(
        (Message("user", said),), tuple(Message("assistant", r, a) for r, a in zip(replies, AGENTS, strict=False))
    )


def rule_episode():
    turns = (
        turn("Call me Skipper from here on. The kettle sings. Tomas is greeted as Doc.", "Aye, Skipper.", "Fine."),
        turn("Rain again today.", "Yes.", "So it is."),
        turn("Say hello to me properly, will you?", "Good evening.", "Hello."),
    )
    options = ("Good evening, Doc.", "Good evening, Skipper.", "Good evening, Ace.")
    check = Check(2, "rule", "Say hello to me properly, will you?", options, 1, 0, (1, 1))
    return Episode("x", AGENTS, AGENTS, (), turns, "tie", None, "x", None, None, (check,))


def test_a_rule_is_what_the_user_said_that_tells_the_answers_apart():
    made = rule_episode()
    history = history_of(dataclasses.replace(made))
    labels = standing_labels(made, history, {})
    texts = [history.segments[i].text for i in np.flatnonzero(labels == RULE)]
    assert texts == ["Call me Skipper from here on."]  # not what the agent said, nor the wrong options' words
    assert (labels >= 0).all()

    gains = np.zeros(len(labels), np.float32)
    gains[0] = TELLING_GAIN + 1
    assert (standing_labels(made, history, {(2, 0): gains}) == labels).all()
    gains[0] = TELLING_GAIN - 1  # says the word, but not as a rule
    assert not (standing_labels(made, history, {(2, 0): gains}) == RULE).any()
    gains[0] = 9.0

    nothing_known = standing_labels(dataclasses.replace(made, checks=()), history, {})
    assert (nothing_known == UNKNOWN).all()
    facts_only = dataclasses.replace(made, checks=(dataclasses.replace(made.checks[0], family="recall"),))
    assert (standing_labels(facts_only, history, {(2, 0): gains}) == NO_RULE).all()


def test_a_later_rule_on_the_same_matter_replaces_the_earlier():
    said = ["Call me Skipper.", "Prices in yen please.", "Call me Doc.", "The sun is out."]
    history = History(AGENTS, ENCODER, LIMIT)
    for text in said:
        history.append([Message("user", text), Message("assistant", "Call me Ace.", AGENTS[0])])
    vectors = np.eye(WIDTH, dtype=np.float32)
    history._embeddings_NE.rows[:] = vectors[[0, 4, 1, 4, 0, 4, 2, 4]]
    sure = np.array([0.95, 1, 0.95, 1, 0.95, 1, 0.1, 1], np.float32)  # replies are no rules, however sure
    assert rules_in_force(history, sure, 0.9) == [4, 2]
    assert rules_in_force(history, sure[:4], 0.9) == [2, 0]  # before it was withdrawn
    assert rules_in_force(history, sure, 0.96) == []


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(0, 300), st.integers(0, 6))
def test_first_segments_are_kept_in_half_the_budget_and_the_rest_by_score(seed, budget, count):
    rng = np.random.default_rng(seed)
    history = History(AGENTS, ENCODER, LIMIT)
    for _ in range(6):
        history.append([Message("user", " ".join(f"w{rng.integers(99)}" for _ in range(rng.integers(1, 30))) + ".")])
    scores = rng.standard_normal(len(history.segments))
    first = rng.permutation(len(scores))[: min(count, len(scores))].tolist()
    made = digest_of(history, scores, budget, first=first, least_share=0.5)
    assert made.tokens <= budget
    kept = {span.message for span in made.spans}
    needed = sum(history.segments[i].tokens + 1 + LABEL_TOKENS for i in first)
    if needed <= budget // 2:
        assert {history.message[i] for i in first} <= kept
    if not first:
        assert made == digest_of(history, scores, budget, least_share=0.5)


def test_a_recognised_rule_is_in_every_digest_and_system_messages_stay_whole():
    params = load_params()
    net = build_network("lrrc", 4, WIDTH, dataclasses.replace(params.model, d=16, head_width=8, vocabulary=32))
    policy = made_policy("lrrc", 40, net, least_share=0.9, standing=0.5)
    messages = [{"role": "system", "content": "You are terse. " * 60}, {"role": "user", "content": "Answer in French."}]
    for i in range(8):
        messages += [
            {"role": "assistant", "content": f"Oui {i}."},
            {"role": "user", "content": f"And what of {i} boats?"},
        ]
    with torch.no_grad():
        net.standing.weight.zero_()
        net.standing.bias.fill_(5.0)  # takes every sentence of the user for a rule
    payload, receipt = compose(policy, messages)
    assert payload[0] == messages[0] and receipt.digest_tokens <= 40
    rules = [span for span in receipt.sources if messages[span.message]["role"] == "user"]
    assert len(rules) >= 2  # although least_share leaves room for one segment at most
    none = made_policy("lrrc", 40, net, least_share=0.9, standing=1.0)
    assert len(compose(none, messages)[1].sources) <= 1
