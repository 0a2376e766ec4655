"""Large requests do not hold up small ones: a process of their own reads them."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from helpers.chats import HISTORY, KEY
from helpers.upstreams import Upstream, running

from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app
from lrrc.runtime.workers import process_apart

SMALL = HISTORY[-1:]
WHOLE = json.dumps({"model": "words", "messages": HISTORY}).encode()


@pytest.fixture(scope="module")
def direct():
    with running(Upstream().app) as address:
        yield address


@pytest.fixture
def receipts():
    return []


@pytest.fixture
def coordinator(monkeypatch, receipts):
    """One that can compose small requests alone; HISTORY counts as large."""
    monkeypatch.setattr("lrrc.middleware.proxy.forwarding.LARGE", len(WHOLE))
    coordinator = Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False), on_receipt=receipts.append)
    compose = coordinator.compose

    def small(messages, **options):
        assert len(messages) < len(HISTORY), "a large request is composed here"
        return compose(messages, **options)

    monkeypatch.setattr(coordinator, "compose", small)
    return coordinator


@pytest.fixture
def children(monkeypatch):
    """Process ids of those that are started apart."""
    found = []

    def started():
        pool = process_apart()
        found.append(pool.submit(os.getpid).result())
        return pool

    monkeypatch.setattr("lrrc.middleware.proxy.composing.process_apart", started)
    return found


def send(proxy, messages, model="words", **options):
    content = json.dumps({"model": model, "messages": messages}).encode()
    return httpx2.post(f"{proxy}/v1/chat/completions", content=content, timeout=600, **options)


def test_large_requests_are_read_by_a_process_of_their_own(direct, coordinator, children, receipts):
    """However long that takes: here it stands still while small requests come and go."""
    with running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy, ThreadPoolExecutor(2) as pool:
        assert send(proxy, SMALL).headers["x-lrrc-action"] == "passed" and not children
        named = {"x-lrrc-conversation": "ticket", "authorization": f"Bearer {KEY}"}
        first = send(proxy, HISTORY, headers=named)
        assert first.headers["x-lrrc-action"] == "rewritten" and len(children) == 1
        os.kill(children[0], signal.SIGSTOP)
        assert [receipt.action for receipt in receipts] == ["passed", "rewritten"]
        large = [pool.submit(send, proxy, HISTORY) for _ in range(2)]
        while httpx2.get(f"{proxy}/stats").json()["open"] < len(large):
            time.sleep(0.02)
        assert [send(proxy, SMALL).status_code for _ in range(5)] == [200] * 5
        assert not any(reply.done() for reply in large)
        os.kill(children[0], signal.SIGCONT)
        assert [reply.result().headers["x-lrrc-action"] for reply in large] == ["rewritten"] * 2
        detail = httpx2.get(f"{proxy}/stats/ticket").json()
        assert len(detail["last"]["messages"]) == len(HISTORY) and detail["last"]["digest"]
        # a refusal is remembered where the conversation is known
        strict = [send(proxy, HISTORY, "strict-400", headers=named).headers["x-lrrc-action"] for _ in range(2)]
        assert strict == ["refused", "passed"]
        bypassed = send(proxy, HISTORY, headers={"x-lrrc-bypass": "1"})
        assert bypassed.headers["x-lrrc-action"] == "bypassed" and len(children) == 1
    with pytest.raises(ProcessLookupError):  # it ends with the proxy
        for _ in range(500):
            os.kill(children[0], 0)
            time.sleep(0.02)


def test_a_process_that_is_killed_costs_one_saving(direct, coordinator, children):
    with running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy, ThreadPoolExecutor(1) as pool:
        assert send(proxy, HISTORY).headers["x-lrrc-action"] == "rewritten"
        os.kill(children[0], signal.SIGSTOP)
        reply = pool.submit(send, proxy, HISTORY)
        while not httpx2.get(f"{proxy}/stats").json()["open"]:
            time.sleep(0.02)
        os.kill(children[0], signal.SIGKILL)
        assert reply.result().status_code == 200 and reply.result().headers["x-lrrc-action"] == "failed"
        assert "ended" in reply.result().headers["x-lrrc-reason"]
        assert send(proxy, HISTORY).headers["x-lrrc-action"] == "rewritten" and len(children) == 2
