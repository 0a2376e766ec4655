"""`lrrc compress`: who is to answer, and conversations in the forms of other tools."""

import gzip
import json
import os
import subprocess
import sys

import pytest

from lrrc.cli import main
from lrrc.middleware import Coordinator, anthropic_messages

FILL = " The ferryman notes every crossing in a green book and hangs it beside the bell." * 3


def said(role, text, name=None):
    return {"role": role, **({"name": name} if name else {}), "content": f"{text}{FILL}"}


TALK = [
    said("user", "Our ferry holds nine sheep."),
    said("assistant", "Nine sheep, one trip."),
    said("user", "The bridge is shut until May."),
    said("assistant", "So all go by water."),
    {"role": "user", "content": "How many sheep does the ferry hold?"},
]


@pytest.fixture
def compress(tmp_path, capsys):
    """Run the command on rows or bytes: exit status, answers, what it said."""

    def run(rows, *options):
        source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        source.write_bytes(rows if isinstance(rows, bytes) else "\n".join(map(json.dumps, rows)).encode())
        status = main(["compress", str(source), str(target), "--policy", "bm25", *options])
        lines = target.read_text(encoding="utf-8").splitlines() if target.exists() else []
        return status, [json.loads(line) for line in lines], capsys.readouterr().err

    return run


def test_the_beginning_of_the_answer_stays_last(compress):
    messages = [*TALK, {"role": "assistant", "content": '{"sheep":'}]
    status, (answer,), _ = compress([{"messages": messages}])
    assert status == 0 and answer["id"] == 1 and answer["messages"][-1] == messages[-1]
    assert answer["receipt"]["action"] == "rewritten"


def test_another_agents_message_is_answered(compress):
    messages = [
        *TALK[:4],
        TALK[4],
        {"role": "assistant", "name": "counter", "content": "Nine, by the book."},
    ]
    status, (answer,), _ = compress([{"id": "a", "messages": messages, "agent": "checker"}])
    assert status == 0 and answer["messages"][-1] == messages[-1]
    assert answer["receipt"]["agent"] == "checker" and answer["receipt"]["action"] == "rewritten"


PEOPLE = [said("user", f"Crossing {i} had {i} sheep.", ("ove", "liv", "kai")[i % 3]) for i in range(9)]


@pytest.mark.parametrize("place", ["row", "option"])
def test_people_alone_are_shortened_for_who_is_to_answer(compress, place):
    row = {"id": "a", "messages": PEOPLE} | ({"agent": "liv"} if place == "row" else {})
    status, (answer,), told = compress([row], *(["--agent", "liv"] if place == "option" else []))
    assert status == 0 and answer["receipt"]["action"] == "rewritten" and "--agent" not in told
    assert answer["messages"][-1] == PEOPLE[-1]
    assert not [m for m in answer["messages"] if m["role"] == "user" and m.get("name") == "liv"]


def test_people_alone_without_a_name_are_sent_whole_and_that_is_said(compress):
    status, (answer,), told = compress([{"id": "a", "messages": PEOPLE}])
    assert status == 0 and answer["messages"] == PEOPLE and "1 of people alone sent whole: name by --agent" in told


def test_a_request_of_an_agent_can_be_sent_as_it_comes_out(compress):
    call = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
    tools = [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]
    messages = [
        *TALK,
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Ask the tide."},
        {"role": "tool", "tool_call_id": "c1", "content": "Low at noon."},
    ]
    rows = [{"id": 1, "messages": messages}, {"request": {"messages": messages, "tools": tools}, "response": {}}]
    status, answers, _ = compress(rows)
    assert status == 0 and [answer["messages"][-2:] for answer in answers] == [messages[-2:]] * 2


def test_what_came_back_is_no_part_of_a_request(compress):
    row = {"id": "t", "input": TALK, "output": {"role": "assistant", "content": "Nine."}}
    status, (answer,), _ = compress([row])
    payload, _ = Coordinator("bm25").compose(TALK)
    assert status == 0 and answer["messages"] == payload


def test_an_array_in_gzip_is_read(compress):
    rows = [{"conversations": [{"from": {"user": "human"}.get(m["role"], "gpt"), "value": m["content"]} for m in TALK]}]
    status, answers, _ = compress(gzip.compress(json.dumps(rows * 2).encode()))
    assert status == 0 and [answer["id"] for answer in answers] == [1, 2]
    assert answers[0]["messages"] == Coordinator("bm25").compose(TALK)[0]


def test_values_that_json_does_not_have_are_read_and_never_written(compress):
    good = {"id": 1, "messages": TALK, "latency": float("nan")}
    bad = {"id": 2, "messages": [{**TALK[4], "score": float("inf")}]}
    status, answers, told = compress([good, bad])
    assert status == 2 and [answer["id"] for answer in answers] == [1] and "in.jsonl: line 2: a number" in told


def test_many_bad_lines_are_told_briefly(compress):
    status, answers, told = compress([{"id": 0, "messages": TALK}, *[{"text": "x"}] * 50])
    assert status == 2 and len(answers) == 1
    assert told.count("no conversation is known by these keys: text") == 20 and "and 30 more" in told
    assert "1 lines written, 50 left out" in told


def test_pictures_sounds_and_refusals_stay_and_are_named(compress):
    picture = {"role": "user", "content": [{"type": "text", "text": "This?"}, {"type": "image_url", "image_url": {}}]}
    refusal = {"role": "assistant", "content": None, "refusal": "I count sheep only."}
    sound = {"role": "assistant", "content": None, "audio": {"id": "a1"}}
    messages = [picture, refusal, {"role": "user", "content": "And this?"}, sound, *TALK]
    status, (answer,), told = compress([{"id": "p", "messages": messages}])
    assert status == 0 and "1 lines written" in told
    assert picture["content"][1] in [
        part for m in answer["messages"] if isinstance(m["content"], list) for part in m["content"]
    ]
    assert answer["receipt"]["unknown_kinds"] == ["audio", "image_url"]


def test_links_are_followed(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/in.jsonl").write_text(json.dumps({"messages": TALK}))
    (tmp_path / "here").symlink_to("kept")
    (tmp_path / "link.jsonl").symlink_to("kept/in.jsonl")
    assert main(["compress", str(tmp_path / "link.jsonl"), str(tmp_path / "here/out.jsonl"), "--policy", "bm25"]) == 0
    assert json.loads((tmp_path / "kept/out.jsonl").read_text())["messages"] == Coordinator("bm25").compose(TALK)[0]


def test_bare_surroundings(tmp_path):
    """As a service or a container starts it: no home, no language, no user's mask."""
    (tmp_path / "in.jsonl").write_text(
        json.dumps({"messages": [*TALK[:4], said("user", "Wie viele Schafe trägt die Fähre?")]})
    )
    command = [sys.executable, "-m", "lrrc.cli", "compress", "in.jsonl", "-", "--policy", "bm25"]
    bare = {"PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, umask=0o077)
    assert done.returncode == 0 and "trägt die Fähre" in done.stdout.decode()


def test_an_arena_is_no_request(compress):
    row = {"question_id": "q", "conversation_a": TALK, "conversation_b": TALK}
    assert "in.jsonl: line 1: a pair of an arena" in compress([row])[2]


@pytest.mark.parametrize("agent", ["row", "option"])
def test_who_is_named_and_none_of_the_people_is_told_with_those_who_are(compress, agent):
    row = {"id": "a", "messages": PEOPLE} | ({"agent": "siv"} if agent == "row" else {})
    status, (answer,), told = compress([row], *(["--agent", "siv"] if agent == "option" else []))
    assert status == 0 and answer["messages"] == PEOPLE
    assert "in.jsonl: line 1: of people alone, sent whole: nobody is called 'siv' there: who speaks is ove, liv" in told
    assert "name by --agent" not in told


NOTHING_READ = {
    "a text": b"Dear all,\n",
    "no conversation": b'{"letter": "Dear all"}\n{"letter": "again"}\n',
    "empty": b"",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "UTF-16 of nothing": b"\xff\xfe",
    "zeros": bytes(40),
    "an array of nothing": b"[]",
}


@pytest.mark.parametrize("kind", NOTHING_READ)
@pytest.mark.parametrize("place", ["an old file", "a new file", "-"])
def test_where_nothing_can_be_read_one_line_says_so_and_nothing_is_written(tmp_path, capsys, kind, place):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(NOTHING_READ[kind])
    if place == "an old file":
        target.write_text("old")
    before = sorted(tmp_path.iterdir())
    status = main(["compress", str(source), "-" if place == "-" else str(target), "--policy", "recency"])
    told = capsys.readouterr()
    assert status == 1 and told.out == "" and told.err.count("\n") == 1 and f"{source}: " in told.err
    assert sorted(tmp_path.iterdir()) == before and (place != "an old file" or target.read_text() == "old")


def blocks(number, text):
    """A call of a tool and its result, in Anthropic's blocks."""
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": "tide", "input": {"day": number}}
    result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": [{"type": "text", "text": text}]}
    return [
        {"role": "assistant", "content": [{"type": "text", "text": "Ask the tide."}, call]},
        {"role": "user", "content": [result]},
    ]


TIDES = [message for day in range(4) for message in blocks(day, f"Low at {day + 3}.{FILL * 3}")]
ASKED = {"role": "user", "content": "When do we cross?"}
WHOLE = {
    "request": lambda sent: sent,
    "request with its response": lambda sent: {
        "request": sent,
        "response": {"role": "assistant", "content": "At six."},
    },
    "JSON text": lambda sent: {**sent, "messages": json.dumps(sent["messages"])},
}


@pytest.mark.parametrize("system", ["You keep the ferry.", [{"type": "text", "text": "You keep the ferry."}], None])
@pytest.mark.parametrize("place", WHOLE)
def test_a_request_to_anthropic_goes_out_as_one(compress, place, system):
    sent = {"model": "m", "max_tokens": 9, "messages": [*TALK[:4], ASKED, *TIDES]} | (
        {"system": system} if system else {}
    )
    status, (answer,), told = compress([WHOLE[place](sent)], "--budget", "60")
    expected, receipt = anthropic_messages.compose(Coordinator("bm25", 60), sent)
    assert status == 0 and answer["messages"] == expected and answer.get("system") == system
    assert answer["receipt"]["tokens_before"] == receipt.tokens_before > 4 * 150
    assert answer["receipt"]["unknown_kinds"] == [] and answer["receipt"]["action"] == "rewritten"
    results = [
        b for m in answer["messages"] for b in m["content"] if isinstance(b, dict) and b["type"] == "tool_result"
    ]
    assert answer["messages"][-1]["content"][0] in results  # nothing stands before a result


def test_a_system_prompt_beside_messages_of_another_form_goes_before_them(compress):
    call = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    messages = [*TALK, asked, {"role": "tool", "tool_call_id": "c1", "content": "Low at noon."}]
    prompt = {"role": "system", "content": "You keep the ferry."}
    beside = {"system": prompt["content"]}
    rows = [{"messages": messages, **beside}, {"messages": [prompt, *messages], **beside}]
    status, answers, _ = compress(rows)
    assert status == 0 and answers[0]["messages"] == answers[1]["messages"]
    assert [m for m in answers[0]["messages"] if m["role"] == "system"] == [prompt]


def test_estimate_goes_on_behind_a_bad_line_and_says_what_it_did_not_count(tmp_path, capsys):
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
    rows = [{"messages": TALK[:4]}, {"rows": []}, {"messages": [picture, TALK[1]], "winner": "the left one"}]
    logs = tmp_path / "logs.jsonl"
    logs.write_text("\n".join(map(json.dumps, rows)))
    prices = ["--price-in", "1", "--price-out", "1", "--policies", "recency"]
    assert main(["estimate", str(logs), *prices]) == 2
    told = capsys.readouterr()
    assert "2 episodes" in told.out and "1 image_url" in told.out
    assert f"{logs}: line 2: no conversation" in told.err and "1 left out, 2 read" in told.err
    logs.write_text(json.dumps(rows[1]))
    assert main(["estimate", str(logs), *prices]) == 1 and capsys.readouterr().err.count("\n") == 1
