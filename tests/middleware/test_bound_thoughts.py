"""Signed thoughts in chat completions, as LiteLLM, OpenRouter and LangChain carry them: none stands behind anything but
what it was thought behind."""

import json
import os
import warnings

import pytest
from helpers.chats import FILLER, items_of, say

from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.bound_thoughts import FIELDS, LEFT_OUT, is_bound, without
from lrrc.middleware.conversation import THINKING
from lrrc.middleware.proxy.offering import offered
from lrrc.middleware.proxy.reading import CHAT

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "true"  # no prices from the network
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the frameworks say of each other while they are imported
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    from lrrc.middleware.adapters.langchain import as_dict, shorten
    from lrrc.middleware.adapters.restore import Pieces, thoughts

LONG = FILLER * 3


def litellm(seal):
    return {"thinking_blocks": [{"type": "thinking", "thinking": f"Hm. {seal}", "signature": seal}]}


def sealed(seal):
    return {"thinking_blocks": [{"type": "redacted_thinking", "data": seal}]}


def openrouter(seal):
    return {
        "reasoning": "Hm.",
        "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": seal, "index": 0}],
    }


def openrouter_sealed(seal):
    return {"reasoning_details": [{"type": "reasoning.encrypted", "data": seal, "format": "anthropic-claude-v1"}]}


def in_parts(seal):
    parts = [{"type": "thinking", "thinking": "Hm.", "signature": seal}, {"type": "text", "text": "Look."}]
    return {"content": parts}


def without_signature(seal):
    return {"reasoning_content": f"Hm. {seal}", "reasoning_details": [{"type": "reasoning.text", "text": seal}]}


def of_another_maker(seal):
    return {"reasoning_details": [{"type": "reasoning.encrypted", "data": seal, "format": "openai-responses-v1"}]}


BOUND = (litellm, sealed, openrouter, openrouter_sealed, in_parts)
FREE = (without_signature, of_another_maker)


class Agent:
    """An agent that works in steps; `ask(messages)` gives what the provider got, which seals its thoughts for that."""

    def __init__(self, ask, form):
        self.ask, self.form, self.history, self.sealed = ask, form, [say("system", "Keep the lamp.")], {}

    def thoughts(self):
        got = self.ask(list(self.history))
        seal = f"seal{len(self.sealed)}"
        self.sealed[seal] = json.dumps(got)
        return self.form(seal)

    def work(self, asked, tools):
        self.history.append(say("user", asked))
        for tool in tools:
            thoughts = self.thoughts()
            key = f"call{len(self.history):05}"
            made = [{"id": key, "type": "function", "function": {"name": tool, "arguments": "{}"}}]
            self.history.append({"role": "assistant", "content": None, "tool_calls": made, **thoughts})
            self.history.append({"role": "tool", "tool_call_id": key, "content": f"{key} {LONG}"})
        self.history.append({"role": "assistant", "content": f"So it is. {LONG * 4}", **self.thoughts()})


def misplaced(agent, messages):
    """Thoughts that stand behind something else than they were thought behind."""
    return [
        seal
        for i, message in enumerate(messages)
        for seal, before in agent.sealed.items()
        if f'"{seal}"' in json.dumps(message) and json.dumps(messages[:i]) != before
    ]


def played(form, turns, tools, **options):
    coordinator, receipts, payloads = Coordinator("recency", settings=Settings(**options)), [], []

    def ask(messages):
        payload, receipt = coordinator.compose(messages, conversation="c")
        assert not misplaced(agent, payload) or form in FREE
        assert json.loads(json.dumps(payload)) == payload
        receipts.append(receipt)
        payloads.append((messages, payload))
        return payload

    agent = Agent(ask, form)
    for turn in range(turns):
        agent.work(f"What stands on page {turn}? {LONG}", [*tools, "rules" if turn == 0 else "look"])
    return receipts, payloads


@pytest.mark.parametrize("form", BOUND)
@pytest.mark.parametrize("rewrite", ["always", "auto", 2])
def test_no_thought_stands_behind_another_beginning(form, rewrite):
    receipts, payloads = played(
        form, 3, ["look"] * 3, rewrite=rewrite, turn_tokens=0, exclude_tools=("rules",), cache_minimum=0
    )
    actions = [receipt.action for receipt in receipts]
    assert {receipt.reason for receipt in receipts if receipt.action == "passed"} & {THINKING, "nothing to digest yet"}
    if rewrite == "always":
        assert actions == ["passed"] * 5 + ["rewritten", *["kept"] * 4] * 2
        given, sent = payloads[-1]
        calls = [message for message in sent if message.get("tool_calls")]
        assert len([m for m in calls if not is_bound(m)]) == 1  # of the rules: it stays, without thoughts
        assert len([m for m in calls if is_bound(m)]) == 4 and len([m for m in given if is_bound(m)]) == 14


@pytest.mark.parametrize("form", FREE)
def test_thoughts_without_a_signature_bind_nothing(form):
    receipts, payloads = played(form, 1, ["look"] * 7, rewrite="always", turn_tokens=0)
    assert receipts[-1].action == "rewritten" and not any(map(is_bound, payloads[-1][0]))


@pytest.mark.parametrize("form", BOUND)
def test_what_is_left_of_a_reply(form):
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    reply = {"role": "assistant", "content": None, "tool_calls": [call], **form("s")}
    (item,) = items_of([reply])
    bare = without(reply)
    assert item.thoughts and not is_bound(bare) and not set(bare).intersection(FIELDS)
    assert bare["tool_calls"] is reply["tool_calls"]
    silent = without({"role": "assistant", **form("s")})
    assert silent["content"] in (LEFT_OUT, [{"type": "text", "text": "Look."}])
    assert items_of([bare])[0].tokens < item.tokens or form in (sealed, openrouter_sealed)
    (asked,) = items_of([{"role": "user", "content": "Hi.", "thinking_blocks": litellm("s")["thinking_blocks"]}])
    assert not asked.thoughts  # nobody signs what a user says


@pytest.mark.parametrize(
    ("message", "bound"),
    [
        (say("assistant", "Yes."), False),
        (say("assistant", [{"type": "text", "text": "Yes.", "extras": {"signature": "s"}}]), False),
        (say("assistant", [{"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "s"}}]), True),
        (
            say("assistant", [{"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "s"}}]),
            True,
        ),
        (say("assistant", [{"type": "reasoning", "summary": [], "encrypted_content": "e"}]), False),
        (say("assistant", "Yes.", thinking_blocks=[{"type": "thinking", "thinking": "Hm.", "signature": ""}]), False),
        (say("assistant", "Yes.", reasoning="signature"), False),
    ],
)
def test_what_is_bound(message, bound):
    assert is_bound(message) is bound


def in_langchain(n, way):
    thought = {"type": "thinking", "thinking": "Hm.", "signature": f"s{n}"}
    calls = [{"id": f"t{n}", "name": "rules" if n == 0 else "look", "args": {}}]
    if way == "content":
        use = {"type": "tool_use", "id": f"t{n}", "name": calls[0]["name"], "input": {}}
        return AIMessage([thought, {"type": "text", "text": "Look."}, use], tool_calls=calls, id=f"m{n}")
    return AIMessage("Look.", tool_calls=calls, additional_kwargs={"thinking_blocks": [thought], "x": 1}, id=f"m{n}")


@pytest.mark.parametrize("way", ["content", "additional_kwargs"])
def test_langchain_keeps_them_in_their_place(way):
    receipts = []
    settings = Settings(rewrite="always", turn_tokens=0, exclude_tools=("rules",))
    coordinator = Coordinator("recency", settings=settings, on_receipt=receipts.append)
    given = []
    for n in range(3):
        given += [HumanMessage(f"Page {n}? {LONG}")]
        for step in range(3):
            given += [
                in_langchain(3 * n + step, way),
                ToolMessage(f"{n}.{step} {LONG}", tool_call_id=f"t{3 * n + step}"),
            ]
            sent = shorten(coordinator, given, conversation="c")
            running = [message for message in given[-2 * step - 2 :] if isinstance(message, AIMessage)]
            assert all(any(message is other for other in sent) for message in running)
    assert receipts[-1].reason == THINKING and not any(r.reason.startswith("not read") for r in receipts)
    given += [AIMessage(f"So it is. {LONG}"), HumanMessage("Thank you.")]
    sent = shorten(coordinator, given, conversation="c")
    assert receipts[-1].action == "rewritten"
    (bare,) = [message for message in sent if isinstance(message, AIMessage)]
    assert bare.id == "m0" and bare.tool_calls == given[1].tool_calls and bare is not given[1]
    assert not is_bound(as_dict(bare)) and is_bound(as_dict(given[1])) and "Look." in str(bare.content)
    assert way == "content" or bare.additional_kwargs == {"x": 1}


@pytest.mark.parametrize("before", [0, 1])
def test_a_framework_s_own_reply_is_sent_without_its_thoughts(before):
    """A framework's messages are lists of parts here, of which a thought is one."""
    pieces, given = Pieces(), [say("system", "Keep the lamp.")][:before]

    def add(whole, **read):
        pieces.add(read, whole, None)

    for n in range(3):
        called = [{"id": f"t{n}", "function": {"name": "rules" if n == 0 else "look", "arguments": "{}"}}]
        add(["asked", n], role="user", content=f"Page {n}? {LONG}")
        add(["thought", "call", n], role="assistant", content=None, tool_calls=called, **thoughts([("Hm.", b"s")]))
        add(["result", n], role="tool", tool_call_id=f"t{n}", content=LONG)
        add(["said", n], role="assistant", content=f"So it is. {LONG * 2}")
    add(["asked", 3], role="user", content="And now?")
    given += pieces.read
    settings = Settings(rewrite="always", exclude_tools=("rules",))
    payload, receipt = Coordinator("recency", settings=settings).compose(given)
    bare = pieces.bare(payload, given, receipt, lambda whole: whole[1:])
    sent = pieces.rejoined(payload[before:], lambda whole, parts: whole, lambda message: ["digest"], bare)
    assert receipt.action == "rewritten" and ["call", 0] in sent and ["result", 0] in sent and ["digest"] in sent
    assert not any("thought" in whole for whole in sent)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ([], {}),
        ([("Hm. ", None), ("So.", "")], {"reasoning_content": "Hm. So."}),
        ([("", "s")], {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]}),
    ],
)
def test_a_signature_makes_thoughts_a_field_of_their_own(said, field):
    assert thoughts(said) == field


@pytest.mark.parametrize(
    ("more", "there"),
    [
        ({}, True),
        ({"thinking": {"type": "enabled"}}, True),  # other makers' thoughts
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, False),
        ({"thinking": {"type": "adaptive"}}, False),
        ({"messages": [say("user", "Hi."), say("assistant", "Yes.", **litellm("s")), say("user", "So?")]}, False),
    ],
)
def test_the_tool_that_recalls_is_not_offered_where_thoughts_are_bound(more, there):
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    request = {"model": "m", "messages": [say("user", "Hi.")], "tools": tools, **more}
    assert (offered(json.dumps(request).encode(), CHAT) is not None) is there
