"""The adapters in their real frameworks: what the model is sent, and that nothing else changes.

A server here stands for the provider; the clients are the real ones.
"""

import asyncio
import json
import os
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from helpers.chats import FILLER, call, chat, items_of, result, say

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.chat_messages import exchange_roots
from lrrc.middleware.dialect import TAIL
from lrrc.policies.base import DIGEST_NAME

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "true"  # no prices from the network
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the frameworks say of each other while they are imported
    import litellm
    import openai
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.teams import RoundRobinGroupChat
    from autogen_core import FunctionCall, Image
    from autogen_core.models import (
        AssistantMessage,
        CreateResult,
        FunctionExecutionResultMessage,
        RequestUsage,
        UserMessage,
    )
    from autogen_ext.models.replay import ReplayChatCompletionClient
    from langchain.agents import create_agent
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import (
        AIMessage,
        AIMessageChunk,
        ChatMessage,
        HumanMessage,
        RemoveMessage,
        SystemMessage,
        ToolMessage,
    )
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, MessagesState, StateGraph
    from litellm.types.utils import CallTypes
    from PIL import Image as Picture
    from pydantic import BaseModel

    from lrrc.middleware.adapters import autogen, langchain
    from lrrc.middleware.adapters.autogen import DigestContext
    from lrrc.middleware.adapters.langchain import DigestMiddleware, ashorten, shorten
    from lrrc.middleware.adapters.litellm import DigestHook
    from lrrc.middleware.adapters.openai import wrap

# the frameworks' own, about themselves and each other
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
    pytest.mark.filterwarnings("ignore:Item.* using the `ReadOnly` qualifier"),
]


class Provider(BaseHTTPRequestHandler):
    """Answers chat completions, streamed or not, with `{"answer": 42}`; the server keeps their bodies."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        base = {"id": "x", "created": 0, "model": "m"}
        text, stop = '{"answer": 42}', {"index": 0, "finish_reason": "stop"}
        if body.get("stream"):
            deltas = [{"role": "assistant", "content": text[:5]}, {"content": text[5:]}, {}]
            chunks = [
                base
                | {"object": "chat.completion.chunk"}
                | {"choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}]}
                for delta in deltas
            ]
            answer, kind = (
                "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n\n",
                "text/event-stream",
            )
        else:
            message = {"role": "assistant", "content": text}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            whole = base | {"object": "chat.completion", "choices": [stop | {"message": message}], "usage": usage}
            answer, kind = json.dumps(whole), "application/json"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def provider():
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        server.bodies = []
        server.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def receipts():
    return []


@pytest.fixture
def coordinator(receipts):
    return Coordinator("recency", 60, Settings(rewrite="always"), on_receipt=receipts.append)


def shortened(sent, messages):
    """Did a digest take the place of the history, between the first and the last user message, behind the rules?"""
    rules, merged = sent
    assert rules == messages[0] and merged.keys() == {"role", "content"} and merged["role"] == "user"
    goal, digest = merged["content"].split(HEAD)
    assert goal.strip() == messages[1]["content"].strip() and digest.endswith(f"{TAIL}\n\n{messages[-1]['content']}")
    return True


# OpenAI


class Answer(BaseModel):
    answer: int


def test_the_openai_client(provider, coordinator, receipts):
    messages = chat(5)
    tools = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}]
    with openai.OpenAI(base_url=provider.url, api_key="none") as plain:
        client = wrap(plain, coordinator, agent="planner")
        completions = client.chat.completions
        reply = completions.create(model="m", messages=messages, temperature=0, tools=tools)
        assert reply.choices[0].message.content == '{"answer": 42}'
        assert provider.bodies[-1]["temperature"] == 0 and provider.bodies[-1]["tools"] == tools
        assert receipts[-1].tools_tokens > 0 and receipts[-1].agent == "planner"
        streamed = completions.create(model="m", messages=messages, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == '{"answer": 42}'
        parsed = completions.parse(model="m", messages=messages, response_format=Answer)
        assert parsed.choices[0].message.parsed == Answer(answer=42)
        with completions.stream(model="m", messages=messages, response_format=Answer) as stream:
            assert stream.get_final_completion().choices[0].message.parsed == Answer(answer=42)
        client.with_options(timeout=5).chat.completions.create(model="m", messages=iter(messages))
        completions.with_raw_response.create(model="m", messages=messages)
        client.beta.chat.completions.parse(model="m", messages=messages, response_format=Answer)
        assert len(provider.bodies) == len(receipts) == 7
        assert all(shortened(body["messages"], messages) for body in provider.bodies)

        plain.chat.completions.create(model="m", messages=messages)
        assert provider.bodies[-1]["messages"] == messages and len(receipts) == 7  # the given client is as it was
        assert len(provider.bodies) == 8


def test_the_asynchronous_openai_client(provider, coordinator):
    messages = chat(5)

    async def run():
        async with openai.AsyncOpenAI(base_url=provider.url, api_key="none") as plain:
            completions = wrap(plain, coordinator, conversation="c").chat.completions
            await completions.create(model="m", messages=messages)
            stream = await completions.create(model="m", messages=messages, stream=True)
            said = [chunk.choices[0].delta.content or "" async for chunk in stream]
            parsed = await completions.parse(model="m", messages=messages, response_format=Answer)
            return "".join(said), parsed.choices[0].message.parsed

    assert asyncio.run(run()) == ('{"answer": 42}', Answer(answer=42))
    assert len(provider.bodies) == 3 and all(shortened(body["messages"], messages) for body in provider.bodies)


def test_replies_of_the_client_may_go_back_as_they_are(provider, coordinator):
    """Applications append `response.choices[0].message`, an object, to their list."""
    with openai.OpenAI(base_url=provider.url, api_key="none") as plain:
        client, messages = wrap(plain, coordinator), chat(4)
        for turn in range(2):
            reply = client.chat.completions.create(model="m", messages=messages).choices[0].message
            messages += [reply, say("user", f"More of {turn}.")]
        client.chat.completions.create(model="m", messages=messages)
    contents = [m["content"] for m in provider.bodies[-1]["messages"]]
    assert contents[-1].endswith("More of 1.") and "assistant:" in contents[-1]


# LangChain and LangGraph


class Model(BaseChatModel):
    """A chat model that searches twice, then answers; it keeps what it was sent."""

    sent: list = []
    tools: Any = None

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **options):
        self.tools = tools
        return self

    def _next(self, messages):
        self.sent.append(list(messages))
        results = 0
        for message in reversed(messages):
            if message.type == "human":
                break
            results += message.type == "tool"
        if results < 2:
            calls = [{"name": "search", "args": {"query": f"{len(self.sent)}"}, "id": f"c{len(self.sent)}"}]
            return {"content": "", "tool_calls": calls}
        return {"content": f"Reply {len(self.sent)}. {FILLER}"}

    def _generate(self, messages, stop=None, run_manager=None, **options):
        return ChatResult(generations=[ChatGeneration(message=AIMessage(**self._next(messages)))])

    def _stream(self, messages, stop=None, run_manager=None, **options):
        said = self._next(messages)
        chunks = [
            {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": i}
            for i, c in enumerate(said.get("tool_calls", []))
        ]
        for word in said["content"].split(" ") if said["content"] else [""]:
            yield ChatGenerationChunk(message=AIMessageChunk(content=word + " ", tool_call_chunks=chunks))
            chunks = []
        yield ChatGenerationChunk(message=AIMessageChunk(content="", chunk_position="last"))


def search(query: str) -> str:
    """Search for something."""
    return f"Found {query}. {FILLER}"


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream"])
def test_a_langchain_agent(way, coordinator, receipts):
    model = Model(sent=[])
    agent = create_agent(
        model,
        [search],
        system_prompt="Answer briefly.",
        checkpointer=InMemorySaver(),
        middleware=[DigestMiddleware(coordinator, agent="helper")],
    )
    config = {"configurable": {"thread_id": "thread-1"}}
    for turn in range(4):
        asked = {"messages": [HumanMessage(f"Question {turn}? {FILLER}")]}
        if way == "stream":
            streamed = [chunk for chunk, _ in agent.stream(asked, config, stream_mode="messages")]
            assert not [c for c in streamed if "user:" in c.text]
        elif way == "invoke":
            agent.invoke(asked, config)
        else:
            asyncio.run(agent.ainvoke(asked, config))
    state = agent.get_state(config).values["messages"]
    assert [m.type for m in state] == ["human", "ai", "tool", "ai", "tool", "ai"] * 4  # the whole history, no digest
    assert len(model.sent) == len(receipts) == 12 and {r.agent for r in receipts} == {"helper"}
    assert len(coordinator.sessions) == 1 and coordinator.sessions.all()[0].name == "thread-1"
    for sent, receipt in zip(model.sent, receipts, strict=True):
        assert sent[0] == SystemMessage("Answer briefly.") and receipt.tools_tokens > 0
        assert sent[1].content.startswith(f"Question 0? {FILLER}")
        calls = {c["id"] for m in sent if isinstance(m, AIMessage) for c in m.tool_calls}
        assert calls == {m.tool_call_id for m in sent if isinstance(m, ToolMessage)}
    assert [m.type for m in model.sent[-1]] == ["system", "human", "ai", "tool", "ai", "tool"]
    assert HEAD in model.sent[-1][1].content and receipts[-1].action == "rewritten"
    assert model.sent[-1][-4:] == state[-5:-1] and receipts[-1].tokens_after < receipts[-1].tokens_before / 2


def test_a_graph_of_ones_own(coordinator, receipts):
    sent = []

    async def ask(state):
        sent.append(shorten(coordinator, state["messages"], tools=[search]))
        assert await ashorten(coordinator, state["messages"], tools=[search]) == sent[-1]
        return {"messages": [AIMessage(f"Reply {len(sent)}. {FILLER}")]}

    graph = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile(InMemorySaver())
    config = {"configurable": {"thread_id": "thread-7"}}
    for turn in range(4):
        asyncio.run(graph.ainvoke({"messages": [HumanMessage(f"Question {turn}? {FILLER}")]}, config))
    assert [m.name for m in sent[-1]] == [None] and HEAD in sent[-1][0].content and receipts[-1].tools_tokens > 0
    assert [session.name for session in coordinator.sessions.all()] == ["thread-7"]


def test_langchain_messages_of_every_kind():
    calls = [{"name": "search", "args": {"query": "é"}, "id": "c1"}]
    picture = {"type": "image", "source_type": "url", "url": "https://example.org/a.png"}
    messages = [
        SystemMessage([{"type": "text", "text": "Rules."}]),
        HumanMessage(["Look: ", {"type": "text", "text": "this."}, picture], name="anna"),
        AIMessage(
            [
                {"type": "thinking", "thinking": "Hm."},
                {"type": "tool_use", "id": "c1", "name": "search", "input": {"query": "é"}},
            ],
            tool_calls=calls,
        ),
        ToolMessage("Found.", tool_call_id="c1", name="search"),
        AIMessageChunk("Well."),
    ]
    items = items_of([langchain.as_dict(m) for m in messages])
    assert [item.role for item in items] == ["system", "user", "assistant", "tool", "assistant"]
    assert [item.unknown for item in items] == [0, 1, 0, 0, 0] and items[1].name == "anna"
    assert items[2].text == 'search({"query": "é"})' and exchange_roots(items) == [0, 1, 2, 2, 4]


def test_calls_that_are_no_json_keep_their_results():
    broken = [{"name": "search", "args": "{", "id": "c2", "error": "no JSON", "type": "invalid_tool_call"}]
    calls = [{"name": "search", "args": {"on": object}, "id": "c1"}]
    messages = [AIMessage("", tool_calls=calls, invalid_tool_calls=broken), *map(langchain_result, ("c2", "c1"))]
    items = items_of([langchain.as_dict(m) for m in [*messages, ChatMessage("Rules.", role="developer")]])
    assert exchange_roots(items) == [0, 0, 0, 3] and items[3].role == "system"


def langchain_result(key):
    return ToolMessage("Found.", tool_call_id=key)


# AutoGen


def replying(*replies):
    """A client that says these, in turn; a tuple is a call of search."""
    usage = RequestUsage(prompt_tokens=1, completion_tokens=1)
    made = []
    for i, reply in enumerate(replies):
        if isinstance(reply, tuple):
            content = [FunctionCall(id=f"c{i}", name="search", arguments=json.dumps({"query": reply[0]}))]
            reply = CreateResult(finish_reason="function_calls", content=content, usage=usage, cached=False)
        made.append(reply)
    info = {
        "vision": False,
        "function_calling": True,
        "json_output": False,
        "family": "unknown",
        "structured_output": False,
    }
    return ReplayChatCompletionClient(made, model_info=info)


def test_an_autogen_agent(coordinator, receipts):
    client = replying(*[reply for i in range(4) for reply in ((f"{i}",), f"Reply {i}. {FILLER}")])
    context = DigestContext(coordinator, "helper", "c", system_message="Answer briefly.", tools=[search_schema()])
    agent = AssistantAgent(
        "helper",
        client,
        tools=[search],
        system_message="Answer briefly.",
        model_context=context,
        reflect_on_tool_use=True,
    )

    async def run():
        for turn in range(4):
            await agent.run(task=f"Question {turn}? {FILLER}")

    asyncio.run(run())
    sent = [entry["messages"] for entry in client.create_calls]
    assert len(sent) == len(receipts) == 8 and receipts[-1].action == "rewritten"
    kinds = [message.type.removesuffix("Message") for message in sent[-1]]
    assert kinds == ["System", "User", "Assistant", "FunctionExecutionResult"]
    merged = sent[-1][1]
    assert merged.source == "user" and "helper: Reply 2." in merged.content
    assert merged.content.startswith(f"Question 0? {FILLER}") and merged.content.endswith(f"Question 3? {FILLER}")
    assert receipts[-1].tools_tokens > 0 and receipts[-1].kept[0] == 0  # the rules are counted
    state = asyncio.run(context.save_state())
    assert len(state["messages"]) == 16 and DIGEST_NAME not in {m.get("source") for m in state["messages"]}


def search_schema():
    return {"name": "search", "description": "Search.", "parameters": {"type": "object", "properties": {}}}


def test_an_autogen_team(coordinator):
    """Agents that talk to each other: each has a context of its own."""
    names = ("planner", "critic")
    clients = {name: replying(*[f"{name} says {i}. {FILLER}" for i in range(5)]) for name in names}
    agents = [AssistantAgent(n, clients[n], model_context=DigestContext(coordinator, n)) for n in names]
    asyncio.run(RoundRobinGroupChat(agents, max_turns=10).run(task=f"Plan a trip. {FILLER}"))
    for name, other in (names, names[::-1]):
        last = clients[name].create_calls[-1]["messages"]
        said = [m for m in last if isinstance(m, UserMessage)]
        if name == "planner":  # what it was sent takes turns; the critic's list begins with two messages of others
            assert [m.source for m in said] == [other] and said[0].content.startswith("user:\n\nPlan a trip.")
        else:
            assert [m.source for m in said] == ["user", DIGEST_NAME, other]
        assert f"{name}: {name} says" in "".join(m.content for m in said)
    assert len(coordinator.sessions) == 2


def test_autogen_messages_of_every_kind():
    picture = UserMessage(content=["See:", Image(Picture.new("RGB", (2, 2)))], source="anna")
    none = FunctionExecutionResultMessage(content=[])
    items = items_of([autogen.as_dict(m) for m in (picture, none)])
    assert [(item.role, item.unknown, item.text) for item in items] == [("user", 1, "See:"), ("tool", 0, "")]


def test_autogen_pictures_stay_pictures_in_a_merged_message(coordinator):
    picture = Image(Picture.new("RGB", (2, 2)))
    said = [UserMessage(content=["See:", picture], source="anna")]
    for i in range(4):
        said += [AssistantMessage(content=f"Reply {i}. {FILLER}", source="helper")]
        said += [UserMessage(content=f"Question {i}?", source="anna")]
    [merged] = asyncio.run(DigestContext(coordinator, "helper", initial_messages=said).get_messages())
    assert merged.source == "anna" and merged.content[:2] == ["See:", picture] and merged.content[-1] == "Question 3?"
    assert merged.content[2].startswith(HEAD) and all(isinstance(part, (str, Image)) for part in merged.content)


# LiteLLM


@pytest.fixture
def hooked(coordinator, monkeypatch):
    monkeypatch.setattr(litellm, "callbacks", [DigestHook(coordinator)])
    yield
    asyncio.run(litellm.close_litellm_async_clients())


def test_litellm(provider, coordinator, receipts, hooked):
    messages = [*chat(5), call("a"), result("a", "Found.")]
    options = {"model": "openai/m", "messages": messages, "api_base": provider.url, "api_key": "none"}

    async def run():
        named = {"agent": "planner", "conversation": "c"}
        await litellm.acompletion(**options, metadata=named)
        stream = await litellm.acompletion(**options, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        router = litellm.Router(
            [
                {
                    "model_name": "any",
                    "litellm_params": {"model": "openai/m", "api_base": provider.url, "api_key": "none"},
                }
            ]
        )
        await router.acompletion("any", messages=messages)
        await litellm.close_litellm_async_clients()
        return said

    assert asyncio.run(run()) == '{"answer": 42}'
    assert len(provider.bodies) == 3 == len(receipts) and receipts[0].agent == "planner"
    assert "c" in [session.name for session in coordinator.sessions.all()]
    for body in provider.bodies:
        assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "tool"]
        assert "Answer 4" in body["messages"][1]["content"]
    assert options["messages"] == messages == [*chat(5), call("a"), result("a", "Found.")]


# what cannot be read is sent as it is


class Unheard(BaseModel):
    """A message of a class that a framework may add."""

    source: str = "anna"
    content: list[int] = [1]
    type: str = "UnheardMessage"


def passed(receipts):
    """Did the one receipt say that nothing was read, and why?"""
    [receipt] = receipts
    assert receipt.full and receipt.reason.startswith("not read: ") and "\n" not in receipt.reason
    assert receipt.tokens_before == receipt.tokens_after == 0 and receipt.unknown_kinds == ("prompt",)
    json.dumps(receipt.to_dict())
    return True


def test_langchain_sends_what_it_cannot_read(coordinator, receipts):
    messages = [HumanMessage("Hello."), RemoveMessage(id="m1")]
    assert shorten(coordinator, messages, "planner", "c") == messages and passed(receipts)
    assert "messages[1]: role = 'remove'" in receipts[0].reason and receipts[0].conversation == "c"
    receipts.clear()
    assert asyncio.run(ashorten(coordinator, messages)) == messages and passed(receipts)
    receipts.clear()
    assert shorten(coordinator, [HumanMessage("x")], tools=[3]) == [HumanMessage("x")] and passed(receipts)


def test_autogen_sends_what_it_cannot_read(coordinator, receipts):
    messages = [UserMessage(content="Hello.", source="anna"), Unheard()]
    context = DigestContext(coordinator, "helper")
    context._messages = messages
    assert asyncio.run(context.get_messages()) == messages and passed(receipts)
    assert "Unheard" in receipts[0].reason


ODD = [say("user", "Hello."), say("narrator", "Night falls.")]


def test_the_openai_client_sends_what_it_cannot_read(provider, coordinator, receipts):
    with openai.OpenAI(base_url=provider.url, api_key="none") as client:
        wrap(client, coordinator).chat.completions.create(model="m", messages=ODD)
    assert provider.bodies[-1]["messages"] == ODD and passed(receipts)
    receipts.clear()

    async def ask():
        async with openai.AsyncOpenAI(base_url=provider.url, api_key="none") as client:
            await wrap(client, coordinator).chat.completions.create(model="m", messages=ODD)

    asyncio.run(ask())
    assert provider.bodies[-1]["messages"] == ODD and passed(receipts)


def test_litellm_sends_what_it_cannot_read(coordinator, receipts):
    kwargs = {"messages": ODD, "metadata": {"conversation": "c"}}
    hook = DigestHook(coordinator).async_pre_call_deployment_hook(kwargs, CallTypes.acompletion)
    assert asyncio.run(hook) is None and passed(receipts)


# JSON mode


def test_adapters_tell_of_json_mode(provider, coordinator, receipts):
    """The one message that says JSON is an old one, which a digest would leave out."""
    messages = [*chat(3)[:2], say("assistant", "Yes?"), say("user", "Print that list in JSON, please."), *chat(9)[2:]]
    form = {"type": "json_object"}
    with openai.OpenAI(base_url=provider.url, api_key="none") as client:
        completions = wrap(client, coordinator).chat.completions
        completions.create(model="m", messages=messages, response_format=form)
        assert "in JSON" in json.dumps(provider.bodies[-1]["messages"])
        completions.parse(model="m", messages=messages, response_format=Answer)
        assert "in JSON" in json.dumps(provider.bodies[-1]["messages"]) and receipts[-1].tools_tokens > 0
        completions.create(model="m", messages=messages)
        assert "in JSON" not in json.dumps(provider.bodies[-1]["messages"])
    given = [HumanMessage(m["content"]) if m["role"] == "user" else AIMessage(m["content"]) for m in messages[1:]]
    assert "in JSON" in str(shorten(coordinator, given, response_format=form))
    kwargs = {"messages": messages, "response_format": form}
    hook = DigestHook(coordinator).async_pre_call_deployment_hook(kwargs, CallTypes.acompletion)
    assert "in JSON" in str(asyncio.run(hook)["messages"])
