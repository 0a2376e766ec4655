"""The tool lrrc_recall, offered and answered by the proxy itself, in the three dialects, whole and in streams."""

import json

import httpx2
import pytest
from helpers.anthropic_upstream import MessagesUpstream
from helpers.chats import chat, say
from helpers.responses_upstream import ResponsesUpstream
from helpers.upstreams import running
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app
from lrrc.middleware.proxy.offering import ROUNDS
from lrrc.middleware.recall import HINT, TOOL

FACT = "The spare key of the lighthouse hangs behind the third barometer."
ASKED = {"conversation": "whichever", "query": "spare key of the lighthouse"}
LOOK = {"type": "object", "properties": {}}


class ChatUpstream:
    """As ResponsesUpstream: `answer(request)` gives a text or calls (name, arguments), or None to refuse."""

    def __init__(self, answer):
        self.answer, self.bodies, self.headers = answer, [], {}
        self.app = Starlette(routes=[Route("/v1/chat/completions", self.chat, methods=["POST"])])

    async def chat(self, request):
        self.headers = dict(request.headers)
        self.bodies.append(await request.body())
        body = json.loads(self.bodies[-1])
        said = self.answer(body)
        if said is None:
            return JSONResponse({"error": {"message": "not so"}}, 400)
        text = said if isinstance(said, str) else None
        calls = [
            {"index": i, "id": f"k{i}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for i, (name, given) in enumerate([] if text else said)
        ]
        if not body.get("stream"):
            message = {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})
            return JSONResponse({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        deltas = [{"role": "assistant", "content": ""}, *([{"content": text}] if text else [])]
        for call in calls:  # its arguments come in pieces
            first, second = call["function"]["arguments"][:9], call["function"]["arguments"][9:]
            deltas.append({"tool_calls": [call | {"function": call["function"] | {"arguments": first}}]})
            deltas.append({"tool_calls": [{"index": call["index"], "function": {"arguments": second}}]})
        events = [f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n" for delta in deltas]
        return StreamingResponse(iter([*events, "data: [DONE]\n\n"]), media_type="text/event-stream")


def blocks(said):
    if isinstance(said, str):
        return [{"type": "text", "text": said}]
    return said and [
        {"type": "tool_use", "id": f"k{i}", "name": n, "input": given} for i, (n, given) in enumerate(said)
    ]


def items(said):
    if isinstance(said, str):
        part = {"type": "output_text", "text": said, "annotations": []}
        return [{"type": "message", "role": "assistant", "content": [part]}]
    thought = {"type": "reasoning", "summary": [], "encrypted_content": "sealed"}
    calls = [
        {"type": "function_call", "call_id": f"k{i}", "name": n, "arguments": json.dumps(given)}
        for i, (n, given) in enumerate(said or ())
    ]
    return said and [thought, *calls]


DIALECTS = {  # address, field, the client's tools, and an upstream that says what a test wants
    "chat": (
        "chat/completions",
        "messages",
        [{"type": "function", "function": {"name": "look", "parameters": LOOK}}],
        ChatUpstream,
    ),
    "messages": (
        "messages",
        "messages",
        [{"name": "look", "input_schema": LOOK}],
        lambda answer: MessagesUpstream(lambda body: blocks(answer(body))),
    ),
    "responses": (
        "responses",
        "input",
        [{"type": "function", "name": "look", "parameters": LOOK}],
        lambda answer: ResponsesUpstream(lambda body: items(answer(body))),
    ),
}


def talk():
    said = [message for message in chat(12) if message["role"] != "system"]
    said[4] = say("user", f"By the way: {FACT}")
    return said


def asked(dialect, answer, stream=False, recall=True, **more):
    """The answer that the client gets, and what the upstream was sent."""
    path, field, tools, upstream_of = DIALECTS[dialect]
    upstream = upstream_of(answer)
    coordinator = Coordinator("recency", 90, Settings(rewrite="always", keep_goal=False, recall=recall))
    body = {"model": "m", "max_tokens": 9, "stream": stream, field: talk(), "tools": tools} | more
    with running(upstream.app) as direct, running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy:
        reply = httpx2.post(f"{proxy}/v1/{path}", json=body, timeout=60)
    return reply, [json.loads(body) for body in upstream.bodies]


def names(body):
    return [tool.get("name") or tool["function"]["name"] for tool in body["tools"]]


def finds(body):
    """A model that asks until it is told."""
    return "Behind it." if FACT in json.dumps(body) else [(TOOL, ASKED)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_of_the_tool_alone_is_answered_here(dialect, stream):
    reply, sent = asked(dialect, finds, stream)
    first, second = sent
    field = DIALECTS[dialect][1]
    assert names(first) == names(second) == [TOOL, "look"]
    assert HINT.strip() in json.dumps(first).replace("\\n", "\n") and FACT not in json.dumps(first)
    assert second[field][: len(first[field])] == first[field] and FACT in json.dumps(second[field][-1])
    assert "Behind it." in reply.text and TOOL not in reply.text and reply.headers["x-lrrc-recalled"] == "1"
    assert reply.status_code == 200


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("said", ["Well.", [("look", {})], [("look", {}), (TOOL, ASKED)], [(TOOL, {"query": 7})]])
def test_any_other_answer_passes(dialect, stream, said):
    reply, sent = asked(dialect, lambda body: said, stream)
    assert len(sent) == 1 and "x-lrrc-recalled" not in reply.headers
    assert all(name in reply.text for name in ([said] if isinstance(said, str) else [name for name, _ in said]))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_is_not_asked_for_ever(dialect):
    reply, sent = asked(dialect, lambda body: [(TOOL, ASKED)])
    assert len(sent) == ROUNDS + 1 and TOOL in reply.text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_where_the_upstream_does_not_take_it_the_request_goes_as_it_came(dialect):
    field = DIALECTS[dialect][1]
    for refuses, before in ((lambda body: TOOL in str(body), 1), (lambda body: FACT in str(body[field][-1]), 2)):
        reply, sent = asked(dialect, lambda body, no=refuses: None if no(body) else finds(body))
        assert len(sent) == before + 1 and sent[-1][field] == talk() and names(sent[-1]) == ["look"]
        assert "Behind it." in reply.text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_is_offered_only_where_it_may_be(dialect):
    own = {"mcp__lrrc__lrrc_recall": "lrrc_recall"}
    tools = json.loads(json.dumps(DIALECTS[dialect][2]).replace("look", next(iter(own))))
    for more in ({"recall": False}, {"tools": []}, {"tools": tools}, {"tool_choice": {"type": "tool", "name": "look"}}):
        _, sent = asked(dialect, lambda body: "Well.", **more)
        assert TOOL not in [tool.get("name") or tool["function"]["name"] for tool in sent[0]["tools"]]
    if dialect == "messages":
        thinking = {"type": "enabled", "budget_tokens": 1024}
        _, sent = asked(dialect, lambda body: "Well.", thinking=thinking)
        assert names(sent[0]) == ["look"]
