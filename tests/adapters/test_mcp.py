"""`lrrc mcp` asked by the protocol's own client, over its standard input and output, in front of a real proxy."""

import asyncio
import json
import os
import sys

import pytest
from helpers.chats import chat, say
from helpers.frameworks import needed
from helpers.upstreams import Upstream, running

needed("mcp", "mcp")

import httpx2
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app

pytestmark = pytest.mark.filterwarnings("ignore")
FACT = "The spare key of the lighthouse hangs behind the third barometer."


def asked(url, *calls):
    """The names of the tools, and the texts of the answers."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "lrrc.cli", "mcp", "--proxy", url], env=dict(os.environ)
    )

    async def talk():
        async with stdio_client(server) as streams, ClientSession(*streams) as session:
            await session.initialize()
            names = [tool.name for tool in (await session.list_tools()).tools]
            answers = [await session.call_tool(name, arguments) for name, arguments in calls]
            return names, [(answer.is_error, answer.content[0].text) for answer in answers]

    return asyncio.run(talk())


def test_an_agent_gets_back_what_was_left_out():
    said = chat(12)
    said[5] = say("user", f"By the way: {FACT}")
    coordinator = Coordinator("recency", 90, Settings(rewrite="always", recall=True))
    with running(Upstream().app) as direct, running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy:
        reply = httpx2.post(f"{proxy}/v1/chat/completions", json={"model": "words", "messages": said})
        key = reply.headers["x-lrrc-conversation"]
        names, answers = asked(
            proxy,
            ("lrrc_recall", {"conversation": key, "query": "where is the spare key?"}),
            ("lrrc_recall", {"conversation": "another", "query": "where is the spare key?"}),
            ("lrrc_compress", {"request": {"model": "words", "messages": said}}),
            ("lrrc_stats", {}),
        )
    assert names == ["lrrc_recall", "lrrc_compress", "lrrc_stats"]
    (_, found), (wrong, why), (_, shorter), (_, stats) = answers
    assert FACT in found and wrong and "not known here" in why
    assert len(json.loads(shorter)["payload"]["messages"]) < len(said)
    assert json.loads(stats)["billed"]["rows"][0]["calls"] == 1


def test_without_a_proxy_the_answer_says_so():
    _, [(wrong, why)] = asked("http://127.0.0.1:9", ("lrrc_stats", {}))
    assert wrong and "no answer from lrrc serve at http://127.0.0.1:9" in why
