"""Anthropic's Messages API: what a strict provider of it takes, byte for byte, and what is counted."""

import json
import os

import pytest
from helpers.all_policies import policy_of
from helpers.anthropic_loops import DOCUMENT, MARK, PICTURE, TOOLS, Client, Step, text, thought, turns
from helpers.chats import FILLER
from helpers.strict_anthropic import RULES, blocks, is_thought, plain, refusals
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings, anthropic_messages
from lrrc.middleware.anthropic_messages import messages_prompt, read_message, text_of
from lrrc.middleware.conversation import THINKING
from lrrc.middleware.dialect import LEFT_OUT, TAIL
from lrrc.pretrained import tokens

POLICIES = {name: policy_of(name) for name in ("recency", "bm25", "truncated-history", "lrrc", "first-sentences")}
LONG = FILLER * 3


def compose(coordinator, request, **options):
    payload, receipt = anthropic_messages.compose(coordinator, request, conversation="c", **options)
    return request | {"messages": payload}, receipt


def ours(block):
    return block["type"] == "text" and (block["text"].startswith(HEAD.strip()) or block["text"] == LEFT_OUT)


def check(request, sent, receipt):
    """What the provider takes it takes shortened; blocks are the client's own but for the digest; nothing is lost that
    the receipt does not tell of."""
    broken = refusals(request)
    found = {name: why for name, why in refusals(sent).items() if name not in broken or name == "thoughts_in_place"}
    assert not found, found
    given_, payload = request["messages"], sent["messages"]
    spoken = [i for i, message in enumerate(given_) if message["role"] != "system"]
    same = [i for i in spoken if any(given_[i] is other for other in payload)]
    assert same == [i for i in receipt.kept if i in spoken]
    known = [block for message in given_ for block in blocks(message)]
    for message in payload:
        if not any(message is other for other in given_):
            assert all(ours(block) or block in known for block in blocks(message))
            assert message["role"] in ("user", "system") or not any(map(is_thought, blocks(message)))
    assert sum(map(ours, (block for message in payload for block in blocks(message)))) <= 1 + len(receipt.merged)
    for message in (m for m in given_ if m["role"] == "user"):
        for block in blocks(message):
            assert block["type"] not in ("image", "document") or any(block in blocks(m) for m in payload)
    for message in (m for m in given_ if m["role"] == "system"):
        assert any(block in blocks(m) for m in payload if m["role"] == "system" for block in blocks(message))
    asked, last = ([m for m in each if m["role"] != "system"][-1] for each in (given_, payload))
    assert asked is last or blocks(last)[-1] == blocks(asked)[-1]
    items = [read_message(message, b"", "") for message in messages_prompt(sent).messages]
    assert receipt.tokens_after == receipt.tools_tokens + sum(item.tokens for item in items) <= receipt.tokens_before


settings_of = st.builds(
    Settings,
    rewrite=st.sampled_from(["always", "auto", 2]),
    turn_tokens=st.sampled_from([0, 150, 4000]),
    keep_goal=st.booleans(),
    exclude_tools=st.sampled_from([(), ("rules",)]),
    cache_minimum=st.just(0),
)


@hypothesis_settings(deadline=None, max_examples=int(os.environ.get("LRRC_EXAMPLES", "100")))
@given(
    turns=turns,
    thinking=st.lists(st.booleans(), min_size=4, max_size=4),
    marks=st.integers(0, 2),
    policy=st.sampled_from(sorted(POLICIES)),
    settings=settings_of,
)
def test_no_step_of_an_agent_is_refused(turns, thinking, marks, policy, settings):
    coordinator, before = Coordinator(POLICIES[policy], settings=settings), []

    def ask(request):
        sent, receipt = compose(coordinator, request)
        check(request, sent, receipt)
        payload = [plain(message) for message in sent["messages"]]
        if receipt.action == "kept" or (receipt.action == "passed" and before and before[-1][0] == "passed"):
            assert payload[: len(before[-1][1])] == before[-1][1]
        before.append((receipt.action, payload))
        return sent

    client = Client(ask, marks=marks)
    for n, (kind, script, system) in enumerate(turns):
        client.thinking = thinking[n]
        client.work(f"what does page {n} say? {FILLER}", kind, script, system)


def worked(coordinator, script, turns=3, thinking=False, asked="What stands in the log? "):
    """[(request, sent, receipt)] of all calls of a few turns of the same script."""
    calls = []

    def ask(request):
        sent, receipt = compose(coordinator, request)
        check(request, sent, receipt)
        calls.append((request, sent, receipt))
        return sent

    client = Client(ask, thinking)
    for turn in range(turns):
        client.work(f"{asked}{turn}? {FILLER}", "plain", script)
    return calls


def test_the_digest_is_a_fenced_block_in_a_message_of_the_user():
    calls = worked(Coordinator("recency", settings=Settings(rewrite="always")), [Step(("read_log",), long=3)] * 3)
    request, sent, receipt = calls[-1]
    assert receipt.action == "rewritten" and receipt.tokens_after < receipt.tokens_before / 2
    assert [message["role"] for message in sent["messages"][:2]] == ["user", "assistant"]
    found = [block for block in sent["messages"][0]["content"] if ours(block)]
    assert len(found) == 1 and found[0]["text"].endswith(TAIL) and tokens.count(found[0]["text"]) <= 128
    assert sent["messages"][0]["content"][0] == text(request["messages"][0]["content"])  # the goal
    assert {key: value for key, value in sent.items() if key != "messages"} == {
        key: value for key, value in request.items() if key != "messages"
    }


def test_while_a_turn_with_thoughts_is_under_way_nothing_before_it_changes():
    coordinator = Coordinator("recency", settings=Settings(rewrite="always", turn_tokens=0))
    calls = worked(coordinator, [Step(("read_log",), long=3)] * 4, thinking=True)
    actions = [receipt.action for _, _, receipt in calls]
    assert actions[:5] == ["passed"] * 5 and calls[4][2].reason == THINKING
    assert actions[5:10] == ["rewritten", *["kept"] * 4] and actions[10:] == ["rewritten", *["kept"] * 4]
    *_, (request, sent, _) = calls
    assert sum(map(is_thought, (block for m in request["messages"] for block in blocks(m)))) == 14
    assert sum(map(is_thought, (block for m in sent["messages"] for block in blocks(m)))) == 4


@pytest.mark.parametrize(("steps", "written"), [(20, True), (4, False)])
def test_calls_that_had_to_wait_for_the_end_of_thoughts_count_for_a_new_digest(steps, written):
    """The goal is so long that a digest beside it costs more, at that call, than the cached prefix does; what the calls
    of the turn before have paid for tokens that could not be dropped decides."""
    coordinator, receipts = Coordinator("recency", settings=Settings(cache_minimum=0, turn_tokens=0)), []

    def ask(request):
        sent, receipt = compose(coordinator, request)
        receipts.append(receipt)
        return sent

    client = Client(ask, thinking=True)
    client.history = [{"role": "user", "content": FILLER * 20}, {"role": "assistant", "content": "Yes."}]
    client.work("Read the log.", script=[Step(("read_log",), long=1)] * steps)
    client.work("What does it say?")
    *_, waiting, first = receipts
    assert (waiting.action, waiting.reason) == ("passed", THINKING)
    assert first.action == ("rewritten" if written else "passed")
    kept = waiting.tokens_after * 0.1 + first.tokens_before - waiting.tokens_before
    assert not written or first.billed_after > kept


def test_without_thoughts_a_long_turn_is_shortened_on_its_way():
    coordinator = Coordinator("recency", settings=Settings(rewrite="always", turn_tokens=200))
    calls = worked(coordinator, [Step(("read_log", "rules"), long=2)] * 8, turns=1)
    assert calls[-1][2].action == "rewritten" and calls[-1][2].tokens_after < calls[-1][2].tokens_before / 2


def test_what_stays_of_earlier_turns_loses_its_thoughts():
    coordinator = Coordinator("recency", settings=Settings(rewrite="always", exclude_tools=("rules",)))
    calls = worked(coordinator, [Step(("rules",), says="Look."), Step(("read_log",), long=5)], turns=2, thinking=True)
    request, sent, receipt = calls[3]
    assert (
        receipt.action == "rewritten"
        and [block["type"] for block in request["messages"][1]["content"]][0] == "thinking"
    )
    assert {"role": "assistant", "content": request["messages"][1]["content"][1:]} in sent["messages"]
    assert request["messages"][2] in sent["messages"] and (1,) in receipt.merged and 1 not in receipt.kept


def test_a_reply_of_thoughts_alone_is_no_empty_message():
    message = {"role": "assistant", "content": [thought("redacted_thinking", [])]}
    prompt = messages_prompt({"messages": [message]})
    (item,) = [read_message(message, b"", "")]
    bare = prompt.form.dialect([item], "auto").without_thoughts(message)
    assert bare["content"] == [text(LEFT_OUT)] and item.kinds == ("redacted_thinking",) and item.thoughts


def test_marks_for_the_cache_may_move():
    """The same conversation, and the same digest, wherever the client's marks stand."""
    coordinator = Coordinator("recency", settings=Settings(rewrite=9, stale_tokens=10**6))
    calls = worked(coordinator, [Step(("read_log",), long=2)] * 3, turns=4)
    assert {receipt.action for *_, receipt in calls} == {"passed", "rewritten", "kept"}
    for request, sent, _ in calls:
        assert json.dumps(sent).count("cache_control") <= json.dumps(request).count("cache_control") <= 3
        assert sent["system"] == request["system"] and "cache_control" in sent["messages"][-1]["content"][-1]
    coordinator = Coordinator("recency", settings=Settings(rewrite="always"))
    (request, _, _), *_ = calls[::-1]
    bare = json.loads(json.dumps(request).replace(', "cache_control": {"type": "ephemeral"}', ""))
    keys = [coordinator.compose_prompt(messages_prompt(r))[1].conversation for r in (request, bare)]
    assert keys[0] == keys[1]


def test_one_text_has_one_mark_however_it_is_written():
    block, cached = text("Fog?"), {"cache_control": {"type": "ephemeral"}}
    alike = ["Fog?", [block], [block | cached]]
    others = [[block | {"citations": []}], [block, block], [block, text("")], "Fog"]
    marks = [messages_prompt({"messages": [{"role": "user", "content": c}]}).marks[0] for c in (*alike, *others)]
    assert len(set(marks[:3])) == 1 and len(set(marks)) == 1 + len(others)
    assert messages_prompt({"messages": [{"role": "assistant", "content": "Fog?"}]}).marks[0] not in marks


def test_words_put_in_between_results_stay():
    coordinator = Coordinator("recency", settings=Settings(rewrite="always", turn_tokens=0))
    script = [Step(("read_log",), long=3)] * 2
    put_in = Step(("read_log",), long=3, put_in="Stop at the third lamp.")
    reminder = "<system-reminder>Lamps are listed.</system-reminder>"
    reminded = Step(("read_log",), long=3, put_in=reminder)
    *_, (_, sent, receipt) = worked(coordinator, [*script, put_in, *script, reminded, *script], turns=1)
    found = [block for message in sent["messages"] for block in blocks(message)]
    assert receipt.action == "rewritten" and text("Stop at the third lamp.") in found and text(reminder) not in found


def test_system_messages_on_the_way_stay_in_a_place_that_they_may_have():
    coordinator, calls = Coordinator("recency", settings=Settings(rewrite="always", turn_tokens=100)), []

    def ask(request):
        sent, receipt = compose(coordinator, request)
        check(request, sent, receipt)
        calls.append((sent, receipt))
        return sent

    client = Client(ask)
    for turn in range(3):
        script = [*[Step(("read_log",), long=3)] * 3, Step(("read_log",), system=f"Lamp {turn} is out of order.")]
        client.work(f"What does page {turn} say?", script=script, system=f"Horn {turn} is new.")
    sent, receipt = calls[-1]
    assert receipt.action == "rewritten" and receipt.tokens_after < receipt.tokens_before / 2
    told = [text_of(message) for message in sent["messages"] if message["role"] == "system"]
    assert "\n".join(told).count("Lamp") == 3 and any("Horn 0 is new." in each for each in told)
    assert not any("is new" in block["text"] for m in sent["messages"] for block in blocks(m) if ours(block))


@pytest.mark.parametrize("keep_goal", [True, False])
@pytest.mark.parametrize("ends", [(), ("The lamp is lit again.",)])
@pytest.mark.parametrize("middle", [1, 2])
def test_no_user_comes_behind_a_system_message_that_a_reply_stood_behind(keep_goal, ends, middle):
    """Messages of the user may follow each other there, but not behind the system's."""

    def user(said):
        return {"role": "user", "content": said}

    def system(said):
        return {"role": "system", "content": said}

    reply = {"role": "assistant", "content": LONG * 3}
    messages = [user("Who keeps the log?"), system("The lamp is out."), reply]
    messages += [user(f"When? {LONG}"), reply] * middle
    messages += [user("Which page?"), user("And who wrote it?"), *map(system, ends)]
    settings = Settings(rewrite="always", keep_goal=keep_goal)
    sent, receipt = compose(Coordinator("recency", settings=settings), {"messages": messages})
    assert receipt.action == "rewritten" and "system_in_place" not in refusals(sent)
    told = [text_of(message) for message in sent["messages"] if message["role"] == "system"]
    assert told == ["\n".join(["The lamp is out.", *ends])]
    assert [m["role"] for m in sent["messages"]] == ["user", "system"]
    more = [*messages, reply, user("Thank you.")]
    later, _ = compose(Coordinator("recency", settings=settings), {"messages": more})
    assert "system_in_place" not in refusals(later)


@pytest.mark.parametrize(
    ("content", "counted", "kinds"),
    [
        ("Fog.", "Fog.", ()),
        ([text("Fog."), text("Rain.")], "Fog.\nRain.", ()),
        ([PICTURE, text("Fog.")], "Fog.", ("image",)),
        ([DOCUMENT], "", ("document",)),
        ([{"type": "tool_use", "id": "a", "name": "look", "input": {"at": "é"}}], 'look({"at": "é"})', ()),
        ([{"type": "tool_result", "tool_use_id": "a"}], "", ()),
        ([{"type": "tool_result", "tool_use_id": "a", "content": [text("Fog."), PICTURE]}], "Fog.", ("image",)),
        ([{"type": "web_search_tool_result", "tool_use_id": "a", "content": []}], "", ("web_search_tool_result",)),
        ([{"no": "type"}], "", ("part",)),
    ],
)
def test_what_is_counted(content, counted, kinds):
    item = read_message({"role": "user", "content": content}, b"", "")
    assert (item.text, item.tokens, item.kinds, item.unknown) == (counted, tokens.count(counted), kinds, len(kinds))


def test_thoughts_are_counted_and_never_quoted():
    item = read_message(
        {"role": "assistant", "content": [thought("thinking", [], "Fog ahead. "), text("Lamp on.")]}, b"", ""
    )
    assert item.text == "Lamp on." and item.tokens == tokens.count("Lamp on.") + tokens.count("Fog ahead. " * 9)


def test_system_and_tools_are_counted_beside():
    request = {"messages": [{"role": "user", "content": "Hi."}]}
    _, alone = Coordinator("recency").compose_prompt(messages_prompt(request))
    more = request | {"system": "Keep the lamp.", "tools": TOOLS}
    _, receipt = Coordinator("recency").compose_prompt(messages_prompt(more))
    assert alone.tools_tokens == 0
    assert receipt.tools_tokens == tokens.count("Keep the lamp.") + tokens.count(json.dumps(TOOLS))
    assert receipt.tokens_before == receipt.tools_tokens + tokens.count("Hi.")


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        (None, "messages"),
        ([1], "messages[0]"),
        ([{"role": "tool", "content": ""}], "role"),
        ([{"role": "user"}], "content"),
        ([{"role": "system", "content": "Fog."}], "messages[0]"),
        ([{"role": "user", "content": ["Fog."]}], "content[0]"),
    ],
)
def test_what_cannot_be_read_is_named(messages, named):
    with pytest.raises(ValueError, match="[^\n]+") as error:
        messages_prompt({"messages": messages})
    assert named in str(error.value)


def test_the_provider_is_strict():
    """It refuses by every rule, so that the properties above are not empty."""
    wrong = {
        "thinking": {"type": "enabled"},
        "system": [text("x") | MARK] * 5,
        "messages": [
            {"role": "assistant", "content": [thought("thinking", [{"role": "user", "content": "x"}]), text("")]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
            {"role": "system", "content": "x"},
            {"role": "user", "content": [text("y"), {"type": "tool_result", "tool_use_id": "a"}]},
        ],
    }
    assert len(refusals(wrong)) == len(RULES) - 1  # types are right


def test_payloads_have_the_types_of_the_official_client():
    types = pytest.importorskip("anthropic.types", reason="the package anthropic is not installed")
    from pydantic import TypeAdapter

    adapter = TypeAdapter(list[types.MessageParam])
    settings = Settings(rewrite="always", turn_tokens=100, exclude_tools=("rules",))
    script = [Step(("rules", "read_log"), "thinking", "Look.", (PICTURE,), "Quick."), Step(("read_log",), long=3)]
    for thinking in (False, True):
        for _, sent, _ in worked(Coordinator("recency", settings=settings), script, thinking=thinking):
            for message in adapter.validate_python(sent["messages"]):
                list(message["content"])  # read only now
