"""Kinds of conversation: which calls are drawn, what random digests hold, what the line learns, who is left out."""

import dataclasses
import json

import numpy as np
import pytest
from helpers.random_episodes import ENCODER
from helpers.word_model import Scorer

from lrrc.digest.additive import ADDITIVE_FEATURES, LONG, OF_ORDER, OF_WORTH, Line, additive_features
from lrrc.digest.words import words_of
from lrrc.episodes.episode import Message
from lrrc.evaluation.kinds.calls import Bounds, draw_calls
from lrrc.evaluation.kinds.draws import held, random_digests
from lrrc.evaluation.kinds.fit import KNOWN, agreement, fit_line, measured_calls, readings_agree
from lrrc.evaluation.kinds.ordering import best_rule, fit_order, held_by_rules, share_by_kind, sight
from lrrc.evaluation.kinds.recall import linked_calls, measure_recall
from lrrc.evaluation.kinds.regret import Met, equal_budget, line_at, measure_regret
from lrrc.evaluation.kinds.rules import EXCHANGES, RULES, rule
from lrrc.evaluation.kinds.targets import Reader, measure_targets, session_of
from lrrc.evaluation.kinds.words import new_words, share_held
from lrrc.params import load_params
from lrrc.pretrained.answers import Answers

BOUNDS = Bounds(40, 4000, 800)
SETTINGS = dataclasses.replace(load_params().kinds, calls=4, digests=7)
THINGS = ("lamp", "anchor", "violin", "kettle", "ladder", "compass", "saddle", "mirror", "basket", "hammer")
ASIDES = (
    "Rain fell until noon.",
    "Two guests have arrived from Bergen.",
    "My cousin paints boats.",
    "Supper will be late again.",
    "Somebody whistled outside.",
    "Coal has become dear.",
)
PLACES = ("cellar", "attic", "garden", "harbour", "kitchen", "stable", "tower", "market", "bridge", "chapel")


def talk(seed, replies=6, people=False, links=False):
    """A conversation in which every reply says again where one thing of the question was said to be."""
    rng = np.random.default_rng(seed)
    messages = [] if people else [{"role": "system", "content": "You keep an inventory."}]
    where, pairs = {}, []
    for number in range(replies):
        thing = THINGS[int(rng.integers(len(THINGS)))]
        where[thing] = PLACES[int(rng.integers(len(PLACES)))]
        said = f"The {thing} is now in the {where[thing]}. {ASIDES[number % len(ASIDES)]}"
        messages.append({"role": "user", "name": "Ines", "content": said})
        asked = list(where)[int(rng.integers(len(where)))]
        messages.append({"role": "user", "name": "Otto", "content": f"Where did we put the {asked}?"})
        reply = {"role": "user" if people else "assistant", "name": "Mara"}
        messages.append({**reply, "content": f"The {asked} is in the {where[asked]}, as was said."})
        pairs.append([len(messages) - 1, 0 if people else 1])
    return {"id": f"talk-{seed}", "messages": messages, **({"links": pairs} if links else {})}


@pytest.fixture
def kinds(tmp_path):
    """Two kinds of files: logs of an agent and talk of people."""
    for name, people in (("logs", False), ("people", True)):
        rows = (json.dumps(talk(seed, people=people, links=people)) for seed in range(6))
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    return {name: tmp_path / f"{name}.jsonl" for name in ("logs", "people")}


def drawn(kinds, count=4):
    return {name: draw_calls(name, path, BOUNDS, count, 0) for name, path in kinds.items()}


def test_calls_have_enough_history_and_a_reply_by_somebody_else(kinds):
    for name, calls in drawn(kinds).items():
        assert len({call.logged.episode.episode_id for call in calls}) == 4, "one of every conversation first"
        for call in calls:
            assert call.history_tokens >= BOUNDS.least
            last, reply = call.logged.inputs[-1], call.logged.reply
            assert (last.name or last.role) != reply.name and reply.role == "assistant"
            assert call.logged.episode.agents[-1] == reply.name
            heard = [m.role for m in call.history if (m.name or m.role) == reply.name]
            assert set(heard) <= {"assistant"}, "an agent's own words are an assistant's"
            if name == "logs":
                assert [m.name for m in call.logged.inputs] == ["Ines", "Otto"], "all since the last reply"
            else:
                assert len(call.logged.inputs) == 1


def test_draw_is_the_same_for_a_seed_and_begins_alike_for_more(kinds):
    path = kinds["logs"]
    few, many = (draw_calls("logs", path, BOUNDS, count, 0) for count in (3, 9))
    assert [c.key for c in few] == [c.key for c in many[:3]]
    assert [c.key for c in many] != [c.key for c in draw_calls("logs", path, BOUNDS, 9, 1)]
    assert not draw_calls("logs", path, Bounds(100_000, 200_000, 800), 3, 0)


def test_random_digests_differ_keep_to_the_budget_and_begin_with_none(kinds):
    call = drawn(kinds)["logs"][0]
    session = session_of(call, ENCODER, 40)
    digests = random_digests(call, session, 40, 11, 0)
    assert digests[0].tokens == 0 and not held(session, digests[0])
    assert all(0 < d.tokens <= 40 for d in digests[1:]) and len({d.text for d in digests}) > 4
    assert [d.text for d in digests] == [d.text for d in random_digests(call, session, 40, 11, 0)]
    for digest in digests[1:]:
        texts = [session.history.segments[i].text for i in held(session, digest)]
        assert all(text in digest.text for text in texts)


def test_every_rule_keeps_to_the_budget_and_the_last_exchanges_are_the_last(kinds):
    call = draw_calls("logs", kinds["logs"], Bounds(150, 4000, 800), 1, 0)[0]
    met = Met(call, ENCODER)
    for name in RULES:
        assert 0 < met.send(rule(name, ENCODER, 60), 60).tokens <= 60, name
    spans = met.send(rule("last-exchanges", ENCODER, 4000), 4000).spans
    assert max(s.message for s in spans) == len(call.history) - 1
    assert len({s.message for s in spans}) <= 2 * EXCHANGES


def measured(kinds, calls, read=9):
    rows = measure_targets(calls, ENCODER, Reader(Answers(Scorer()), 24, read), SETTINGS, 60)
    return rows, measured_calls(rows, calls, ENCODER, 60)


def test_targets_hold_every_digest_of_every_call_and_no_text(kinds):
    calls = drawn(kinds)
    rows, found = measured(kinds, calls)
    assert len(rows) == 2 * 4 * (SETTINGS.digests + len(RULES)) and len(found) == 8
    assert {type(v) for row in rows for v in row.values()} <= {str, int, float, list}
    texts = {m.content for of_kind in calls.values() for c in of_kind for m in c.history}
    assert not any(value in texts for row in rows for value in row.values() if isinstance(value, str))
    empty = [row for row in rows if row["digest"] == "drawn" and row["number"] == 0]
    assert all(row["tokens"] == 0 and row["segments"] == [] and row["words"] == 0 for row in empty)


def test_as_many_calls_of_every_kind_are_read_and_what_is_known_is_not_asked_again(kinds):
    calls, model = drawn(kinds), Scorer()
    answers = Answers(model)
    rows = measure_targets(calls, ENCODER, Reader(answers, 24, 2), SETTINGS, 60)
    read = [(row["kind"], row["call"]) for row in rows if row["nats"] is not None]
    assert {kind: len({c for k, c in read if k == kind}) for kind in calls} == {"logs": 2, "people": 2}
    asked = len(model.asked)
    answers.handed_over()
    again = measure_targets(calls, ENCODER, Reader(answers, 24, 3), SETTINGS, 60)
    assert [row["nats"] for row in again if row["nats"] is not None][:1] == [rows[0]["nats"]]
    new = 2 * (SETTINGS.digests + len(RULES))
    assert 0 < len(model.asked) - asked <= new


def test_words_of_the_reply_that_are_not_asked_count(kinds):
    call = drawn(kinds)["logs"][0]
    wanted = new_words(call.logged)
    assert wanted and not set(wanted) & {w for m in call.logged.inputs for w in words_of(m.content)}
    session = session_of(call, ENCODER, 40)
    heard = session.history.messages
    whole = session.under(rule("recency", ENCODER, 4000)).propose(call.logged.inputs, call.logged.agent, 4000)
    few = session.under(rule("recency", ENCODER, 30)).propose(call.logged.inputs, call.logged.agent, 30)
    assert 0 <= share_held(wanted, few, heard) <= share_held(wanted, whole, heard) <= 1
    said = {w for m in heard for w in words_of(m.content)}
    true = sum(v for w, v in wanted.items() if w in said) / sum(wanted.values())
    assert share_held(wanted, whole, heard) == pytest.approx(true)


def test_the_line_finds_what_replies_depend_on(kinds):
    """A model that expects the words that it has read makes segments that share words with the reply worth most."""
    _, found = measured(kinds, drawn(kinds, 6))
    logs, people = ([m for m in found if m.kind == kind] for kind in ("logs", "people"))
    line = fit_line(logs, ridge=0.1)
    assert agreement(line, people) > 0.2, "fitted on one kind it orders digests of the other"
    still = fit_line(logs, ridge=1e12)
    learnt = [still.weights[name] for name in OF_WORTH if name not in KNOWN]
    assert max(map(abs, learnt)) < 1e-6 < abs(still.weights["last_share"]), "what is known is not shrunk"
    assert readings_agree(found) > 0.3


def test_the_line_recovers_weights_that_made_the_worth(kinds):
    _, found = measured(kinds, drawn(kinds, 6), read=0)
    true_A = np.random.default_rng(5).normal(size=len(OF_WORTH))
    made = [dataclasses.replace(m, words_D=m.sums_DA @ true_A) for m in found]
    assert agreement(fit_line(made, ridge=1e-9), made, words=True) > 0.98
    against = Line(dict(zip(OF_WORTH, -true_A, strict=True)))
    assert agreement(against, made, words=True) == pytest.approx(-1, abs=1e-6)
    assert agreement(against, made) is None, "nobody has read these"


def test_features_know_whose_words_they_are(kinds):
    call = next(c for c in draw_calls("people", kinds["people"], BOUNDS, 20, 0) if c.logged.agent == "Mara")
    session = session_of(call, ENCODER, 40)
    rows_NA = additive_features(session.history, call.logged.inputs, call.logged.agent)
    column = {name: rows_NA[:, i] for i, name in enumerate(ADDITIVE_FEATURES)}
    said_by = [session.history.messages[m].name for m in session.history.message]
    assert (column["own"] == [name == "Mara" for name in said_by]).all()
    assert (column["by_the_asker"] == [name == "Otto" for name in said_by]).all()
    assert not column["tool"].any() and column["newest_message"].sum() >= 1
    for share in ("place_share", "newest_share", "last_share", "ends_share", "firsts_share", "lead_share"):
        assert column[share].sum() == pytest.approx(1)
    roles = [session.history.messages[m].role for m in session.history.message]
    assert (column["by_a_user"] == [role == "user" for role in roles]).all()
    session.observe([Message("user", "Mara, the lantern leaks.", "Ines")])
    again_NA = additive_features(session.history, [Message("user", "Why?", "Ines")], "Mara")
    assert again_NA[:, ADDITIVE_FEATURES.index("names_the_agent")].tolist() == [0.0] * (len(again_NA) - 1) + [1.0]


def test_features_know_what_stands_before_a_segment(kinds):
    history = session_of(drawn(kinds)["logs"][0], ENCODER, 40).history
    names = ("messages_ago", "sentences_before", "tokens_before")
    rows_NA = additive_features(history, [], "nobody", names=names)
    for i, (ago, sentences, told) in enumerate(rows_NA.tolist()):
        mine = [j for j in range(i) if history.message[j] == history.message[i]]
        assert (ago, sentences) == (len(history.messages) - 1 - history.message[i], len(mine))
        assert told * LONG == pytest.approx(sum(history.segments[j].tokens for j in mine))
    some_n = np.array([2, 5, 6])
    some_NA = additive_features(history, [], "nobody", some_n, names=names)
    assert np.array_equal(some_NA, rows_NA[some_n])


def test_an_order_is_found_that_holds_more_than_any_rule(kinds):
    """Where what replies take up again stands in the agent's own messages alone, its own come first."""
    own, planted, best = OF_ORDER.index("own"), {}, {}
    for kind, of in drawn(kinds, 8).items():
        sights = [sight(call, ENCODER, 60) for call in of]
        said = [one.features_NO[:, own].tolist() for one in sights]
        planted[kind] = [
            dataclasses.replace(one, held=[1 << i if mine else 0 for i, mine in enumerate(by)], weights=by)
            for one, by in zip(sights, said, strict=True)
        ]
        best[kind] = best_rule(of, planted[kind], ENCODER, 60)
    line = fit_order({60: planted}, {60: best}, seed=0)
    assert line.ordered and set(line.weights) == set(OF_ORDER) and line.weights["own"] > 0.3
    found = share_by_kind(planted, lambda one: one.features_NO @ line.vector(OF_ORDER), 60)
    assert all(found[kind] > best[kind] for kind in planted)


def test_what_the_search_thinks_held_is_about_what_the_writer_sends(kinds):
    for call in drawn(kinds, 8)["people"]:
        met, one = Met(call, ENCODER), sight(call, ENCODER, 60)
        digest = met.send(rule("recency", ENCODER, 60), 60)
        true = share_held(new_words(call.logged), digest, call.history)
        assert held_by_rules(call, one, ENCODER, 60)[RULES.index("recency")] == pytest.approx(true, abs=0.1)


def test_shares_of_an_order_are_worth_less_a_token_along_it(kinds):
    call = drawn(kinds)["logs"][0]
    history = session_of(call, ENCODER, 40).history
    last_N = Line({"last_share": 1.0}).scores(history, call.logged.inputs, call.logged.agent)
    order = sorted(range(len(last_N)), key=lambda i: (-history.message[i], history.place_N[i]))
    assert np.argsort(-last_N, kind="stable").tolist() == order, "newest message first, each from its beginning"


def test_policies_send_as_much_on_average_and_the_line_obeys_its_weights(kinds):
    calls = draw_calls("logs", kinds["logs"], Bounds(150, 4000, 800), 6, 0)
    met = [Met(call, ENCODER) for call in calls]
    longest = {"log_tokens": 1.0, "newest_message": 2.0}
    makers = {"recency": lambda b: rule("recency", ENCODER, b), "line": lambda b: line_at(Line(longest), ENCODER, b)}
    wanted = np.mean([one.send(makers["recency"](60), 60).tokens for one in met])
    budget = equal_budget(met, makers["line"], 60, wanted)
    sent = [one.send(makers["line"](budget), budget) for one in met]
    assert np.mean([s.tokens for s in sent]) == pytest.approx(wanted, abs=6)


def test_rows_of_every_policy_and_call(kinds):
    calls = drawn(kinds, 3)
    line = Line({"own": 1.0})
    makers = {name: {"additive": lambda b: line_at(line, ENCODER, b)} for name in calls}
    rows = measure_regret(calls, makers, ENCODER, Reader(Answers(Scorer()), 24, 2), 60)
    assert len(rows) == 2 * 3 * (len(RULES) + 1)
    assert sum(row["nats"] is not None for row in rows) == 2 * 2 * (len(RULES) + 1)
    assert {row["policy"] for row in rows} == {*RULES, "additive"}


def test_recall_looks_for_the_message_that_is_answered(kinds):
    calls = list(linked_calls("people", kinds["people"], least=100, most=3, seed=0))
    assert calls and all(answered == 0 for _, answered in calls)
    first = Line({"log_messages_ago": 1.0})  # the oldest messages
    makers = {
        "recency": lambda b: rule("recency", ENCODER, b),
        "oldest": lambda b: line_at(first, ENCODER, b),
    }
    rows = measure_recall(calls, makers, ENCODER, 40)
    share = {name: np.mean([row["held"] for row in rows if row["policy"] == name]) for name in makers}
    assert share["oldest"] > share["recency"] == 0
