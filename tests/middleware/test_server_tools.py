"""Anthropic's server tools: a call and its result are sent together, however many messages lie between them."""

import pytest
from helpers.chats import FILLER, items_of
from helpers.strict_anthropic import blocks, refusals

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings, anthropic_messages
from lrrc.middleware.blocks import written_in
from lrrc.middleware.chat_messages import exchange_roots, fingerprint

SERVER = ("server_tool_use", "mcp_tool_use")
LONG = FILLER * 4


def user(content):
    return {"role": "user", "content": content}


def reply(*content):
    return {"role": "assistant", "content": list(content)}


def text(said):
    return {"type": "text", "text": said}


def on_server(key, kind="server_tool_use", name="code_execution", **more):
    return {"type": kind, "id": key, "name": name, "input": {"code": "await tide()"}, **more}


def from_server(key, kind="code_execution_tool_result", content="high water at six"):
    return {"type": kind, "tool_use_id": key, "content": content}


def by_code(key, of, name="tide"):
    caller = {"type": "code_execution_20250825", "tool_id": of}
    return {"type": "tool_use", "id": key, "name": name, "input": {}, "caller": caller}


def given(key, content=LONG):
    return {"type": "tool_result", "tool_use_id": key, "content": content}


def one_call_of_code(n):
    s, t = f"srvtoolu_{n}", f"toolu_{n}"
    return [reply(on_server(s), by_code(t, s)), user([given(t)]), reply(from_server(s), text("At six."))]


def code_that_calls_twice(n):
    s, a, b = f"srvtoolu_{n}", f"toolu_a{n}", f"toolu_b{n}"
    return [
        reply(text("Let me see."), on_server(s), by_code(a, s)),
        user([given(a)]),
        reply(by_code(b, s)),
        user([given(b)]),
        reply(from_server(s), text("At six.")),
    ]


def paused_search(n):
    s = f"srvtoolu_{n}"
    return [
        reply(text("Let me look."), on_server(s, name="web_search")),
        reply(from_server(s, "web_search_tool_result", []), text("At six.")),
    ]


def paused_twice(n):
    a, b = f"mcptoolu_a{n}", f"mcptoolu_b{n}"
    return [
        reply(on_server(a, "mcp_tool_use", "tides", server_name="harbour")),
        reply(
            from_server(a, "mcp_tool_result", [text(LONG)]),
            on_server(b, "mcp_tool_use", "tides", server_name="harbour"),
        ),
        reply(from_server(b, "mcp_tool_result", [text(LONG)]), text("At six.")),
    ]


def answered_later_without_a_part_of_its_own(n):
    """Nothing but the ids holds these together: neither reply has a part that must stay."""
    s, t = f"srvtoolu_{n}", f"toolu_{n}"
    return [reply(on_server(s), by_code(t, s)), user([given(t)]), reply(text(LONG))]


EXCHANGES = (one_call_of_code, code_that_calls_twice, paused_search, paused_twice)


def lonely(messages):
    """Results of the server without a call before them, and calls by its code without it."""
    called, found = set(), []
    for block in (block for message in messages for block in blocks(message)):
        if block["type"] in SERVER:
            called.add(block["id"])
        needed = block.get("tool_use_id") if block["type"].endswith("_tool_result") else None
        needed = needed or block.get("caller", {}).get("tool_id")
        if needed is not None and needed not in called:
            found.append(block)
    return found


def conversation(exchange, turns):
    said = []
    for turn in range(turns):
        said += [user(f"When is high water on day {turn}? {LONG}"), *exchange(turn)]
        said += [user(f"Thank you. {LONG}"), reply(text(f"You are welcome. {LONG}"))]
    return said


def states(messages):
    """The requests of a client: up to every message of the user, or a paused reply."""
    for i, message in enumerate(messages):
        kinds = [block["type"] for block in blocks(message)]
        if message["role"] == "user" or kinds[-1] in SERVER:
            yield messages[: i + 1]


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("policy", ["recency", "bm25"])
@pytest.mark.parametrize("turn_tokens", [0, 4000])
@pytest.mark.parametrize("keep_goal", [True, False])
def test_a_call_of_the_server_is_sent_with_its_result(exchange, policy, turn_tokens, keep_goal):
    settings = Settings(rewrite="always", turn_tokens=turn_tokens, keep_goal=keep_goal)
    coordinator, actions = Coordinator(policy, settings=settings), set()
    for messages in states(conversation(exchange, 3)):
        assert not lonely(messages)
        payload, receipt = anthropic_messages.compose(coordinator, {"messages": messages}, conversation="c")
        assert not lonely(payload)
        broken, sent = refusals({"messages": messages}), refusals({"messages": payload})
        assert sent.keys() <= broken.keys(), sent
        actions.add(receipt.action)
    assert "rewritten" in actions


def test_an_exchange_without_a_part_that_must_stay_goes_as_a_whole():
    messages = [*answered_later_without_a_part_of_its_own(0), user("And tomorrow?")]
    messages = [user(f"When is high water? {LONG}"), *messages]
    settings = Settings(rewrite="always", keep_goal=False)
    payload, receipt = anthropic_messages.compose(Coordinator("recency", settings=settings), {"messages": messages})
    assert receipt.action == "rewritten" and [message["role"] for message in payload] == ["user"]


def test_a_tool_that_is_excluded_keeps_its_exchange():
    messages = [user("When is high water?"), reply(on_server("srvtoolu_1", name="rules")), reply(text(LONG))]
    messages += [user(LONG), reply(text(LONG)), user("Go on.")]
    settings = Settings(rewrite="always", exclude_tools=("rules",))
    payload, _ = anthropic_messages.compose(Coordinator("recency", settings=settings), {"messages": messages})
    assert messages[1] in payload


def roots(messages):
    prompt = anthropic_messages.messages_prompt({"messages": messages})
    return exchange_roots([prompt.form.read(message, fingerprint(message, "m"), "m") for message in prompt.messages])


def test_which_messages_are_one_exchange():
    assert roots(one_call_of_code(1)) == [0, 0, 0] and roots(code_that_calls_twice(1)) == [0] * 5
    assert roots(paused_search(1)) == [0, 0] and roots(paused_twice(1)) == [0] * 3
    whole = reply(on_server("s"), from_server("s"), text("At six."))
    assert roots([whole, user("And?"), whole]) == [0, 1, 2]  # the same id again: each has its own result
    assert roots([reply(from_server("gone")), user("And?")]) == [0, 1]


@pytest.mark.parametrize(
    ("messages", "anthropic"),
    [
        ([user("Hi."), *paused_search(1)], True),
        ([user([given("a")])], True),
        ([user("Hi."), reply({"type": "thinking", "thinking": "Hm.", "signature": "s"})], True),
        ([user([text("Hi.")]), reply(text("Yes."))], False),
        ([{"role": "system", "content": "Be brief."}, user([given("a")])], False),
        ([user("Hi."), reply({"type": "thinking"}) | {"tool_calls": [{}]}], False),
        ([user("Hi."), reply({"type": "thinking"}), {"role": "tool", "content": ""}], False),
        (None, False),
        ([1, {"content": [1]}], False),
    ],
)
def test_blocks_say_whose_messages_they_are(messages, anthropic):
    assert written_in(messages) is anthropic


def test_calls_of_the_server_beside_calls_of_the_client_in_chat_completions():
    """As frameworks hold them that have the client's calls in a field of their own."""
    calls = [{"id": "t", "type": "function", "function": {"name": "tide", "arguments": "{}"}}]
    messages = [
        reply(on_server("s"), by_code("t", "s")) | {"tool_calls": calls},
        {"role": "tool", "tool_call_id": "t", "content": LONG},
        reply(from_server("s"), text("At six.")),
        user("Thank you."),
    ]
    items = items_of(messages)
    assert exchange_roots(items) == [0, 0, 0, 3] and items[0].calls == (("t", "tide"), ("s", "code_execution"))


def test_results_in_a_list_of_chat_completions_are_results_too():
    """Nothing of ours goes before them, and a call keeps its result."""
    messages = []
    for turn in range(4):
        messages += [user(f"Question {turn}? {LONG}"), {"role": "assistant", "content": LONG}]
    messages += [user("Read the log.")]
    for step in range(3):
        call = {"type": "tool_use", "id": f"t{step}", "name": "read_log", "input": {}}
        messages += [reply(text("Next."), call), user([given(f"t{step}"), text("Mind the fog.")])]
    for turn_tokens in (0, 4000):
        settings = Settings(rewrite="always", turn_tokens=turn_tokens)
        payload, receipt = Coordinator("recency", settings=settings).compose(messages)
        assert receipt.action == "rewritten" and HEAD.strip() in str(payload)
        assert not refusals({"messages": payload}) and payload[-1] is messages[-1]
