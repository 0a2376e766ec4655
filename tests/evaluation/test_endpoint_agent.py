"""An agent behind an OpenAI-compatible server: a real client, a real server on loopback that says what it is told."""

import contextlib
import json
import socket
import threading
import time

import pytest
import uvicorn

from lrrc.episodes.episode import Check
from lrrc.evaluation.live.agents import Answer, EndpointAgent, Question

KEY = "sk-very-secret-0123456789"
OPTIONS = ("It is 9 euros.", "It is 740 euros.", "It is 12 euros.")


def completion(content, usage=(50, 3)):
    told = usage and {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return 200, {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": told}


class Server:
    """Replies (status, JSON or text) in turn, the last one again and again; `seen` are headers and body of requests."""

    def __init__(self, *replies):
        self.replies, self.seen = list(replies), []

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        self.seen.append(({k.decode(): v.decode() for k, v in scope["headers"]}, json.loads(body), scope["path"]))
        status, content = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        kind, text = ("text/html", content) if isinstance(content, str) else ("application/json", json.dumps(content))
        headers = [(b"content-type", kind.encode()), (b"retry-after-ms", b"5")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


@contextlib.contextmanager
def serving(app):
    """The address of `app`, served on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join(20)


@contextlib.contextmanager
def agent_at(address, log=None, retries=2):
    agent = EndpointAgent(address, "small-model", log, retries)
    try:
        yield agent
    finally:
        agent.client.close()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def question(*payload):
    payload = payload or (("user", "What is the budget?"),)
    return Question("e", "model_a", payload, 0, Check(1, "recall", "?", OPTIONS, 1, 0, (0, 0)))


def ask(server, log=None, retries=2):
    with serving(server) as address, agent_at(address, log, retries) as agent:
        return agent.answer([[question()]])[0][0]


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("2", 1),
        ("Answer: 3.", 2),
        (" 1\n", 0),
        ("Not 740, but 2.", 1),
        ("7", -1),
        ("0", -1),
        ("none", -1),
        ("", -1),
        (None, -1),
    ],
)
def test_the_number_named_is_the_answer(said, choice):
    assert ask(Server(completion(said))) == Answer(choice, 50, 3)


def test_what_is_sent_and_what_is_kept(tmp_path):
    server, log = Server(completion("2"), completion("1", usage=None)), tmp_path / "a/b/requests.jsonl"
    told = question(("system", "Be brief."), ("digest", "user: Budget 740."), ("model_b", "Hm."), ("user", "Budget?"))
    with serving(server) as address, agent_at(address, log) as agent:
        assert agent.answer([[told], [question()]]) == [[Answer(1, 50, 3)], [Answer(0, None, None)]]
        assert KEY not in repr(agent)
    headers, body, path = server.seen[0]
    assert path == "/v1/chat/completions" and headers["authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["temperature"]) == ("small-model", 0)
    *before, last = body["messages"]
    assert before == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "user: Budget 740."},
        {"role": "user", "content": "model_b: Hm."},
    ]
    asked, *numbered = last["content"].splitlines()
    assert last["role"] == "user" and asked == "Budget?"
    assert numbered[-3:] == ["1. It is 9 euros.", "2. It is 740 euros.", "3. It is 12 euros."]
    first, second = map(json.loads, log.read_text().splitlines())
    assert first["request"] == body and first["reply"] == "2" and first["usage"]["prompt_tokens"] == 50
    assert second["usage"] is None and KEY not in log.read_text()


def test_a_busy_server_is_asked_again():
    server = Server((429, {"error": {"message": "slow down"}}), (500, {"error": {}}), completion("2"))
    assert ask(server) == Answer(1, 50, 3) and len(server.seen) == 3


@pytest.mark.parametrize(
    ("reply", "reason", "requests"),
    [
        ((429, {"error": {"message": "slow\ndown"}}), "RateLimitError", 3),
        ((401, {"error": {"message": f"no such key: {KEY}"}}), "AuthenticationError", 1),
        ((404, "<html>not here</html>"), "NotFoundError", 1),
        ((200, "<html>a page\nof a proxy</html>"), "no chat completion", 1),
        ((200, {"choices": []}), "no chat completion", 1),
        ((200, {"error": "out of memory"}), "no chat completion", 1),
    ],
)
def test_a_server_that_gives_no_answer_is_one_line(tmp_path, reply, reason, requests):
    server = Server(reply)
    with pytest.raises(ValueError, match=reason) as caught:
        ask(server, tmp_path / "log.jsonl")
    said = str(caught.value)
    assert said.startswith("live.base_url = 'http://127.0.0.1:") and "\n" not in said and len(said) < 300
    assert KEY not in said and len(server.seen) == requests and not (tmp_path / "log.jsonl").exists()


def test_a_dead_server_is_one_line():
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"http://user:word@127.0.0.1:{taken.getsockname()[1]}/v1"
        with agent_at(address, retries=0) as agent, pytest.raises(ValueError, match="APIConnectionError") as caught:
            agent.answer([[question()]])
    assert "\n" not in str(caught.value) and "user:word" not in str(caught.value)
