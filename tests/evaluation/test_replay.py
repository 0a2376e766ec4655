"""Replay's accounting against a recount from scratch; the call gate and success by hand."""

import dataclasses

import numpy as np
import pytest
from helpers.policies import made_policy
from helpers.random_episodes import AGENTS, compose, episode
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.episodes.episode import ARENA_OUTCOMES, Episode, Message, Turn
from lrrc.evaluation.replay.accounting import Cost, common_prefix, episode_cost
from lrrc.evaluation.replay.call_gate import SuccessRule, calibrate_gate, gate_turn, pick_at
from lrrc.evaluation.replay.rows import ReplayRules, longer_answer, rows_of
from lrrc.evaluation.replay.stage import write_rows
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import UNTRAINED, WHOLE
from lrrc.pretrained import tokens

PAPER = SuccessRule(tie=True, bothbad=False)


def policy_of(name, budget=30):
    if name in set(UNTRAINED) - set(WHOLE):
        return made_policy(name, budget)
    return load_policy(PolicySpec(name, budget))


def recount(made, policy, overhead, stop, only):
    """Every call's payload through `compose`, as an application would make it, every token counted again."""
    said, totals, before = [], dict.fromkeys(("calls", "prompt", "completion", "reusable", "digest"), 0), {}
    for t, turn in enumerate(made.turns):
        called = AGENTS if stop is None or t <= stop else (AGENTS[only],)
        answers = [r for r in turn.replies if r.name in called]
        for reply in answers:
            listed = [
                {"role": m.role, "content": m.content} | ({"name": m.name} if m.name else {})
                for m in (*made.system, *said, *turn.inputs)
            ]
            sent, receipt = compose(policy, listed, reply.name)
            totals["calls"] += 1
            totals["prompt"] += sum(tokens.count(m["content"]) + overhead for m in sent)
            totals["completion"] += tokens.count(reply.content)
            totals["digest"] += receipt.digest_tokens
            for old, new in zip(before.get(reply.name, []), sent, strict=False):
                if old != new:
                    break
                totals["reusable"] += tokens.count(new["content"]) + overhead
            before[reply.name] = sent
        said += [*turn.inputs, *answers]
    return Cost(**totals)


@pytest.mark.parametrize("name", UNTRAINED)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), overhead=st.sampled_from([0, 3]), only=st.integers(0, 1), data=st.data())
def test_costs_equal_a_recount(name, seed, overhead, only, data):
    made, policy = episode(seed), policy_of(name)
    stop = data.draw(st.one_of(st.none(), st.integers(0, len(made.turns) - 1)))
    assert episode_cost(made, policy, overhead, stop, only) == recount(made, policy, overhead, stop, only)


def talk(*contents, outcome="model_a"):
    turns = [
        Turn((Message("user", u),), (Message("assistant", a, "model_a"), Message("assistant", b, "model_b")))
        for u, a, b in contents
    ]
    return Episode(
        "t", AGENTS, AGENTS, (Message("system", "Be kind."),), tuple(turns), outcome, "human", "t", None, "x"
    )


def test_full_context_by_hand():
    made = talk(("one two", "three", "four five six"), ("seven", "eight nine", "ten"))
    n = tokens.count
    first = n("Be kind.") + n("one two")
    second = first + n("three") + n("four five six") + n("seven")
    assert episode_cost(made, policy_of("full-context")) == Cost(
        calls=4,
        prompt=2 * first + 2 * second,
        completion=n("three") + n("four five six") + n("eight nine") + n("ten"),
        reusable=2 * first,
        digest=0,
    )
    gated = second - n("three") + n("three")  # both were still heard in turn 0
    alone = episode_cost(made, policy_of("full-context"), stop=0, only=1)
    assert alone.calls == 3 and alone.prompt == 2 * first + gated and alone.reusable == first
    assert episode_cost(made, policy_of("full-context"), overhead=3).prompt == 2 * first + 2 * second + 3 * (4 + 10)


def test_after_the_gate_only_one_agent_is_heard():
    made = talk(("u", "a" * 5, "long reply of b"), ("v", "a2", "another long reply"), ("w", "a3", "b3"))
    seen = []

    class Watching:
        spec = PolicySpec("full-context")

        def session(self, agents):
            session = policy_of("full-context").session(agents)
            observe = session.observe
            session.observe = lambda said: (seen.append([m.content for m in said]), observe(said))
            return session

    episode_cost(made, Watching(), stop=0, only=0)
    assert seen == [["u", "aaaaa", "long reply of b"], ["v", "a2"], ["w", "a3"]]


def test_turns_that_nobody_answers_cost_nothing():
    made = talk(("u", "a", "b"))
    longer = dataclasses.replace(made, turns=(*made.turns, Turn((Message("user", "hello?"),), ())))
    assert episode_cost(longer, policy_of("recency")) == episode_cost(made, policy_of("recency"))


def test_common_prefix():
    cases = [([1, 2, 3], [1, 2, 4], 2), ([], [1], 0), ([1, 2], [1, 2, 3], 2), ([2, 2], [1, 2], 0)]
    for left, right, same in cases:
        assert common_prefix(np.array(left, int), np.array(right, int)) == same


def test_success():
    for pick in (0, 1):
        assert PAPER.success(pick, "model_a") == (pick == 0)
        assert PAPER.success(pick, "model_b") == (pick == 1)
        assert PAPER.success(pick, "tie") and not PAPER.success(pick, "tie (bothbad)")
        assert not SuccessRule(tie=False, bothbad=True).success(pick, "tie")
        assert SuccessRule(tie=False, bothbad=True).success(pick, "tie (bothbad)")


def test_the_gate_opens_at_the_first_sure_turn_before_the_last():
    preferred = np.array([0.1, -0.6, 0.9, -1.0])
    assert [gate_turn(preferred, tau) for tau in (0.0, 0.1, 0.5, 0.6, 0.7, 0.95, np.inf)] == [
        0,
        0,
        1,
        1,
        2,
        None,
        None,
    ]
    assert pick_at(preferred, 1) == 1 and pick_at(preferred, 2) == 0 and pick_at(preferred, None) == 1
    assert gate_turn(np.array([1.0]), 0.0) is None  # one turn: no call is left to save


# after turns 1 and 2: right early, wrong early but right late, right early
HAND = [np.array([0.9, 0.5]), np.array([0.5, -0.8]), np.array([-0.2, -0.3])]
VOTES = ["model_a", "model_b", "model_b"]


@pytest.mark.parametrize(
    ("preferred", "outcomes", "margin", "tau"),
    [
        (HAND, VOTES, 0.0, 0.9),  # at 0.5 the second episode is gated on the wrong pick
        (HAND, VOTES, 0.32, 0.9),  # which costs one of three
        (HAND, VOTES, 0.34, 0.2),
        (HAND[:1], VOTES[:1], 0.0, 0.9),
        (HAND[1:2], VOTES[1:2], 0.0, np.inf),  # the surest turn is wrong: never
        (HAND[1:2], ["tie"], 0.0, 0.5),  # a tie is never lost
        (HAND[1:2], ["model_a"], 0.0, 0.5),  # the gate may also win
        ([np.array([0.9])], ["model_a"], 0.0, np.inf),  # no turn before the last
        ([], [], 0.5, np.inf),
        # 0.6 is harmful, so 0.3 is not trusted though it would be harmless again
        ([np.array([0.6, -1.0]), np.array([0.3, -1.0])], ["model_b", "model_a"], 0.0, np.inf),
    ],
)
def test_calibration_by_hand(preferred, outcomes, margin, tau):
    assert calibrate_gate(preferred, outcomes, PAPER, margin) == tau


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(st.lists(st.floats(-1, 1), min_size=1, max_size=5), st.sampled_from(ARENA_OUTCOMES)),
        min_size=1,
        max_size=12,
    ),
    st.floats(0, 0.5),
)
def test_a_calibrated_gate_loses_at_most_the_margin(cases, margin):
    preferred, outcomes = [np.array(values) for values, _ in cases], [outcome for _, outcome in cases]
    tau = calibrate_gate(preferred, outcomes, PAPER, margin)
    free = np.mean([PAPER.success(pick_at(p, None), o) for p, o in zip(preferred, outcomes, strict=True)])
    for value in {tau, *(float(abs(x)) for p in preferred for x in p[:-1] if abs(x) >= tau)}:
        gated = [PAPER.success(pick_at(p, gate_turn(p, value)), o) for p, o in zip(preferred, outcomes, strict=True)]
        assert np.mean(gated) >= free - margin


def plainly(preferred, outcomes, rule, margin):
    """Every threshold tried on every episode."""
    free = np.mean([rule.success(pick_at(p, None), o) for p, o in zip(preferred, outcomes, strict=True)])
    best = np.inf
    for tau in sorted({float(c) for p in preferred for c in np.abs(p[:-1])}, reverse=True):
        gated = [rule.success(pick_at(p, gate_turn(p, tau)), o) for p, o in zip(preferred, outcomes, strict=True)]
        if np.mean(gated) < free - margin:
            break
        best = tau
    return best


@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([0.0, 0.02, 0.1]))
def test_calibration_equals_the_plain_one(seed, count, margin):
    rng = np.random.default_rng(seed)
    preferred = [np.round(rng.uniform(-1, 1, rng.integers(1, 6)), 1).astype(np.float32) for _ in range(count)]
    outcomes = [str(outcome) for outcome in rng.choice(ARENA_OUTCOMES, count)]
    assert calibrate_gate(preferred, outcomes, PAPER, margin) == plainly(preferred, outcomes, PAPER, margin)


def test_rows():
    made, policy = talk(("u", "a b c", "d"), ("v", "e", "f"), outcome="model_b"), policy_of("full-context")
    free, gated = rows_of(made, policy, np.array([0.7, -0.2]), 0.5, ReplayRules(PAPER), {"policy": "p", "seed": 1})
    cost, saved = episode_cost(made, policy), episode_cost(made, policy, 0, 0, 0)
    assert (free["gated"], free["pick"], free["success"], free["calls"]) == (False, "model_b", 1, 4)
    assert (gated["gated"], gated["pick"], gated["success"], gated["calls"]) == (True, "model_a", 0, 3)
    assert free["total_tokens"] == cost.prompt + cost.completion and gated["prompt_tokens"] == saved.prompt
    assert free["policy"] == "p" and free["category"] == "x" and free["reusable_prefix_tokens"] == cost.reusable
    unsure = rows_of(made, policy, np.array([0.7, -0.2]), 0.8, ReplayRules(PAPER), {})
    assert unsure[1] == {**unsure[0], "gated": True}
    unjudged = rows_of(
        dataclasses.replace(made, outcome=None), policy, np.array([0.7, -0.2]), 0.5, ReplayRules(PAPER), {}
    )
    assert [row["success"] for row in unjudged] == [None, None]
    log = episode(2, agents=("assistant",))
    [only] = rows_of(log, policy, np.zeros(len(log.turns)), 0.5, ReplayRules(PAPER), {})
    assert only["pick"] is None and only["success"] is None and only["calls"] == len(log.turns)


def test_rows_on_disk_keep_their_types(tmp_path):
    import pyarrow.parquet as pq

    labels = {
        "policy": "p",
        "item": "",
        "rank": None,
        "budget": None,
        "seed": 0,
        "fold": 0,
        "variant": "",
        "tau": None,
    }
    made = talk(("u", "a", "b"))
    rows = rows_of(made, policy_of("full-context"), np.array([0.5]), np.inf, ReplayRules(PAPER), labels)
    for name, kept in (("full", rows), ("none", [])):
        write_rows(tmp_path / name, kept)
    full, none = (pq.read_table(tmp_path / name) for name in ("full", "none"))
    assert full.schema == none.schema and full.to_pylist() == rows


def test_the_longer_answer():
    assert longer_answer(talk(("u", "one two three", "one"))) == 0
    assert longer_answer(talk(("u", "one", "one two three"))) == 1
    assert longer_answer(talk(("u", "one", "two"))) == 0  # equal: the first
