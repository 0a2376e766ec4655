"""POST /v1/compress: requests of every API in, payload and receipt out."""

import gzip
import json

import httpx2
import pytest
from helpers.chats import FILLER, HISTORY
from helpers.upstreams import running

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app

SYSTEM, *SPOKEN = HISTORY
CHAT = {"model": "m", "temperature": 1.50, "messages": HISTORY}
MESSAGES = {"model": "m", "max_tokens": 9, "system": SYSTEM["content"], "messages": SPOKEN}
RESPONSES = {"model": "m", "instructions": SYSTEM["content"], "input": SPOKEN}


@pytest.fixture
def proxy():
    coordinator = Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False))
    with running(create_app(coordinator, {None: "http://127.0.0.1:9/v1"})) as address:
        yield address


def post(address, request, query="", **headers):
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return httpx2.post(f"{address}/v1/compress{query}", content=body, headers=headers, timeout=60)


@pytest.mark.parametrize(
    ("request_", "query", "field"),
    [
        (CHAT, "", "messages"),
        (MESSAGES, "", "messages"),
        ({k: v for k, v in MESSAGES.items() if k != "system"}, "?dialect=messages", "messages"),
        (RESPONSES, "", "input"),
    ],
)
def test_every_api_has_its_payload_and_receipt(proxy, request_, query, field):
    reply = post(proxy, request_, query, **{"x-lrrc-conversation": "ticket-17", "x-lrrc-budget": "47"})
    assert reply.status_code == 200 and reply.headers["content-type"] == "application/json"
    payload, receipt = reply.json()["payload"], reply.json()["receipt"]
    assert {k: v for k, v in payload.items() if k != field} == {k: v for k, v in request_.items() if k != field}
    assert HEAD.strip() in json.dumps(payload[field]) and "heliotrope" in json.dumps(payload[field])
    assert receipt["action"] == "rewritten" and receipt["tokens_after"] < receipt["tokens_before"] / 3
    assert receipt["conversation"] == "ticket-17" and receipt["budget"] == 47 and receipt["sources"]
    (row,) = httpx2.get(f"{proxy}/stats").json()["conversations"]
    assert row["conversation"] == "ticket-17" and row["calls"] == 1


def test_a_request_without_a_system_prompt_is_anthropic_s_by_its_blocks(proxy):
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": FILLER}
    messages = [*SPOKEN, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    reply = post(proxy, {"model": "m", "max_tokens": 9, "messages": messages})
    payload, receipt = reply.json()["payload"]["messages"], reply.json()["receipt"]
    assert receipt["action"] == "rewritten" and payload[-1] == messages[-1]
    assert any(HEAD.strip() in str(block) for block in payload[0]["content"])


def test_bytes_that_stay_are_those_that_came(proxy):
    body = b'{"model" :"m", "n": 1.50, "input":[{"role":"user","content":"F\\u00f6g?"}]}'
    answer = post(proxy, gzip.compress(body), **{"content-encoding": "gzip"})
    assert answer.content.startswith(b'{"payload": ' + body) and answer.json()["receipt"]["action"] == "passed"


def test_a_large_one_too(proxy):
    long = [{"role": "user", "content": FILLER * 6000}, {"role": "assistant", "content": "Yes."}, SPOKEN[-1]]
    reply = post(proxy, CHAT | {"messages": long})
    assert len(json.dumps(long)) > 2**20 and reply.json()["receipt"]["action"] == "rewritten"


@pytest.mark.parametrize(
    ("body", "query", "told"),
    [
        (b"{", "", "not JSON"),
        (b"[]", "", "messages"),
        (CHAT, "?dialect=gemini", "chat, messages, responses"),
        (CHAT | {"messages": [{"role": "user", "content": 7}]}, "", "messages[0]: content"),
        (CHAT | {"messages": [{"role": "clown", "content": ""}]}, "", "role"),
        (MESSAGES | {"messages": [{"role": "tool", "content": ""}]}, "", "messages[0]: role"),
        (RESPONSES | {"input": [{"role": "user"}]}, "", "input[0]: content"),
        (RESPONSES | {"previous_response_id": "resp_1"}, "", "provider keeps"),
        (RESPONSES | {"input": 7}, "", "input"),
    ],
)
def test_a_mistake_is_told_in_one_line(proxy, body, query, told):
    reply = post(proxy, body, query)
    error = reply.json()["error"]["message"]
    assert reply.status_code == 400 and told in error and "\n" not in error and "Traceback" not in error


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
@pytest.mark.parametrize(
    ("body", "query", "place"),
    [
        ('{"temperature": %s, "messages": [{"role": "user", "content": "Hi."}]}', "", "temperature"),
        ('{"messages": [{"role": "user", "content": "Hi.", "weight": %s}]}', "", "messages[0].weight"),
        ('{"top_p": %s, "messages": [{"role": "user", "content": "Hi."}]}', "?dialect=messages", "top_p"),
        ('{"input": "Hi.", "metadata": {"a": [1, %s]}}', "", "metadata.a[1]"),
    ],
)
def test_numbers_that_json_does_not_have_are_named(proxy, number, body, query, place):
    reply = post(proxy, (body % number).encode(), query)
    assert reply.status_code == 400 and f"lrrc: {place}: " in reply.json()["error"]["message"]


@pytest.mark.parametrize("budget", ["-5", "1e3", "many", "4.0"])
def test_a_budget_that_is_none_is_told_as_such(proxy, budget):
    reply = post(proxy, CHAT, **{"x-lrrc-budget": budget})
    assert reply.status_code == 400 and "x-lrrc-budget is not a whole number" in reply.json()["error"]["message"]


def test_another_method_is_the_upstream_s(proxy):
    assert httpx2.get(f"{proxy}/v1/compress").status_code in (405, 502)
