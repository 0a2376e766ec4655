"""Google's Agent Development Kit in a tool loop: what its model is sent, and that the session keeps every event."""

import asyncio

import pytest
from helpers.frameworks import ANSWER, QUESTION, STEPS, Watched, needed, shelf

needed("google.adk", "google-adk")

from google.adk.agents import LlmAgent
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types

from lrrc.middleware.adapters.google_adk import digest_callback

pytestmark = pytest.mark.filterwarnings("ignore")


class Scripted(BaseLlm):
    """A model that looks at one shelf after the other."""

    sent: list = []

    async def generate_content_async(self, llm_request, stream=False):
        self.sent.append([content.model_copy(deep=True) for content in llm_request.contents])
        if (done := len(self.sent)) > STEPS:
            part = types.Part(text=ANSWER)
        else:
            call = types.FunctionCall(id=f"c{done}", name="look", args={"number": done})
            part = types.Part(function_call=call)
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


def look(number: int) -> str:
    """What stands on a shelf."""
    return shelf(number)


def play(callback):
    model = Scripted(model="scripted", sent=[])
    agent = LlmAgent(
        name="clerk", model=model, instruction="Answer in one sentence.", tools=[look], before_model_callback=callback
    )

    async def run():
        runner = InMemoryRunner(agent=agent, app_name="shelves")
        session = await runner.session_service.create_session(app_name="shelves", user_id="u", session_id="ticket-17")
        question = types.Content(role="user", parts=[types.Part(text=QUESTION)])
        async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=question):
            pass
        session = await runner.session_service.get_session(app_name="shelves", user_id="u", session_id=session.id)
        return [event.content for event in session.events]

    return model.sent, asyncio.run(run())


def text(contents):
    parts = [part for content in contents for part in content.parts]
    results = [part.function_response.response["result"] if part.function_response else "" for part in parts]
    return "\n".join(part.text or result for part, result in zip(parts, results, strict=True))


def test_a_tool_loop_is_shortened_and_its_session_stays():
    watched = Watched()
    plain, whole = play(None)
    sent, kept = play(digest_callback(watched.coordinator))
    watched.check([text(contents) for contents in sent], text(plain[-1]))
    assert text(kept) == text(whole) and shelf(1) in text(kept)
    for contents in sent:
        parts = [part for content in contents for part in content.parts]
        assert [p.function_call.id for p in parts if p.function_call] == [
            p.function_response.id for p in parts if p.function_response
        ]
    last = watched.receipts[-1]
    assert (last.agent, last.conversation) == ("clerk", "ticket-17") and last.tools_tokens > 10


def test_where_it_fails_everything_is_sent():
    watched = Watched(fails=True)
    plain, _ = play(None)
    sent, _ = play(digest_callback(watched.coordinator))
    watched.check_passed_on([text(contents) for contents in sent], text(plain[-1]))
