"""The proxy in front of a scripted server, called by the real OpenAI client: what goes through, and what is changed."""

import asyncio
import dataclasses
import gzip
import json
import logging
import socket
import sys
import threading
import time
import zlib

import httpx2
import openai
import pytest
from helpers.chats import HISTORY, KEY
from helpers.upstreams import BROKEN, BUSY, Upstream, running
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app
from lrrc.middleware.proxy.forwarding import Proxy, address, end_to_end
from lrrc.middleware.proxy.ledger import ACTIONS, REASONS, Ledger
from lrrc.middleware.proxy.reading import CHAT, MESSAGES, RESPONSES

GZIP = {"content-encoding": "gzip"}


@pytest.fixture(scope="module")
def upstream():
    return Upstream()


@pytest.fixture(scope="module")
def direct(upstream):
    with running(upstream.app) as address:
        yield address


def new_coordinator():
    return Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False, dialect="separate"))


@pytest.fixture(scope="module")
def coordinator():
    return new_coordinator()


@pytest.fixture
def proxy(direct):
    with running(create_app(new_coordinator(), {None: f"{direct}/v1"})) as address:
        yield address


@pytest.fixture
def client(proxy):
    with openai.OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def stats(proxy):
    return httpx2.get(f"{proxy}/stats").json()


def test_a_long_prompt_is_shortened_and_everything_else_passes(client, upstream, proxy):
    options = {
        "temperature": 0.7,
        "seed": 2**53 + 1,
        "user": "ünï",
        "extra_body": {"min_p": 0.05, "nested": {"a": [None]}},
    }
    reply = client.chat.completions.with_raw_response.create(model="words", messages=HISTORY, **options)
    sent = upstream.calls[-1]
    assert reply.parse().choices[0].message.content == HISTORY[-1]["content"]
    assert {k: v for k, v in sent.items() if k != "messages"} == {
        "model": "words",
        "temperature": 0.7,
        "seed": 2**53 + 1,
        "user": "ünï",
        "min_p": 0.05,
        "nested": {"a": [None]},
    }
    assert sent["messages"][0] == HISTORY[0] and sent["messages"][-1] == HISTORY[-1]
    assert "heliotrope" in json.dumps(sent["messages"][1:-1]) and len(json.dumps(sent)) < len(json.dumps(HISTORY)) / 3
    before, after = (int(reply.headers[f"x-lrrc-tokens-{side}"]) for side in ("before", "after"))
    assert before > 4 * after > 0
    assert reply.headers["x-lrrc-action"] == "rewritten" and reply.headers["x-request-id"] == "r1"
    assert upstream.headers["authorization"] == f"Bearer {KEY}"
    assert upstream.headers["accept-encoding"] and "x-lrrc-token" not in upstream.headers
    now = stats(proxy)
    assert now["tokens"]["before"] == before and now["tokens"]["after"] == after and now["standing"] == 0.5
    assert now["requests"] == dict.fromkeys(ACTIONS, 0) | {"rewritten": 1}


def test_a_short_prompt_is_sent_byte_for_byte(proxy, upstream):
    body = b'{ "messages": [{"role":"user","content":"caf\\u00e9 \\ud800"}], "model":"words", "x": 1.10 }'
    reply = httpx2.post(f"{proxy}/v1/chat/completions", content=body)
    assert reply.headers["x-lrrc-action"] == "passed"
    assert int(upstream.headers["content-length"]) == len(body)


def test_other_addresses_are_forwarded_untouched(client, proxy, direct, upstream):
    assert [model.id for model in client.models.list()] == ["words"]
    assert upstream.headers["authorization"] == f"Bearer {KEY}"
    body = bytes(range(256)) * 5000
    for base in (proxy, direct):
        reply = httpx2.post(f"{base}/v1/files/a%2Fb?x=1&y=%20", content=body, headers={"x-any": "1"})
        assert reply.content == body and reply.headers["x-path"] == "/v1/files/a%2Fb?x=1&y=%20"
    for method in ("GET", "DELETE", "PUT"):
        reply = httpx2.request(method, f"{proxy}/v1/threads/7")
        assert (reply.status_code, reply.headers["x-method"]) == (200, method)
    first, second = httpx2.get(f"{proxy}/v1/other"), httpx2.get(f"{direct}/v1/other")
    ours = {k: v for k, v in first.headers.items() if k not in ("date", "server")}
    assert ours == {k: v for k, v in second.headers.items() if k not in ("date", "server")}


def test_a_stream_arrives_as_it_is_sent(client, direct):
    times, words, start = [], [], time.perf_counter()
    for event in client.chat.completions.create(model="slow-0.15", messages=HISTORY, stream=True):
        times.append(time.perf_counter() - start)
        words.append(event.choices[0].delta.content)
    assert "".join(words).split() == HISTORY[-1]["content"].split()
    assert times[0] < 0.5 * times[-1] and times[-1] > 0.9
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert min(gaps) > 0.05  # one by one, none held back
    body = {"model": "words", "messages": HISTORY, "stream": True}
    raw = [
        httpx2.post(f"{base}/chat/completions", json=body).content
        for base in (str(client.base_url).rstrip("/"), f"{direct}/v1")
    ]
    assert raw[0] == raw[1]  # nothing of the digest, nothing of ours


@pytest.mark.parametrize(
    ("model", "error", "status", "body"),
    [
        ("busy", openai.RateLimitError, 429, BUSY),
        ("broken", openai.InternalServerError, 500, BROKEN),
    ],
)
def test_errors_are_relayed_with_status_headers_and_body(client, direct, model, error, status, body):
    with pytest.raises(error) as through:
        client.chat.completions.create(model=model, messages=HISTORY)
    with openai.OpenAI(base_url=f"{direct}/v1", api_key=KEY, max_retries=0) as plain, pytest.raises(error) as without:
        plain.chat.completions.create(model=model, messages=HISTORY)
    assert through.value.status_code == status and through.value.response.json() == body
    assert str(through.value) == str(without.value)
    assert through.value.response.headers.get("retry-after") == without.value.response.headers.get("retry-after")


def test_an_answer_that_is_not_json_stays_what_it_is(client, direct):
    replies = [
        httpx2.post(f"{base}/chat/completions", json={"model": "mangled", "messages": HISTORY})
        for base in (str(client.base_url).rstrip("/"), f"{direct}/v1")
    ]
    assert replies[0].content == replies[1].content and replies[0].status_code == replies[1].status_code == 200
    with pytest.raises(json.JSONDecodeError):
        client.chat.completions.create(model="mangled", messages=HISTORY)


def test_a_stream_cut_by_the_upstream_is_cut_for_the_client(client, direct, proxy):
    def read(base):
        got = []
        with (
            pytest.raises(httpx2.RemoteProtocolError),
            httpx2.stream(
                "POST", f"{base}/v1/chat/completions", json={"model": "cut", "messages": HISTORY, "stream": True}
            ) as reply,
        ):
            for data in reply.iter_raw():
                got.append(data)
        return b"".join(got)

    assert read(proxy) == read(direct) != b""
    assert stats(proxy)["replies"]["broken"] == 1
    with pytest.raises((httpx2.RemoteProtocolError, openai.APIConnectionError)):
        list(client.chat.completions.create(model="cut", messages=HISTORY, stream=True))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2"])
def test_an_upstream_that_does_not_answer_is_a_502(coordinator, answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def slam():
            for _ in range(2):
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

        thread = threading.Thread(target=slam, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        with (
            running(create_app(coordinator, {None: f"http://127.0.0.1:{port}/v1"})) as proxy,
            openai.OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0) as client,
        ):
            with pytest.raises(openai.InternalServerError, match="no answer from the upstream") as refused:
                client.chat.completions.create(model="words", messages=HISTORY)
            assert refused.value.status_code == 502
            assert httpx2.get(f"{proxy}/v1/models").status_code == 502
            assert stats(proxy)["replies"] == {"unreachable": 2}
        thread.join(5)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_the_call_upstream(client, upstream, proxy, stream):
    upstream.gone.clear()
    if stream:
        reply = client.chat.completions.create(
            model="slow-0.1", messages=[{"role": "user", "content": "a " * 200}], stream=True
        )
        next(reply)
        reply.close()
    else:
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model="patient", messages=HISTORY, timeout=0.5)
    assert upstream.gone.wait(10)
    deadline = time.monotonic() + 10
    while stats(proxy)["open"] and time.monotonic() < deadline:
        time.sleep(0.02)
    now = stats(proxy)
    assert now["open"] == 0 and now["replies"]["cancelled"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"[" * 100_000,
        b'{"model": "words"}',
        b'{"model": "words", "messages": "hello"}',
        b'{"model": "words", "messages": {"a": 1}}',
        b'{"model": "words", "messages": [7]}',
        b'{"model": "words", "messages": [{"role": "robot", "content": "x"}]}',
        b'{"model": "words", "messages": [{"role": "user", "content": 7}]}',
        b'{"model": ["words"], "messages": []}',
    ],
)
def test_what_is_no_chat_request_goes_on_untouched(direct, proxy, body):
    replies = [httpx2.post(f"{base}/v1/chat/completions", content=body) for base in (proxy, direct)]
    assert replies[0].content == replies[1].content and replies[0].status_code == replies[1].status_code
    assert replies[0].headers["x-lrrc-action"] == "malformed"
    now = stats(proxy)
    assert now["requests"]["malformed"] == 1 and now["reasons"] == {
        "malformed": {replies[0].headers["x-lrrc-reason"]: 1}
    }


def short(proxy, path="/v1/chat/completions", **options):
    """The answer to the history, sent to a path by whatever means `options` has."""
    if not {"content", "json"} & options.keys():
        options["json"] = {"model": "words", "messages": HISTORY}
    return httpx2.post(f"{proxy}{path}", **options)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "//v1/chat/completions",
        "/chat/completions",
        "/openai/deployments/herbarium/chat/completions?api-version=2024-10-21",
        "/api/v1/chat/completions",
    ],
)
def test_a_chat_completion_is_told_by_the_end_of_its_address(proxy, direct, path):
    reply = short(proxy, path)
    assert reply.headers["x-lrrc-action"] == "rewritten"
    assert int(reply.headers["x-lrrc-tokens-before"]) > 4 * int(reply.headers["x-lrrc-tokens-after"])
    if "x-path" in reply.headers:  # the scripted server says what came to addresses that it does not know
        assert reply.headers["x-path"].rstrip("?") == path and len(reply.json()["messages"]) < len(HISTORY)


@pytest.mark.parametrize(
    "path", ["/v1/completions", "/v1/threads/7/messages", "/api/generate", "/v1beta/models/g:generateContent"]
)
def test_prompts_of_another_form_are_counted(proxy, path):
    reply = short(proxy, path)
    assert reply.headers["x-lrrc-action"] == "unread" and "not a prompt of a form" in reply.headers["x-lrrc-reason"]
    assert reply.json()["messages"] == HISTORY and stats(proxy)["requests"]["unread"] == 1


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKED = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "DEFLATE": raw_deflate}
WHOLE = json.dumps({"model": "words", "messages": HISTORY}).encode()


@pytest.mark.parametrize("encoding", PACKED)
def test_a_compressed_request_is_read_and_goes_on_plain(proxy, upstream, encoding):
    reply = short(proxy, content=PACKED[encoding](WHOLE), headers={"content-encoding": encoding})
    assert reply.headers["x-lrrc-action"] == "rewritten"
    assert "content-encoding" not in upstream.headers and len(json.dumps(upstream.calls[-1])) < len(WHOLE) / 3


def test_zstd_is_read_where_its_package_is(proxy, upstream, monkeypatch):
    zstandard = pytest.importorskip("zstandard")
    options = {"content": zstandard.compress(WHOLE), "headers": {"content-encoding": "zstd"}}
    assert short(proxy, **options).headers["x-lrrc-action"] == "rewritten"
    broken = short(proxy, content=b"hedge", headers={"content-encoding": "zstd"})
    assert "not zstd" in broken.headers["x-lrrc-reason"]
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert "takes the package zstandard" in short(proxy, **options).headers["x-lrrc-reason"]


@pytest.mark.parametrize(
    ("content", "encoding", "action", "reason"),
    [
        (gzip.compress(b'{"messages": [{"role": "user", "content": "Hi"}]}'), "gzip", "passed", "nothing to digest"),
        (WHOLE, "br", "unread", "compressed as br"),
        (WHOLE, "gzip", "malformed", "the body is not gzip"),
        (gzip.compress(WHOLE)[:-20], "gzip", "malformed", "the body is not gzip"),
        (gzip.compress(b" " * 5_000_000), "gzip", "unread", "MiB once decompressed"),
        (gzip.compress(gzip.compress(b" " * 5_000_000)), "gzip, gzip", "unread", "MiB once decompressed"),
    ],
    ids=["passed", "unknown", "not gzip", "cut off", "too large", "too large, twice"],  # gzip writes the time
)
def test_what_is_not_shortened_keeps_its_encoding(direct, coordinator, monkeypatch, content, encoding, action, reason):
    monkeypatch.setattr("lrrc.middleware.proxy.forwarding.MAX_BODY", 2**20)
    path = "/openai/chat/completions"  # where the scripted server sends back what came
    with running(create_app(Coordinator("bm25", 48), {None: f"{direct}/v1"})) as proxy:
        reply = short(proxy, path, content=content, headers={"content-encoding": encoding})
        now = stats(proxy)
    assert reply.content == content and reply.headers["x-lrrc-action"] == action
    assert reason in reply.headers["x-lrrc-reason"]
    assert now["reasons"] == {action: {reply.headers["x-lrrc-reason"]: 1}}


def test_a_model_that_is_null_is_no_mistake(proxy, upstream):
    reply = short(proxy, json={"model": None, "messages": HISTORY})
    assert reply.headers["x-lrrc-action"] == "rewritten" and upstream.calls[-1]["model"] is None


def test_one_request_can_be_left_alone(proxy, upstream):
    for value, action in (("1", "bypassed"), ("true", "bypassed"), ("0", "rewritten")):
        reply = short(proxy, headers={"x-lrrc-bypass": value})
        assert reply.headers["x-lrrc-action"] == action
        assert (upstream.calls[-1]["messages"] == HISTORY) == (action == "bypassed")
        assert not [name for name in upstream.headers if name.startswith("x-lrrc")]
    now = stats(proxy)
    assert now["requests"]["bypassed"] == 2 and now["last_failure"] is None
    prometheus = httpx2.get(f"{proxy}/stats?format=prometheus").text
    assert 'lrrc_unshortened_total{action="bypassed",reason="asked for by x-lrrc-bypass"} 2.0' in prometheus


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 422])
def test_a_prompt_that_is_refused_shortened_is_sent_as_it_came(direct, upstream, caplog, status, stream):
    coordinator, sent = new_coordinator(), len(upstream.calls)
    body = json.dumps({"model": f"strict-{status}", "messages": HISTORY, "stream": stream}).encode()
    with caplog.at_level(logging.WARNING), running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy:
        first = httpx2.post(f"{proxy}/v1/chat/completions", content=gzip.compress(body), headers=GZIP)
        assert first.status_code == 200 and HISTORY[-1]["content"].split()[0] in first.text
        assert first.headers["x-lrrc-action"] == "refused"
        assert first.headers["x-lrrc-reason"] == f"the upstream answered {status} to the shortened prompt"
        assert not stream or first.text.endswith("data: [DONE]\n\n")
        assert upstream.headers["content-encoding"] == "gzip"  # the very bytes that came
        second = httpx2.post(f"{proxy}/v1/chat/completions", content=body)
        assert second.headers["x-lrrc-action"] == "passed" and "refused" in second.headers["x-lrrc-reason"]
        other = short(proxy, headers={"x-lrrc-conversation": "another"})
        assert other.headers["x-lrrc-action"] == "rewritten"
        now = stats(proxy)
    tried = upstream.calls[sent:]
    assert [call["messages"] == HISTORY for call in tried] == [False, True, True, False]
    assert now["requests"] == dict.fromkeys(ACTIONS, 0) | {"refused": 1, "passed": 1, "rewritten": 1}
    assert sum(now["reasons"]["refused"].values()) == 1 and now["last_failure"].startswith("refused: the upstream")
    assert now["conversations"][1]["tokens_saved"] == 0  # what was refused saved nothing
    assert "shortened prompt" in caplog.text and "heliotrope" not in caplog.text


def test_a_prompt_that_is_refused_either_way_is_sent_twice_at_most(proxy, upstream):
    for _ in range(2):
        sent = len(upstream.calls)
        reply = short(proxy, json={"model": "strict-400-all", "messages": HISTORY})
        assert reply.status_code == 400 and reply.json()["error"]["message"] == "not in this form"
        assert reply.headers["x-lrrc-reason"].endswith("and to the original") and len(upstream.calls) == sent + 2
    assert short(proxy).headers["x-lrrc-action"] == "rewritten"  # the prompt was at fault, not its shortening
    sent = len(upstream.calls)
    brief = short(proxy, json={"model": "strict-400-all", "messages": HISTORY[-1:]})
    assert brief.status_code == 400 and len(upstream.calls) == sent + 1  # nothing else could have been sent


def test_reasons_are_bounded():
    ledger = Ledger()
    for i in range(2 * REASONS):
        ledger.untouched("malformed", f"reason {i}")
    reasons = ledger.summary()["reasons"]["malformed"]
    assert len(reasons) == REASONS + 1 and reasons["another reason"] == REASONS


def test_a_transform_that_fails_costs_nothing(direct, upstream, monkeypatch, caplog):
    broken = Coordinator("bm25", 48)
    secret = "only the user may see this"

    def compose(*args, **options):
        raise KeyError(secret)

    monkeypatch.setattr(broken, "compose", compose)
    with (
        caplog.at_level(logging.WARNING),
        running(create_app(broken, {None: f"{direct}/v1"})) as proxy,
        openai.OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0) as client,
    ):
        reply = client.chat.completions.with_raw_response.create(model="words", messages=HISTORY)
        assert upstream.calls[-1]["messages"] == HISTORY
        assert reply.headers["x-lrrc-action"] == "failed"
        now = httpx2.get(f"{proxy}/stats")
    assert now.json()["requests"]["failed"] == 1 and "lrrc's own, at test_proxy.py:" in now.json()["last_failure"]
    assert "KeyError" in caplog.text and secret not in caplog.text + now.text and "Error" not in now.text


def test_conversations_are_told_apart_by_header_or_by_their_beginning(client, proxy):
    def call(messages, **headers):
        reply = client.chat.completions.with_raw_response.create(
            model="words", messages=messages, extra_headers=headers
        )
        return reply.headers["x-lrrc-conversation"]

    first = call(HISTORY[:2])
    assert call([{"role": "system", "content": "Be kind."}, *HISTORY[1:2]]) == first  # another agent's instructions
    assert call(HISTORY[:4]) == first == call(HISTORY)
    other = [*HISTORY[:2], {"role": "assistant", "content": "Something else."}, {"role": "user", "content": "And now?"}]
    second = call(other)  # the same beginning, but the first has gone on another way
    assert second != first and call([*other, {"role": "user", "content": "Hello?"}]) == second
    assert call(HISTORY, **{"x-lrrc-conversation": "ticket-17"}) == "ticket-17"
    assert {row["conversation"]: row["calls"] for row in stats(proxy)["conversations"]} == {
        first: 4,
        second: 2,
        "ticket-17": 1,
    }


def test_agent_and_budget_can_be_named(client, proxy, upstream):
    headers = {"x-lrrc-agent": "critic", "x-lrrc-budget": "0", "x-lrrc-conversation": "c"}
    client.chat.completions.create(model="words", messages=HISTORY, extra_headers=headers)
    detail = httpx2.get(f"{proxy}/stats/c").json()
    assert detail["agents"] == ["critic"] and detail["last"]["digest_tokens"] == 0
    assert not [name for name in upstream.headers if name.startswith("x-lrrc")]
    bad = client.chat.completions.with_raw_response.create(
        model="words", messages=HISTORY, extra_headers={"x-lrrc-budget": "many"}
    )
    assert bad.headers["x-lrrc-action"] == "malformed"


def test_an_azure_client_is_served(proxy):
    with openai.AzureOpenAI(
        azure_endpoint=proxy, azure_deployment="words", api_version="2031-01-01", api_key=KEY, max_retries=0
    ) as client:
        reply = client.chat.completions.with_raw_response.create(model="words", messages=HISTORY)
    assert reply.headers["x-lrrc-action"] == "rewritten"
    assert reply.headers["x-path"] == "/openai/deployments/words/chat/completions?api-version=2031-01-01"


@pytest.mark.parametrize("way", ["HTTP/1.0", "Expect: 100-continue", "chunked"])
def test_http_as_clients_speak_it(proxy, upstream, way):
    version = "1.0" if way == "HTTP/1.0" else "1.1"
    length = "Transfer-Encoding: chunked" if way == "chunked" else f"Content-Length: {len(WHOLE)}"
    more = f"{way}\r\n" if ":" in way else ""
    head = f"POST /v1/chat/completions HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n{more}\r\n"
    halves = WHOLE[:300], WHOLE[300:]
    body = b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in (*halves, b"")) if way == "chunked" else WHOLE
    with socket.create_connection(("127.0.0.1", int(proxy.rsplit(":", 1)[1])), 20) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 200 " in answer and b"x-lrrc-action: rewritten" in answer
    assert len(json.dumps(upstream.calls[-1])) < len(WHOLE)


def test_models_can_have_servers_of_their_own(direct, coordinator):
    special = Upstream()
    with (
        running(special.app) as other,
        running(create_app(coordinator, {None: f"{direct}/v1", "special": f"{other}/v1"})) as proxy,
        openai.OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0) as client,
    ):
        client.chat.completions.create(model="special", messages=HISTORY[:2])
        client.chat.completions.create(model="words", messages=HISTORY[:2])
    assert [call["model"] for call in special.calls] == ["special"]


def test_keys_are_nowhere_but_upstream(client, proxy, upstream, caplog, capfd, tmp_path, coordinator):
    with caplog.at_level(logging.DEBUG):
        client.chat.completions.create(
            model="words", messages=HISTORY, extra_headers={"api-key": KEY, "x-lrrc-conversation": "k"}
        )
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="busy", messages=HISTORY)
        texts = [httpx2.get(f"{proxy}{path}").text for path in ("/", "/stats", "/stats?format=prometheus", "/stats/k")]
    assert upstream.headers["authorization"] == f"Bearer {KEY}"
    coordinator.save(tmp_path / "state")
    texts += [p.read_bytes().decode("latin-1") for p in (tmp_path / "state").rglob("*") if p.is_file()]
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("openai", "httpcore2.request"))]
    assert not [text for text in (*texts, *ours, *capfd.readouterr()) if KEY in text]


def test_prometheus_reads_the_same_numbers(client, proxy):
    client.chat.completions.create(model="words", messages=HISTORY)
    now = stats(proxy)
    for reply in (
        httpx2.get(f"{proxy}/stats?format=prometheus"),
        httpx2.get(
            f"{proxy}/stats",
            headers={"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1"},
        ),
    ):
        assert f'lrrc_prompt_tokens_total{{count="before"}} {now["tokens"]["before"]:.1f}' in reply.text
        assert (
            'lrrc_requests_total{action="rewritten"} 1.0' in reply.text and "lrrc_compose_seconds_bucket" in reply.text
        )
        assert 'lrrc_replies_total{status="200"} 1.0' in reply.text
        assert reply.headers["content-type"].startswith(("text/plain", "application/openmetrics-text"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.text().filter(lambda key: key not in ("messages", "model", "tools")), json_values, max_size=5)
)
def test_every_other_field_is_kept_as_it_is(coordinator, fields):
    body = json.dumps({"a": 1, **fields, "messages": HISTORY, "model": "words"}).encode()
    proxy = Proxy(coordinator, {None: "http://127.0.0.1:9/v1"}, Ledger(), client=None)
    forwarded = asyncio.run(proxy.shorten(body, {}, CHAT))
    assert forwarded.notes["x-lrrc-action"] == "rewritten" and forwarded.original == body
    given, sent = json.loads(body), json.loads(forwarded.body)
    assert list(sent) == list(given) and sent.pop("messages") != given.pop("messages") and sent == given


@settings(deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps({"model": "m", "messages": value}).encode()))
def test_nothing_that_comes_stops_the_call(coordinator, body):
    proxy = Proxy(coordinator, {None: "http://127.0.0.1:9/v1"}, Ledger(), client=None)
    forwarded = asyncio.run(proxy.shorten(body, {}, CHAT))
    assert forwarded.notes["x-lrrc-action"] in ("passed", "malformed")
    assert forwarded.body == body and forwarded.original is None


@pytest.mark.parametrize(
    ("upstream", "path", "query", "expected"),
    [
        ("http://h:1/v1", "/v1/chat/completions", "", "http://h:1/v1/chat/completions"),
        ("https://h/v1beta/openai", "/v1/models", "a=%20b", "https://h/v1beta/openai/models?a=%20b"),
        ("https://h/v1", "/health", "", "https://h/health"),
        ("https://h/v1", "/v1/files/a%2Fb", "", "https://h/v1/files/a%2Fb"),
        ("https://h/v1", "/v1x", "", "https://h/v1x"),
        ("https://h/v1beta/openai", "//v1/chat/completions", "", "https://h/v1beta/openai/chat/completions"),
        ("https://h/v1", "//other", "", "https://h//other"),
    ],
)
def test_addresses_upstream(upstream, path, query, expected):
    scope = {"path": path, "raw_path": path.encode(), "query_string": query.encode()}
    assert str(address(httpx2.URL(upstream), scope)) == expected


def test_headers_of_one_connection_stay_there():
    headers = [(b"Connection", b"close, X-Private"), (b"X-Private", b"1"), (b"TE", b"trailers"), (b"X-Other", b"2")]
    assert end_to_end(headers) == [(b"x-other", b"2")]


def test_the_ledger_is_bounded(coordinator):
    ledger = Ledger(most=3, idle=50, most_bytes=1000)
    _, receipt = coordinator.compose(HISTORY)

    def enter(name, size=1):
        named = dataclasses.replace(receipt, conversation=name)
        ledger.composed({"messages": HISTORY, "model": "m"}, size, named, 0.001)

    for name in "abcd":
        enter(name)
    assert list(ledger.conversations) == ["b", "c", "d"]
    enter("b", 999)
    assert list(ledger.conversations) == ["d", "b"]
    enter("e", 5000)  # more than all may have together: the newest stays all the same
    assert list(ledger.conversations) == ["e"]
    ledger.conversations["e"].seen -= 60
    assert ledger.summary()["conversations"] == []


@pytest.mark.parametrize(
    ("kind", "messages"),
    [
        (CHAT, [{"role": "user", "name": "Ann", "content": [{"type": "text", "text": "Fog?"}]}]),
        (MESSAGES, [{"role": "user", "content": [{"type": "text", "text": "Fog?"}]}]),
        (RESPONSES, [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Fog?"}]}]),
    ],
)
def test_the_ledger_reads_every_kind_of_prompt(coordinator, kind, messages):
    ledger, (_, receipt) = Ledger(), coordinator.compose(HISTORY)
    ledger.composed({"messages": messages, "model": "m", "kind": kind}, 9, receipt, 0.001)
    (entry,) = ledger.conversations.values()
    assert entry.detail()["last"]["messages"] == [{"speaker": "Ann" if kind == CHAT else "user", "text": "Fog?"}]


def test_a_token_is_asked_of_everyone(direct, coordinator):
    with running(create_app(coordinator, {None: f"{direct}/v1"}, token="open sesame")) as proxy:
        for path in ("/", "/stats", "/stats/a", "/v1/models", "/v1/chat/completions", "//stats"):
            assert httpx2.get(f"{proxy}{path}").status_code == 401
            assert httpx2.get(f"{proxy}{path}", headers={"x-lrrc-token": "open sesamé".encode()}).status_code == 401
        assert httpx2.get(f"{proxy}/stats", headers={"x-lrrc-token": "open sesame"}).status_code == 200
        assert httpx2.get(f"{proxy}/?token=open%20sesame").status_code == 200
        assert httpx2.get(f"{proxy}/v1/models?token=open%20sesame").status_code == 401
        headers = {"x-lrrc-token": "open sesame"}
        with openai.OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0, default_headers=headers) as client:
            assert client.chat.completions.create(model="words", messages=HISTORY).choices


def test_a_browser_may_ask_first_without_the_token(direct, coordinator):
    """Its preflight carries nothing, and cannot show a token; what it asks for still has to."""
    asked = {"origin": "http://localhost:5173", "access-control-request-method": "POST"}
    with running(create_app(coordinator, {None: f"{direct}/v1"}, token="open sesame")) as proxy:
        path = f"{proxy}/v1/chat/completions"
        answer = httpx2.request("OPTIONS", path, headers=asked)
        assert answer.status_code == httpx2.request("OPTIONS", f"{direct}/v1/chat/completions").status_code != 401
        for headers in ({}, {"origin": asked["origin"]}, {**asked, "content-length": "2"}):
            content = b"{}" if "content-length" in headers else None
            assert httpx2.request("OPTIONS", path, headers=headers, content=content).status_code == 401
        assert httpx2.post(path, json={}, headers=asked).status_code == 401
        for page in ("/", "/stats"):
            assert httpx2.request("OPTIONS", f"{proxy}{page}", headers=asked).status_code == 401


def test_web_sites_cannot_read_the_pages_of_a_proxy_on_loopback(proxy):
    for path in ("/", "/stats", "/stats/a"):
        assert httpx2.get(f"{proxy}{path}", headers={"host": "evil.example:80"}).status_code == 403
    for host in ("localhost:99", "127.0.0.1", "[::1]:8080"):
        assert httpx2.get(f"{proxy}/stats", headers={"host": host}).status_code == 200


def test_a_large_body_streams_through(direct, coordinator, monkeypatch):
    monkeypatch.setattr("lrrc.middleware.proxy.forwarding.MAX_BODY", 1000)
    with running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy:
        reply = httpx2.post(f"{proxy}/v1/chat/completions", json={"model": "words", "messages": HISTORY})
        assert stats(proxy)["requests"]["unread"] == 1
    assert reply.json()["choices"] and reply.headers["x-lrrc-action"] == "unread"
    assert "a body of more than" in reply.headers["x-lrrc-reason"]
