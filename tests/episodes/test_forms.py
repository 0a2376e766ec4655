"""Every form of a conversation, however its file is written, reads to the same episode."""

import bz2
import gzip
import io
import json
import lzma
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrrc.digest.standing_rules import recognise
from lrrc.episodes import forms, other_messages
from lrrc.episodes.episode_file import read_episodes
from lrrc.episodes.forms import opened, read_conversations, translated
from lrrc.episodes.logs import Logs
from lrrc.middleware import Coordinator
from lrrc.pretrained.tokens import count
from lrrc.runtime.rows import rows_of

CHAT = [
    {"role": "system", "content": "You mend clocks."},
    {"role": "user", "content": "My cuckoo clock runs late. Why?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c7", "type": "function", "function": {"name": "look_up", "arguments": '{"part": "pendulum"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c7", "content": "A longer pendulum swings slower."},
    {"role": "assistant", "content": "Its pendulum hangs too low."},
    {"role": "user", "content": "How far do I raise it?"},
    {"role": "assistant", "content": "Half a turn of the nut a day."},
]
PLAIN = [m for m in CHAT if m["role"] != "tool" and not m.get("tool_calls")]


def otel(message):
    """A message by OpenTelemetry's schema."""
    parts = (
        [{"type": "text", "content": message["content"]}]
        if message["content"] and "tool_call_id" not in message
        else []
    )
    for call in message.get("tool_calls", ()):
        arguments = json.loads(call["function"]["arguments"])
        parts.append({"type": "tool_call", "id": call["id"], "name": call["function"]["name"], "arguments": arguments})
    if "tool_call_id" in message:
        parts.append({"type": "tool_call_response", "id": message["tool_call_id"], "response": message["content"]})
    return {"role": message["role"], "parts": parts}


def record(message, span="k", answer=False):
    """A log record of one message, as instrumentations for Python write it."""
    body = {key: value for key, value in message.items() if key not in ("role", "tool_call_id") and value is not None}
    if "tool_call_id" in message:
        body["id"] = message["tool_call_id"]
    name = "gen_ai.choice" if answer else f"gen_ai.{message['role']}.message"
    body = {"index": 0, "finish_reason": "stop", "message": body} if answer else body
    return {"body": body, "attributes": {"event.name": name, "gen_ai.system": "m"}, "trace_id": "0x1f", "span_id": span}


def records(chat, span="k"):
    return [record(m, span, m is chat[-1]) for m in chat]


def typed(value):
    """A value of OTLP's JSON."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": typed(each)} for key, each in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [typed(each) for each in value]}}
    return {"stringValue": str(value)}


def otlp_logs(chat):
    """The same by OTLP, among a record of other work."""
    said = [
        {
            "eventName": each["attributes"]["event.name"],
            "traceId": "1f",
            "spanId": each["span_id"],
            "body": typed(each["body"]),
        }
        for each in records(chat)
    ]
    other = {"body": {"stringValue": "listening"}, "severityText": "INFO", "spanId": "s"}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [other, *said]}]}]}


def langchain(message):
    """A message as LangChain dumps it."""
    kind = {"system": "system", "user": "human", "assistant": "ai", "tool": "tool"}[message["role"]]
    calls = [
        {
            "type": "tool_call",
            "id": c["id"],
            "name": c["function"]["name"],
            "args": json.loads(c["function"]["arguments"]),
        }
        for c in message.get("tool_calls", ())
    ]
    named = {"tool_call_id": message["tool_call_id"]} if "tool_call_id" in message else {}
    return {"type": kind, "content": message["content"] or "", "tool_calls": calls, **named}


def constructor(message):
    dumped = langchain(message)
    name = {"system": "System", "human": "Human", "ai": "AI", "tool": "Tool"}[dumped["type"]]
    return {"lc": 1, "type": "constructor", "id": ["langchain", "messages", f"{name}Message"], "kwargs": dumped}


def inspect(message):
    """A message of an Inspect log."""
    calls = [
        {"id": c["id"], "function": c["function"]["name"], "arguments": json.loads(c["function"]["arguments"])}
        for c in message.get("tool_calls", ())
    ]
    return {**message, "content": message["content"] or "", "source": "x"} | ({"tool_calls": calls} if calls else {})


def responses(message):
    """Items of OpenAI's responses for a message."""
    if "tool_call_id" in message:
        return [{"type": "function_call_output", "call_id": message["tool_call_id"], "output": message["content"]}]
    if calls := message.get("tool_calls"):
        return [{"type": "function_call", "call_id": c["id"], **c["function"]} for c in calls]
    part = {"type": "output_text" if message["role"] == "assistant" else "input_text", "text": message["content"]}
    return [{"type": "message", "role": message["role"], "content": [part]}]


def otlp(value):
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}


def tree(chat):
    nodes = {"root": {"id": "root", "message": None, "parent": None, "children": ["n0"]}}
    for i, m in enumerate(chat):
        message = {"author": {"role": m["role"]}, "content": {"content_type": "text", "parts": [m["content"]]}}
        nodes[f"n{i}"] = {
            "id": f"n{i}",
            "message": message,
            "parent": f"n{i - 1}" if i else "root",
            "children": [f"n{i + 1}"] if i + 1 < len(chat) else [],
        }
    nodes["other"] = {"message": {"author": {"role": "assistant"}, "content": {"parts": ["dropped"]}}, "parent": "n0"}
    return {"conversation_id": "k", "mapping": nodes, "current_node": f"n{len(chat) - 1}"}


def calls_of(message):
    """(id, name, arguments) of every call."""
    return [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", ())
    ]


def anthropic(message):
    """A message of Anthropic's Messages API."""
    text = [{"type": "text", "text": message["content"]}] if message["content"] else []
    if "tool_call_id" in message:
        return {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": text}],
        }
    used = [{"type": "tool_use", "id": key, "name": name, "input": given} for key, name, given in calls_of(message)]
    return {"role": message["role"], "content": [*text, *used]}


def converse(message):
    """A message of Bedrock's Converse."""
    text = [{"text": message["content"]}] if message["content"] else []
    if "tool_call_id" in message:
        result = {"toolUseId": message["tool_call_id"], "content": text, "status": "success"}
        return {"role": "user", "content": [{"toolResult": result}, {"cachePoint": {"type": "default"}}]}
    used = [{"toolUse": {"toolUseId": key, "name": name, "input": given}} for key, name, given in calls_of(message)]
    return {"role": message["role"], "content": [*text, *used]}


def gemini(message):
    """A content of Gemini, whose calls have no ids."""
    if "tool_call_id" in message:
        return {"role": "user", "parts": [{"functionResponse": {"name": "look_up", "response": message["content"]}}]}
    text = [{"text": message["content"]}] if message["content"] else []
    used = [{"functionCall": {"name": name, "args": given}} for _, name, given in calls_of(message)]
    return {"role": {"assistant": "model"}.get(message["role"], "user"), "parts": [*text, *used]}


def sharegpt(message):
    """A turn of ShareGPT, whose calls are written as JSON."""
    if calls := calls_of(message):
        written = [{"name": name, "arguments": given} for _, name, given in calls]
        return {"from": "function_call", "value": json.dumps(written[0] if len(written) == 1 else written)}
    speaker = {"user": "human", "assistant": "gpt", "tool": "observation"}.get(message["role"], message["role"])
    return {"from": speaker, "value": message["content"]}


def openinference(message):
    """Attributes of OpenInference below a message's number."""
    said = {"message.role": message["role"]}
    if message["role"] == "user":
        said |= {"message.contents.0.message_content.type": "text"}
        said |= {"message.contents.0.message_content.text": message["content"]}
    elif message["content"]:
        said["message.content"] = message["content"]
    for i, call in enumerate(message.get("tool_calls", ())):
        at = f"message.tool_calls.{i}.tool_call"
        said |= {f"{at}.id": call["id"]} | {f"{at}.function.{key}": value for key, value in call["function"].items()}
    return said | ({"message.tool_call_id": message["tool_call_id"]} if "tool_call_id" in message else {})


def openllmetry(message):
    """Attributes of OpenLLMetry below a message's number."""
    said = {key: message[key] for key in ("role", "content", "tool_call_id") if message.get(key)}
    for i, call in enumerate(message.get("tool_calls", ())):
        said |= {f"tool_calls.{i}.id": call["id"]}
        said |= {f"tool_calls.{i}.{key}": value for key, value in call["function"].items()}
    return said


def numbered(prefix, messages, names):
    return {f"{prefix}.{i}.{key}": value for i, m in enumerate(messages) for key, value in names(m).items()}


def beside(chat):
    """The text of the system prompt, and the other messages."""
    told = "\n".join(m["content"] for m in chat if m["role"] == "system")
    return told, [m for m in chat if m["role"] != "system"]


SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}
WITH_TOOLS = {  # from a chat that may call tools
    "Anthropic": lambda chat: {
        "id": "k",
        "system": beside(chat)[0],
        "messages": [anthropic(m) for m in beside(chat)[1]],
    },
    "Anthropic, wrapped": lambda chat: {
        "id": "k",
        "request": {
            "system": [{"type": "text", "text": beside(chat)[0], "cache_control": {"type": "ephemeral"}}][
                : len(beside(chat)[0])
            ],
            "messages": [anthropic(m) for m in beside(chat)[1][:-1]],
        },
        "response": {"type": "message", **anthropic(chat[-1])},
    },
    "Bedrock": lambda chat: {
        "id": "k",
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": m["content"]} for m in chat if m["role"] == "system"],
        "messages": [converse(m) for m in beside(chat)[1]],
    },
    "Gemini, with tools": lambda chat: {
        "id": "k",
        "systemInstruction": {"parts": [{"text": beside(chat)[0]}]} if beside(chat)[0] else None,
        "contents": [gemini(m) for m in beside(chat)[1]],
    },
    "ShareGPT, with tools": lambda chat: {"id": "k", "conversations": [sharegpt(m) for m in chat]},
    "OpenInference": lambda chat: {
        "span_id": "k",
        "attributes": numbered("llm.input_messages", chat[:-1], openinference)
        | numbered("llm.output_messages", chat[-1:], openinference),
    },
    "OpenLLMetry": lambda chat: {
        "span_id": "k",
        "attributes": numbered("gen_ai.prompt", chat[:-1], openllmetry)
        | numbered("gen_ai.completion", chat[-1:], openllmetry),
    },
    "OTLP logs": otlp_logs,
    "chat log": lambda chat: {"id": "k", "messages": chat},
    "JSON text": lambda chat: {"id": "k", "messages": json.dumps(chat)},
    "nulls of parquet": lambda chat: {"id": "k", "messages": [{"name": None, "tool_calls": None, **m} for m in chat]},
    "LangChain": lambda chat: {"id": "k", "messages": [langchain(m) for m in chat]},
    "Langfuse": lambda chat: {"id": "k", "name": "t", "input": chat[:-1], "output": chat[-1], "metadata": {}},
    "Langfuse, wrapped": lambda chat: {"id": "k", "input": {"messages": chat[:-1]}, "output": json.dumps(chat[-1])},
    "LangSmith": lambda chat: {
        "id": "k",
        "run_type": "llm",
        "inputs": {"messages": [[constructor(m) for m in chat[:-1]]]},
        "outputs": {"generations": [[{"text": "", "message": constructor(chat[-1])}]]},
    },
    "LangGraph": lambda chat: {
        "id": "k",
        "inputs": {"messages": [langchain(m) for m in chat[:3]]},
        "outputs": {"messages": [langchain(m) for m in chat]},
    },
    "request and response": lambda chat: {
        "custom_id": "k",
        "request": {"model": "m", "messages": chat[:-1]},
        "response": {"choices": [{"index": 0, "message": chat[-1]}]},
    },
    "OpenAI responses": lambda chat: {
        "id": "k",
        "request": {"input": [item for m in chat[:-1] for item in responses(m)]},
        "response": {"output": responses(chat[-1])},
    },
    "OpenTelemetry": lambda chat: {
        "span_id": "k",
        "attributes": {
            "gen_ai.system_instructions": [
                {"type": "text", "content": m["content"]} for m in chat if m["role"] == "system"
            ],
            "gen_ai.input.messages": [otel(m) for m in chat[:-1] if m["role"] != "system"],
            "gen_ai.output.messages": [otel(chat[-1])],
        },
    },
    "OTLP": lambda chat: {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {"spanId": "z", "attributes": [{"key": "http.method", "value": otlp("GET")}]},
                            {
                                "spanId": "k",
                                "attributes": [
                                    {"key": "gen_ai.input.messages", "value": otlp([otel(m) for m in chat[:-1]])},
                                    {"key": "gen_ai.output.messages", "value": otlp([otel(chat[-1])])},
                                ],
                            },
                        ]
                    }
                ]
            }
        ]
    },
    "Inspect": lambda chat: {
        "version": 2,
        "eval": {"model": "m"},
        "samples": [
            {
                "id": "k",
                "epoch": 1,
                "input": "x",
                "messages": [inspect(m) for m in chat],
                "output": {"choices": [{"message": inspect(chat[-1])}]},
            }
        ],
    },
}
TEXTS_ALONE = {
    "ShareGPT": lambda chat: {
        "id": "k",
        "conversations": [{"from": SHAREGPT[m["role"]], "value": m["content"]} for m in chat],
    },
    "ShareGPT, system beside": lambda chat: {
        "id": "k",
        "system": "\n".join(m["content"] for m in chat if m["role"] == "system"),
        "conversations": [{"from": SHAREGPT[m["role"]], "value": m["content"]} for m in chat if m["role"] != "system"],
    },
    "WildChat": lambda chat: {
        "conversation_hash": "k",
        "model": "m",
        "turn": 2,
        "conversation": [{**m, "language": "English", "toxic": False} for m in chat],
    },
    "capitals": lambda chat: {"id": "k", "messages": [{**m, "role": m["role"].title()} for m in chat]},
    "parts": lambda chat: {
        "id": "k",
        "messages": [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in chat],
    },
    "struct of lists": lambda chat: {
        "id": "k",
        "messages": {key: [m[key] for m in chat] for key in ("role", "content")},
    },
    "Claude": lambda chat: {
        "uuid": "k",
        "chat_messages": [{"sender": SHAREGPT[m["role"]], "text": m["content"], "content": []} for m in chat],
    },
    "ChatGPT": tree,
    "Gemini": lambda chat: {
        "id": "k",
        "systemInstruction": {"parts": [{"text": m["content"]} for m in chat if m["role"] == "system"]},
        "contents": [
            {"role": {"assistant": "model"}.get(m["role"], m["role"]), "parts": [{"text": m["content"]}]}
            for m in chat
            if m["role"] != "system"
        ],
    },
    "events": lambda chat: {
        "context": {"trace_id": "t", "span_id": "k"},
        "attributes": {"gen_ai.request.model": "m"},
        "events": [{"name": f"gen_ai.{m['role']}.message", "attributes": {"content": m["content"]}} for m in chat[:-1]]
        + [{"name": "gen_ai.choice", "attributes": {"message": json.dumps(chat[-1]), "index": 0}}],
    },
    "numbered": lambda chat: {
        "span_id": "k",
        "attributes": {
            f"gen_ai.prompt.{i}.{key}": m[key] for i, m in enumerate(chat[:-1]) for key in ("role", "content")
        }
        | {f"gen_ai.completion.0.{key}": chat[-1][key] for key in ("role", "content")},
    },
}


def episodes(data):
    """Read as commands read it, nothing refused."""
    refused = []
    found = list(Logs(io.BytesIO(data), "", refused.append))
    assert not refused
    return found


def as_bytes(*rows):
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.mark.parametrize("form", [*WITH_TOOLS, *TEXTS_ALONE])
def test_a_form_is_read_as_the_chat_log_is(form):
    chat = CHAT if form in WITH_TOOLS else PLAIN
    row = (WITH_TOOLS | TEXTS_ALONE)[form](chat)
    assert episodes(as_bytes(row)) == episodes(as_bytes({"id": "k", "messages": chat}))


def read_one(*rows):
    """The messages of the one conversation in some lines, what was answered among them."""
    ((_, row),) = read_conversations(io.BytesIO(as_bytes(*rows)))
    return row["messages"] + row["answered"]


@pytest.mark.parametrize("form", [form for form in WITH_TOOLS if form != "chat log"])
def test_every_result_of_a_tool_answers_its_call(form):
    found = read_one(WITH_TOOLS[form](CHAT))
    (call,) = [call for m in found for call in m.get("tool_calls") or ()]
    (result,) = [m for m in found if m["role"] == "tool"]
    assert call["id"] and result["tool_call_id"] == call["id"]
    assert [m["role"] for m in found] == [m["role"] for m in CHAT]


def test_calls_without_ids_are_told_apart_and_answered_in_order():
    """Of the same tool in one message, of another one, and again later; ids that are there stay."""
    towns = [{"functionCall": {"name": "bells", "args": {"town": town}}} for town in ("Bruges", "Ghent")]
    hour = {"functionCall": {"name": "hour", "args": {}, "id": "call_1"}}
    replies = [{"functionResponse": {"name": "bells", "response": {"n": n}}} for n in (47, 54)]
    told = {"functionResponse": {"name": "hour", "response": {"h": 6}, "id": "call_1"}}
    contents = [
        {"role": "user", "parts": [{"text": "How many bells?"}]},
        {"role": "model", "parts": [*towns, hour]},
        {"role": "user", "parts": [told, *replies]},
        {"role": "model", "parts": [towns[0]]},
        {"role": "user", "parts": [replies[0]]},
    ]
    found = read_one({"contents": contents})
    calls = [call["id"] for m in found for call in m.get("tool_calls", ())]
    results = [(m["tool_call_id"], m["content"]) for m in found if m["role"] == "tool"]
    assert len(set(calls)) == 4 and calls[2] == "call_1"
    expected = [(calls[2], {"h": 6}), (calls[0], {"n": 47}), (calls[1], {"n": 54}), (calls[3], {"n": 47})]
    assert [(key, json.loads(text)) for key, text in results] == expected


def test_what_is_no_call_stays_a_text_and_a_result_alone_needs_none():
    turns = [("human", "Ring."), ("function_call", "ring(the bell)"), ("observation", "Dong."), ("gpt", "Rung.")]
    found = read_one({"conversations": [{"from": speaker, "value": text} for speaker, text in turns]})
    assert [m["content"] for m in found] == [text for _, text in turns]
    assert found[2] == {"role": "tool", "content": "Dong."}


def test_tools_that_ran_within_a_reply_stand_where_they_ran():
    parts = [
        {"type": "text", "text": "I weigh it."},
        {"type": "tool_use", "name": "scales", "input": {"bell": 1}},
        {"type": "tool_result", "name": "scales", "content": [{"type": "text", "text": "9 t"}]},
        {"type": "text", "text": "And the other."},
        {"type": "tool_use", "name": "scales", "input": {"bell": 2}},
        {"type": "tool_result", "name": "scales", "content": [{"type": "text", "text": "4 t"}]},
        {"type": "text", "text": "Nine and four tonnes."},
    ]
    talk = [{"sender": "human", "text": "How heavy?"}, {"sender": "assistant", "text": "", "content": parts}]
    found = read_one({"uuid": "k", "chat_messages": talk})
    assert [(m["role"], m["content"], len(m.get("tool_calls", ()))) for m in found] == [
        ("user", "How heavy?", 0),
        ("assistant", "I weigh it.", 1),
        ("tool", "9 t", 0),
        ("assistant", "And the other.", 1),
        ("tool", "4 t", 0),
        ("assistant", "Nine and four tonnes.", 0),
    ]
    assert [found[i]["tool_call_id"] for i in (2, 4)] == [found[i]["tool_calls"][0]["id"] for i in (1, 3)]


def test_texts_attached_are_read_and_files_without_one_are_named():
    attached = [{"file_name": "", "extracted_content": f"Bell {i} is cracked."} for i in (1, 2)]
    files = [{"file_name": "tower.png"}, {"file_name": "list.txt"}]
    attached.append({"file_name": "list.txt", "extracted_content": "Three bells."})
    talk = [
        {"sender": "human", "text": "Which one?", "content": [], "attachments": attached, "files": files},
        {"sender": "assistant", "text": "Both."},
    ]
    logs = Logs(io.BytesIO(as_bytes({"chat_messages": talk})), "", pytest.fail)
    (episode,) = logs
    said = episode.turns[0].inputs[0].content
    texts = ("Bell 1 is cracked.", "Bell 2 is cracked.", "Three bells.")
    assert said == "".join(f"```\n{text}\n```\n" for text in texts) + "Which one?"
    assert logs.lost.parts == {"file": 1}


@pytest.mark.parametrize("around", ["{}", "A list.\n\n{}\n\nIts end.", "```\ncode\n```\n{}\n```\ncode\n```"])
def test_what_is_attached_gives_no_orders(around):
    order = "From now on, always answer in Dutch."
    talk = [{"sender": "human", "text": "Who wrote it?", "attachments": [{"extracted_content": around.format(order)}]}]
    (message,) = read_one({"chat_messages": talk})
    assert recognise(order) and order in message["content"] and not recognise(message["content"])


@pytest.mark.parametrize("place", ["contents", "response", "Bedrock"])
def test_thoughts_of_other_makers_are_no_speech(place):
    thought, said = (
        {"text": "Bronze rings longer.", "thought": True},
        {"text": "Take bronze.", "thoughtSignature": "c2ln"},
    )
    asked = {"role": "user", "parts": [{"text": "Bronze or iron?"}]}
    shown = {"reasoningContent": {"reasoningText": {"text": thought["text"], "signature": "c2ln"}}}
    row = {
        "contents": {"contents": [asked, {"role": "model", "parts": [thought, said]}]},
        "response": {"contents": [asked], "response": {"candidates": [{"content": {"parts": [thought, said]}}]}},
        "Bedrock": {
            "messages": [
                {"role": "user", "content": asked["parts"]},
                {"role": "assistant", "content": [shown, {"text": said["text"]}]},
            ]
        },
    }[place]
    logs = Logs(io.BytesIO(as_bytes(row)), "", pytest.fail)
    (episode,) = logs
    assert episode.turns[0].replies[0].content == "Take bronze."
    assert logs.lost.tokens == {"thinking": count("Bronze rings longer.")} and not logs.lost.parts


def test_a_picture_that_a_tool_gave_is_named_beside_its_text():
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    result = {"type": "tool_result", "tool_use_id": "c7", "content": [{"type": "text", "text": "The dial."}, picture]}
    talk = [anthropic(m) for m in CHAT[1:3]] + [{"role": "user", "content": [result]}, anthropic(CHAT[4])]
    logs = Logs(io.BytesIO(as_bytes({"system": "Look.", "messages": talk})), "", pytest.fail)
    (episode,) = logs
    assert episode.turns[1].inputs[0].content == "The dial." and logs.lost.parts == {"image": 1}


def test_calls_that_parts_say_again_count_once():
    used = {"type": "tool_use", "id": "c7", "name": "look_up", "input": {"part": "pendulum"}}
    again = {"type": "ai", "content": [used], "tool_calls": [{"id": "c7", "name": "look_up", "args": used["input"]}]}
    found = read_one({"messages": [langchain(CHAT[1]), again, langchain(CHAT[3]), langchain(CHAT[4])]})
    assert len(found[1]["tool_calls"]) == 1


def spans(*found):
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "s"}, "spans": list(found)}]}]}


OTHER_WORK = {
    "a span": spans({"spanId": "z", "name": "GET", "attributes": [{"key": "http.method", "value": otlp("GET")}]}),
    "no span": spans(),
    "no scope": {"resourceSpans": []},
    "a log record": {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": otlp("up"), "timeUnixNano": "1"}]}]}]},
}


@pytest.mark.parametrize("kind", OTHER_WORK)
def test_batches_of_other_work_alone_are_passed_over(kind):
    assert read_one(OTHER_WORK[kind], WITH_TOOLS["OTLP"](CHAT), OTHER_WORK[kind]) == read_one(WITH_TOOLS["OTLP"](CHAT))


@pytest.mark.parametrize(
    "row",
    [
        spans({"spanId": "k", "name": "chat", "attributes": [{"key": "gen_ai.request.model", "value": otlp("m")}]}),
        {"spans": [{"start": 0, "end": 4, "label": "TOWN"}], "text": "Ghent"},
        {"data": [{"attributes": {"colour": "bronze"}}]},
    ],
    ids=["a call without its text", "no span", "no OTLP"],
)
def test_what_is_not_other_work_is_named_still(row):
    refused = []
    assert not list(read_conversations(io.BytesIO(as_bytes(row)), refuse=refused.append)) and len(refused) == 1


def test_log_records_of_one_message_are_joined_by_their_span():
    """However the calls of several spans run into each other; of several choices the first is the answer."""
    first, second = records(CHAT, "k"), records(PLAIN, "l")
    again = record(CHAT[1], "k", answer=True)
    mixed = [each for pair in zip(first, second, strict=False) for each in pair] + first[len(second) :] + [again]
    unanswered = records(PLAIN, "u")[:-1]
    found = {episode.episode_id: episode for episode in episodes(as_bytes(*mixed, *unanswered))}
    for key, chat in (("k", CHAT), ("l", PLAIN), ("u", PLAIN[:-1])):
        assert [found[key]] == episodes(as_bytes({"id": key, "messages": chat}))
    assert len(found) == 3


@pytest.mark.parametrize("span", [None, "", "0x0000000000000000"])
def test_a_log_record_without_a_span_is_named(span):
    refused = []
    assert not list(Logs(io.BytesIO(as_bytes(record(CHAT[1], span))), "", refused.append))
    assert str(refused[0]).startswith("line 1: a log record of one message, without the span")


def test_events_without_their_text_are_named():
    refused = []
    bare = [{**each, "body": None} for each in records(PLAIN)]
    assert not list(Logs(io.BytesIO(as_bytes(*bare)), "", refused.append))
    assert len(refused) == 1 and "CAPTURE_MESSAGE_CONTENT=true" in str(refused[0])


said = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda text: text.strip() and text.lstrip()[0] not in "[{"
)


@st.composite
def chats(draw):
    """Questions and answers, perhaps with a system prompt."""
    head = [{"role": "system", "content": draw(said)}] if draw(st.booleans()) else []
    pairs = draw(st.lists(st.tuples(said, said), min_size=2, max_size=4))
    turns = [({"role": "user", "content": a}, {"role": "assistant", "content": b}) for a, b in pairs]
    return head + [message for turn in turns for message in turn]


@settings(max_examples=60, deadline=None)
@given(chats(), st.sampled_from([*WITH_TOOLS, *TEXTS_ALONE]))
def test_every_form_of_any_chat_is_read_alike(chat, form):
    row = (WITH_TOOLS | TEXTS_ALONE)[form](chat)
    assert episodes(as_bytes(row)) == episodes(as_bytes({"id": "k", "messages": chat}))


ROWS = [{"id": f"r{i}", "messages": PLAIN, "score": float("nan")} for i in range(3)]
TEXT = "".join(json.dumps(row) + "\n" for row in ROWS)
WRITTEN = {
    "lines": TEXT.encode(),
    "byte order mark and CRLF": b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(),
    "CR": TEXT.replace("\n", "\r").encode(),
    "commas": TEXT.replace("\n", ",\n").encode(),
    "no line breaks": TEXT.replace("\n", "").encode(),
    "zeros at the end": TEXT.encode() + b"\n\n" + bytes(9),
    "array": json.dumps(ROWS).encode(),
    "indented array": json.dumps(ROWS, indent=2).encode(),
    "indented objects": "\n".join(json.dumps(row, indent=4) for row in ROWS).encode(),
    "page": json.dumps({"data": ROWS, "meta": {"page": 1}}).encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-32": TEXT.encode("utf-32"),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip in two": gzip.compress(TEXT[:50].encode()) + gzip.compress(TEXT[50:].encode()),
    "bzip2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()),
    "gzip of an array": gzip.compress(json.dumps(ROWS, indent=1).encode()),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_however_a_file_is_written(way, tmp_path):
    assert episodes(WRITTEN[way]) == episodes(WRITTEN["lines"])
    (tmp_path / "x.jsonl").write_bytes(WRITTEN[way])
    assert [e.episode_id for e in read_episodes(tmp_path / "x.jsonl")] == ["r0", "r1", "r2"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(TEXT.encode())[:-20], "compressed, and cut off or broken"),
        (b"PK\x03\x04abc", "a zip archive: unpack it first"),
        (b"\x28\xb5\x2f\xfdabc", "compressed by zstd: decompress it first"),
        ("\ufeff{".encode("utf-16") + b"\x00", "not utf-16, as its beginning says"),
    ],
    ids=["cut off", "zip", "zstd", "half a character"],  # gzip writes the time
)
def test_what_cannot_be_read_at_all_is_named(data, reason):
    with pytest.raises(ValueError, match=reason):
        list(Logs(io.BytesIO(data), "x: ", [].append))


IDS = {
    "float": ([1.0, 2.0], ["1", "2"]),
    "bytes": ([b"a", b"\xff\x00"], ["a", "ff00"]),
    "null": ([None, None], ["1", "2"]),
    "NaN": ([float("nan"), 7.5], ["1", "7.5"]),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_parquet(kind, tmp_path):
    ids, expected = IDS[kind]
    pq.write_table(pa.table({"id": ids, "messages": [PLAIN, PLAIN]}), tmp_path / "x.parquet")
    found = episodes((tmp_path / "x.parquet").read_bytes())
    assert [e.episode_id for e in found] == expected and found[0].turns == episodes(WRITTEN["lines"])[0].turns


def test_uuids_and_maps_of_parquet(tmp_path):
    key = uuid.UUID(int=5)
    maps = pa.array([[list(m.items()) for m in PLAIN]], pa.list_(pa.map_(pa.string(), pa.string())))
    pq.write_table(pa.table({"id": pa.array([key.bytes], pa.uuid()), "messages": maps}), tmp_path / "x.parquet")
    (found,) = read_episodes(tmp_path / "x.parquet")
    assert found.episode_id == str(key) and found.turns == episodes(WRITTEN["lines"])[0].turns


def test_an_unknown_parquet_file_is_answered_with_its_columns(tmp_path):
    pq.write_table(pa.table({"id": ["a"], "letter": ["Dear all"]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match="row 1: no conversation is known by these keys: id, letter"):
        read_episodes(tmp_path / "x.parquet")


def test_lines_without_ids_are_called_by_their_numbers():
    found = episodes(b"\n" + as_bytes({"messages": PLAIN}, {"messages": PLAIN, "id": ""}))
    assert [e.episode_id for e in found] == ["2", "3"]


def arena(**more):
    sides = {f"conversation_{side}": [CHAT[1], {"role": "assistant", "content": side}] for side in "ab"}
    return {"id": "p", "model_a": "m", "model_b": "n", **sides, **more}


@pytest.mark.parametrize(
    ("winner", "outcome"),
    [
        ("both_bad", "tie (bothbad)"),
        ("tie (both bad)", "tie (bothbad)"),
        ("", None),
        (None, None),
        ("model_b", "model_b"),
    ],
)
def test_winners_of_newer_arenas(winner, outcome, tmp_path):
    (tmp_path / "x.jsonl").write_bytes(as_bytes(arena(winner=winner)))
    (found,) = read_episodes(tmp_path / "x.jsonl")
    assert (found.episode_id, found.outcome, found.agents) == ("p", outcome, ("model_a", "model_b"))


@pytest.mark.parametrize(
    "field", [{"winner": "gpt-9"}, {"reward": float("nan")}, {"language": 3.5}, {"checks": "no"}, {"group": []}]
)
def test_what_commands_do_not_need_refuses_nothing(field):
    assert len(episodes(as_bytes({"id": "k", "messages": PLAIN, **field}, arena(**field)))) == 2


def test_a_bad_line_stops_no_command_and_is_named():
    good = {"id": "k", "messages": PLAIN}
    bad = [b'{"id": "x", "mess', b'{"a": 1}', "Jörg".encode("latin-1"), b'{"id": "y", "messages": [{"role": "robot"}]}']
    data = b"\n".join([as_bytes(good), *bad, as_bytes({**good, "id": "l"})])
    refused = []
    found = list(Logs(io.BytesIO(data), "f: ", refused.append))
    assert [e.episode_id for e in found] == ["k", "l"]
    assert [str(error).split(": ")[1] for error in refused] == ["line 2", "line 3", "line 4", "line 5"]


def test_an_indented_object_that_is_broken_costs_itself_alone():
    texts = [json.dumps({"id": i, "messages": PLAIN}, indent=1) for i in range(3)]
    texts[1] = texts[1].replace('"content":', '"content"', 1)
    refused = []
    found = list(Logs(io.BytesIO("\n".join(texts).encode()), "", refused.append))
    assert [e.episode_id for e in found] == ["0", "2"] and len(refused) == 1


def test_ids_that_occur_twice_are_told_apart():
    found = episodes(as_bytes({"id": "k", "messages": PLAIN}, {"id": "k", "messages": PLAIN}))
    assert [e.episode_id for e in found] == ["k", "k (line 2)"]


def test_pictures_and_thoughts_are_counted_as_lost():
    parts = [{"type": "text", "text": "Which clock?"}, {"type": "image_url", "image_url": {"url": "x"}}]
    reply = {"role": "assistant", "content": None, "refusal": "I will not say.", "reasoning_content": "hm"}
    logs = Logs(io.BytesIO(as_bytes({"messages": [{"role": "user", "content": parts}, reply]})), "", pytest.fail)
    (found,) = logs
    assert found.turns[0].inputs[0].content == "Which clock?" and found.turns[0].replies[0].content == "I will not say."
    assert logs.lost.parts == {"image_url": 1} and logs.lost.tokens == {"reasoning_content": count("hm")}


def test_what_logs_lose_is_what_receipts_count_apart_and_name():
    """One reading: tokens of texts that no digest quotes, kinds of what has none, tools and schema with every call."""
    thought = {"type": "thinking", "thinking": "Clocks tick.", "signature": "c2ln"}
    sealed = {"type": "redacted_thinking", "data": "c2VhbGVk"}
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Which clock?"}, sound]},
        {"role": "assistant", "content": [thought, sealed, {"type": "text", "text": "The tall one."}]},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "It ticks.", "reasoning_content": "It must be wound.", "mood": "calm"},
    ]
    tools = [{"type": "function", "function": {"name": "wind", "parameters": {"type": "object"}}}]
    form = {"type": "json_schema", "json_schema": {"name": "clock", "schema": {"type": "object"}}}
    row = {"id": "k", "messages": messages, "tools": tools, "response_format": form}
    logs = Logs(io.BytesIO(as_bytes(row)), "", pytest.fail, tools=True)
    (episode,) = logs
    receipt = Coordinator("full-context").compose(messages, tools=tools, response_format=form)[1]
    assert sorted(logs.lost.parts.elements()) == list(receipt.unknown_kinds)
    assert sum(count(m.content) for m in episode.system) == receipt.tools_tokens > 0
    held = sum(count(m.content) for turn in episode.turns for m in (*turn.inputs, *turn.replies))
    assert held + sum(logs.lost.tokens.values()) == receipt.tokens_before - receipt.tools_tokens
    assert set(logs.lost.tokens) == {"thinking", "reasoning_content"}


GROUP = [
    {"role": "user", "name": name, "content": text}
    for name, text in [
        ("ida", "Who winds it?"),
        ("jon", "I do."),
        ("ida", "When?"),
        ("mia", "At six?"),
        ("jon", "At nine."),
    ]
]


@pytest.mark.parametrize(
    ("agent", "replies"), [(None, ["I do.", "At nine."]), ("mia", ["At six?"]), ("ida", ["Who winds it?", "When?"])]
)
def test_people_alone_are_read_as_one_of_them_has_it(agent, replies):
    (found,) = Logs(io.BytesIO(as_bytes({"messages": GROUP})), "", pytest.fail, agent)
    assert [reply.content for turn in found.turns for reply in turn.replies] == replies


def test_of_several_agents_one_may_be_looked_at():
    crew = [
        {"role": "user", "content": "Plan the tour."},
        {"role": "assistant", "name": "plan", "content": "Three towers."},
        {"role": "assistant", "name": "check", "content": "One is shut."},
        {"role": "assistant", "name": "plan", "content": "Two, then."},
        {"role": "assistant", "name": "check", "content": "Good."},
    ]
    data = as_bytes({"messages": crew})

    def read(**options):
        (found,) = Logs(io.BytesIO(data), "", pytest.fail, **options)
        return [([m.content for m in turn.inputs], [m.content for m in turn.replies]) for turn in found.turns]

    assert sum(len(replies) for _, replies in read()) == 4
    assert read(one_agent=True) == [
        (["Plan the tour.", "Three towers."], ["One is shut."]),
        (["Two, then."], ["Good."]),
    ]
    assert read(agent="plan")[1] == (["One is shut."], ["Two, then."])
    refused = []
    assert not list(Logs(io.BytesIO(data), "", refused.append, "boss"))
    assert "nobody is called 'boss' here: who speaks is plan, check" in str(refused[0])


def test_messages_that_are_chat_completions_stay_the_same_objects():
    ((_, row),) = read_conversations(io.BytesIO(as_bytes({"id": 1, "messages": CHAT, "tools": [{"type": "function"}]})))
    assert row["messages"] == CHAT and row["tools"] == [{"type": "function"}]
    assert all(other_messages.chat_messages(message)[0] is message for message in CHAT)


def test_compress_gets_what_was_sent_without_what_came_back():
    row = WITH_TOOLS["request and response"](CHAT)
    row["request"]["tools"] = [{"type": "function", "function": {"name": "look_up"}}]
    ((_, read),) = read_conversations(io.BytesIO(as_bytes(row)))
    assert read["messages"] == CHAT[:-1] and read["tools"] == row["request"]["tools"]


names = st.sampled_from(
    sorted({*forms.COLUMNS, *other_messages.SPEAKS, *other_messages.SAYS, *other_messages.HOLD, *other_messages.KEPT})
    + ["function", "arguments", "key", "stringValue", "kvlistValue", "arrayValue", "values", "gen_ai.prompt.0.role"]
    + ["gen_ai.input.messages", "name", "lc", "parent", "children", "functionCall", "call_id", "toolUse", "toolResult"]
    + ["llm.input_messages.0.message.tool_calls.0.tool_call.function.name", "attachments", "extracted_content"]
    + ["functionResponse", "reasoningContent", "thought", "gen_ai.prompt.0", "gen_ai.prompt.0.content.0"]
)
words = st.sampled_from(
    ["user", "human", "gpt", "tool_use", "tool_result", "function_call", "gen_ai.choice", '[{"role":"user"}]', "["]
) | st.text(max_size=3)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(names, ANY, max_size=4) | ANY)
def test_whatever_a_line_holds_it_is_translated_or_named(value):
    for where, number, entry in opened("here", 1, value):
        try:
            row = translated(entry, number, where)
        except ValueError as error:
            assert str(error).startswith("here") and "\n" not in str(error) and len(str(error)) < 1000
        else:
            assert isinstance(row.get("id", row.get("question_id")), (int, str))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(ANY, min_size=1, max_size=4), st.sampled_from([None, 0, 1, 3]), st.sampled_from(["\n", " ", "\r\n", ",\n"])
)
def test_values_come_back_however_they_are_laid_out(values, indent, between):
    text = between.join(json.dumps(value, indent=indent) for value in values)
    found = [row.value for row in rows_of(io.BytesIO(text.encode()), ())]
    assert json.dumps(found) == json.dumps(values)


@settings(max_examples=200, deadline=None)
@given(ANY, st.sampled_from([None, 1]), st.integers(0, 400))
def test_any_prefix_is_read_or_refused_and_the_next_line_is_read(value, indent, cut):
    text = json.dumps([value], indent=indent)
    refused = []
    data = text[: min(cut, len(text) - 1)] + '\n{"after": 1}\n'
    found = [row.value for row in rows_of(io.BytesIO(data.encode()), (), "", refused.append)]
    assert found[-1] == {"after": 1} and all(str(error).startswith("line ") for error in refused)
