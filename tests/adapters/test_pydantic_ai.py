"""pydantic-ai's own agent in a tool loop: what its model is sent, and that the run's history stays whole."""

import asyncio

import pytest
from helpers.frameworks import ANSWER, QUESTION, STEPS, Watched, needed, shelf

needed("pydantic_ai", "pydantic-ai-slim")

from pydantic_ai import Agent, BinaryContent
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import FunctionModel

from lrrc.middleware.adapters.pydantic_ai import Digest

pytestmark = pytest.mark.filterwarnings("ignore")


def play(capabilities, question=QUESTION):
    """(what the model was sent with every call, the run's history)"""
    sent = []

    def model(messages, info):
        sent.append(list(messages))
        if (done := len(sent)) > STEPS:
            return ModelResponse(parts=[TextPart(ANSWER)])
        return ModelResponse(parts=[ToolCallPart("look", {"number": done}), ToolCallPart("look", {"number": 0})])

    agent = Agent(FunctionModel(model), capabilities=capabilities, instructions="Answer in one sentence.")

    @agent.tool_plain
    def look(number: int) -> str:
        """What stands on a shelf."""
        return shelf(number) if number else "nothing"

    result = asyncio.run(agent.run(question))
    assert result.output == ANSWER
    return sent, result.all_messages()


def texts(sent):
    parts = [[part for message in messages for part in message.parts] for messages in sent]
    return ["\n".join(str(part.content) for part in listed if hasattr(part, "content")) for listed in parts]


def test_a_tool_loop_is_shortened_and_its_history_stays():
    watched = Watched()
    plain, whole = play([])
    sent, history = play([Digest(watched.coordinator, agent="clerk")])
    watched.check(texts(sent), texts(plain)[-1])
    assert [type(m) for m in history] == [type(m) for m in whole]
    assert texts([history]) == texts([whole])
    for messages in sent:
        called, answered = [], []
        for message in messages:
            called += [p.tool_call_id for p in message.parts if isinstance(p, ToolCallPart)]
            answered += [p.tool_call_id for p in message.parts if isinstance(p, ToolReturnPart)]
        assert called == answered
    assert watched.receipts[-1].agent == "clerk" and watched.receipts[-1].tools_tokens > 10


def test_where_it_fails_everything_is_sent():
    watched = Watched(fails=True)
    plain, _ = play([])
    sent, _ = play([Digest(watched.coordinator)])
    watched.check_passed_on(texts(sent), texts(plain)[-1])


def test_pictures_stay_the_objects_that_they_were():
    picture = BinaryContent(b"\x89PNG not really", media_type="image/png")
    watched = Watched()
    sent, _ = play([Digest(watched.coordinator)], [QUESTION, picture])
    asked = [part for message in sent[-1] for part in message.parts if isinstance(part, UserPromptPart)]
    assert any(item is picture for part in asked if not isinstance(part.content, str) for item in part.content)
    assert watched.receipts[-1].unknown_parts >= 1 and watched.receipts[-1].action == "rewritten"
