"""What a provider accepts it accepts shortened too: generated requests, strict providers, every way in."""

import asyncio
import json
import os
import warnings

import pytest
from helpers.agent_loops import PICTURE, agent_loops, requests_of
from helpers.all_policies import policy_of
from helpers.chats import FILLER, call, chat, items_of, result, say
from helpers.strict_providers import PROVIDERS, refusal
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lrrc.middleware import Coordinator, Settings

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "true"  # no prices from the network
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the frameworks say of each other while they are imported
    from autogen_core import FunctionCall, Image
    from autogen_core.models import (
        AssistantMessage,
        FunctionExecutionResult,
        FunctionExecutionResultMessage,
        SystemMessage,
        UserMessage,
    )
    from autogen_ext.models.openai._openai_client import to_oai_type
    from langchain_core.messages import convert_to_messages, convert_to_openai_messages
    from litellm.types.utils import CallTypes
    from PIL import Image as Picture

    from lrrc.middleware.adapters.autogen import DigestContext
    from lrrc.middleware.adapters.langchain import shorten
    from lrrc.middleware.adapters.litellm import DigestHook

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]
POLICIES = {name: policy_of(name) for name in ("recency", "bm25", "truncated-history", "lrrc", "first-sentences")}
JSON_MODE = {"type": "json_object"}


def check(given, payload, body=None):
    """Every provider that takes what was given takes the payload. Returns those."""
    taken = [name for name in PROVIDERS if refusal(name, given, body or {}) is None]
    assert not {name: why for name in taken if (why := refusal(name, payload, body or {}))}, payload
    assert payload[-1]["role"] == given[-1]["role"]
    if given[-1]["role"] == "assistant":
        assert payload[-1] == given[-1]  # a reply begun is gone on with
    return taken


settings_of = st.builds(
    Settings,
    rewrite=st.sampled_from(["always", "auto", 2]),
    turn_tokens=st.sampled_from([0, 150, 4000]),
    dialect=st.sampled_from(["auto", "auto", "merged"]),
    keep_goal=st.booleans(),
    exclude_tools=st.sampled_from([(), ("rules",)]),
    cache_minimum=st.just(0),
)


@hypothesis_settings(deadline=None, max_examples=250)
@given(
    messages=agent_loops(),
    policy=st.sampled_from(sorted(POLICIES)),
    settings=settings_of,
    form=st.sampled_from([None, JSON_MODE]),
    watched=st.booleans(),
)
def test_no_provider_refuses_a_step_of_an_agent(messages, policy, settings, form, watched):
    coordinator, seen = Coordinator(POLICIES[policy], settings=settings), 0
    for listed in requests_of(messages):
        for message in listed[seen:] if watched else ():
            coordinator.observe(message, "c")
        seen = len(listed)
        payload, receipt = coordinator.compose(listed, conversation="c", response_format=form)
        check(listed, payload, {"response_format": form})
        assert receipt.tokens_after == sum(item.tokens for item in items_of(payload)) <= receipt.tokens_before
        systems = [m for m in listed if m["role"] == "system"]
        assert [m for m in payload if m["role"] == "system"] == systems


def test_the_providers_are_strict_and_the_requests_are_theirs():
    """Each of them takes long requests, so that the property above is not empty, and refuses what others take."""
    loop = [say("system", "Mind the plant."), say("user", "Go on.")]
    for i in range(9):
        loop += [call(f"call{i:05}"), result(f"call{i:05}")]
    takers = set()
    for messages in (loop, chat(9), chat(9)[1:]):
        payload, receipt = Coordinator("recency", settings=Settings(turn_tokens=150)).compose(messages)
        assert receipt.action == "rewritten"
        takers |= {*check(messages, payload, {})}
    assert takers == PROVIDERS.keys()
    wrong = [
        say("user", "x", name="digest"),
        say("user", ""),
        *loop[2:3],
        say("user", "y"),
        *loop[3:4],
        say("system", "z"),
        {"role": "user"},
    ]
    assert all(refusal(name, wrong, {"response_format": JSON_MODE}) for name in PROVIDERS)


# the same through the frameworks


def through_langchain(coordinator, messages):
    given = convert_to_messages(messages)
    return [convert_to_openai_messages(m) for m in (given, shorten(coordinator, given, conversation="c"))]


def through_litellm(coordinator, messages):
    kwargs = {"messages": messages, "metadata": {"conversation": "c"}}
    sent = asyncio.run(DigestHook(coordinator).async_pre_call_deployment_hook(kwargs, CallTypes.acompletion))
    return messages, sent["messages"]


def through_autogen(coordinator, messages):
    given = [message for each in as_autogen(messages) for message in each]
    context = DigestContext(coordinator, "helper", "c", initial_messages=given)
    sent = asyncio.run(context.get_messages())
    return [
        [dict(m) for each in listed for m in to_oai_type(each, prepend_name=False, include_name_in_message=False)]
        for listed in (given, sent)
    ]


def as_autogen(messages):
    """Results one behind the other are one message there."""
    results = []
    for message in [*messages, None]:
        if message and message["role"] == "tool":
            results.append(
                FunctionExecutionResult(content=message["content"], call_id=message["tool_call_id"], name="read_log")
            )
            continue
        if results:
            yield [FunctionExecutionResultMessage(content=results)]
            results = []
        if message is None:
            return
        content = message["content"]
        if message["role"] == "system":
            yield [SystemMessage(content=content)]
        elif message["role"] == "user":
            parts = content if isinstance(content, str) else [content[0]["text"], Image(Picture.new("RGB", (2, 2)))]
            yield [UserMessage(content=parts, source="user")]
        elif calls := message.get("tool_calls"):
            made = [FunctionCall(c["id"], c["function"]["arguments"], c["function"]["name"]) for c in calls]
            yield [AssistantMessage(content=made, source="helper", thought=message["content"])]
        else:
            yield [AssistantMessage(content=content, source="helper")]


@pytest.mark.parametrize("way", [through_langchain, through_litellm, through_autogen])
@hypothesis_settings(deadline=None, max_examples=40)
@given(messages=agent_loops(), settings=settings_of)
def test_nor_a_step_of_a_framework_s_agent(way, messages, settings):
    coordinator = Coordinator(POLICIES["recency"], settings=settings)
    for listed in requests_of(messages):
        given_, sent = way(coordinator, listed)
        check(given_, sent)


# what showed one of these


def test_a_kept_exchange_keeps_the_reply_behind_it():
    """Else its result would stand before a message of the user, which Mistral refuses."""
    messages = [say("user", "Go on.")]
    for turn in range(4):
        tool = "rules" if turn == 0 else "search"
        key = f"call{turn:05}"
        messages += [
            call(key, tool=tool),
            result(key),
            say("assistant", f"Done. {FILLER}"),
            say("user", f"And {turn}?"),
        ]
    settings = Settings(exclude_tools=("rules",), rewrite="always")
    payload, receipt = Coordinator("recency", settings=settings).compose(messages)
    assert receipt.action == "rewritten" and "mistral_common" in check(messages, payload)
    assert [m["role"] for m in payload] == ["user", "assistant", "tool", "assistant", "user"]


def test_a_digest_behind_a_kept_exchange_goes_to_the_users_message_before():
    messages = [say("user", "Go on.")]
    for step in range(6):
        key = f"call{step:05}"
        messages += [call(key, tool="rules" if step == 0 else "search"), result(key)]
    settings = Settings(exclude_tools=("rules",), rewrite="always", turn_tokens=100)
    payload, receipt = Coordinator("recency", settings=settings).compose(messages)
    assert receipt.action == "rewritten" and receipt.digest_tokens and "mistral_common" in check(messages, payload)
    assert [m["role"] for m in payload] == ["user", "assistant", "tool", "assistant", "tool"]
    assert "Excerpt" in payload[0]["content"] and payload[0]["content"].endswith("Go on.")


@pytest.mark.parametrize("budget", [0, 24, 128])
@pytest.mark.parametrize("policy", ["recency", "bm25", "truncated-history", "first-sentences"])
@pytest.mark.parametrize("form", [JSON_MODE, {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}])
def test_json_mode_keeps_a_message_that_asks_for_it(policy, budget, form):
    messages = [*chat(2)[:3], say("user", "From here on as json, please."), say("assistant", "{}"), *chat(6)[1:]]
    coordinator = Coordinator(policy, budget, Settings(rewrite="always", keep_goal=False))
    payload, receipt = coordinator.compose(messages, response_format=form)
    assert receipt.action == "rewritten" and "word_of_json" in check(messages, payload, {"response_format": form})
    assert 3 in {*receipt.kept, *(i for group in receipt.merged for i in group)}
    _, plain = coordinator.compose(messages)
    assert policy == "truncated-history" or 3 not in {*plain.kept, *(i for group in plain.merged for i in group)}


@pytest.mark.parametrize("policy", ["recency", "bm25"])
def test_a_system_message_between_two_of_the_user_keeps_them_apart(policy):
    """They are no two in a row, which some servers refuse, so the payload has none either."""
    messages = [*chat(5), say("system", "The lamp is out."), say("user", "And now?")]
    coordinator = Coordinator(policy, settings=Settings(rewrite="always"))
    for _ in range(3):
        payload, receipt = coordinator.compose(messages, conversation="c")
        roles = [message["role"] for message in payload]
        assert receipt.action == "rewritten" and ("user", "user") not in zip(roles, roles[1:], strict=False)
        assert [m for m in payload if m["role"] == "system"] == [m for m in messages if m["role"] == "system"]
        check(messages, payload)
        messages = [
            *messages,
            say("assistant", FILLER),
            say("user", "So?"),
            say("system", "Fog."),
            say("user", "Well?"),
        ]


def test_json_mode_gives_up_a_digest_without_the_word():
    """One that was written before JSON mode was asked for."""
    messages = [*chat(2)[:3], say("user", "As JSON."), say("assistant", "{}"), *chat(6)[1:]]
    coordinator = Coordinator("recency", 24, Settings(rewrite=3, stale_tokens=9999, keep_goal=False))
    coordinator.compose(messages, conversation="c")
    messages += [say("assistant", "Yes."), say("user", "Next?")]
    kept, again = coordinator.compose(messages, conversation="c")
    assert again.action == "kept" and "json" not in json.dumps(kept).lower()
    payload, receipt = coordinator.compose(messages, conversation="c", response_format=JSON_MODE)
    check(messages, payload, {"response_format": JSON_MODE})


def test_json_mode_keeps_nothing_where_the_word_is_sent_anyway():
    messages = [say("system", "Answer in JSON."), say("user", f"As JSON. {FILLER}"), *chat(6)[2:]]
    settings = Settings(rewrite="always", keep_goal=False)
    payload, _ = Coordinator("recency", 24, settings).compose(messages, response_format=JSON_MODE)
    plain, _ = Coordinator("recency", 24, settings).compose(messages)
    assert payload == plain


def test_cache_marks_are_never_more_than_they_were():
    marked = [{"type": "text", "text": FILLER, "cache_control": {"type": "ephemeral"}}]
    messages = [m | {"content": marked} if m["role"] == "user" else m for m in chat(4)[1:-1]]
    messages += [say("user", [{"type": "text", "text": "So?"}, PICTURE])]
    payload, receipt = Coordinator("recency", settings=Settings(rewrite="always")).compose(messages)
    assert receipt.action == "rewritten" and "user_first_and_filled" in check(messages, payload)
    assert json.dumps(payload).count("cache_control") == 1
