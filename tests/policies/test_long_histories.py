"""What a digest holds does not depend on how much was said before or after it."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.all_policies import POLICIES
from helpers.random_episodes import AGENTS, ENCODER
from helpers.untaught_network import untaught_network

from lrrc.digest.features import asked_weights
from lrrc.episodes.episode import Message
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.requests import compress_request
from lrrc.policies import scoring
from lrrc.policies.registry import build_policy
from lrrc.policies.spec import PolicySpec

FACTS = {
    "a name": ("The lodger in the attic is called Perpetua.", "What is the lodger in the attic called?", "Perpetua"),
    "a date": ("Die Prüfung des Kessels ist am dritten Oktober.", "Wann ist die Prüfung des Kessels?", "Oktober"),
    "a sum": ("We owe the beekeeper 812 crowns.", "How much do we owe the beekeeper?", "812"),
}
FILLERS = {
    "log": lambda i: f"10:{i % 60:02d} node-{i % 7} served call {i * 31 % 9973} in {i * 17 % 640} ms",
    "chat": lambda i: ("Is it windy at the lake?", "A little, but warm.", "Shall we bake?", "Rye, please.")[i % 4],
    "prose": lambda i: f"A {['grey', 'quiet', 'long'][i % 3]} road went past the {['mill', 'farm'][i % 2]} to the sea.",
    "code": lambda i: f"def row_{i}(cells): return sum(cells) / {i % 9 + 1}",
    "thanks": lambda i: "Thanks!",
}
BLOCK = 50  # lines of a message


@pytest.fixture(scope="module")
def policy():
    """LRRC by the rules of the middleware, with a network that has learnt nothing: to it all segments are alike."""
    return build_policy(PolicySpec("lrrc"), ENCODER, untaught_network())


def talk(fact, lines, filler, question):
    said = [FILLERS[filler](i) for i in range(lines)]
    blocks = ["\n".join(said[i : i + BLOCK]) for i in range(0, lines, BLOCK)]
    contents = [f"Keep this in mind. {fact}", "I will.", *(c for block in blocks for c in (block, "Seen."))]
    contents += ["Thank you.", "With pleasure.", question]
    return [{"role": ("user", "assistant")[i % 2], "content": content} for i, content in enumerate(contents)]


@pytest.mark.parametrize("filler", FILLERS)
def test_a_fact_asked_for_in_its_own_words_is_there(policy, filler):
    coordinator, held = Coordinator(policy, settings=Settings(rewrite="always", keep_goal=False, min_tokens=0)), []
    for lines in (10, 200, 5_000):
        fact, question, key = FACTS["a name"]
        payload, receipt = coordinator.compose(talk(fact, lines, filler, question))
        assert any(key in message["content"] for message in payload), lines
        held.append(receipt.digest_tokens)
    assert held[2] >= 0.8 * held[1]


@pytest.mark.parametrize("kind", FACTS)
def test_facts_of_any_kind(policy, kind):
    fact, question, key = FACTS[kind]
    coordinator = Coordinator(policy, settings=Settings(rewrite="always", keep_goal=False, min_tokens=0))
    payload, _ = coordinator.compose(talk(fact, 400, "log", question))
    assert any(key in message["content"] for message in payload)


def test_the_same_from_a_file(policy):
    fact, question, key = FACTS["a name"]
    answer = compress_request({"id": "a", "messages": talk(fact, 5_000, "log", question)}, policy, "line 1")
    assert key in str(answer["messages"])


def test_of_a_very_long_history_what_is_asked_is_scored_however_old(policy, monkeypatch):
    """Beside the newest segments; the others count as the least of those, and rules among them still stand."""
    session, some = policy.session(("assistant",)), {}
    said = [FILLERS["chat"](i) for i in range(400)]
    turns = [[Message("user", "Always answer in French."), Message("assistant", FACTS["a name"][0])]]
    session.observe_all([*turns, *([Message("user", line), Message("assistant", "Seen.")] for line in said)])
    inputs, asked = [Message("user", FACTS["a name"][1])], asked_weights([Message("user", FACTS["a name"][1])])
    for most in (20_000, 100):
        monkeypatch.setattr(scoring, "MOST", most)
        some[most] = scoring.worth_scoring(session.history, asked)
        text = session.select(inputs, "assistant", 128).text
        assert "Perpetua" in text and "French" in text, most
    count = len(session.history.segments)
    assert some[20_000].tolist() == [*range(count)] and len(some[100]) == 100
    assert {1, *range(count - 50, count)} <= set(some[100].tolist()) and (np.diff(some[100]) > 0).all()


@pytest.mark.parametrize("name", ["lrrc", "bm25", "recency", "lead", "first-sentences", "embedding"])
def test_what_is_sent_anyway_takes_no_room(name):
    """No word of it is copied, and the digest is what it would be had it never scored."""
    session = POLICIES[name].session(AGENTS)
    turns = [[Message("user", f"The budget of Lisbon is {i}."), Message("assistant", f"Noted {i}.")] for i in range(20)]
    session.observe_all(turns)
    asked = [Message("user", "What is the budget of Lisbon?")]
    plain = session.select(asked, "model_a", 40)
    taken = {span.message for span in plain.spans}
    again = session.select(asked, "model_a", 40, taken)
    assert taken and again.spans and not taken & {span.message for span in again.spans}
    assert session.select(asked, "model_a", 40, range(40)).text in ("", None)


def test_a_kept_goal_leaves_the_budget_to_others():
    """However well the goal scores."""
    policy = replace_budget(POLICIES["bm25"], 60)
    goal = "Plan the budget of the Lisbon ferry. " * 5
    messages = [{"role": "user", "content": goal}, {"role": "assistant", "content": "I will."}]
    for i in range(12):
        messages += [{"role": "user", "content": f"Hut {i} is old."}, {"role": "assistant", "content": "Noted."}]
    messages[6]["content"] = "The ferry of Lisbon costs 90."
    messages.append({"role": "user", "content": "What of the budget of the Lisbon ferry?"})
    coordinator = Coordinator(policy, settings=Settings(rewrite="always", keep_goal=True, min_tokens=0))
    payload, receipt = coordinator.compose(messages)
    sources = {span.message for span in receipt.sources}
    assert 6 in sources and 0 not in sources and sum(goal.strip() in m["content"] for m in payload) == 1


def replace_budget(policy, budget):
    return build_policy(replace(policy.spec, budget=budget), policy.encoder)
