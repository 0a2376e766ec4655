"""The way back to what a digest leaves out: hinted at only where the tool is there, answered from the conversation."""

import httpx2
import pytest
from helpers.chats import chat, say
from helpers.upstreams import Upstream, running

from lrrc.middleware import Coordinator, Settings, anthropic_messages, openai_responses
from lrrc.middleware.proxy import forwarding
from lrrc.middleware.proxy.app import create_app
from lrrc.middleware.recall import HINT, NOTHING, TOOL, recall_tool
from lrrc.pretrained import tokens

FACT = "The spare key of the lighthouse hangs behind the third barometer."


def talk():
    said = chat(12)
    said[5] = say("user", f"By the way: {FACT}")
    return said


PREFIXED = f"mcp__lrrc__{TOOL}"
TOOLS = {
    "chat": [{"type": "function", "function": {"name": PREFIXED, "parameters": {}}}],
    "messages": [{"name": PREFIXED, "input_schema": {"type": "object"}}],
    "responses": [{"type": "namespace", "name": "mcp__lrrc", "tools": [{"type": "function", "name": TOOL}]}],
}


def composed(dialect, coordinator, tools):
    """The texts of a payload in the form of an API, with the conversation's key."""
    body = [m for m in talk() if m["role"] != "system"]
    if dialect == "chat":
        payload, receipt = coordinator.compose(talk(), tools=tools)
    elif dialect == "messages":
        payload, receipt = anthropic_messages.compose(coordinator, {"messages": body, "tools": tools, "system": "Hm."})
    else:
        payload, receipt = openai_responses.compose(coordinator, {"input": body, "tools": tools, "instructions": "Hm."})
    return str(payload), receipt


def new(**settings):
    return Coordinator("recency", 90, Settings(rewrite="always", cache_minimum=0, **settings))


@pytest.mark.parametrize("dialect", TOOLS)
def test_a_digest_hints_at_the_tool_only_where_it_is_allowed_and_there(dialect):
    coordinator = new(recall=True)
    text, receipt = composed(dialect, coordinator, TOOLS[dialect])
    assert HINT.strip() in text and receipt.conversation in text and f"ask {recall_tool(TOOLS[dialect])} " in text
    assert receipt.action == "rewritten" and receipt.digest_tokens <= 90
    for other, tools in ((new(recall=True), None), (new(), TOOLS[dialect])):
        text, receipt = composed(dialect, other, tools)
        assert HINT.strip() not in text and receipt.action == "rewritten"


def test_a_hint_goes_with_its_tool():
    """A digest in force that hints at a tool is not sent where the tool is gone."""
    coordinator = Coordinator("recency", 90, Settings(rewrite=4, cache_minimum=0, recall=True))
    first, _ = coordinator.compose(talk(), tools=TOOLS["chat"])
    again, kept = coordinator.compose(talk(), tools=TOOLS["chat"])
    assert HINT in str([m["content"] for m in first]).replace("\\n", "\n") and kept.action == "kept" and again == first
    gone, receipt = coordinator.compose(talk())
    assert HINT.strip() not in str(gone) and receipt.action != "kept"


def test_what_was_left_out_is_found_again():
    coordinator = new(recall=True)
    payload, receipt = coordinator.compose(talk(), tools=TOOLS["chat"])
    assert FACT not in str(payload)
    for budget in (60, 1000):
        answer = coordinator.recall(receipt.conversation, "where is the spare key of the lighthouse?", budget)
        assert FACT in answer and tokens.count(answer) <= budget
    assert coordinator.recall(receipt.conversation, "zygote", 20) == NOTHING or FACT not in coordinator.recall(
        receipt.conversation, "zygote", 20
    )
    with pytest.raises(ValueError, match="not known here"):
        coordinator.recall("another", "key")


def test_the_proxy_answers_who_may_see_its_pages():
    coordinator, upstream = new(recall=True), Upstream()
    token = {"x-lrrc-token": "t"}
    with (
        running(upstream.app) as direct,
        running(create_app(coordinator, {None: f"{direct}/v1"}, token="t")) as proxy,
    ):
        body = {"model": "words", "messages": talk(), "tools": TOOLS["chat"]}
        sent = httpx2.post(f"{proxy}/v1/chat/completions", json=body, headers=token)
        key = sent.headers["x-lrrc-conversation"]
        assert key in str(upstream.calls[-1]["messages"]) and FACT not in str(upstream.calls[-1]["messages"])
        asked = {"conversation": key, "query": "spare key of the lighthouse"}
        assert FACT in httpx2.post(f"{proxy}/recall", json=asked, headers=token).json()["text"]
        assert httpx2.post(f"{proxy}/recall", json=asked).status_code == 401
        for wrong in ({"conversation": key}, [], {"conversation": 1, "query": "x"}):
            assert httpx2.post(f"{proxy}/recall", json=wrong, headers=token).status_code == 400
        unknown = httpx2.post(f"{proxy}/recall", json=asked | {"conversation": "x"}, headers=token)
        assert unknown.status_code == 404 and "not known" in unknown.json()["error"]["message"]


def test_large_conversations_are_asked_in_their_own_process(monkeypatch):
    monkeypatch.setattr(forwarding, "LARGE", 1000)
    coordinator, upstream = new(recall=True), Upstream()
    with running(upstream.app) as direct, running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy:
        body = {"model": "words", "messages": talk(), "tools": TOOLS["chat"]}
        key = httpx2.post(f"{proxy}/v1/chat/completions", json=body, timeout=180).headers["x-lrrc-conversation"]
        assert coordinator.sessions.known(key) is None
        asked = {"conversation": key, "query": "spare key of the lighthouse"}
        assert FACT in httpx2.post(f"{proxy}/recall", json=asked, timeout=180).json()["text"]
