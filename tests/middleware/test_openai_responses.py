"""OpenAI's Responses API: what a strict provider of it takes, what stays as it is, and what is counted."""

import json
import os

import pytest
from helpers.all_policies import policy_of
from helpers.chats import FILLER
from helpers.responses_loops import ODD, PICTURE, PLACE, TOOLS, Client, Step, said, turns
from helpers.strict_openai import kind, refusals
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator, Settings, openai_responses
from lrrc.middleware.anthropic_messages import messages_prompt
from lrrc.middleware.dialect import LEFT_OUT
from lrrc.middleware.openai_responses import KeptByProvider, responses_prompt, text_of
from lrrc.middleware.prompt import chat_prompt
from lrrc.pretrained import tokens

POLICIES = {name: policy_of(name) for name in ("recency", "bm25", "truncated-history", "lrrc", "first-sentences")}


def compose(coordinator, request, **options):
    payload, receipt = openai_responses.compose(coordinator, request, conversation="c", **options)
    return request | {"input": payload}, receipt


def ours(text):
    return text.startswith(HEAD.strip()) or text == LEFT_OUT


def parts(item):
    content = item.get("content")
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


def check(request, sent, receipt):
    """What the provider takes it takes shortened; items are the client's own but for the digest; pictures, developers'
    messages and items of unknown kinds stay; sources are where the receipt says."""
    broken = refusals(request)
    found = {name: why for name, why in refusals(sent).items() if name not in broken}
    assert not found, found
    given_, payload = request["input"], sent["input"]
    same = [i for i, item in enumerate(given_) if any(item is other for other in payload)]
    assert same == sorted(receipt.kept)
    known = [part for item in given_ if kind(item) == "message" for part in parts(item)]
    written = [item for item in payload if not any(item is other for other in given_)]
    for item in written:
        assert item["role"] == "user" and all(part in known or ours(part["text"]) for part in item["content"])
    assert sum(ours(part["text"]) for item in written for part in item["content"] if "text" in part) <= 1 + len(written)
    for item in given_:
        stays = item.get("role") == "developer" or kind(item) in ("image_generation_call", "compaction")
        assert not (stays or PLACE in str(item)) or item in payload
        if isinstance(item.get("output"), list) and PICTURE in item["output"]:
            assert item in payload
        if kind(item) == "message" and PICTURE in parts(item):
            assert any(PICTURE in parts(other) for other in payload if kind(other) == "message")
    assert payload[-1] == given_[-1] or parts(payload[-1])[-1] == parts(given_[-1])[-1]
    digest = " ".join(part["text"] for item in written for part in item["content"] if "text" in part)
    for span in receipt.sources:
        piece = text_of(given_[span.message])[span.start : span.end]
        assert piece and piece.split()[0].strip('"{[')[:4] in digest
    again = responses_prompt(sent)
    items = [again.form.read(m, mark, "") for m, mark in zip(again.messages, again.marks, strict=True)]
    assert receipt.tokens_after == receipt.tools_tokens + sum(item.tokens for item in items) <= receipt.tokens_before


settings_of = st.builds(
    Settings,
    rewrite=st.sampled_from(["always", "auto", 2]),
    turn_tokens=st.sampled_from([0, 150, 4000]),
    keep_goal=st.booleans(),
    dialect=st.sampled_from(["auto", "merged", "separate"]),
    exclude_tools=st.sampled_from([(), ("rules",)]),
    cache_minimum=st.just(0),
)


@hypothesis_settings(deadline=None, max_examples=int(os.environ.get("LRRC_EXAMPLES", "100")))
@given(turns=turns, policy=st.sampled_from(sorted(POLICIES)), settings=settings_of, mode=st.booleans())
def test_no_step_of_an_agent_is_refused(turns, policy, settings, mode):
    coordinator, before = Coordinator(POLICIES[policy], settings=settings), []

    def ask(request):
        sent, receipt = compose(coordinator, request)
        check(request, sent, receipt)
        if receipt.action == "kept" or (receipt.action == "passed" and before and before[-1][0] == "passed"):
            assert sent["input"][: len(before[-1][1])] == before[-1][1]
        before.append((receipt.action, sent["input"]))

    client = Client(ask, **({"text": {"format": {"type": "json_object"}}} if mode else {}))
    for n, (kind_, script) in enumerate(turns):
        client.work(f"What does page {n} say, as JSON? {FILLER}", kind_, script)


def worked(coordinator, script, turns=3, **more):
    """[(request, sent, receipt)] of all calls of a few turns of the same script."""
    calls = []

    def ask(request):
        sent, receipt = compose(coordinator, request)
        check(request, sent, receipt)
        calls.append((request, sent, receipt))

    client = Client(ask, **more)
    for turn in range(turns):
        client.work(f"What stands in the log? {turn}? {FILLER}", script=script)
    return calls


def test_a_long_turn_is_shortened_on_its_way_thoughts_or_not():
    coordinator = Coordinator("recency", settings=Settings(rewrite="always", turn_tokens=200))
    calls = worked(coordinator, [Step(("read_log", "rules"), thinks=True, long=2)] * 8, turns=1)
    request, sent, receipt = calls[-1]
    assert receipt.action == "rewritten" and receipt.tokens_after < receipt.tokens_before / 2
    assert [kind(item) for item in sent["input"][-5:]] == [kind(item) for item in request["input"][-5:]]
    assert {key: sent[key] for key in sent if key != "input"} == {
        key: request[key] for key in request if key != "input"
    }
    assert sum(kind(item) == "reasoning" for item in request["input"]) == 8
    assert 1 <= sum(kind(item) == "reasoning" for item in sent["input"]) <= 3


def test_the_goal_is_the_user_s_own_and_the_agent_s_place_stays():
    coordinator = Coordinator("recency", settings=Settings(rewrite="always"))
    *_, (request, sent, receipt) = worked(coordinator, [Step(("read_log",), long=5)] * 2)
    assert receipt.action == "rewritten"
    assert sent["input"][:2] == request["input"][:2] and PLACE in json.dumps(sent["input"][1])[:200].replace(
        "\\n", "\n"
    )
    first = sent["input"][2]["content"]
    assert first[0] == request["input"][2]["content"][0] and ours(first[1]["text"]) and len(first) == 3


def test_two_of_the_user_in_a_row_let_the_digest_stand_alone():
    coordinator, calls = Coordinator("recency", settings=Settings(rewrite="always")), []

    def ask(request):
        sent, receipt = compose(coordinator, request)
        check(request, sent, receipt)
        calls.append(sent["input"])

    client = Client(ask)
    client.history.append(said("user", "Mind the gulls."))
    for n in range(3):
        client.work(f"Page {n}?", script=[Step(("read_log",), long=4)])
    digests = [item for item in calls[-1] if kind(item) == "message" and ours(parts(item)[0]["text"])]
    assert len(digests) == 1 and len(digests[0]["content"]) == 1 and "id" not in digests[0]


def test_ids_of_the_server_make_no_other_item():
    request = {"input": [said("user", "Fog?"), said("assistant", "Yes."), said("user", "Rain?")]}
    marked = {"input": [item | {"id": f"msg_{i}", "status": "completed"} for i, item in enumerate(request["input"])]}
    assert responses_prompt(request).marks == responses_prompt(marked).marks


def test_what_is_more_than_a_text_has_another_mark():
    """Of a message that is one text the hash is made without JSON; none of these may be taken for it."""
    plain = said("user", "Fog?")
    (part,) = plain["content"]
    others = [
        plain,
        said("assistant", "Fog?"),
        plain | {"phase": "final_answer"},
        plain | {"content": [part | {"annotations": []}]},
        plain | {"content": [part | {"type": "output_text"}]},
        plain | {"content": [part, part]},
        plain | {"content": "Fog?"},
    ]
    marks = [responses_prompt({"input": [item]}).marks[0] for item in others]
    marks += chat_prompt([{"role": "user", "content": "Fog?"}]).marks
    marks += messages_prompt({"messages": [{"role": "user", "content": "Fog?"}]}).marks
    assert len(set(marks)) == len(others) + 2


@pytest.mark.parametrize(
    ("item", "counted", "kinds"),
    [
        ({"role": "user", "content": "Fog."}, "Fog.", ()),
        (said("assistant", "Fog.", annotations=[]), "Fog.", ()),
        ({"type": "function_call", "call_id": "a", "name": "look", "arguments": '{"at": 1}'}, 'look({"at": 1})', ()),
        ({"type": "custom_tool_call", "call_id": "a", "name": "patch", "input": "+x"}, "patch(+x)", ()),
        (
            {"type": "local_shell_call", "call_id": "a", "action": {"type": "exec", "command": ["ls"]}},
            'local_shell({"command": ["ls"], "type": "exec"})',
            (),
        ),
        ({"type": "function_call_output", "call_id": "a", "output": "Fog."}, "Fog.", ()),
        (
            {
                "type": "function_call_output",
                "call_id": "a",
                "output": [{"type": "input_text", "text": "Fog."}, PICTURE],
            },
            "Fog.",
            ("input_image",),
        ),
        ({"type": "shell_call_output", "call_id": "a", "output": [{"stdout": "Fog.", "stderr": ""}]}, "Fog.", ()),
        (ODD[3], 'web_search({"query": "tide", "type": "search"})', ()),
        (ODD[4], "", ("image_generation_call",)),
        (ODD[5], "", ("compaction",)),
        ({"type": "tool_search_output", "call_id": "a", "tools": []}, "", ("tool_search_output",)),
        ({"type": "of tomorrow"}, "", ("of tomorrow",)),
    ],
)
def test_what_is_counted(item, counted, kinds):
    prompt = responses_prompt({"input": [item]})
    read = prompt.form.read(prompt.messages[0], b"", "")
    assert (read.text, read.tokens, read.kinds, read.unknown) == (counted, tokens.count(counted), kinds, len(kinds))


def test_thoughts_are_counted_and_never_quoted():
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Fog ahead. " * 9}]}
    items = [thought, said("assistant", "Lamp on."), thought | {"summary": [], "encrypted_content": "x"}]
    prompt = responses_prompt({"input": items})
    read = prompt.form.read(prompt.messages[0], b"", "")
    assert len(prompt.messages) == 1 and read.text == "Lamp on." and not read.thoughts and not read.unknown
    assert read.tokens == tokens.count("Lamp on.") + tokens.count("Fog ahead. " * 9) and read.kinds == ("reasoning",)


def test_instructions_and_tools_are_counted_beside():
    _, alone = compose(Coordinator("recency"), {"input": "Hi."})
    _, receipt = compose(Coordinator("recency"), {"input": "Hi.", "instructions": "Keep the lamp.", "tools": TOOLS})
    assert alone.tools_tokens == 0
    assert receipt.tools_tokens == tokens.count("Keep the lamp.") + tokens.count(json.dumps(TOOLS))
    assert receipt.tokens_before == receipt.tools_tokens + tokens.count("Hi.")


def test_tools_among_the_items_are_counted_and_settings_are_nobody_s_words():
    call = {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"}
    items = [
        {"type": "additional_tools", "role": "developer", "tools": TOOLS},
        said("user", "Fog?"),
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        call,
        {"type": "function_call_output", "call_id": "a", "output": "Yes."},
    ]
    prompt = responses_prompt({"input": items})
    read = [prompt.form.read(m, mark, "") for m, mark in zip(prompt.messages, prompt.marks, strict=True)]
    assert [item.role for item in read] == ["system", "user", "system", "assistant", "tool"]
    assert read[0].tokens == tokens.count(json.dumps(TOOLS)) and not read[0].text and not read[2].tokens
    assert not any(item.kinds for item in read)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({}, "input"),
        ({"input": [1]}, "input[0]"),
        ({"input": [{"role": "tool", "content": ""}]}, "role"),
        ({"input": [{"role": "user"}]}, "content"),
        ({"input": [{"type": 7}]}, "type"),
    ],
)
def test_what_cannot_be_read_is_named(request_, named):
    with pytest.raises(ValueError, match="[^\n]+") as error:
        responses_prompt(request_)
    assert named in str(error.value)


@pytest.mark.parametrize(
    "more",
    [{"previous_response_id": "resp_1"}, {"conversation": {"id": "conv_1"}}, {"input": [{"type": "item_reference"}]}],
)
def test_a_history_that_the_provider_keeps_cannot_be_shortened(more):
    with pytest.raises(KeptByProvider):
        responses_prompt({"input": []} | more)


def test_the_provider_is_strict():
    """It refuses by every rule, so that the properties above are not empty."""
    thought = {"type": "reasoning", "summary": [], "encrypted_content": "sealed rs_2"}
    wrong = {
        "text": {"format": {"type": "json_object"}},
        "input": [
            thought,
            {"type": "function_call_output", "call_id": "b", "output": "x"},
            {"type": "function_call", "call_id": "call_1_of_rs_1", "name": "look", "arguments": {}},
        ],
    }
    assert len(refusals(wrong)) == 5


@pytest.mark.parametrize("policy", ["recency", "bm25", "lrrc"])
@pytest.mark.parametrize("output", ["Three lamps.", '{"lamps.json": 3}'])
def test_the_word_of_json_counts_in_messages_alone(policy, output):
    """The provider looks for it in messages: neither calls nor their results say it."""
    items = [said("user", "Mind the lamps."), said("assistant", f"I do. {FILLER * 4}")]
    items += [said("user", f"Give me the list as JSON. {FILLER * 4}"), said("assistant", f"Here it is. {FILLER * 4}")]
    items += [said("user", "Which are out?")]
    for n in range(3):
        given_ = json.dumps({"file": f"lamps{n}.json"})
        items.append({"type": "function_call", "call_id": f"c{n}", "name": "read_json", "arguments": given_})
        items.append({"type": "function_call_output", "call_id": f"c{n}", "output": f"{output} {FILLER * 4}"})
    request = {"model": "m", "input": items, "text": {"format": {"type": "json_object"}}}
    sent, receipt = compose(Coordinator(POLICIES[policy], settings=Settings(rewrite="always")), request)
    assert receipt.action == "rewritten" and "word_of_json" not in refusals(sent)
