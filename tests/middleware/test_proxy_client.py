"""What the environment says of proxies and certificates, and what the proxy makes of it."""

import json
import socket

import httpx2
import pytest
from helpers.chats import HISTORY
from helpers.upstreams import Upstream, running

from lrrc.middleware import Coordinator
from lrrc.middleware.proxy.app import create_app
from lrrc.middleware.proxy.client import make_client

REMOTE = ["https://models.example/v1"]
NAMES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in (*NAMES, *map(str.lower, NAMES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "pip install socksio, or unset ALL_PROXY"),
        ("all_proxy", "socks://127.0.0.1:1080/", "correct it or unset all_proxy"),
        ("HTTPS_PROXY", "http://office:door", "correct it or unset HTTPS_PROXY"),
        ("HTTP_PROXY", "http://", "correct it or unset HTTP_PROXY"),
        ("SSL_CERT_FILE", "/nowhere/office.pem", "correct it or unset SSL_CERT_FILE"),
    ],
)
def test_a_variable_that_cannot_be_followed_is_named(monkeypatch, name, value, advice):
    monkeypatch.setattr("lrrc.middleware.proxy.client.find_spec", lambda name: None)
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{name} = ") as refused:
        make_client(REMOTE)
    assert advice in str(refused.value) and value in str(refused.value) and "\n" not in str(refused.value)
    make_client(["http://127.0.0.1:9/v1", "http://localhost:9/v1", "http://[::1]:9/v1"])  # it is not asked for those


def test_a_password_of_a_proxy_is_not_repeated(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks9://ann:pa55word@office:1080")
    with pytest.raises(ValueError, match="ALL_PROXY") as refused:
        make_client(REMOTE)
    assert "pa55word" not in str(refused.value)


def test_what_can_be_followed_is(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "office.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://office.example:3128")
    make_client([*REMOTE, "http://127.0.0.1:9/v1"])
    monkeypatch.setenv("ALL_PROXY", "socks://office.example")
    monkeypatch.setenv("NO_PROXY", "*")
    make_client(REMOTE)


@pytest.mark.parametrize("others", [{}, {"far": "http://models.invalid/v1"}])
def test_a_server_of_this_machine_is_asked_directly(monkeypatch, closed_port, others):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    with (
        running(Upstream().app) as direct,
        running(create_app(Coordinator("bm25", 48), {None: f"{direct}/v1", **others})) as proxy,
    ):
        body = {"model": "words", "messages": HISTORY}
        assert httpx2.post(f"{proxy}/v1/chat/completions", json=body, trust_env=False).status_code == 200
        if others:
            reply = httpx2.post(f"{proxy}/v1/chat/completions", json=body | {"model": "far"}, trust_env=False)
            said = json.loads(reply.content)["error"]["message"]
            assert reply.status_code == 502 and "no connection; asked through the proxy of HTTP_PROXY" in said
