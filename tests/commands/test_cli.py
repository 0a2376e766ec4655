"""The command line: what it costs to start, what it says, what it makes of good and bad input."""

import itertools
import json
import resource
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.cli import COMMANDS, main
from lrrc.commands.compress import compress_file
from lrrc.commands.pipes import MOST_TOLD, LeftOut
from lrrc.episodes.chat_message import text_of
from lrrc.episodes.parsing import parse_messages
from lrrc.middleware import Coordinator
from lrrc.policies.base import Policy
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import WHOLE
from lrrc.pretrained import tokens

HEAVY = (
    "torch",
    "mlflow",
    "lightning",
    "transformers",
    "pandas",
    "pyarrow",
    "numpy",
    "tiktoken",
    "yaml",
    "dvc",
)


NOTHING = load_policy(PolicySpec("no-history"))


def line(**row):
    return json.dumps(row)


def chat(*contents):
    """Messages of a user and an assistant in turn, the user first."""
    roles = itertools.cycle(("user", "assistant"))
    return [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]


def test_help_is_fast_and_imports_nothing_heavy():
    code = (
        "import sys, runpy; sys.argv = ['lrrc', '--help']\n"
        "try: from lrrc.cli import main; main()\n"
        f"except SystemExit: print('heavy:', [m for m in {HEAVY} if m in sys.modules])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert out.rstrip().endswith("heavy: []")
    assert all(name in out for name in COMMANDS)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime <= 0.3


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0 and f"lrrc {name}" in capsys.readouterr().out


def test_good_lines_survive_bad_ones(tmp_path):
    lines = [
        line(id="a", messages=chat("one two", "three", "four")),
        "{not json",
        line(id="b", messages=[]),
        line(id="c", messages=chat("question", "answer")),
        "",
        line(id="d", messages=[{"role": "robot", "content": "x"}]),
        line(id="e", messages=[{"role": "user", "content": 5}]),
        line(id=None, messages=chat("no id")),
        line(id="f", agent=5, messages=chat("x")),
        line(id="g", messages="none"),
        '{"id": "h", "messages": NaN}',
        "[" * 100_000,
        line(id="\ud800", messages=chat("x")),
        line(id=7, messages=[{"role": "user", "name": "ann", "content": "lone \ud800 \u202e <|endoftext|>"}]),
    ]
    source, target = tmp_path / "in.jsonl", tmp_path / "new" / "out.jsonl"
    source.write_bytes("\n".join(lines).encode() + b'\n{"id": "\xff"}\n')
    left_out = LeftOut()
    tally = compress_file(source, target, NOTHING, left_out)
    reasons = left_out.reasons
    answers = [json.loads(text) for text in target.read_text(encoding="utf-8").splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "c", 8, "\ufffd", 7]
    payload, receipt = Coordinator(NOTHING).compose(chat("one two", "three", "four"), conversation="a")
    assert answers[0] == {"id": "a", "messages": payload, "receipt": json.loads(json.dumps(receipt.to_dict()))}
    assert payload[-1] == {"role": "user", "content": "four"}
    assert answers[-1]["messages"][0]["name"] == "ann" and "<|endoftext|>" in answers[-1]["messages"][0]["content"]
    assert [int(reason.removeprefix(f"{source}: line ").split(":")[0]) for reason in reasons] == [
        2,
        3,
        6,
        7,
        9,
        10,
        11,
        12,
        15,
    ]
    assert all("\n" not in reason and len(reason.removeprefix(str(source))) < 400 for reason in reasons)
    assert (tally.written, left_out.count) == (5, 9)
    assert tally.tokens_after == sum(answer["receipt"]["tokens_after"] for answer in answers)


def test_one_chat_is_one_text_and_one_count_wherever_it_goes(tmp_path):
    """`lrrc compress`, the middleware and the reading of logs."""
    function = {"name": "search", "arguments": '{"query": "ferries"}'}
    messages = [
        *chat("Find me a ferry."),
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "a", "content": "The blue ferry leaves at nine. " * 9},
        {"role": "assistant", "content": [{"type": "text", "text": "At nine."}]},
        *chat("And the next one?"),
    ]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(line(id=1, messages=messages))
    assert compress_file(source, target, load_policy(PolicySpec("bm25", 20)), LeftOut()).written == 1
    answer = json.loads(target.read_text())
    payload, receipt = Coordinator("bm25", 20).compose(messages)
    assert answer["messages"] == payload
    assert answer["receipt"] == json.loads(json.dumps(receipt.to_dict())) | {"conversation": "1"}
    texts = [message.content for message in parse_messages(messages, "here")]
    assert texts[1] == 'search({"query": "ferries"})' and texts == [text_of(message) for message in messages]
    assert receipt.tokens_before == sum(map(tokens.count, texts)) and receipt.action == "rewritten"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "tool", "assistant", "robot"]) | JSON, "content": st.text() | JSON},
    optional={"name": JSON, "tool_calls": JSON},
)
ROW = st.fixed_dictionaries({"id": st.text() | JSON, "messages": st.lists(MESSAGE, max_size=3) | JSON})


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(ROW | JSON, max_size=8), cut=st.integers(0, 40), noise=st.binary(max_size=6))
def test_any_input_is_answered_or_reported(rows, cut, noise, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    source, target = folder / "any.jsonl", folder / "answers.jsonl"
    lines = [json.dumps(row).encode() for row in rows]
    lines += [line[:cut] + noise.replace(b"\n", b"") + line[cut:] for line in lines]
    source.write_bytes(b"\n".join(lines))
    target.write_text("old")
    left_out = LeftOut()
    try:
        written = compress_file(source, target, NOTHING, left_out).written
    except ValueError as error:
        assert target.read_text() == "old" and str(error).startswith(f"{source}: ")
        written, answers = 0, []
    else:
        answers = [json.loads(line) for line in target.read_text(encoding="utf-8").split("\n")[:-1]]
        assert answers
    assert len(answers) == written and len(left_out.reasons) == min(left_out.count, MOST_TOLD)
    assert bool(answers or left_out.count) == any(
        line.decode("utf-8", "replace").strip(" \t\r\f\v,\0\x1c\x1d\x1e\x1f\x85\xa0\ufeff") for line in lines
    )
    assert all("\n" not in reason and reason.startswith(f"{source}: line ") for reason in left_out.reasons)


def test_output_is_whole_or_absent(tmp_path):
    class Broken(Policy):
        def session(self, agents):
            raise OSError("no space left")

    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(line(id=1, messages=chat("x")))
    target.write_text("old")
    with pytest.raises(OSError, match="no space"):
        compress_file(source, target, Broken(PolicySpec("recency")), LeftOut())
    assert target.read_text() == "old" and sorted(tmp_path.iterdir()) == [source, target]
    for wrong in (source, tmp_path):
        with pytest.raises(ValueError, match="file of its own"):
            compress_file(source, wrong, NOTHING, LeftOut())


def test_a_large_file_passes_in_small_memory(tmp_path):
    import tracemalloc

    row = line(id="a", messages=chat("word " * 20_000))
    source = tmp_path / "in.jsonl"
    with source.open("w") as out:
        out.writelines(f"{row}\n" for _ in range(100))
    tracemalloc.start()
    tally = compress_file(source, tmp_path / "out.jsonl", NOTHING, LeftOut())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tally.written == 100 and peak < source.stat().st_size / 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent.jsonl", "out.jsonl"], "absent.jsonl: no such file"),
        (["in.jsonl", "out.jsonl", "--budget", "-1"], "--budget = -1"),
    ],
)
def test_mistakes_end_in_one_line(arguments, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_text("")
    assert main(["compress", *arguments]) == 1
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_secrets_stay_out_of_error_messages(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "hf_planted0123456789")
    assert main(["compress", str(tmp_path / "hf_planted0123456789"), "out.jsonl"]) == 1
    assert "hf_planted" not in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["full-context", "truncated-history", "recency", "first-sentences", "bm25"])
def test_real_policies_keep_the_budget_and_name_their_sources(policy, tmp_path, capsys):
    facts = [f"Parcel {i} weighs {i * 7} kg. It left depot {i}, and nobody has asked for it since." for i in range(30)]
    messages = chat(*facts, "How heavy is parcel 11?")
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(line(id="a", messages=messages) + "\n{\n" + line(id="b", messages=chat("Hello")) + "\n")
    assert main(["compress", str(source), str(target), "--policy", policy, "--budget", "60"]) == 2
    assert "line 2" in capsys.readouterr().err
    first, second = (json.loads(text) for text in target.read_text().splitlines())
    receipt = first["receipt"]
    assert receipt["policy"] == policy and receipt["digest_tokens"] <= 60
    assert receipt["tokens_after"] == sum(tokens.count(message["content"]) for message in first["messages"])
    assert receipt["tokens_before"] == sum(tokens.count(message["content"]) for message in messages)
    assert first["messages"][-1]["content"].endswith(messages[-1]["content"]) and second["messages"] == chat("Hello")
    sent = " ".join(message["content"] for message in first["messages"])
    spans = [messages[s["message"]]["content"][s["start"] : s["end"]] for s in receipt["sources"]]
    assert bool(spans) == (policy not in WHOLE) and all(span in sent for span in spans)
    assert [m for m in first["messages"] if m in messages] == [messages[i] for i in receipt["kept"]]
    assert ("77 kg" in sent) == (policy in ("full-context", "bm25"))
