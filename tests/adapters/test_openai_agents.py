"""OpenAI's Agents SDK in a tool loop over the Responses API: what its model is sent, and that the run keeps all."""

import asyncio

import pytest
from helpers.frameworks import ANSWER, QUESTION, STEPS, Watched, needed, shelf

needed("agents", "openai-agents")

from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage, function_tool
from agents.memory import SQLiteSession
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from lrrc.middleware.adapters.openai_agents import Digest, configured

pytestmark = pytest.mark.filterwarnings("ignore")


class Scripted(Model):
    """A model that looks at one shelf after the other."""

    def __init__(self):
        self.sent = []

    async def get_response(self, system_instructions, input, *args, **options):
        self.sent.append(list(input))
        if (done := len(self.sent)) > STEPS:
            text = ResponseOutputText(annotations=[], text=ANSWER, type="output_text")
            out = ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")
        else:
            out = ResponseFunctionToolCall(
                id=f"f{done}", call_id=f"c{done}", name="look", arguments=f'{{"number": {done}}}', type="function_call"
            )
        return ModelResponse([out], Usage(), None)

    def stream_response(self, *args, **options):
        raise NotImplementedError


@function_tool
def look(number: int) -> str:
    """What stands on a shelf."""
    return shelf(number)


def play(config):
    """(what the model was sent with every call, the run's items, its session's)"""
    model, session = Scripted(), SQLiteSession("ticket-17")
    agent = Agent(name="clerk", instructions="Answer in one sentence.", tools=[look], model=model)

    async def run():
        result = await Runner.run(agent, QUESTION, run_config=config, max_turns=STEPS + 5, session=session)
        assert result.final_output == ANSWER
        return result.to_input_list(), await session.get_items()

    return model.sent, *asyncio.run(run())


def text(items):
    return "\n".join(str(item.get("output") or item.get("content") or "") for item in items)


def test_a_tool_loop_is_shortened_and_its_items_stay():
    watched = Watched()
    plain, whole, _ = play(RunConfig())
    sent, items, kept = play(configured(watched.coordinator, workflow_name="shelves"))
    watched.check([text(items) for items in sent], text(plain[-1]))
    assert text(items) == text(whole) and text(kept) == text(whole)
    for items in sent:
        calls = [i["call_id"] for i in items if i.get("type") == "function_call"]
        assert calls == [i["call_id"] for i in items if i.get("type") == "function_call_output"]
    assert watched.receipts[-1].agent == "clerk" and watched.receipts[-1].tools_tokens > 10


def test_where_it_fails_everything_is_sent():
    watched = Watched(fails=True)
    plain, _, _ = play(RunConfig())
    sent, _, _ = play(RunConfig(call_model_input_filter=Digest(watched.coordinator)))
    watched.check_passed_on([text(items) for items in sent], text(plain[-1]))
