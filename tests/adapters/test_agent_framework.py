"""Microsoft's Agent Framework in a tool loop: what its model is sent, and that the session keeps everything."""

import asyncio

import pytest
from helpers.frameworks import ANSWER, QUESTION, STEPS, Watched, needed, shelf

needed("agent_framework", "agent-framework-core")

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    InMemoryHistoryProvider,
    Message,
    tool,
)

from lrrc.middleware.adapters.agent_framework import DigestMiddleware

pytestmark = pytest.mark.filterwarnings("ignore")


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """A model that looks at one shelf after the other."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def _inner_get_response(self, *, messages, stream, options, **more):
        async def answer():
            self.sent.append(list(messages))
            if (done := len(self.sent)) > STEPS:
                return ChatResponse(messages=[Message("assistant", [Content.from_text(ANSWER)])])
            call = Content.from_function_call(f"c{done}", "look", arguments={"number": done})
            return ChatResponse(messages=[Message("assistant", [call])])

        return answer()


@tool(approval_mode="never_require")
def look(number: int) -> str:
    """What stands on a shelf."""
    return shelf(number)


def play(middleware):
    client = Scripted()
    client.function_invocation_configuration["max_iterations"] = STEPS + 5
    history = InMemoryHistoryProvider()
    agent = Agent(client, "Answer in one sentence.", tools=[look], middleware=middleware, context_providers=[history])

    async def run():
        session = agent.create_session(session_id="ticket-17")
        result = await agent.run(QUESTION, session=session)
        kept = await history.get_messages(session.session_id, state=session.state.get(history.source_id))
        return result, kept

    result, kept = asyncio.run(run())
    assert result.text == ANSWER
    return client.sent, kept


def text(messages):
    parts = [c for m in messages for c in m.contents]
    return "\n".join(str(c.text or c.result or "") for c in parts if c.type in ("text", "function_result"))


def test_a_tool_loop_is_shortened_and_its_session_stays():
    watched = Watched()
    plain, whole = play([])
    sent, kept = play([DigestMiddleware(watched.coordinator, agent="clerk")])
    watched.check([text(messages) for messages in sent], text(plain[-1]))
    assert text(kept) == text(whole) and shelf(1) in text(kept)
    for messages in sent:
        contents = [c for m in messages for c in m.contents]
        assert [c.call_id for c in contents if c.type == "function_call"] == [
            c.call_id for c in contents if c.type == "function_result"
        ]
    assert {receipt.conversation for receipt in watched.receipts} == {"ticket-17"}
    assert watched.receipts[-1].agent == "clerk" and watched.receipts[-1].tools_tokens > 10


def test_where_it_fails_everything_is_sent():
    watched = Watched(fails=True)
    plain, _ = play([])
    sent, _ = play([DigestMiddleware(watched.coordinator)])
    watched.check_passed_on([text(messages) for messages in sent], text(plain[-1]))
