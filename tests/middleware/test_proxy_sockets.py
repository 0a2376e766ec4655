"""WebSockets through the proxy: messages, names, refusals and ends as they are."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers.chats import KEY
from helpers.responses_upstream import ResponsesUpstream
from helpers.upstreams import running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lrrc.middleware import Coordinator
from lrrc.middleware.proxy.app import create_app


@pytest.fixture
def upstream():
    return ResponsesUpstream(lambda body: None)


@pytest.fixture
def direct(upstream):
    with running(upstream.app) as address:
        yield address


@pytest.fixture(params=[None, "let-me-in"])
def proxy(direct, request):
    with running(create_app(Coordinator("bm25"), {None: f"{direct}/v1"}, request.param)) as address:
        yield address.replace("http:", "ws:")


def talk(address, token, path="/v1/responses?model=m", **more):
    headers = {"authorization": f"Bearer {KEY}"} | ({"x-lrrc-token": token} if token else {})
    return connect(f"{address}{path}", additional_headers=headers, **more)


def test_messages_go_both_ways(proxy, upstream, request):
    token = request.node.callspec.params["proxy"]
    with talk(proxy, token, subprotocols=["a", "b"]) as socket:
        socket.send("Fog " * 90_000)  # more than most libraries take
        assert socket.recv() == "again: " + "Fog " * 90_000
        socket.send("bytes")
        assert socket.recv() == b"bytes" and socket.subprotocol == "b"
        assert upstream.headers["authorization"] == f"Bearer {KEY}" and upstream.query == "model=m"
        assert "x-lrrc-token" not in upstream.headers
        socket.send("end")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "the end")


def test_who_is_refused_is_told(proxy, request):
    token = request.node.callspec.params["proxy"]
    with pytest.raises(InvalidStatus) as refused:
        talk(proxy, token, "/v1/responses?refuse=1")
    assert refused.value.response.status_code == 403
    if token:
        with pytest.raises(InvalidStatus) as refused:
            talk(proxy, None)
        assert refused.value.response.status_code == 401


def test_a_plain_answer_is_passed_on():
    class Plain(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with running(create_app(Coordinator("bm25"), {None: f"http://127.0.0.1:{server.server_port}/v1"})) as address:
            with pytest.raises(InvalidStatus) as refused:
                talk(address.replace("http:", "ws:"), None)
            assert refused.value.response.status_code == 200 and bytes(refused.value.response.body) == b"{}"
        server.shutdown()


def test_an_upstream_that_is_not_there_is_told():
    with running(create_app(Coordinator("bm25"), {None: "http://127.0.0.1:9/v1"})) as address:
        with pytest.raises(InvalidStatus) as refused:
            talk(address.replace("http:", "ws:"), None)
        assert refused.value.response.status_code == 502


def test_one_who_leaves_is_not_waited_for(direct, upstream):
    app = create_app(Coordinator("bm25"), {None: f"{direct}/v1"})
    with running(app) as address, talk(address.replace("http:", "ws:"), None) as socket:
        socket.send("x")
        assert socket.recv() == "again: x"
    # the servers' ends within ten seconds are the test: nothing holds them open
