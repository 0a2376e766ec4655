"""Anthropic's Messages API through the proxy: what is shortened, and that all else passes as it came."""

import json

import httpx2
import pytest
from helpers.anthropic_upstream import REFUSED, MessagesUpstream, events
from helpers.chats import FILLER, KEY
from helpers.upstreams import running
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app
from lrrc.middleware.proxy.splicing import spliced

HEADERS = {"x-api-key": KEY, "anthropic-version": "2023-06-01", "anthropic-beta": "one-2026-01-01,two-2026-01-01"}
# written by hand, as no writer of JSON would: bytes that stay are those of the client
BODY = (
    r"""{ "model":"m", "max_tokens" : 64,
 "system": [ {"type":"text","text":"You mend cl\u00f6cks.","cache_control":{"type":"ephemeral"}} ],
 "tools":[{"name":"weigh","input_schema":{"type":"object","properties":{"g":{"type":"number","maximum":1.10}}}}],
 "messages": [
  {"role":"user","content":"The pendulum of the blue clock has 410 grams. %s"},
  {"role":"assistant","content":[{"type":"text","text":"Noted. %s"}]} ,
  {"content":"And the tower clock? %s","role":"user"},
  {"role":"assistant","content":"It has a verge escapement. %s"},
  {"role":"user","content":"Weigh the bob."},
  {"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"weigh","input":{"g": 1.50, "of":"b\u00f6b"}}
  ]},
  {"role":"user","content":[ {"type":"tool_result","tool_use_id":"toolu_1","content":"1.5 g"}]}
 ], "metadata":{"user_id": "\u00e9"} }"""
    % (4 * (FILLER * 3,))
).encode()


def says(*words):
    return lambda body: [{"type": "text", "text": word} for word in words]


def not_shortened(body):
    return None if HEAD.strip() in json.dumps(body) else says("All of it.")(body)


@pytest.fixture
def upstream(request):
    return MessagesUpstream(getattr(request, "param", says("Tick.")))


@pytest.fixture
def direct(upstream):
    with running(upstream.app) as address:
        yield address


@pytest.fixture
def proxy(direct):
    coordinator = Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False))
    with running(create_app(coordinator, {None: f"{direct}/v1"})) as address:
        yield address


def post(address, body=BODY, path="/v1/messages?beta=true", **more):
    headers = HEADERS | {"content-type": "application/json"} | more
    return httpx2.post(f"{address}{path}", content=body, headers=headers, timeout=60)


def test_a_long_prompt_is_shortened_and_all_that_stays_is_as_it_came(proxy, upstream):
    reply = post(proxy)
    assert reply.status_code == 200 and reply.json()["content"] == [{"type": "text", "text": "Tick."}]
    assert reply.headers["x-lrrc-action"] == "rewritten"
    before, after = (int(reply.headers[f"x-lrrc-tokens-{side}"]) for side in ("before", "after"))
    assert before > 3 * after > 0
    (sent,) = upstream.bodies
    head, tail = (BODY.index(part) for part in (b'"messages": [', b'], "metadata"'))
    assert sent.startswith(BODY[: head + 12]) and sent.endswith(BODY[tail:])
    for line in BODY[head:tail].splitlines()[-3:]:
        assert line.strip(b" ,") in sent
    (first, *_) = json.loads(sent)["messages"]
    digest, asked = first["content"]
    assert digest["text"].startswith(HEAD.strip()) and asked == {"type": "text", "text": "Weigh the bob."}
    assert upstream.query == "beta=true" and HEADERS.items() <= upstream.headers.items()
    now = httpx2.get(f"{proxy}/stats").json()
    assert now["requests"]["rewritten"] == 1 and now["tokens"]["after"] == after
    last = httpx2.get(f"{proxy}/stats/{reply.headers['x-lrrc-conversation']}").json()["last"]
    assert last["messages"][5] == {"speaker": "assistant", "text": 'weigh({"g": 1.5, "of": "böb"})'}
    assert last["messages"][6] == {"speaker": "user", "text": "1.5 g"} and last["digest"] and last["merged"] == [4]


def test_a_stream_passes_byte_for_byte(proxy, direct):
    body = BODY.replace(b'"max_tokens"', b'"stream": true, "max_tokens"')
    streams = [post(address, body) for address in (proxy, direct)]
    assert streams[0].content == streams[1].content and b"event: message_stop" in streams[0].content
    assert streams[0].headers["x-lrrc-action"] == "rewritten"


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens?beta=true", "/v1/threads/7/messages"])
def test_other_addresses_pass(proxy, upstream, path):
    reply = post(proxy, path=path)
    assert reply.headers.get("x-lrrc-action") == (None if "count" in path else "unread")
    assert reply.content == (BODY if "count" in path else b"{}") and not upstream.bodies


@pytest.mark.parametrize("upstream", [not_shortened], indirect=True)
@pytest.mark.parametrize("status", [400, 422])
def test_a_prompt_that_is_refused_shortened_is_sent_as_it_came(proxy, upstream, status):
    upstream.status = status
    reply = post(proxy)
    assert reply.status_code == 200 and reply.headers["x-lrrc-action"] == "refused"
    assert len(upstream.bodies) == 2 and upstream.bodies[1] == BODY
    reply = post(proxy)
    assert reply.headers["x-lrrc-action"] == "passed" and upstream.bodies[2] == BODY
    assert httpx2.get(f"{proxy}/stats").json()["requests"]["refused"] == 1


@pytest.mark.parametrize("upstream", [lambda body: None], indirect=True)
def test_what_is_refused_either_way_is_sent_twice(proxy, upstream):
    reply = post(proxy)
    assert (reply.status_code, reply.json()) == (400, REFUSED) and len(upstream.bodies) == 2
    assert "and to the original" in reply.headers["x-lrrc-reason"]


def test_a_request_can_be_left_alone_or_have_a_budget(proxy, upstream):
    assert post(proxy, **{"x-lrrc-bypass": "1"}).headers["x-lrrc-action"] == "bypassed"
    assert upstream.bodies == [BODY]
    full, less = (post(proxy, **{"x-lrrc-budget": budget, "x-lrrc-conversation": budget}) for budget in ("48", "16"))
    assert int(less.headers["x-lrrc-tokens-after"]) < int(full.headers["x-lrrc-tokens-after"])
    assert less.headers["x-lrrc-conversation"] == "16" and "x-lrrc-budget" not in upstream.headers


@pytest.mark.parametrize(
    "messages", [b'[{"role":"tool","content":"x"}]', b'[{"role":"user","content":7}]', b'[{"role":"user"}]', b"[3]"]
)
def test_what_is_no_message_goes_on_untouched(proxy, upstream, messages):
    body = b'{"model":"m","messages":%s}' % messages
    assert post(proxy, body).headers["x-lrrc-action"] == "malformed" and upstream.bodies == [body]


def test_the_official_client_reads_its_answers(proxy, upstream):
    anthropic = pytest.importorskip("anthropic", reason="the package anthropic is not installed")
    request = json.loads(BODY)
    with anthropic.Anthropic(base_url=proxy, api_key=KEY, max_retries=0) as client:
        raw = client.messages.with_raw_response.create(**request)
        assert raw.headers["x-lrrc-action"] == "rewritten" and raw.parse().content[0].text == "Tick."
        with client.messages.stream(**request) as stream:
            assert "".join(stream.text_stream) == "Tick."
            assert stream.get_final_message().stop_reason == "end_turn"


# a body with other messages

texts = st.text('ab,:"[]{}\\ \té\ud83d', max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, max_size=4)


@settings(deadline=None, max_examples=200)
@given(
    request=objects,
    messages=st.lists(objects, max_size=4),
    spaces=st.sampled_from([None, 1, "\t"]),
    escaped=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    data=st.data(),
)
def test_a_body_has_other_messages_and_all_else_as_it_was(request, messages, spaces, escaped, encoding, data):
    request = {"first": 1} | request | {"messages": messages, "last": [{"messages": [1, 2]}]}
    body = json.dumps(request, indent=spaces, ensure_ascii=escaped).encode(encoding, "surrogatepass")
    read = json.loads(body)["messages"]
    assert json.loads(spliced(body, read, read)) == json.loads(body)
    new = {"role": "user", "content": "Neu \ud83d"}
    chosen = data.draw(st.lists(st.sampled_from([*read, new]), unique_by=id))
    assert json.loads(spliced(body, read, chosen)) == json.loads(body) | {"messages": chosen}


def test_numbers_and_escapes_stay_as_they_were_written():
    body = b'{"messages":[ {"n":1.10, "s":"\\u00e9"} ,{"n":1e2}], "messages" :[{"n":2E0},{"n": 3.0}] ,"x":1.50}'
    read = json.loads(body)["messages"]
    assert spliced(body, read, [{"new": 1}, read[1]]).endswith(b'"messages" :[{"new": 1},{"n": 3.0}] ,"x":1.50}')
    with pytest.raises(ValueError, match="JSON"):
        spliced(body, read, [{"new": float("nan")}])
    body = b'{"messages":[{"n":1.10}], "input":[ {"n":2.10} ], "x":[1]}'
    assert spliced(body, json.loads(body)["input"], [], "input") == b'{"messages":[{"n":1.10}], "input":[], "x":[1]}'


def test_a_stream_s_last_event_is_known():
    from lrrc.middleware.proxy.forwarding import ends

    reply = {"model": "m", "content": [{"type": "text", "text": "Tick."}], "stop_reason": "end_turn"}
    found = [ends(chunk) for chunk in events(reply)]
    assert found == [False] * (len(found) - 1) + [True]
