"""All policies under one interface: what they keep, what they send, and the receipts."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from helpers.all_policies import NAMES, POLICIES, policy_of
from helpers.assertions import check
from helpers.paths import ROOT
from helpers.policies import made_policy
from helpers.random_episodes import (
    AGENTS,
    ENCODER,
    LIMIT,
    WIDTH,
    as_messages,
    compose,
    episode,
    histories,
    messages,
    model,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.dataset.batches import collate
from lrrc.dataset.episode_arrays import episode_arrays
from lrrc.digest.history import History
from lrrc.digest.segments import split_segments
from lrrc.digest.selection import Selection
from lrrc.digest.writer import PLAIN_RULES
from lrrc.episodes.episode import Message
from lrrc.model.network import build_network
from lrrc.params import load_params
from lrrc.policies.base import DIGEST_NAME, split_turns
from lrrc.policies.payload import payload
from lrrc.policies.pruning import _densest, essential_weight
from lrrc.policies.registry import build_policy, load_policy
from lrrc.policies.spec import FOREIGN_RULES, PolicySpec
from lrrc.policies.untrained import SCORES
from lrrc.policy_catalogue import LEARNED, WHOLE
from lrrc.pretrained import tokens


@pytest.mark.parametrize("name", ["lrrc", *LEARNED])
@torch.inference_mode()
def test_a_session_equals_the_network_over_whole_episodes(name):
    policy = POLICIES[name]
    silent = 0
    for seed in range(12):
        made = episode(seed, turns=6)
        output = policy.net(collate([episode_arrays(made, ENCODER, LIMIT)], 32))
        session = policy.session(AGENTS)
        for t, turn in enumerate(made.turns):
            n = len(session.history.segments)
            for m, agent in enumerate(AGENTS):
                scores_N, logits_V = session.scores(turn.inputs, agent)
                np.testing.assert_allclose(scores_N, output.scores_BTMN[0, t, m, :n], rtol=1e-4, atol=2e-4)
                np.testing.assert_allclose(logits_V, output.essential_BTMV[0, t, m], atol=1e-4)
            session.observe([*turn.inputs, *turn.replies])
            silent += len(session.history.segments) == n
            np.testing.assert_allclose(session.outcome(), output.outcome_BTO[0, t], atol=1e-4)
    assert silent > 2  # turns without any text were among them


@torch.inference_mode()
def test_a_session_sees_the_form_of_answers_as_the_network_does():
    torch.manual_seed(0)
    net = build_network("lrrc", 4, WIDTH, model(form=True)).eval()
    torch.nn.init.normal_(net.form.weight_F)
    policy = build_policy(PolicySpec("lrrc", 24, rank=4, max_segment_tokens=LIMIT), ENCODER, net)
    for seed in range(4):
        made = episode(seed, turns=4)
        output, session = net(collate([episode_arrays(made, ENCODER, LIMIT)], 32)), policy.session(AGENTS)
        for t, turn in enumerate(made.turns):
            session.observe([*turn.inputs, *turn.replies])
            np.testing.assert_allclose(session.outcome(), output.outcome_BTO[0, t], atol=1e-4)


def trailing(listed):
    """Indices of the messages to be answered: what is said after the last reply."""
    last = max((i for i, m in enumerate(listed) if m["role"] == "assistant"), default=-1)
    return [i for i in range(last + 1, len(listed)) if listed[i]["role"] != "system"]


def verify(policy, listed, agent=None):
    """Compose, and check the payload and its receipt against the messages alone."""
    sent, receipt = compose(policy, listed, agent)
    counts = [tokens.count(m["content"]) for m in listed]
    fixed = [i for i, m in enumerate(listed) if m["role"] == "system"]
    inputs = trailing(listed)

    kept = list(receipt.kept)

    made = [m for m in sent if m.get("name") == DIGEST_NAME]
    assert receipt.tokens_before == sum(counts)
    assert receipt.tokens_after == sum(tokens.count(m["content"]) for m in sent) <= receipt.tokens_before
    assert receipt.digest_tokens == sum(tokens.count(m["content"]) for m in made)
    assert receipt.full == (sent == listed) and receipt.policy == policy.name
    assert {*fixed, *inputs} <= set(kept) and [m for m in sent if m not in made] == [listed[i] for i in kept]
    if made:
        [digest] = made
        assert digest["role"] == "user" and receipt.digest_tokens <= policy.spec.budget
        assert receipt.digest_tokens < sum(counts) - sum(counts[i] for i in kept)  # never worse than the whole history
        place = 0
        for span in receipt.sources:
            assert span.message not in kept and 0 <= span.start < span.end
            piece = listed[span.message]["content"][span.start : span.end]
            assert len(piece) == span.end - span.start
            place = digest["content"].index(piece, place) + len(piece)
        at = sent.index(digest)
        # before the inputs a reply may stay for the sake of a tool's result
        behind = [i for i in kept[at:] if not inputs or i >= inputs[0]]
        assert behind == list(range(behind[0], len(listed))) and {*inputs} <= {*behind}
    else:
        assert not receipt.sources
    return sent, receipt


listed_messages = st.lists(
    st.one_of(
        messages,
        messages,
        st.just(Message("system", "Rules: answer in French.")),
        st.just(Message("user", "Why?")),
    ),
    max_size=14,
).map(lambda said: [{"role": m.role, "content": m.content} | ({"name": m.name} if m.name else {}) for m in said])


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=25)
@given(listed=listed_messages, agent=st.sampled_from([None, *AGENTS, "newcomer"]))
def test_any_list_of_messages(name, listed, agent):
    verify(POLICIES[name], listed, agent)


@pytest.mark.parametrize("name", NAMES)
def test_whole_episodes(name):
    digests = 0
    for seed in range(5):
        made = episode(seed, turns=5)
        session = POLICIES[name].session(AGENTS)
        for t, turn in enumerate(made.turns):
            for agent in AGENTS:
                listed = as_messages(made, t)
                sent, receipt = verify(POLICIES[name], listed, agent)
                stepwise, digest_tokens = payload(session, made, turn.inputs, agent, POLICIES[name].spec.budget)
                assert [content for _, content in stepwise] == [m["content"] for m in sent]
                assert digest_tokens == receipt.digest_tokens
                digests += digest_tokens > 0
            session.observe([*turn.inputs, *turn.replies])
    assert (digests > 10) == (name not in WHOLE)


@pytest.mark.parametrize("name", ["lrrc", *LEARNED])
@settings(deadline=None, max_examples=25)
@given(
    turns=histories,
    budget=st.integers(0, 400),
    overlap=st.floats(0.5, 1),
)
def test_any_digest_of_a_trained_policy(name, turns, budget, overlap):
    policy = made_policy(name, budget, POLICIES[name].net, max_overlap=overlap)
    session = policy.session(AGENTS)
    for turn in turns:
        session.observe(turn)
    made = session.propose([Message("user", "Lisbon budget?")], "model_b", budget)
    assert made.text is not None
    check(session.history, made, budget)


def test_never_worse_than_everything():
    listed = [
        {"role": "user", "content": "Budget is 740 euros."},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "And now?"},
    ]
    for name in NAMES:
        sent, receipt = verify(POLICIES[name], listed)
        if name == "no-history":
            assert sent == listed[-1:] and not receipt.full
        elif name != "tokensqueeze-only":  # which may well drop words of a short history
            assert sent == listed and receipt.full and receipt.digest_tokens == 0
    listed[0]["content"] *= 40
    _, receipt = verify(POLICIES["recency"], listed)
    assert 0 < receipt.digest_tokens <= 40 and not receipt.full


def test_full_context_and_the_last_turns():
    made = episode(1, turns=5, system=False)
    listed = as_messages(made, 4)
    assert compose(POLICIES["full-context"], listed)[0] == listed
    per_turn = [len(turn.inputs) + len(turn.replies) for turn in made.turns]
    for turns in (1, 2, 9):
        sent, _ = verify(build_policy(PolicySpec("truncated-history", truncated_turns=turns)), listed)
        assert sent == listed[sum(per_turn[: max(0, 4 - turns)]) :]


def score(name, turns, asked="When does the ferry leave?"):
    history = History(AGENTS, ENCODER, 60)
    for turn in turns:
        history.append(turn)
    scores_N = SCORES[name](history, asked, "model_b")
    return [history.segments[i].text for i in np.argsort(-scores_N, kind="stable")]


def test_what_untrained_policies_prefer():
    turns = [
        [
            Message("user", "The ferry leaves at nine. It is blue."),
            Message("assistant", "Fine. Thanks.", "model_a"),
        ],
        [
            Message("user", "Lentils are cheap. So are beans."),
            Message("assistant", "Yes. Beans too.", "model_a"),
        ],
    ]
    assert score("recency", turns)[:3] == ["Beans too.", "Yes.", "So are beans."]
    assert score("first-sentences", turns)[:4] == [
        "Yes.",
        "Lentils are cheap.",
        "Fine.",
        "The ferry leaves at nine.",
    ]
    assert score("lead", turns)[:4] == ["Lentils are cheap.", "Yes.", "So are beans.", "Beans too."]
    assert score("bm25", turns)[0] == "The ferry leaves at nine."
    assert score("embedding", turns, asked="the ferry at nine")[0] == "The ferry leaves at nine."
    assert score("bm25", turns, asked="zzz") == score("recency", turns)  # the question says nothing
    blank = [[Message("user", "?! ...")]]
    assert score("bm25", blank) == ["?!", "..."][::-1]


def test_pruning_shares_the_budget_among_messages():
    turns = [[Message("user", f"Remember the fact number {i} about Zanzibar and quokkas please.")] for i in range(4)]
    session = policy_of("tokensqueeze-only", 75).session(AGENTS)
    for turn in turns:
        session.observe(turn)
    made = session.propose([], "model_a", 75)
    check(session.history, made, 75)
    assert {span.message for span in made.spans} >= {1, 2, 3}  # estimates may cost the oldest its place
    assert all(any(c.isdigit() for c in line) for line in made.text.splitlines()[1:])  # numbers weigh most


def test_words_that_pruning_keeps():
    weights = {"ferry": 1.0, "nine": 0.9, "leaves": 0.5}
    text = "The ferry leaves at nine"
    pieces = split_segments(text)

    def kept(room):
        spans = _densest(text, pieces, room, lambda word: weights.get(word, 0.0))
        return [text[a:b] for a, b in spans]

    assert kept(4) == ["ferry", "nine"]  # a token for either gap
    assert kept(5) == ["ferry leaves at nine"]  # a word that closes a gap costs no more than the gap
    assert kept(0) == _densest("", [], 9, weights.get) == []


def test_words_wanted_next_weigh_more():
    from lrrc.digest.words import word_bucket

    logits = np.zeros(32, np.float32)
    logits[word_bucket("ferry") % 32] = 9
    assert essential_weight(logits)("ferry") > essential_weight(np.zeros(32, np.float32))("ferry") + 0.5


def turns_of(text):
    """`u` a user, `t` a tool, `n` an agent without a name, `a` and `b` agents."""
    roles = {"u": ("user", None), "t": ("tool", "search"), "n": ("assistant", None)}
    said = [Message(roles.get(c, ("assistant", c))[0], c, roles.get(c, ("assistant", c))[1]) for c in text]
    return "|".join("".join(said[i].content for i in turn) for turn in split_turns(range(len(said)), said))


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("", ""),
        ("u", "u"),
        ("uuu", "uuu"),
        ("un", "un"),
        ("unun", "un|un"),
        ("uabuab", "uab|uab"),
        ("uau", "ua|u"),
        ("ntntn", "n|tn|tn"),
        ("nn", "n|n"),
        ("abab", "ab|ab"),
        ("uabtab", "uab|tab"),
        ("uaab", "ua|ab"),
        ("utu", "utu"),
    ],
)
def test_turns_of_a_list(text, turns):
    assert turns_of(text) == turns


def test_a_long_log_stays_quick():
    import time

    session = policy_of("lrrc", 128, max_overlap=0.8).session(("assistant",))
    made = episode(5, turns=200, agents=("assistant",))
    started = time.process_time()
    for turn in made.turns:
        session.observe([*turn.inputs, *turn.replies])
    assert session.select([Message("user", "budget?")], "assistant", 128).text is not None
    assert time.process_time() - started < 8


def test_names_and_folders_that_do_not_exist(tmp_path):
    with pytest.raises(ValueError, match="policy = 'bm26': allowed is one of lrrc"):
        load_policy(PolicySpec("bm26"))
    with pytest.raises(ValueError, match="no encoder here"):
        load_policy(PolicySpec("embedding"), encoder=tmp_path)
    with pytest.raises(ValueError, match="no checkpoint here"):
        load_policy(PolicySpec("lrrc"), checkpoint=tmp_path)
    assert load_policy(PolicySpec("bm25", max_segment_tokens=33)).session(AGENTS).history.max_segment_tokens == 33


def test_defaults_are_those_of_the_parameters():
    params = load_params(ROOT / "params.yaml")
    digest = params.out_of_domain.digest
    assert digest.prior == params.transfer.prior != params.digest.prior
    assert asdict(FOREIGN_RULES) == asdict(digest)
    assert PolicySpec.of(params.out_of_domain, "bm25") == PolicySpec("bm25")


TALK = [
    [
        Message("user", "The ferry leaves at nine. Lentils are cheap and so are beans."),
        Message("assistant", "A ferry leaves at nine, fine.", "model_a"),
    ],
    [Message("user", "Anna is allergic to peanuts."), Message("assistant", "Noted.", "model_a")],
]


def sent_under(name, asked, budget=60, turns=TALK, **settings):
    spec = PolicySpec(name, budget, replace(PLAIN_RULES)).with_settings(settings)
    session = build_policy(spec, ENCODER).session(AGENTS)
    session.observe_all(turns)
    chosen = session.propose([Message("user", asked)], "model_a", budget)
    return [session.history.messages[s.message].content[s.start : s.end] for s in chosen.spans], session, chosen


@pytest.mark.parametrize("name", ["bm25", "embedding"])
def test_the_query_is_the_message_or_the_question_in_it(name):
    asked = "Lentils and beans, cheap lentils and beans, it is all about beans. When does the ferry leave?"
    assert sent_under(name, asked, top=1)[0] == ["Lentils are cheap and so are beans."]
    assert "ferry leaves at nine" in sent_under(name, asked, top=1, query="question")[0][0]


@pytest.mark.parametrize("name", SCORES)
def test_only_the_user_may_be_heard(name):
    sent, session, chosen = sent_under(name, "When does the ferry leave?", budget=200, speakers="user")
    assert sent and {session.history.messages[span.message].role for span in chosen.spans} == {"user"}
    everybody = sent_under(name, "When does the ferry leave?", budget=200)[2].spans
    assert {session.history.messages[span.message].role for span in everybody} == {"user", "assistant"}


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(sorted(SCORES)), budget=st.integers(20, 200))
def test_the_best_few_are_among_the_best_few_more(seed, name, budget):
    made = episode(seed)
    turns = [[*turn.inputs, *turn.replies] for turn in made.turns]
    filled = sent_under(name, "What of the report?", budget, turns)[2]
    before = ()
    for top in range(1, 5):
        spans = sent_under(name, "What of the report?", budget, turns, top=top)[2].spans
        assert len(spans) <= top and set(before) <= set(spans) <= set(filled.spans)
        before = spans
    assert sent_under(name, "What of the report?", budget, turns, top=10**6)[2] == filled


def test_a_setting_that_is_none():
    with pytest.raises(TypeError):
        PolicySpec("bm25").with_settings({"colour": "red"})
    with pytest.raises(ValueError, match="query = 'answer': allowed is one of message, question"):
        PolicySpec("bm25").with_settings({"query": "answer"})


def test_an_empty_conversation():
    for name in NAMES:
        assert compose(POLICIES[name], [])[0] == []
        assert POLICIES[name].session(AGENTS).select([], "model_a", 40) == Selection((), 0, None)
