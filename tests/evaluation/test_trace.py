"""A trace says what replay did: the same digests, the same states, the same gates."""

import json

import numpy as np
import pytest
import torch
from helpers.policies import made_policy
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, WIDTH, episode, model

from lrrc.digest.rendering import head_tokens
from lrrc.evaluation.replay.accounting import episode_cost
from lrrc.evaluation.trace import trace
from lrrc.model.network import build_network
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.report.figures.gate_activity import draw

EPISODE = episode(3, turns=5)
BUDGET = 30


def learned(kind="lrrc", **changes):
    torch.manual_seed(0)
    net = build_network(kind, 4, WIDTH, model(**changes))
    return made_policy(kind, BUDGET, net)


def policies():
    untrained = [
        load_policy(PolicySpec(name, BUDGET)) for name in ("full-context", "truncated-history", "recency", "bm25")
    ]
    return [*untrained, *map(learned, ("lrrc", "rims-only", "ccf-only", "tokensqueeze-only"))]


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.name)
@pytest.mark.parametrize("seed", [3, 8])
def test_a_trace_is_what_replay_pays_for(policy, seed):
    one = episode(seed, turns=5)
    made, cost = trace(policy, one), episode_cost(one, policy)
    calls = [call for record in made.turns for call in record.calls]
    assert len(calls) == cost.calls
    assert sum(call.sent_tokens for call in calls if call.digest is not None) == cost.digest
    for record in made.turns:
        before = [segment for segment in made.segments if segment.turn < record.turn]
        for call in record.calls:
            assert len(call.kept) == len(before)
            assert call.scores is None or len(call.scores) == len(before)
            assert call.sent_tokens <= call.history_tokens
            if call.digest is not None:
                assert all(source.text in call.digest for source in call.sources)
            for segment, kept in zip(before, call.kept, strict=True):
                pieces = [s.text for s in call.sources if (s.turn, s.speaker) == (segment.turn, segment.speaker)]
                found = any(segment.text in piece or piece in segment.text for piece in pieces)
                assert found or not kept
            assert any(call.kept) == any(source.text.strip() for source in call.sources)
    json.dumps(made.to_dict(), allow_nan=False)


def test_kept_segments_are_the_best_scored():
    made = trace(learned(), EPISODE)
    choices = 0
    for record in made.turns:
        for call in record.calls:
            if call.digest and not all(call.kept):
                rows = made.scored(record.turn, call.agent)
                best = max(rows, key=lambda row: row["score"])
                choices += 1
                assert best["kept"] or best["tokens"] + 4 > BUDGET - head_tokens()
                assert [row["text"] for row in rows if row["kept"]] == [source.text for source in call.sources]
    assert choices
    with pytest.raises(ValueError, match="turn 0: judge was not called"):
        made.scored(0, "judge")


@pytest.mark.parametrize("changes", [{}, {"gate": False}, {"recurrence": False}], ids=str)
def test_gates_are_those_of_the_forward_pass(changes):
    from lrrc.dataset.batches import collate
    from lrrc.dataset.episode_arrays import episode_arrays

    policy = learned(**changes)
    made = trace(policy, EPISODE)
    with torch.inference_mode():
        output = policy.net(collate([episode_arrays(EPISODE, ENCODER, LIMIT)], 1, targets=None))
    counts = [sum(record.gate.active) if record.gate else 0 for record in made.turns]
    assert counts == output.active_BT[0].int().tolist() and sum(counts)
    for t, record in enumerate(made.turns):
        expected = output.outcome_BTO[0, t].softmax(0).numpy()
        assert np.array(list(record.outcome.values())) == pytest.approx(expected, abs=1e-5)
        said = made.segments_of(t)
        assert (record.gate is None) == (not said)
        if record.gate:
            attention = np.array(record.gate.attention)
            assert attention.shape == (4, len(said) + 1)
            assert attention.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)
            assert 1 - attention[:, -1] == pytest.approx(np.array(record.gate.activity), abs=1e-6)
    rows = made.gates()
    assert [row["turn"] for row in rows] == [record.turn for record in made.turns if record.gate]
    assert [len(row["active"]) for row in rows] == [n for n, r in zip(counts, made.turns, strict=True) if r.gate]


def test_policies_without_gate_have_none():
    for policy in (load_policy(PolicySpec("recency", BUDGET)), learned("ccf-only"), learned("tokensqueeze-only")):
        made = trace(policy, EPISODE)
        assert made.gates() == []
        assert (made.turns[-1].outcome is None) == (policy.name != "ccf-only")


def test_turns_without_text_or_replies():
    from lrrc.episodes.episode import Episode, Message, Turn

    turns = (
        Turn((Message("user", " \n"),), tuple(Message("assistant", "", agent) for agent in AGENTS)),
        Turn((Message("user", "Costs $5 and $6 🙂"),), (Message("assistant", "Yes.", "model_b"),)),
        Turn((Message("user", "Thanks."),), ()),
    )
    one = Episode("e", AGENTS, AGENTS, (), turns, None, None, "e", None, None)
    made = trace(learned(), one)
    assert [len(record.calls) for record in made.turns] == [2, 1, 0]
    assert made.turns[0].gate is None and made.turns[1].calls[0].kept == ()
    with pytest.raises(ValueError, match="turn 0 of e under lrrc: no gate"):
        draw(made, 0)
    figure = draw(made, 1)
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert labels == ["user: Costs $5 and $6 □", "model_b: Yes.", "(nothing)"]


def test_the_picture_shows_activity_and_attention():
    made = trace(learned(), EPISODE)
    turn = next(record.turn for record in made.turns if record.gate)
    left, right = draw(made, turn).axes[:2]
    gates = [record.gate for record in made.turns if record.gate]
    np.testing.assert_allclose(left.images[0].get_array(), np.array([g.activity for g in gates]).T)
    assert len(left.collections[0].get_offsets()) == sum(sum(g.active) for g in gates)
    np.testing.assert_allclose(right.images[0].get_array(), np.array(made.turns[turn].gate.attention).T)
