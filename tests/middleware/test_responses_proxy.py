"""OpenAI's Responses API through the proxy: what is shortened, and that all else passes as it came."""

import gzip
import json

import httpx2
import openai
import pytest
import zstandard
from helpers.chats import FILLER, KEY
from helpers.responses_upstream import REFUSED, ResponsesUpstream, events
from helpers.upstreams import running

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app

HEADERS = {"authorization": f"Bearer {KEY}", "openai-beta": "responses=experimental", "session-id": "s-1"}
# written by hand, as no writer of JSON would: bytes that stay are those of the client
BODY = (
    r"""{ "model":"m", "store" : false, "include":["reasoning.encrypted_content"], "prompt_cache_key":"k-\u00e9",
 "instructions": "You mend cl\u00f6cks.",
 "tools":[{"type":"function","name":"weigh","parameters":{"type":"object","properties":{"g":{"maximum":1.10}}}}],
 "input" : [
  {"type":"message","role":"developer","content":[{"type":"input_text","text":"Weigh twice."}]},
  {"role":"user","content":"The pendulum of the blue clock has 410 grams. %s"},
  {"type":"message","id":"msg_1","role":"assistant",
   "content":[{"type":"output_text","text":"Noted. %s","annotations":[]}]},
  {"role":"user", "content":[{"type":"input_text","text":"And the tower clock? %s"}]},
  {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"sealed"},
  {"type":"message","id":"msg_2","role":"assistant",
   "content":[{"type":"output_text","text":"A verge. %s","annotations":[]}]},
  {"role":"user","content":"Weigh the bob."},
  {"type":"reasoning","id":"rs_2","summary":[ ],"encrypted_content":"se\/aled"},
  {"type":"function_call","id":"fc_1","call_id":"call_1","name":"weigh","arguments":"{\"g\": 1.50}"} ,
  {"type":"function_call_output","call_id":"call_1","output":"1.5 g"}
 ], "metadata":{"input": "\u00e9"} }"""
    % (4 * (FILLER * 3,))
).encode()


def says(*words):
    def answer(body):
        texts = [{"type": "output_text", "text": word, "annotations": []} for word in words]
        return [{"type": "message", "role": "assistant", "content": texts}]

    return answer


def not_shortened(body):
    return None if HEAD.strip() in json.dumps(body) else says("All of it.")(body)


@pytest.fixture
def upstream(request):
    return ResponsesUpstream(getattr(request, "param", says("Tick.")))


@pytest.fixture
def direct(upstream):
    with running(upstream.app) as address:
        yield address


@pytest.fixture
def proxy(direct):
    coordinator = Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False))
    with running(create_app(coordinator, {None: f"{direct}/v1"})) as address:
        yield address


def post(address, body=BODY, path="/v1/responses", **more):
    headers = HEADERS | {"content-type": "application/json"} | more
    return httpx2.post(f"{address}{path}", content=body, headers=headers, timeout=60)


def test_a_long_prompt_is_shortened_and_all_that_stays_is_as_it_came(proxy, upstream):
    reply = post(proxy)
    assert reply.status_code == 200 and reply.headers["x-lrrc-action"] == "rewritten"
    before, after = (int(reply.headers[f"x-lrrc-tokens-{side}"]) for side in ("before", "after"))
    assert before > 3 * after > 0
    (sent,) = upstream.bodies
    head, tail = BODY.index(b'"input" : ['), BODY.index(b'], "metadata"')
    assert sent.startswith(BODY[: head + 11]) and sent.endswith(BODY[tail:])
    lines = BODY[head:tail].splitlines()
    for line in (lines[1], *lines[-3:]):
        assert line.strip(b" ,") in sent
    kept = json.loads(sent)["input"]
    assert [item.get("type") for item in kept] == [
        "message",
        None,
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    digest, asked = kept[1]["content"]
    assert digest["text"].startswith(HEAD.strip()) and asked == {"type": "input_text", "text": "Weigh the bob."}
    assert HEADERS.items() <= upstream.headers.items()
    last = httpx2.get(f"{proxy}/stats/{reply.headers['x-lrrc-conversation']}").json()["last"]
    assert last["messages"][8] == {"speaker": "assistant", "text": 'weigh({"g": 1.50})'}
    assert last["messages"][9] == {"speaker": "tool", "text": "1.5 g"} and last["digest"] and last["merged"] == [6]
    for line in last["digest"]:
        text = last["messages"][line["message"]]["text"]
        assert all(text[start:end] in digest["text"] for start, end in line["spans"])


def test_a_stream_passes_byte_for_byte(proxy, direct):
    body = BODY.replace(b'"store"', b'"stream": true, "store"')
    streams = [post(address, body) for address in (proxy, direct)]
    assert streams[0].content == streams[1].content and b"event: response.completed" in streams[0].content
    assert streams[0].headers["x-lrrc-action"] == "rewritten"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_compressed_request_is_read(proxy, upstream, pack, request):
    reply = post(proxy, pack(BODY), **{"content-encoding": request.node.callspec.id})
    assert reply.headers["x-lrrc-action"] == "rewritten" and "content-encoding" not in upstream.headers
    assert json.loads(upstream.bodies[0])["prompt_cache_key"] == "k-é"


def test_asking_for_a_compaction_passes(proxy):
    reply = post(proxy, path="/v1/responses/compact")
    assert reply.content == BODY and "x-lrrc-action" not in reply.headers


@pytest.mark.parametrize("more", [b'"previous_response_id":"resp_1"', b'"conversation":{"id":"conv_1"}'])
def test_a_history_that_the_provider_keeps_passes(proxy, upstream, more):
    body = BODY.replace(b'"store" : false', b'"store" : true,' + more)
    reply = post(proxy, body)
    assert reply.headers["x-lrrc-action"] == "unread" and upstream.bodies == [body]
    assert "provider keeps" in reply.headers["x-lrrc-reason"]


def test_a_text_passes(proxy, upstream):
    body = b'{"model":"m","input":"Tick?"}'
    assert post(proxy, body).headers["x-lrrc-action"] == "passed" and upstream.bodies == [body]


@pytest.mark.parametrize("upstream", [not_shortened], indirect=True)
def test_a_prompt_that_is_refused_shortened_is_sent_as_it_came(proxy, upstream):
    reply = post(proxy)
    assert reply.status_code == 200 and reply.headers["x-lrrc-action"] == "refused"
    assert len(upstream.bodies) == 2 and upstream.bodies[1] == BODY
    assert post(proxy).headers["x-lrrc-action"] == "passed" and upstream.bodies[2] == BODY


@pytest.mark.parametrize("upstream", [lambda body: None], indirect=True)
def test_what_is_refused_either_way_is_sent_twice(proxy, upstream):
    reply = post(proxy)
    assert (reply.status_code, reply.json()) == (400, REFUSED) and len(upstream.bodies) == 2


@pytest.mark.parametrize("given", [b"7", b"[3]", b'[{"role":"tool","content":"x"}]', b'[{"role":"user"}]'])
def test_what_is_no_item_goes_on_untouched(proxy, upstream, given):
    body = b'{"model":"m","input":%s}' % given
    upstream.answer = lambda body: None
    assert post(proxy, body).headers["x-lrrc-action"] == "malformed" and upstream.bodies == [body]


def test_the_official_client_reads_its_answers(proxy):
    request = json.loads(BODY)
    with openai.OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0) as client:
        raw = client.responses.with_raw_response.create(**request)
        assert raw.headers["x-lrrc-action"] == "rewritten" and raw.parse().output_text == "Tick."
        with client.responses.stream(**request) as stream:
            kinds = [event.type for event in stream]
            assert stream.get_final_response().output_text == "Tick." and kinds[-1] == "response.completed"


def test_a_stream_s_last_event_is_known():
    from lrrc.middleware.proxy.forwarding import ends

    item = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Tick."}]}
    found = [ends(chunk) for chunk in events({"output": [item], "status": "completed"})]
    assert found == [False] * (len(found) - 1) + [True]
