"""LiteLLM's own proxy with the guardrail: what goes upstream in all three forms."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers.frameworks import QUESTION, Watched, needed, shelf

needed("backoff", "litellm[proxy]")
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="true", LITELLM_TELEMETRY="False", STORE_MODEL_IN_DB="False")

import litellm
from fastapi.testclient import TestClient
from litellm.proxy import proxy_server
from litellm.router import Router

from lrrc.digest.rendering import HEAD
from lrrc.middleware.adapters.litellm import DigestGuardrail

pytestmark = pytest.mark.filterwarnings("ignore")
SAID = "It is noted."
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": SAID}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}
MESSAGES = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": SAID}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 2},
}
RESPONSES = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "id": "i",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": SAID, "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
}


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        ends = {"messages": MESSAGES, "responses": RESPONSES}
        answer = json.dumps(ends.get(self.path.split("?")[0].rsplit("/", 1)[-1], CHAT)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def provider():
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        server.bodies = []
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


@pytest.fixture
def gateway(provider, monkeypatch):
    """LiteLLM's proxy in this process, without a database or keys."""
    base = f"http://127.0.0.1:{provider.server_address[1]}"
    models = [
        {"model_name": "gpt", "litellm_params": {"model": "openai/gpt-5", "api_base": f"{base}/v1", "api_key": "k"}},
        {"model_name": "claude", "litellm_params": {"model": "anthropic/claude-x", "api_base": base, "api_key": "k"}},
    ]
    monkeypatch.setattr(proxy_server, "llm_router", Router(model_list=models))
    monkeypatch.setattr(proxy_server, "master_key", None)
    monkeypatch.setattr(litellm, "callbacks", [])

    def guarded(watched):
        guardrail = DigestGuardrail(
            watched.coordinator, guardrail_name="digest", event_hook="pre_call", default_on=True
        )
        litellm.callbacks.append(guardrail)
        return TestClient(proxy_server.app)

    provider.bodies.clear()
    return guarded


def talk(turns=8):
    said = []
    for i in range(1, turns):
        said += [{"role": "user", "content": f"Look at shelf {i}."}, {"role": "assistant", "content": shelf(i)}]
    return [*said, {"role": "user", "content": QUESTION}]


FORMS = {
    "/v1/chat/completions": {"model": "gpt", "messages": talk()},
    "/v1/messages": {"model": "claude", "max_tokens": 99, "messages": talk()},
    "/v1/responses": {"model": "gpt", "input": talk()},
}


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("fails", [False, True])
def test_every_form_is_shortened_or_passed(gateway, provider, path, fails):
    watched = Watched(fails)
    answer = gateway(watched).post(path, json=FORMS[path], headers={"authorization": "Bearer sk-1"})
    assert answer.status_code == 200 and SAID in answer.text, answer.text
    (body,) = provider.bodies
    sent = json.dumps(body)
    assert QUESTION in sent
    if fails:
        assert HEAD.strip() not in sent and all(json.dumps(shelf(i))[1:-1] in sent for i in range(1, 8))
        assert [r.reason for r in watched.receipts] == ["not read: RuntimeError: a mistake of the coordinator's"]
    else:
        assert HEAD.strip() in sent and "heliotrope ledger stands here" in sent and shelf(1) not in sent
        assert [r.action for r in watched.receipts] == ["rewritten"]
