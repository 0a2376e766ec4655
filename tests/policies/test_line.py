"""The additive line in policies: on its own, and as the prior of a coordinator."""

import json

import numpy as np
import pytest
from helpers.random_episodes import ENCODER, LIMIT, WIDTH, model

from lrrc.digest.additive import OF_ORDER, Line, additive_features, segment_tokens
from lrrc.digest.place_prior import by_rank, mix_with_prior
from lrrc.episodes.episode import Message
from lrrc.middleware import Coordinator, Settings
from lrrc.model.network import build_network
from lrrc.policies.checkpoint import LINE, line_of
from lrrc.policies.registry import build_policy, with_settings
from lrrc.policies.spec import PolicySpec
from lrrc.policies.untrained import PACKAGED_LINE

NEWEST = Line({"newest_share": 5.0})
OLDEST = Line({"log_messages_ago": 1.0})


def said(number):
    asked = Message("user", f"Number {number}: which of the {number + 3} barrels leaks? Nobody knows.")
    return [asked, Message("assistant", f"Barrel {number} is dry. I looked at {number + 7} of them.", "model_a")]


def heard(policy, turns=12):
    session = policy.session(("model_a",))
    session.observe_all([said(number) for number in range(turns)])
    return session


def additive(line):
    policy = build_policy(PolicySpec("additive", 60, max_segment_tokens=LIMIT), ENCODER)
    policy.line = line
    return policy


def coordinator(prior=0.8):
    spec = with_settings(additive(NEWEST), {"prior": prior}).spec
    return build_policy(PolicySpec("lrrc", 60, spec.rules, 2, max_segment_tokens=LIMIT), ENCODER, NET)


NET = build_network("lrrc", 2, WIDTH, model())
ASKED = [Message("user", "Which barrel was it?")]


def messages_of(selection):
    return {span.message for span in selection.spans}


def test_the_line_decides_what_is_sent_and_fills_the_budget():
    newest, oldest = (heard(additive(line)).propose(ASKED, "model_a", 60) for line in (NEWEST, OLDEST))
    assert min(messages_of(newest)) > max(messages_of(oldest))
    assert 40 < newest.tokens <= 60 and 40 < oldest.tokens <= 60


def test_segments_are_ranked_by_what_they_add_for_each_token():
    line = Line({"one": 1.0})  # all add the same, so short ones come first, and more fit
    session = heard(additive(line))
    scores_N, tokens_N = session.scores(ASKED, "model_a"), segment_tokens(session.history)
    assert (np.argsort(-scores_N, kind="stable") == np.argsort(tokens_N, kind="stable")).all()
    worth = line.vector(("one",)) * additive_features(session.history, ASKED, "model_a", names=("one",))[:, 0]
    assert worth.tolist() == [1.0] * len(worth)


def test_a_line_changes_the_prior_of_a_coordinator_and_nothing_where_there_is_no_prior():
    plain = coordinator()
    old = heard(plain).propose(ASKED, "model_a", 60)
    lined = heard(plain.with_line(OLDEST)).propose(ASKED, "model_a", 60)
    assert min(messages_of(lined)) < min(messages_of(old)) and lined.tokens > 40
    assert plain.line is None, "the policy it was made of stays"
    alone = coordinator(prior=0.0)
    same = [heard(p).propose(ASKED, "model_a", 60) for p in (alone, alone.with_line(OLDEST))]
    assert same[0] == same[1]


def test_settings_change_and_the_line_stays():
    changed = with_settings(coordinator().with_line(OLDEST), {"prior": 1.0})
    assert changed.line == OLDEST and changed.spec.rules.prior == 1.0
    alone = heard(additive(OLDEST)).propose(ASKED, "model_a", 60)
    assert messages_of(heard(changed).propose(ASKED, "model_a", 60)) & messages_of(alone)


def test_with_the_whole_prior_the_order_is_the_lines_own():
    session = heard(coordinator())
    order = -np.arange(len(session.history.segments), dtype=float)
    shares_N = by_rank(order)
    assert np.exp(shares_N[:16]).sum() / np.exp(shares_N).sum() > 0.9
    mixed_N = mix_with_prior(np.zeros(len(order)), session.history, "model_a", 1.0, {}, shares_N)
    assert (np.diff(mixed_N) < 0).all()
    assert by_rank(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("weights", [{}, {"own": 0.0}])
def test_a_line_without_weights_ranks_by_nothing(weights):
    assert heard(additive(Line(weights, ordered=True))).propose(ASKED, "model_a", 60).tokens > 0


def test_no_history_no_digest():
    assert additive(NEWEST).session(("model_a",)).propose(ASKED, "model_a", 60).tokens == 0


def test_a_line_lies_beside_a_checkpoint(tmp_path):
    assert line_of(tmp_path) is None
    (tmp_path / LINE).write_text(json.dumps({"weights": {"own": 0.5}}))
    assert line_of(tmp_path) == Line({"own": 0.5})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"weights": {"owm": 0.5}}', "weights.owm: allowed is one of one, "),
        ('{"weights": {"own": "much"}}', "weights.own = 'much': allowed is a finite number"),
        ('{"weights": {"own": Infinity}}', "weights.own = inf: allowed is a finite number"),
        ('{"weights": [1]}', "weights: allowed is a number for each feature by name"),
        ("[]", "not the weights of an additive line"),
        ("{", "not the weights of an additive line"),
    ],
)
def test_a_broken_line_is_told_in_one_line(tmp_path, content, told):
    path = tmp_path / "line.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="line.json: ") as error:
        Line.read(path)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_the_packaged_line_is_the_one_that_was_measured():
    measured = PACKAGED_LINE.parents[3] / "results/kinds/line.json"
    assert Line.read(PACKAGED_LINE) == Line.read(measured)
    packaged = Line.read(PACKAGED_LINE)
    assert set(packaged.weights) == set(OF_ORDER) and packaged.ordered


@pytest.mark.parametrize("name", ["lrrc", "additive"])
def test_what_was_adapted_is_taken_and_kept(name, tmp_path):
    path = tmp_path / "adapted.json"
    path.write_text(json.dumps({"schema": 1, "weights": dict(OLDEST.weights), "calls": 40}))
    talk = [message for n in range(9) for message in said(n)]
    messages = [{"role": m.role, "content": m.content} for m in [*talk, *ASKED]]

    def digest(coordinator):
        payload, receipt = coordinator.compose(messages, budget=70)
        return receipt.digest_tokens, "\n".join(str(message["content"]) for message in payload)

    settings = Settings(rewrite="always", keep_goal=False)
    adapted = Coordinator(name, 70, settings, adapted=path)
    plain = Coordinator(name, 70, settings)
    assert digest(adapted) != digest(plain) and "Barrel 0 is dry" in digest(adapted)[1]
    adapted.save(tmp_path / "kept")
    again = Coordinator.load(tmp_path / "kept")
    assert again.policy.line == OLDEST and digest(again) == digest(adapted)


def test_a_policy_without_a_line_cannot_be_adapted(tmp_path):
    (tmp_path / "adapted.json").write_text(json.dumps({"weights": {"own": 1.0}}))
    with pytest.raises(ValueError, match="policy bm25: has no line to adapt: lrrc and additive have one"):
        Coordinator("bm25", adapted=tmp_path / "adapted.json")
