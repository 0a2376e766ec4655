"""CrewAI's own agent in a tool loop: what its model is sent; what was left out is not lost to later payloads."""

import os

import pytest
from helpers.frameworks import ANSWER, QUESTION, STEPS, Watched, needed, shelf

needed("crewai", "crewai")
os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")

from crewai import Agent, Crew, Task
from crewai.hooks import clear_before_llm_call_hooks, register_before_llm_call_hook
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool

from lrrc.middleware.adapters.crewai import DigestHook

pytestmark = pytest.mark.filterwarnings("ignore")


class Scripted(BaseLLM):
    """A model that looks at one shelf after the other, in the form of words that CrewAI reads."""

    sent: list = []

    def call(self, messages, tools=None, callbacks=None, available_functions=None, **more):
        self.sent.append([dict(message) for message in messages])
        if (done := len(self.sent)) > STEPS:
            return f"Thought: I know it.\nFinal Answer: {ANSWER}"
        return f'Thought: next.\nAction: look\nAction Input: {{"number": {done}}}'

    def supports_function_calling(self):
        return False

    def supports_stop_words(self):
        return False

    def get_context_window_size(self):
        return 1_000_000


@tool("look")
def look(number: int) -> str:
    """What stands on a shelf."""
    return shelf(number)


def play(hook=None):
    clear_before_llm_call_hooks()
    if hook:
        register_before_llm_call_hook(hook)
    try:
        model = Scripted(model="scripted", sent=[])
        agent = Agent(role="clerk", goal="Find", backstory="Old.", llm=model, tools=[look], max_iter=STEPS + 5)
        task = Task(description=QUESTION, expected_output="One sentence.", agent=agent)
        assert str(Crew(agents=[agent], tasks=[task], verbose=False).kickoff()) == ANSWER
        return model.sent
    finally:
        clear_before_llm_call_hooks()


def text(messages):
    return "\n".join(str(message.get("content") or "") for message in messages)


def test_a_tool_loop_is_shortened_from_all_that_was_said():
    watched = Watched()
    plain = play()
    sent = play(DigestHook(watched.coordinator))
    watched.check([text(messages) for messages in sent], text(plain[-1]))
    counts = [receipt.tokens_before for receipt in watched.receipts]
    assert counts == sorted(counts) and len(counts) == STEPS + 1  # of the whole, every time
    assert counts[-1] > 3 * watched.receipts[-1].tokens_after
    assert watched.receipts[-1].agent == "clerk"


def test_where_it_fails_everything_is_sent():
    watched = Watched(fails=True)
    sent = play(DigestHook(watched.coordinator))
    watched.check_passed_on([text(messages) for messages in sent], text(play()[-1]))
