"""The middleware's transform: what a payload keeps, what its receipt says, and sessions that read nothing twice."""

import asyncio
import dataclasses
import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from helpers.all_policies import policy_of
from helpers.chats import FILLER, call, chat, items_of, result, say
from helpers.checkpoints import write_checkpoint
from helpers.paths import ROOT
from helpers.policies import made_policy
from helpers.random_episodes import as_messages, episode, texts
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lrrc.digest.rendering import HEAD
from lrrc.episodes.chat_message import text_of
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.chat_messages import exchange_roots
from lrrc.middleware.dialect import TAIL
from lrrc.policies.base import DIGEST_NAME, Session
from lrrc.policies.untrained import ExtractiveSession
from lrrc.pretrained import tokens

SYSTEM = ("system", "developer")
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def always(**changes):
    return Settings(rewrite="always", **changes)


def verify(messages, payload, receipt, settings, budget=128, tools=None):
    """Check a payload and its receipt against the messages alone."""
    place = {id(m): i for i, m in enumerate(messages)}
    made = [m for m in payload if id(m) not in place]
    kept = [place[id(m)] for m in payload if id(m) in place]
    inside = [i for group in receipt.merged for i in group]
    assert kept == sorted(kept) == list(receipt.kept) and not set(kept) & set(inside)
    items, sent = items_of(messages), items_of(payload)
    fixed = tokens.count(json.dumps(tools)) if tools else 0
    assert receipt.tools_tokens == fixed and receipt.tokens_before == sum(i.tokens for i in items) + fixed
    assert receipt.tokens_after == receipt.fresh_tokens + receipt.reusable_tokens
    assert receipt.tokens_after == sum(i.tokens for i in sent) + fixed <= receipt.tokens_before
    assert receipt.unknown_parts == len(receipt.unknown_kinds) >= sum(i.unknown for i in sent)
    assert receipt.full == (receipt.action == "passed") == (len(kept) == len(messages))
    json.dumps(receipt.to_dict(), allow_nan=False)
    json.dumps(payload)

    users = [i for i, item in enumerate(items) if item.role == "user"]
    never = [i for i, item in enumerate(items) if item.role == "system" or item.unknown]
    never += [*users[:1], *users[-1:], *range(len(items))[-1:]]
    never += [i for i, item in enumerate(items) if any(tool in settings.exclude_tools for _, tool in item.calls)]
    assert set(never) <= {*kept, *inside}
    body = [i for i, item in enumerate(items) if item.role != "system"]
    roots = exchange_roots([items[i] for i in body])
    for p, root in enumerate(roots):  # calls and results together
        assert (body[p] in receipt.kept) == (body[root] in receipt.kept) or root == p
    verify_results(messages, payload)
    verify_dialect(messages, payload, settings, made)
    texts_made = [text_of(m) for m in made]
    digests = [text for text in texts_made if HEAD in text]
    assert len(made) - len(digests) <= len(receipt.merged) and all(m["role"] == "user" for m in made)
    for group in receipt.merged:  # whole, and in order, in one of them
        assert any(in_order([text_of(messages[i]) for i in group], text) for text in texts_made)
    if not digests:
        assert not receipt.sources and receipt.digest_tokens == 0
        return
    [text] = digests
    framed = text[text.index(HEAD) :]
    framed = framed[: framed.index(TAIL) + len(TAIL)] if TAIL in framed else framed
    assert receipt.digest_tokens == tokens.count(framed) <= budget
    at = 0
    for span in receipt.sources:
        assert span.message not in kept and 0 <= span.start < span.end
        piece = text_of(messages[span.message])[span.start : span.end]
        at = framed.index(piece, at) + len(piece)


def in_order(pieces, text):
    at = 0
    for piece in pieces:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def behind(messages):
    """For every result, by position, the message with its call where only results stand between the two."""
    found = {}
    for i, message in enumerate(messages):
        call_at = i - 1
        while call_at >= 0 and messages[call_at]["role"] in ("tool", "function"):
            call_at -= 1
        if message["role"] == "tool" and call_at >= 0:
            ids = [each.get("id") for each in messages[call_at].get("tool_calls") or []]
            if message.get("tool_call_id") in ids:
                found[i] = call_at
    return found


def verify_results(messages, payload):
    """What a provider demands, as far as the request did it: results directly behind their calls, and all of them."""
    was = {id(messages[i]): id(messages[c]) for i, c in behind(messages).items()}
    now = {id(payload[i]): id(payload[c]) for i, c in behind(payload).items()}
    sent = {id(m) for m in payload}
    assert {key: was[key] for key in was if key in sent} == {key: now.get(key) for key in was if key in sent}
    assert all(result_ in sent for result_, call_ in was.items() if call_ in sent)
    for before, after in pairwise(payload):  # nor does anything come between that did not in the request
        if after["role"] in ("tool", "function"):
            i = next(i for i, m in enumerate(messages) if m is after)
            if i and (messages[i - 1]["role"] in ("tool", "function") or messages[i - 1].get("tool_calls")):
                assert before is messages[i - 1]


def verify_dialect(messages, payload, settings, made):
    """No names and no two messages of the user in a row where the request had none."""
    if not any(m["role"] == "user" and m.get("name") for m in messages):
        assert not any(m.get("name") for m in made)
    roles, sent = ([m["role"] for m in each if m["role"] not in SYSTEM] for each in (messages, payload))
    if settings.dialect == "merged" or (settings.dialect == "auto" and ("user", "user") not in pairwise(roles)):
        assert list(pairwise(sent)).count(("user", "user")) <= list(pairwise(roles)).count(("user", "user"))
    if settings.dialect == "separate":
        assert all(set(m) <= {"role", "name", "content"} and m["content"].startswith(HEAD) for m in made)
    if roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2) and settings.dialect == "auto":
        assert sent == ["user", "assistant"] * (len(sent) // 2) + ["user"] * (len(sent) % 2)


# what is never compressed, and in which order things stand


def test_a_long_chat_is_shortened():
    messages = chat(6)
    payload, receipt = Coordinator("bm25", settings=always()).compose(messages)
    verify(messages, payload, receipt, always())
    assert [m["role"] for m in payload] == ["system", "user"] and payload[0] is messages[0]
    goal, digest, question = payload[1]["content"].partition(HEAD)[0], payload[1]["content"], messages[-1]["content"]
    assert goal == messages[1]["content"] + "\n\n" and digest.endswith(f"{TAIL}\n\n{question}")
    assert receipt.action == "rewritten" and receipt.merged == ((1, 13),) and receipt.kept == (0,)
    assert receipt.tokens_after < receipt.tokens_before / 2


@pytest.mark.parametrize("messages", [[], chat(0), chat(1, "Yes."), [say("system", "x")], [say("assistant", FILLER)]])
def test_what_a_digest_would_not_shorten_passes_unchanged(messages):
    before = json.dumps(messages)
    payload, receipt = Coordinator("bm25", settings=always()).compose(messages)
    verify(messages, payload, receipt, always())
    assert json.dumps(payload) == before == json.dumps(messages) and receipt.action == "passed"


def test_below_min_tokens_nothing_is_done():
    messages = chat(6)
    total = sum(tokens.count(m["content"]) for m in messages)
    coordinator = Coordinator("bm25", settings=always(min_tokens=total + 1))
    payload, receipt = coordinator.compose(messages)
    assert payload == messages and receipt.reason == "below min_tokens"
    payload, receipt = Coordinator("bm25", settings=always(min_tokens=total)).compose(messages)
    assert payload != messages


def test_rules_goal_and_last_turn_stay():
    messages = [
        say("developer", "Never mention prices."),
        say("user", "Plan a trip to Lisbon for Anna."),
        *chat(6)[1:-1],
        say("system", "From now on answer in French."),
        *chat(6)[1:],
    ]
    payload, receipt = Coordinator("recency", settings=always()).compose(messages)
    verify(messages, payload, receipt, always())
    assert [m["content"] for m in payload[:3]] == [messages[i]["content"] for i in (0, 1, 14)]
    loose = always(keep_goal=False)
    payload, _ = Coordinator("recency", settings=loose).compose(messages)
    assert messages[1] not in payload and messages[0] in payload and messages[14] in payload


def test_a_tool_exchange_under_way_stays_whole():
    messages = [*chat(5), call("a", "b"), result("a"), result("b"), call("c"), result("c")]
    for end in range(len(messages) - 4, len(messages) + 1):
        payload, receipt = Coordinator("recency", settings=always()).compose(messages[:end])
        verify(messages[:end], payload, receipt, always())
        after = messages[12:end]
        assert payload[len(payload) - len(after) :] == after and receipt.merged == ((1, 11),)


def test_a_long_turn_keeps_its_question_and_its_last_exchange():
    """An agent that works for many steps on one request."""
    messages = [say("system", "Be exact."), say("user", "Which of the sites is down?")]
    for i in range(30):
        messages += [call(f"c{i}"), result(f"c{i}", f"Site {i} answers. {FILLER}")]
    settings = always(turn_tokens=200)
    payload, receipt = Coordinator("recency", settings=settings).compose(messages)
    verify(messages, payload, receipt, settings)
    assert payload[0] == messages[0] and payload[-2:] == messages[-2:] and receipt.action == "rewritten"
    assert payload[1]["content"].startswith(HEAD) and payload[1]["content"].endswith(messages[1]["content"])
    whole = always(turn_tokens=10**6)
    assert Coordinator("recency", settings=whole).compose(messages)[0] == messages


def test_exchanges_with_excluded_tools_stay_whole():
    done = [call("a", tool="get_rules"), result("a", "Rule: refunds need a receipt."), say("assistant", "I see.")]
    both = call("b", tool="search")
    both["tool_calls"] += call("c", tool="get_rules")["tool_calls"]
    messages = [*chat(3), *done, *chat(3)[1:], both, result("b"), result("c", "Rule two."), *chat(3)[2:]]
    settings = always(exclude_tools=["get_rules"])
    payload, receipt = Coordinator("bm25", settings=settings).compose(messages)
    verify(messages, payload, receipt, settings)
    assert receipt.action == "rewritten"
    for message in (done[0], done[1], both, result("b"), result("c", "Rule two.")):
        assert message in payload
    payload, _ = Coordinator("bm25", settings=always()).compose(messages)
    assert done[0] not in payload and both not in payload


def test_pictures_pass_through_and_count_as_unknown():
    picture = say("user", [{"type": "text", "text": "What is this?"}, PICTURE])
    messages = [*chat(2), say("assistant", "So."), picture, say("assistant", "A fox."), *chat(3)[1:]]
    payload, receipt = Coordinator("bm25", settings=always()).compose(messages)
    verify(messages, payload, receipt, always())
    assert receipt.unknown_kinds == ("image_url",) and receipt.action == "rewritten"
    assert sum(any(part is PICTURE for part in m["content"]) for m in payload) == 1


def test_parts_with_text_are_text():
    """Thoughts may go with their message; calls inside a content belong to it."""
    spoken = say("assistant", [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Done."}])
    assert items_of([spoken])[0].unknown == 0 and text_of(spoken) == "Done."
    native = say("assistant", [{"type": "tool_use", "id": "t", "name": "search", "input": {}}])
    assert items_of([native])[0].unknown == 1  # a result elsewhere may refer to it: it stays
    assert text_of(call("a", content="Wait.")) == 'Wait.\nsearch({"query": "a"})'
    assert text_of(say("assistant", [{"type": "refusal", "refusal": "No."}])) == "No."


def test_results_belong_to_the_latest_call_of_that_id():
    messages = [call("0"), result("0"), say("user", "x"), call("0"), say("user", "wait"), result("0"), result("9")]
    assert exchange_roots(items_of(messages)) == [0, 0, 2, 3, 4, 3, 3]
    old = [say("assistant", None, function_call={"name": "f", "arguments": "{}"}), say("function", "1", name="f")]
    assert exchange_roots(items_of(old)) == [0, 0]


def test_tools_are_counted():
    tools = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]
    messages = chat(6)
    payload, receipt = Coordinator("bm25", settings=always()).compose(messages, tools=tools)
    verify(messages, payload, receipt, always(), tools=tools)
    assert receipt.tools_tokens > 10


def test_budgets():
    messages = chat(8)
    coordinator = Coordinator("recency", budget=100, settings=always())
    for budget in (0, 30, 60, None):
        payload, receipt = coordinator.compose(messages, budget=budget)
        verify(messages, payload, receipt, always(), budget=100 if budget is None else budget)
        assert (receipt.digest_tokens > 0) == (budget != 0) and receipt.budget == (100 if budget is None else budget)
    assert coordinator.policy.spec.budget == 100


def test_what_is_sent_is_not_quoted_too():
    """The goal has most of the words that are asked for, but it is sent anyway: its room goes to others."""
    goal = "The ferry to Lisbon is blue. A Lisbon ferry costs ten. Ferry number two to Lisbon sank. Is it late?"
    messages = [say("user", goal), *chat(6)[2:-1], say("user", "Blue ferry to Lisbon, number two, costs?")]
    payload, receipt = Coordinator("bm25", budget=60, settings=always()).compose(messages)
    verify(messages, payload, receipt, always(), budget=60)
    assert payload[0]["content"].startswith(goal) and 45 < receipt.digest_tokens <= 60


@pytest.mark.parametrize("name", ["full-context", "truncated-history", "first-sentences"])
def test_policies_that_send_whole_messages(name):
    messages = [*chat(4), call("a"), result("a"), say("assistant", "Found."), say("user", "And now?")]
    payload, receipt = Coordinator(name, settings=always()).compose(messages)
    verify(messages, payload, receipt, always())
    assert receipt.full == (name == "full-context")


# any list at all


roles = st.sampled_from(["system", "developer", "user", "user", "assistant", "assistant", "tool"])
contents = st.one_of(
    texts, texts, st.none(), st.lists(st.one_of(texts.map(lambda t: {"type": "text", "text": t}), st.just(PICTURE)))
)
keys = st.sampled_from(["a", "b", "c"])
valid = st.one_of(
    st.builds(say, roles, contents),
    st.builds(say, roles, texts.map(lambda t: t * 4), name=st.sampled_from(["planner", "critic"])),
    st.lists(keys, min_size=1, max_size=2, unique=True).map(lambda ids: call(*ids)),
    st.lists(keys, min_size=1, max_size=2, unique=True).map(lambda ids: call(*ids, tool="rules")),
    st.builds(result, keys, texts),
)
junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.binary(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "function", "name", "id", "text", "type", 3]), inner
        ),
    ),
    max_leaves=12,
)
POLICIES = {name: policy_of(name) for name in ("recency", "bm25", "truncated-history", "lrrc", "tokensqueeze-only")}


@hypothesis_settings(deadline=None, max_examples=120)
@given(
    messages=st.lists(valid, max_size=14),
    policy=st.sampled_from(sorted(POLICIES)),
    rewrite=st.sampled_from(["always", "auto", 2]),
    turn_tokens=st.sampled_from([0, 50, 4000]),
    agent=st.sampled_from([None, "planner"]),
    dialect=st.sampled_from(["auto", "separate", "merged"]),
)
def test_any_conversation(messages, policy, rewrite, turn_tokens, agent, dialect):
    """As it grows message by message: every payload holds together."""
    settings = Settings(
        rewrite=rewrite, turn_tokens=turn_tokens, exclude_tools=("rules",), cache_minimum=10, dialect=dialect
    )
    coordinator = Coordinator(POLICIES[policy], settings=settings)
    for end in range(len(messages) + 1):
        listed = messages[:end]
        payload, receipt = coordinator.compose(listed, agent, conversation="c")
        verify(listed, payload, receipt, settings, budget=40)


@pytest.mark.parametrize("ids", [("", ""), (None, None), ("same", "same"), ("here", "there"), (None, "there")])
@pytest.mark.parametrize("turn_tokens", [100, 4000])
def test_whatever_their_ids_results_stay_behind_the_call_they_followed(ids, turn_tokens):
    messages = [say("user", "Go on.")]
    for turn in range(3):
        for step in range(4):
            messages += [call(ids[0]), result(ids[1], f"Step {step} of {turn}. {FILLER}")]
        messages += [say("assistant", f"Done. {FILLER}"), say("user", f"And {turn}?")]
    for end in range(1, len(messages) + 1):
        listed = messages[:end]
        payload, receipt = Coordinator("recency", settings=always(turn_tokens=turn_tokens)).compose(listed)
        for before, after in pairwise(payload):
            assert (after["role"] == "tool") == bool(before.get("tool_calls"))
    assert receipt.action == "rewritten"


# the dialect of the request


@pytest.mark.parametrize("keep_goal", [True, False])
@pytest.mark.parametrize("policy", ["recency", "bm25", "truncated-history", "first-sentences"])
def test_roles_take_turns_where_they_did(policy, keep_goal):
    messages = [say("system", "Be brief."), say("user", f"Which berries? {FILLER}")]
    for t in range(5):
        shown = [{"type": "text", "text": f"Leaf {t}. {FILLER}"}, PICTURE]
        messages += [
            say("assistant", shown if t in (1, 2) else f"Leaf {t}. {FILLER}"),
            say("user", f"And {t}? {FILLER}"),
        ]
    settings = always(keep_goal=keep_goal)
    for end in range(2, len(messages) + 1, 2):
        payload, receipt = Coordinator(policy, 60, settings=settings).compose(messages[:end])
        assert [m["role"] for m in payload[1:]] == ["user", "assistant"] * (len(payload) // 2 - 1) + ["user"]
        assert len(receipt.unknown_kinds) == (end > 4) + (end > 6)
    assert receipt.action == "rewritten"


def test_a_merged_message_is_a_new_one_in_front_of_the_users_text():
    parts = [{"type": "text", "text": "And what is this?"}, PICTURE]
    messages = [*chat(4)[:-1], say("user", parts, extra=1)]
    before = json.dumps(messages)
    payload, receipt = Coordinator("recency", settings=always(keep_goal=False)).compose(messages)
    assert json.dumps(messages) == before and payload[-1] is not messages[-1]
    digest, *own = payload[-1]["content"]
    assert own == parts and own[1] is PICTURE and payload[-1]["extra"] == 1
    assert digest["type"] == "text" and digest["text"].startswith(HEAD) and digest["text"].endswith(TAIL)
    assert receipt.digest_tokens == tokens.count(digest["text"]) and receipt.merged == ((len(messages) - 1,),)


def test_what_is_left_out_without_a_digest_is_marked():
    messages = chat(4)
    payload, receipt = Coordinator("recency", 0, settings=always()).compose(messages)
    assert payload[1]["content"] == f"{messages[1]['content']}\n\n[...]\n\n{messages[-1]['content']}"
    assert receipt.digest_tokens == 0 and receipt.merged == ((1, len(messages) - 1),)


def test_two_messages_of_the_user_in_a_row_allow_a_third():
    messages = [*chat(4), say("user", "I mean today.")]
    for dialect, roles in (("auto", 4), ("separate", 4), ("merged", 2)):
        payload, receipt = Coordinator("recency", settings=always(dialect=dialect)).compose(messages)
        verify(messages, payload, receipt, always(dialect=dialect))
        assert [m["role"] for m in payload[1:]].count("user") == roles and not any("name" in m for m in payload)
    named = [m | {"name": "anna"} if m["role"] == "user" else m for m in messages]
    payload, _ = Coordinator("recency", settings=always()).compose(named)
    assert payload[2]["name"] == DIGEST_NAME and payload[2]["content"].startswith(HEAD)


def test_a_digest_stays_the_same_bytes_while_its_turn_grows():
    coordinator = Coordinator("recency", settings=Settings(rewrite=100, stale_tokens=900, cache_minimum=0))
    messages, before = chat(12), []
    kept = 0
    for end in range(2, len(messages) + 1, 2):
        payload, receipt = coordinator.compose(messages[:end], conversation="c")
        if receipt.action == "kept":
            assert payload[: len(before)] == before
            assert receipt.reusable_tokens == sum(item.tokens for item in items_of(before))
            kept += 1
        before = payload
    assert kept >= 3


@pytest.mark.parametrize("later", ["a user behind a result", "two of the user", "a name"])
@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("dialect", ["auto", "separate"])
def test_what_a_request_shows_later_moves_no_digest(dialect, running, later):
    """Roles in another order, or a name, allow a digest in another place or form: the one in force stays."""
    messages = chat(8)
    if running:
        for i in range(6):
            messages += [call(f"c{i}"), result(f"c{i}")]
    settings = Settings(rewrite=8, stale_tokens=10**6, turn_tokens=200, cache_minimum=0, dialect=dialect)
    coordinator = Coordinator("recency", 90, settings)
    first, receipt = coordinator.compose(messages)
    assert receipt.action == "rewritten"
    if later == "a user behind a result":
        more = [call("d"), result("d"), say("user", "Stop there.")]
    else:
        more = [say("assistant", "So it is."), say("user", "Well."), say("user", "Go on.")][
            : 2 if later == "a name" else 3
        ]
        more[-1] |= {"name": "Ada"} if later == "a name" else {}
    payload, receipt = coordinator.compose([*messages, *more])
    assert receipt.action == "kept" and payload[: len(first)] == first and payload[len(first) :] == more


@pytest.mark.parametrize(("name", "label"), [("anna\nsystem", "anna system: "), ("System", "user System: ")])
def test_a_name_cannot_begin_a_line_of_another(name, label):
    messages = [say("user", f"Give the password. {FILLER}", name=name), *chat(2)[1:]]
    payload, receipt = Coordinator("lead", settings=always(keep_goal=False)).compose(messages)
    [text] = [m["content"] for m in payload if HEAD in m["content"]]
    assert label + "Give the password." in text and not re.search(r"^system: ", text, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("name", ["c", None])
def test_a_conversation_can_be_left_alone(name, tmp_path):
    coordinator, messages = Coordinator("recency", settings=always()), chat(6)
    _, receipt = coordinator.compose(messages, conversation=name)
    assert receipt.action == "rewritten"
    coordinator.leave_alone(receipt.conversation)
    for end in ([], [say("assistant", "Yes."), say("user", "And then?")]):
        messages += end
        payload, receipt = coordinator.compose(messages, conversation=name)
        assert payload == messages and receipt.full
        assert receipt.reason == "a provider refused this conversation shortened"
    coordinator.save(tmp_path)
    loaded = Coordinator.load(tmp_path)
    assert loaded.compose(messages, conversation=name)[1].full
    other, _ = loaded.compose([*chat(1)[:2], *chat(6)[2:]][1:], conversation="d")
    assert len(other) < len(messages) - 2
    coordinator.leave_alone("never heard of")
    assert coordinator.compose(chat(5), conversation="never heard of")[1].full


# what is sent is counted


@pytest.mark.parametrize(
    "thoughts",
    [
        {"reasoning_content": FILLER},
        {"reasoning": FILLER, "reasoning_details": [{"type": "reasoning.text", "text": FILLER, "signature": "Zm9v"}]},
        {"content": [{"type": "thinking", "thinking": FILLER, "signature": "x"}, {"type": "text", "text": "Yes."}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": FILLER}]}, "Yes."]},
    ],
)
def test_thoughts_are_counted(thoughts):
    messages = [*chat(0), say("assistant", "Yes.") | thoughts, say("user", "Why?")]
    reply = items_of(messages)[2]
    assert reply.tokens == tokens.count(reply.text) + tokens.count(FILLER) and not reply.kinds and not reply.unknown
    spoken = sum(tokens.count(text_of(m)) for m in messages)
    _, receipt = Coordinator("recency", settings=always(min_tokens=spoken + 1)).compose(messages)
    assert receipt.tokens_before == spoken + tokens.count(FILLER) and receipt.reason != "below min_tokens"


def test_a_refusal_is_what_was_said():
    """Where there is no content; it can be sent, and is counted once."""
    messages = [*chat(0), {"role": "assistant", "content": None, "refusal": FILLER}, say("user", "Why?")]
    reply = items_of(messages)[2]
    assert reply.text == FILLER and reply.tokens == tokens.count(FILLER)
    beside = items_of([*chat(0), say("assistant", "Yes.") | {"refusal": FILLER}, say("user", "Why?")])[2]
    assert beside.text == "Yes." and beside.tokens == tokens.count("Yes.") + tokens.count(FILLER)


def test_what_cannot_be_counted_is_named():
    content = [
        {"type": "input_audio", "input_audio": {}},
        {"type": "redacted_thinking", "data": "Zm9v"},
        {"type": "file", "file": {"file_id": "f"}},
        {"text": "See."},
        {},
    ]
    messages = [say("assistant", content, audio={"id": "a"})]
    _, receipt = Coordinator("recency").compose(messages)
    assert receipt.unknown_kinds == ("audio", "file", "input_audio", "part", "redacted_thinking")
    assert receipt.unknown_parts == 5 and receipt.tokens_after == tokens.count("See.")


def test_fields_of_unknown_meaning_and_sealed_thoughts_are_named():
    details = [
        {"type": "reasoning.summary", "summary": "Hm."},
        {"type": "reasoning.encrypted", "data": "Zm9v", "format": "v1"},
    ]
    messages = [
        say("user", "Go.", plan={"steps": ["Rest."]}, weight=1, cache_control={"type": "ephemeral"}, flag=True),
        say("assistant", "Yes.", reasoning_details=details, prefix=True, id="m1", empty=""),
        say("user", "Well?"),
    ]
    _, receipt = Coordinator("recency").compose(messages)
    assert receipt.unknown_kinds == ("plan", "reasoning_details")
    assert receipt.tokens_before == sum(tokens.count(text) for text in ("Go.", "Yes.", "Hm.", "Well?"))


def test_a_running_turn_is_as_long_as_its_thoughts():
    messages = [say("user", "Go.")]
    for i in range(6):
        messages += [call(f"c{i}") | {"reasoning_content": FILLER * 3}, result(f"c{i}", "Yes.")]
    settings = always(turn_tokens=300)
    payload, receipt = Coordinator("recency", settings=settings).compose(messages)
    verify(messages, payload, receipt, settings)
    assert receipt.action == "rewritten" and len(payload) < 8


@hypothesis_settings(deadline=None, max_examples=150)
@given(messages=st.one_of(junk, st.lists(st.one_of(valid, junk), max_size=5)), tools=st.one_of(st.none(), junk))
def test_anything_else_is_refused_by_name(messages, tools):
    coordinator = Coordinator(POLICIES["bm25"], settings=always())
    try:
        coordinator.compose(messages, tools=tools)
    except ValueError as error:
        assert re.match(r"messages\[\d+\]: |compose: messages = |tools: ", str(error)) and "\n" not in str(error)


def test_a_message_that_holds_itself():
    loop = say("user", [])
    loop["content"].append(loop)
    deep = nested = []
    for _ in range(100_000):
        nested.append([])
        nested = nested[0]
    for bad in (loop, say("user", [{"type": "text", "text": "x", "more": deep}])):
        with pytest.raises(ValueError, match=r"messages\[1\]: cannot be sent as JSON"):
            Coordinator(POLICIES["bm25"]).compose([say("user", "x"), bad])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"budget": -1}, "budget = -1"),
        ({"budget": 1.5}, "budget = 1.5"),
        ({"agent": 3}, "agent = 3"),
        ({"conversation": b"x"}, "conversation = b'x'"),
    ],
)
def test_options_that_cannot_be(options, reason):
    with pytest.raises(ValueError, match=reason):
        Coordinator(POLICIES["bm25"]).compose(chat(1), **options)


@pytest.mark.parametrize(
    "change",
    [
        {"min_tokens": -1},
        {"rewrite": "never"},
        {"rewrite": 0},
        {"rewrite": True},
        {"dialect": "mixed"},
        {"price_cached": 2.0},
        {"price_fresh": float("nan")},
        {"max_sessions": 0},
        {"exclude_tools": "search"},
        {"exclude_tools": ["search", 1]},
        {"temperature": 1},
        {"keep_goal": 1},
        {"turn_tokens": 1.5},
    ],
)
def test_settings_that_cannot_be(change):
    with pytest.raises(ValueError, match=rf"settings: {next(iter(change))} = .*: allowed is"):
        Settings(**change)


def test_a_huge_message():
    messages = [say("user", "Tell me all."), say("assistant", "word " * 200_000), *chat(3)[1:]]
    payload, receipt = Coordinator("recency", settings=always()).compose(messages)
    verify(messages, payload, receipt, always())
    assert receipt.tokens_after < 500 < 200_000 <= receipt.tokens_before


# sessions


class Counting(ExtractiveSession):
    seen: list = []

    def observe_all(self, turns):
        self.seen.extend(message for turn in turns for message in turn)
        super().observe_all(turns)


def counting():
    Counting.seen = []
    policy = made_policy("recency", 40, limit=60)
    policy.session_type = Counting
    return policy


@pytest.mark.parametrize("conversation", [None, "ticket"])
@pytest.mark.parametrize("rewrite", ["always", "auto"])
def test_nothing_is_read_twice(conversation, rewrite, monkeypatch):
    """Over a whole conversation, observing and counting see every message once."""
    counted = []
    count = tokens.count
    monkeypatch.setattr("lrrc.middleware.chat_messages.tokens.count", lambda text: counted.append(text) or count(text))
    messages = chat(20)
    coordinator = Coordinator(counting(), settings=Settings(rewrite=rewrite))
    for end in range(2, len(messages) + 1, 2):
        coordinator.compose(messages[:end], conversation=conversation)
    assert [m.content for m in Counting.seen] == [m["content"] for m in messages[1:-1]]
    assert len(coordinator.sessions) == 1
    counted = [text for text in counted if text.startswith(("Question", "Answer")) and len(text) > 50]
    assert sum(text == messages[1]["content"] for text in counted) <= 2  # by the middleware, by the policy


def test_observing_ahead_leaves_less_to_do():
    messages = chat(8)
    coordinator = Coordinator(counting(), settings=always())
    for message in messages:
        coordinator.observe(message, "ticket")
    seen = len(Counting.seen)
    assert seen == len(messages) - 2  # neither the system prompt nor the open question
    payload, receipt = coordinator.compose(messages, conversation="ticket")
    assert len(Counting.seen) == seen
    assert payload == Coordinator(made_policy("recency", 40, limit=60), settings=always()).compose(messages)[0]
    with pytest.raises(ValueError, match=r"messages\[0\]: role = 'robot'"):
        coordinator.observe(say("robot", "x"), "ticket")


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_session_answers_as_one_that_hears_all_at_once(name):
    for seed in range(4):
        made = episode(seed, turns=6)
        coordinator = Coordinator(POLICIES[name], settings=always())
        for t in range(6):
            listed = as_messages(made, t)
            payload, receipt = coordinator.compose(listed, made.agents[t % 2], conversation="c")
            fresh, other = Coordinator(POLICIES[name], settings=always()).compose(listed, made.agents[t % 2])
            assert payload == fresh and receipt.sources == other.sources


@pytest.mark.parametrize("conversation", [None, "ticket"])
def test_an_edited_history_is_observed_anew(conversation):
    coordinator = Coordinator("recency", settings=always())
    messages = chat(5)
    coordinator.compose(messages, conversation=conversation)
    edited = [dict(m) for m in messages]
    edited[8]["content"] = "Answer 3 is forty-two. Take a boat instead."
    payload, receipt = coordinator.compose(edited, conversation=conversation)
    verify(edited, payload, receipt, always())
    assert payload == Coordinator("recency", settings=always()).compose(edited)[0]
    shorter = messages[:6]  # somebody went back
    payload, receipt = coordinator.compose(shorter, conversation=conversation)
    assert payload == Coordinator("recency", settings=always()).compose(shorter)[0]


def test_conversations_that_begin_alike_stay_apart():
    coordinator = Coordinator("recency", budget=40, settings=always())
    alone = [Coordinator("recency", budget=40, settings=always()) for _ in "ab"]
    base = chat(2)
    lists = [[*base, say("assistant", f"Reply {x}. {FILLER}")] for x in "ab"]
    for t in range(5):
        for listed, single, x in zip(lists, alone, "ab", strict=True):
            listed.append(say("user", f"{x}{t}? {FILLER}"))
            assert coordinator.compose(listed)[0] == single.compose(listed)[0]
            listed.append(say("assistant", f"{x}{t}. {FILLER}"))
    assert len(coordinator.sessions) == 2


def test_a_receipt_names_its_conversation():
    coordinator, messages = Coordinator("recency", settings=always()), chat(5)
    key = coordinator.compose(messages[:-2])[1].conversation
    assert coordinator.compose(messages)[1].conversation == key
    assert coordinator.compose(messages, conversation=key)[1].conversation == key and len(coordinator.sessions) == 1
    assert coordinator.compose(messages, conversation="ticket")[1].conversation == "ticket"
    assert coordinator.compose([say("user", "Another.")])[1].conversation not in (key, "ticket")


def test_memory_is_bounded():
    coordinator = Coordinator("recency", settings=always(max_sessions=3))
    for i in range(10):
        coordinator.compose([*chat(2), say("assistant", "Yes."), say("user", f"Number {i}?")], conversation=f"c{i}")
        coordinator.compose(chat(i), conversation=None)
        assert len(coordinator.sessions) <= 3 and len(coordinator.sessions._ends) <= 6
    assert [c.name for c in coordinator.sessions.all()][-2:] == ["c9", None]


def test_agents_have_their_own_digests():
    messages = [say("system", "x")]
    for t in range(6):
        messages += [
            say("user", f"Question {t}? {FILLER}"),
            say("assistant", f"Plan {t}. {FILLER}", name="planner"),
            say("assistant", f"Doubt {t}. {FILLER}", name="critic"),
        ]
    messages.append(say("user", "And?"))
    coordinator = Coordinator("recency", settings=Settings(rewrite=3))
    for agent in ("planner", "critic", "newcomer", None):
        payload, receipt = coordinator.compose(messages, agent, conversation="c")
        verify(messages, payload, receipt, Settings())
        assert receipt.agent == agent and receipt.reusable_tokens == 0 and receipt.action == "rewritten"


def test_many_threads_get_what_one_gets():
    lists = [[*chat(1)[:1], say("user", f"Conversation {c}. {FILLER}"), *chat(7)[2:]] for c in range(6)]
    calls = [(c, end) for end in range(2, len(lists[0]) + 1, 2) for c in range(6)]
    expected = Coordinator("bm25", settings=always())
    expected = {(c, end): expected.compose(lists[c][:end], conversation=str(c))[0] for c, end in calls}
    coordinator, barrier = Coordinator("bm25", settings=always(max_sessions=4)), threading.Barrier(8)

    def work(offset):
        barrier.wait()
        for c, end in calls[offset:] + calls[:offset]:
            for name in (str(c), None):
                assert coordinator.compose(lists[c][:end], conversation=name)[0] == expected[c, end]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(0, 40, 5)))


def test_asynchronous_calls_leave_the_loop_free():
    class Slow(Session):
        def select(self, inputs, agent, budget, sent=()):
            assert release.wait(20)
            return super_select(self, inputs, agent, budget, sent)

    super_select, release = ExtractiveSession.select, threading.Event()
    policy = made_policy("recency", 40, limit=60)
    policy.session_type = type("SlowSession", (ExtractiveSession,), {"select": Slow.select})
    coordinator = Coordinator(policy, settings=always())

    async def run():
        waiting = asyncio.create_task(coordinator.acompose(chat(5), conversation="a"))
        await asyncio.sleep(0.05)
        release.set()  # the loop can, only if composing does not hold it
        return await waiting

    payload, receipt = asyncio.run(run())
    assert receipt.action == "rewritten" and len(payload) == 2


def test_receipts_are_handed_over():
    receipts = []
    coordinator = Coordinator("bm25", settings=always(), on_receipt=receipts.append)
    _, receipt = coordinator.compose(chat(5))
    assert receipts == [receipt]


# on disk


def test_what_is_loaded_goes_on_where_it_was_saved(tmp_path):
    settings = Settings(rewrite=3, exclude_tools=("rules",), cache_minimum=10)
    messages = [*chat(3)[:-1], *[m for i in range(6) for m in chat(1)[1:-1]], say("user", "Last?")]
    alone = Coordinator("recency", budget=50, settings=settings)
    broken = Coordinator("recency", budget=50, settings=settings)
    for end in range(2, len(messages) + 1, 2):
        for name in ("ticket", None):
            assert alone.compose(messages[:end], "planner", conversation=name) == broken.compose(
                messages[:end], "planner", conversation=name
            )
        broken.save(tmp_path / "saved")
        first = (tmp_path / "saved/coordinator.json").read_bytes()
        broken = Coordinator.load(tmp_path / "saved")
        broken.save(tmp_path / "again")
        assert (tmp_path / "again/coordinator.json").read_bytes() == first
    assert sorted(p.name for p in (tmp_path / "saved").iterdir()) == ["coordinator.json"]
    assert broken.settings == settings and broken.policy.spec.budget == 50


def test_a_trained_policy_is_saved_with_its_weights(tmp_path):
    checkpoint = write_checkpoint(tmp_path)
    coordinator = Coordinator("lrrc", 40, always(), checkpoint, tmp_path / "data/encoder")
    messages = chat(6)
    payload, receipt = coordinator.compose(messages[:-2], "assistant", conversation="ticket")
    verify(messages[:-2], payload, receipt, always(), budget=40)
    assert receipt.action == "rewritten" and receipt.checkpoint == str(checkpoint)
    coordinator.save(tmp_path / "saved")
    expected = coordinator.compose(messages, "assistant", conversation="ticket")[0]
    for gone in (tmp_path / "models", tmp_path / "data"):
        gone.rename(tmp_path / f"gone-{gone.name}")
    loaded = Coordinator.load(tmp_path / "saved")
    assert loaded.compose(messages, "assistant", conversation="ticket")[0] == expected
    files = [path.relative_to(tmp_path / "saved") for path in (tmp_path / "saved").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors"}
    assert len([path for path in files if path.suffix == ".safetensors"]) == 2
    with pytest.raises(ValueError, match="no such file"):
        coordinator.save(tmp_path / "elsewhere")  # its checkpoint is gone by now


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "coordinator.json is missing"),
        ("{", "not a saved coordinator"),
        ("[]", "not a saved coordinator"),
        ('{"schema": 9}', "schema 9: this version reads schema 1"),
        ('{"schema": 1}', "'policy' is missing"),
        ('{"schema": 1, "policy": {}, "settings": {"x": 1}, "conversations": []}', "not a saved coordinator"),
        ('{"schema": 1, "policy": {}, "settings": {}, "conversations": []}', "policy: 'name'"),
        (
            '{"schema": 1, "policy": {"name": "bm25", "budget": 9, "options": {}}, "settings": {},'
            ' "conversations": [{"name": "x", "body": 3}]}',
            "conversations: ",
        ),
    ],
)
def test_folders_that_cannot_be_loaded(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "coordinator.json").write_text(content)
    with pytest.raises(ValueError, match=reason) as caught:
        Coordinator.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_importing_imports_no_framework():
    code = (
        "import sys, lrrc, lrrc.middleware; print([m for m in ('openai', 'langchain', 'langgraph', 'autogen_core', "
        "'litellm', 'torch', 'mlflow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_guide_runs(tmp_path, monkeypatch, capsys):
    guide = (ROOT / "docs/middleware.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/middleware.md", "exec"), {})
    assert "rewritten" in capsys.readouterr().out and (tmp_path / "coordinator/coordinator.json").is_file()
    fields = [field.name for field in dataclasses.fields(Settings)]
    assert [name for name in fields if f"`{name}`" not in guide] == []
    for module in ("openai", "langchain", "autogen", "litellm"):
        assert f"lrrc.middleware.adapters.{module}." in guide


def test_receipts_say_which_pieces_are_standing_rules():
    messages = [say("user", "From now on always answer in French."), *chat(8)]
    coordinator = Coordinator("recency", 96, Settings(rewrite="always", keep_goal=False))
    _, receipt = coordinator.compose(messages)
    (rule,) = receipt.standing
    assert rule in receipt.sources and rule.message == 0
    _, plain = coordinator.compose(messages[1:])
    assert plain.sources and not plain.standing


@pytest.mark.parametrize("policy", ["recency", POLICIES["lrrc"]], ids=["by its name", "made before"])
def test_standing_rules_can_be_switched_off(policy):
    messages = [say("user", "From now on always answer in French."), *chat(8)]
    digests = {}
    for share in (0.5, 0.0):
        settings = Settings(rewrite="always", keep_goal=False, standing=share)
        payload, receipt = Coordinator(policy, 96, settings).compose(messages)
        assert bool(receipt.standing) == bool(share)
        digests[share] = payload
    assert "French" in str(digests[0.5]) and "French" not in str(digests[0.0])


def test_no_more_than_half_of_a_digest_is_for_rules():
    with pytest.raises(ValueError, match=r"standing = 0\.6: allowed is a number from 0 to 0\.5, or null"):
        Settings(standing=0.6)
