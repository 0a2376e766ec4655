"""Objects of the clients in a request, as `response.output` and `response.content` have them."""

from typing import Any, Literal

import pytest
from helpers.chats import FILLER
from openai.types.responses import (
    ResponseCodeInterpreterToolCall,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseReasoningItem,
)
from pydantic import BaseModel, ConfigDict, Field

from lrrc.middleware import Coordinator, Settings, anthropic_messages, openai_responses
from lrrc.middleware.client_objects import as_sent

LONG = FILLER * 3


class Block(BaseModel):
    """As Anthropic's client has blocks: fields of a newer API stay."""

    model_config = ConfigDict(extra="allow")
    type: str
    citations: list[Any] | None = None


class Thought(BaseModel):
    type: Literal["thinking"] = "thinking"
    thinking: str
    signature: str


class Renamed(BaseModel):
    type: str
    schema_: dict[str, Any] = Field(alias="schema")
    parsed: Any = None
    __api_exclude__ = {"parsed"}


def plain(item):
    return item.model_dump(mode="json", exclude_unset=True) if isinstance(item, BaseModel) else item


def output(n):
    return [
        ResponseReasoningItem(id=f"rs_{n}", summary=[], type="reasoning", encrypted_content=f"sealed {n}"),
        ResponseOutputMessage.model_validate(
            {
                "id": f"msg_{n}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": f"Page {n} next.", "annotations": []}],
            }
        ),
        ResponseFunctionToolCall(id=f"fc_{n}", call_id=f"call_{n}", name="look", arguments="{}", type="function_call"),
    ]


def test_output_of_the_responses_client_goes_back_in():
    items = [{"role": "user", "content": f"Read the book. {LONG}"}]
    for n in range(6):
        items += [*output(n), {"type": "function_call_output", "call_id": f"call_{n}", "output": f"Page {n}. {LONG}"}]
    settings = Settings(rewrite="always", turn_tokens=200)
    sent, receipt = openai_responses.compose(Coordinator("recency", settings=settings), {"input": items})
    same, other = openai_responses.compose(
        Coordinator("recency", settings=settings), {"input": [plain(item) for item in items]}
    )
    assert receipt.action == "rewritten" and any(item is items[-2] for item in sent)
    assert [plain(item) for item in sent] == same
    assert (receipt.tokens_before, receipt.tokens_after, receipt.kept) == (
        other.tokens_before,
        other.tokens_after,
        other.kept,
    )


def test_what_the_client_sends_is_what_is_read():
    """Nulls that came stay: code and outputs of an interpreter's call are required, and null where it said nothing."""
    call = ResponseCodeInterpreterToolCall(
        id="ci_1", code=None, container_id="c", outputs=None, status="completed", type="code_interpreter_call"
    )
    assert as_sent(call, "input[0]") == plain(call) and as_sent(call, "x")["code"] is None
    block = Block.model_validate({"type": "text", "text": "Fog.", "newer": [{"a": 1}]})
    assert as_sent(block, "x") == {"type": "text", "text": "Fog.", "newer": [{"a": 1}]}
    renamed = Renamed.model_validate({"type": "tool", "schema": {"a": 1}, "parsed": 7})
    assert as_sent(renamed, "x") == {"type": "tool", "schema": {"a": 1}}
    assert as_sent(Thought(thinking="Hm.", signature="s"), "x")["type"] == "thinking"
    message = {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "Fog."}]}]}
    assert as_sent(message, "x") is message and as_sent(7, "x") == 7


def test_content_of_the_messages_client_goes_back_in():
    messages = []
    for n in range(4):
        use = Block.model_validate({"type": "tool_use", "id": f"t{n}", "name": "look", "input": {}})
        said = Block.model_validate({"type": "text", "text": "Look.", "citations": None})
        shown = Block.model_validate({"type": "text", "text": f"Page {n}. {LONG}"})
        messages += [
            {"role": "user", "content": f"Page {n}, please. {LONG}"},
            {"role": "assistant", "content": [Thought(thinking="Hm.", signature=f"s{n}"), said, use]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{n}", "content": [shown]}]},
            {"role": "assistant", "content": [said]},
        ]
    messages.append({"role": "user", "content": "And now?"})
    settings = Settings(rewrite="always", exclude_tools=("look",))
    sent, receipt = anthropic_messages.compose(Coordinator("recency", settings=settings), {"messages": messages})
    assert receipt.action == "rewritten" and any(message is messages[2] for message in sent)
    (bare, *_) = [message for message in sent if message["role"] == "assistant"]
    assert bare["content"] == [
        {"type": "text", "text": "Look.", "citations": None},
        {"type": "tool_use", "id": "t0", "name": "look", "input": {}},
    ]


@pytest.mark.parametrize(
    ("compose", "place"),
    [
        (lambda c, m: c.compose([{"role": "user", "content": "Hi."}, m]), "messages[1]"),
        (lambda c, m: c.observe(m, "c"), "messages[0]"),
        (lambda c, m: anthropic_messages.compose(c, {"messages": [m]}), "messages[0]"),
        (lambda c, m: anthropic_messages.compose(c, {"messages": [{"role": "user", "content": [m]}]}), "content[0]"),
        (lambda c, m: openai_responses.compose(c, {"input": [m]}), "input[0]"),
    ],
)
def test_bytes_that_are_no_text_are_told_with_their_place(compose, place):
    message = Block.model_validate({"type": "message", "role": "user", "content": b"\xff\xfe"})
    with pytest.raises(ValueError, match="JSON") as error:
        compose(Coordinator("recency"), message)
    assert place in str(error.value) and "\n" not in str(error.value)
