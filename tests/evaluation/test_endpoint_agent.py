"""An agent behind an OpenAI-compatible server: a real client, a real server on loopback that says what it is told."""

import contextlib
import json
import socket

import pytest
from helpers.endpoints import KEY, Server, completion, question, serving

from lrrc.evaluation.live.agents import Answer, EndpointAgent


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


def ask(server, log=None, retries=2):
    with serving(server) as address, agent_at(address, log, retries) as agent:
        return agent.answer([question()])[0]


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
        assert agent.answer([told, question()]) == [Answer(1, 50, 3), Answer(0, None, None)]
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
            agent.answer([question()])
    assert "\n" not in str(caught.value) and "user:word" not in str(caught.value)
