"""Whatever comes in, through any door, is used or refused in one line that says where; nobody meets a traceback.

The commands run in this process, as `lrrc` runs them; an exception that they do not turn into a line fails the test.
"""

import contextlib
import copy
import importlib.util
import io
import json
import random
import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from helpers.broken_input import as_line, damaged, mutated
from helpers.checkpoints import write_checkpoint
from helpers.paths import ROOT
from helpers.rows import ARENA, LOG

from lrrc.cli import main
from lrrc.commands import pipes
from lrrc.episodes.episode_file import schema, to_row
from lrrc.episodes.parsing import parse_episode
from lrrc.params import load_params
from lrrc.pretrained import language_model, sentence_encoder
from lrrc.runtime.errors import run_script
from lrrc.runtime.files import write_json

PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")
PRICES = ("--price-in", "1", "--price-out", "1")
CHEAP = ("--policies", "truncated-history")
REQUEST = {
    "id": "r",
    "agent": "planner",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "The code word is heliotrope. Lentils simmer."},
        {"role": "assistant", "name": "planner", "content": "Noted. It rains."},
        {"role": "user", "name": "ann", "content": "Which code word was it?"},
    ],
}


def lrrc(*arguments):
    """Exit status, stdout and stderr of `lrrc ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse: a question of usage
            status = end.code
    return status, out.getvalue(), err.getvalue()


def told(text, start):
    """The one line of a refusal."""
    assert text.startswith(start) and text.count("\n") == 1 and text.endswith("\n") and len(text) < 1000, text[:1000]
    assert "Traceback" not in text and text.rstrip("\n").isprintable()
    return text


def good(number):
    """A conversation that stays as it is."""
    return {**LOG, "id": f"good {number}"}


def lines(path, texts):
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def test_good_requests_survive_five_hundred_bad_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(pipes, "MOST_TOLD", 1000)
    rng = random.Random(2)
    texts, untouched = [], []
    for number in range(700):
        row = {**REQUEST, "id": number}
        if number % 7 < 2:
            untouched.append(number)
            texts.append(json.dumps(row))
        else:
            line = as_line(rng, mutated(rng, row))
            texts.append(line if rng.random() < 0.8 else line[: rng.randrange(1, len(line))])
    source, target = lines(tmp_path / "in.jsonl", texts), tmp_path / "out.jsonl"
    status, out, err = lrrc("compress", source, target, "--policy", "bm25", "--budget", "12")
    assert (status, out) == (2, "")
    *reasons, total = [line for line in err.splitlines() if "of people alone" not in line]
    answers = [json.loads(line) for line in target.read_text(encoding="utf-8").split("\n")[:-1]]
    assert total.startswith(f"{len(answers)} lines written, {len(reasons)} left out")
    assert set(untouched) <= {answer["id"] for answer in answers if type(answer["id"]) is int}
    assert len(reasons) > 200
    for reason in reasons:
        assert reason.startswith(f"{source}: line ") and reason.isprintable()
        reason = reason.removeprefix(f"{source}: line ")
        assert len(reason) < 500 and (int(re.match(r"\d+", reason)[0]) - 1) % 7 >= 2


@pytest.mark.parametrize("command", ["estimate", "fidelity"])
def test_the_line_at_fault_is_named(tmp_path, command, monkeypatch):
    monkeypatch.setattr(language_model, "load", lambda folder: None)  # the logs come first
    rng, refused = random.Random(command), 0
    rest = {"estimate": (*PRICES, *CHEAP), "fidelity": ("--policies", "recency", "--calls", "2")}[command]
    for _ in range(300 if command == "estimate" else 60):
        texts = [json.dumps(good(number)) for number in range(3)]
        place = rng.randrange(3)
        texts[place] = as_line(rng, mutated(rng, {**rng.choice([ARENA, LOG]), "extra": 1}))
        path = lines(tmp_path / "logs.jsonl", texts)
        if command == "fidelity":  # what is read well would be scored next
            place = 0
            path = lines(tmp_path / "logs.jsonl", [texts[0][: rng.randrange(1, len(texts[0]))]])
        status, out, err = lrrc(command, path, *rest)
        if status == 1:
            refused += 1
            told(err, f"lrrc {command}: {path}: ")
            assert out == ""
        elif status == 2:
            refused += 1
            reasons = err.splitlines()
            assert reasons[0].startswith(f"{path}: line {place + 1}") and "left out, " in reasons[-1] and out
        else:
            assert "Infinity" not in out and "nan" not in out
    assert refused > (100 if command == "estimate" else 50)


def retyped(rng, table):
    """The table with one column of another type, renamed, doubled or gone."""
    import datetime

    at = rng.randrange(table.num_columns)
    name, rows = table.column_names[at], table.num_rows
    values = [
        (1.5, pa.float64()),
        (float("nan"), pa.float64()),
        (7, pa.int32()),
        (True, pa.bool_()),
        (b"\xff", pa.binary()),
        (None, pa.null()),
        (2**62, pa.duration("s")),
        (2**30, pa.date32()),
        (datetime.datetime(2026, 1, 1), pa.timestamp("ns")),
        (["x"], pa.list_(pa.string())),
        ("\x00", pa.string()),
        ([("role", "user")], pa.map_(pa.string(), pa.string())),
        ({"role": "user"}, pa.struct([("role", pa.string())])),
        ([{"role": "user", "content": None}], schema().field("conversation_a").type),
    ]
    kind = rng.random()
    if kind < 0.1:
        return table.remove_column(at)
    if kind < 0.2:
        return table.append_column(name, table.column(at))
    if kind < 0.3:
        return table.rename_columns(
            [rng.choice(table.column_names) if i == at else n for i, n in enumerate(table.column_names)]
        )
    value, type_ = rng.choice(values)
    return table.set_column(at, name, pa.array([value] * rows, type_))


def estimate_refuses(path):
    """Does `lrrc estimate` refuse the file? If so, in one line that names it."""
    status, out, err = lrrc("estimate", path, *PRICES, *CHEAP)
    assert status in (0, 1, 2)
    if status == 2:
        assert all(line.startswith(f"{path}: ") for line in err.splitlines()[:-1])
    if status == 1:
        told(err, f"lrrc estimate: {path}: ")
    return status


def test_parquet_with_other_columns_is_used_or_named(tmp_path):
    rng, refused = random.Random(3), 0
    rows = [to_row(parse_episode({**ARENA, "question_id": f"q{n}", "group": f"g{n}"}, "here")) for n in range(3)]
    table, path = pa.Table.from_pylist(rows, schema()), tmp_path / "logs.parquet"
    for _ in range(250):
        pq.write_table(retyped(rng, table), path)
        refused += estimate_refuses(path)
    assert refused > 40


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_damaged_files_are_used_or_named(tmp_path, suffix):
    rng, refused = random.Random(suffix), 0
    rows = [to_row(parse_episode({**ARENA, "question_id": f"q{n}"}, "here")) for n in range(6)]
    path = tmp_path / f"logs.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows, schema()), path)  # as others write it: without checksums
    else:
        lines(path, map(json.dumps, rows))
    whole = path.read_bytes()
    for _ in range(150):
        path.write_bytes(damaged(rng, whole))
        refused += estimate_refuses(path)
    assert refused > 80


def stage(name):
    """The module of a pipeline script."""
    spec = importlib.util.spec_from_file_location(f"stage_{name}", ROOT / "pipeline" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def download(monkeypatch, **data):
    """Exit status and stderr of the stage download in the working folder, with other parameters."""
    values = yaml.safe_load(PARAMS)
    values["data"] |= {"source": "files", "min_turns": 1, **data}
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["download.py", "out/episodes.parquet", "out/drawn.json"])
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run_script(stage("download").main)
        except SystemExit as end:
            status = end.code
    return status, err.getvalue()


def test_own_files_in_the_pipeline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, refused = random.Random(4), 0
    table = pa.Table.from_pylist([to_row(parse_episode(ARENA, "here"))], schema())
    for number in range(100):
        path = Path("own.jsonl" if number % 2 else "own.parquet")
        if number % 2:
            lines(path, [json.dumps(good(1)), as_line(rng, mutated(rng, {**rng.choice([ARENA, LOG]), "g": 1}))])
        else:
            pq.write_table(retyped(rng, table), path)
        status, err = download(monkeypatch, path=str(path))
        assert status in (0, 1)
        if status:
            refused += 1
            told(err, "error: own.")
            assert not Path("out").exists()
        else:
            for file in Path("out").iterdir():
                file.unlink()
            Path("out").rmdir()
    assert refused > 40


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "[" * 100_000,
        "a: {" * 2000,
        "rank: \x00",
        BOMB,
        PARAMS + "extra: " + "x" * 10_000,
        "&a {rank: *a}",
        PARAMS.replace("rank: 8", "rank: 2026-13-45"),
        PARAMS.replace("rank: 8", f"rank: 0x{'f' * 9000}"),
        PARAMS.replace("rank: 8", f"rank: {'9' * 9000}"),
        "{[1]: 2}",
        "!!python/object/apply:os.system ['true']",
        PARAMS.replace("  revision: null", "  revision: main"),
        "\ufeff\u202e: [}",
    ],
    ids=range(15),
)
def test_parameters_that_cannot_be(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError) as error:
        load_params(path)
    assert str(error.value).startswith("params: ") and "\n" not in str(error.value) and len(str(error.value)) < 1000


def test_damaged_parameters(tmp_path):
    rng, path = random.Random(5), tmp_path / "params.yaml"
    for _ in range(120):
        path.write_bytes(damaged(rng, PARAMS.encode()))
        try:
            load_params(path)
        except ValueError as error:
            assert str(error).startswith("params: ") and "\n" not in str(error) and len(str(error)) < 1000


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A working folder with a checkpoint and an encoder; the checkpoint."""
    monkeypatch.chdir(tmp_path)
    sentence_encoder.load.cache_clear()
    yield write_checkpoint(tmp_path)
    sentence_encoder.load.cache_clear()


def compressed(*rest):
    source = lines(Path("in.jsonl"), [json.dumps(REQUEST)])
    folders = ["--checkpoint", "models/train-r8-s0", "--encoder", "data/encoder"]
    return lrrc("compress", source, "out.jsonl", "--budget", "8", *folders, *rest)


def test_tampered_checkpoints(trained):
    rng, refused = random.Random(6), 0
    config, weights = (trained / "config.json").read_bytes(), (trained / "main.safetensors").read_bytes()
    assert compressed()[0] == 0
    for number in range(160):
        if number % 2:
            row = mutated(rng, json.loads(config))
            text = damaged(rng, config) if number % 4 == 1 else as_line(rng, row).encode()
            (trained / "config.json").write_bytes(text)
        else:
            head = bytearray(weights)
            head[: 2000 if number % 4 else None] = damaged(rng, weights[: 2000 if number % 4 else None])
            (trained / "main.safetensors").write_bytes(head)
        status, out, err = compressed()
        assert status in (0, 1) and out == ""
        if status:
            refused += 1
            told(err, "lrrc compress: models/train-r8-s0")
        (trained / "config.json").write_bytes(config)
        (trained / "main.safetensors").write_bytes(weights)
    assert refused > 80


@pytest.mark.parametrize(
    "changes",
    [
        {"rank": 10**15},
        {"rank": 99_999},
        {"encoder_width": 10**12},
        {"max_segment_tokens": 0},
        {"rank": -1},
        {"model": {"d": 10**18}},
        {"model": {"head_width": 10**11}},
        {"model": {"vocabulary": 10**12}},
        {"seed": "0"},
        {"policy": "../../../etc/passwd"},
        {"policy": ["lrrc"]},
        {"model": {"top_k": 1.5}},
        {"schema": [1]},
    ],
)
def test_a_config_that_lies_takes_no_memory(trained, changes):
    config = json.loads((trained / "config.json").read_text())
    for key, value in changes.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    write_json(trained / "config.json", config)
    status, out, err = compressed()
    assert (status, out) == (1, "")
    told(err, "lrrc compress: models/train-r8-s0")


def test_weights_that_are_no_numbers(trained):
    from safetensors.torch import load_file, save_file

    tensors = load_file(trained / "main.safetensors")
    for name, value in (("outcome_query_H", float("nan")), ("outcome_query_H", float("inf"))):
        save_file({**tensors, name: tensors[name] + value}, trained / "main.safetensors")
        status, _, err = compressed()
        assert status == 1 and f"{name} is not made of finite 32-bit numbers" in told(err, "lrrc compress: models")
    save_file({**tensors, "outcome_query_H": tensors["outcome_query_H"].double()}, trained / "main.safetensors")
    assert compressed()[0] == 1


def test_damaged_encoders(trained):
    rng, refused = random.Random(7), 0
    folder = Path("data/encoder")
    for number in range(60):
        file = folder / sentence_encoder.FILES[number % 3]
        whole = file.read_bytes()
        file.write_bytes(damaged(rng, whole))
        sentence_encoder.load.cache_clear()
        status, out, err = compressed("--policy", "embedding")
        assert status in (0, 1) and out == ""
        if status:
            refused += 1
            told(err, "lrrc compress: data/encoder: ")
        file.write_bytes(whole)
    assert refused > 20


@pytest.mark.parametrize("change", ["tokenizer", "weights", "config", "pickle", "code", "marks"])
def test_language_models_that_cannot_be_used(tmp_path, monkeypatch, change):
    from helpers.tiny_language_model import write_lm

    folder = write_lm(tmp_path / "lm")
    if change == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif change == "code":
        config = json.loads((folder / "config.json").read_text())
        write_json(folder / "config.json", config | {"model_type": "own", "auto_map": {"AutoConfig": "own.C"}})
        (folder / "own.py").write_text("raise SystemExit('a file from outside was executed')")
    elif change == "marks":
        text = (folder / "tokenizer.json").read_text().replace("<|im_start|>", "<|other|>")
        (folder / "tokenizer.json").write_text(text)
    else:
        name = {"tokenizer": "tokenizer.json", "weights": "model.safetensors", "config": "config.json"}[change]
        (folder / name).write_bytes((folder / name).read_bytes()[:200])
    path = lines(tmp_path / "logs.jsonl", [json.dumps({**ARENA, "question_id": f"q{n}"}) for n in range(3)])
    language_model.load.cache_clear()
    status, out, err = lrrc("fidelity", path, "--policies", "recency", "--model", folder)
    assert (status, out) == (1, "")
    told(err, f"lrrc fidelity: {folder}: not a ")


def test_saved_conversations_that_were_changed(tmp_path):
    from lrrc.middleware import Coordinator

    rng, folder = random.Random(8), tmp_path / "state"
    coordinator = Coordinator("bm25", 16)
    coordinator.compose(REQUEST["messages"], conversation="../../c")
    coordinator.save(folder)
    whole = json.loads((folder / "coordinator.json").read_text())
    assert Coordinator.load(folder).compose(REQUEST["messages"], conversation="../../c")
    for number in range(150):
        text = as_line(rng, mutated(rng, copy.deepcopy(whole)))
        (folder / "coordinator.json").write_bytes(damaged(rng, text.encode()) if number % 3 == 0 else text.encode())
        try:
            Coordinator.load(folder).compose(REQUEST["messages"], conversation="../../c")
        except ValueError as error:
            assert "\n" not in str(error) and str(folder) in str(error)


def test_half_a_character_anywhere_is_kept_and_saved(tmp_path):
    from lrrc.middleware import Coordinator

    half, coordinator = "\ud800", Coordinator("bm25", 16)
    call = {"id": half, "type": "function", "function": {"name": half, "arguments": half}}
    messages = [
        {"role": "user", "name": half, "content": half},
        {"role": "assistant", "name": half, "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": half, "content": half},
        {"role": "user", "content": "What now?"},
    ]
    coordinator.compose(messages, agent=half, conversation=half)
    coordinator.save(tmp_path / "state")
    Coordinator.load(tmp_path / "state").compose(messages, agent=half, conversation=half)


@pytest.mark.parametrize(
    "arguments",
    [
        ("compress", "\0", "out.jsonl"),
        ("compress", ".", "out.jsonl"),
        ("compress", "in.jsonl", "."),
        ("compress", "in.jsonl", "o", "--budget", "-1"),
        ("compress", "in.jsonl", "o", "--policy", "../x"),
        ("compress", "in.jsonl", "o", "--budget", "9" * 5000),
        ("compress", "in.jsonl", "o", "--checkpoint", "\0"),
        ("compress", "in.jsonl", "in.jsonl/out.jsonl", "--policy", "bm25"),
        ("estimate", "in.jsonl", "--price-in", "nan", "--price-out", "1"),
        ("estimate", "", *PRICES),
        ("estimate", "in.jsonl", *PRICES, "--budgets", "x"),
        ("estimate", "in.jsonl", *PRICES, "--budgets", "9" * 5000),
        ("estimate", "in.jsonl", *PRICES, "--policies", "a\nb"),
        ("estimate", "in.jsonl", *PRICES, "--json", "in.jsonl"),
        ("estimate", "/dev/null", *PRICES, "--policies", "recency"),
        ("fidelity", "in.jsonl", "--calls", "1"),
        ("fidelity", "in.jsonl", "--policies", "\udcff"),
        ("certify", "nowhere"),
        ("serve", "--upstream", "http://u:secretpw@h"),
        ("serve", "--upstream", "http://h", "--port", "70000"),
        ("nothing",),
    ],
)
def test_arguments_that_cannot_be(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    lines(Path("in.jsonl"), [json.dumps(REQUEST)])
    status, out, err = lrrc(*arguments)
    assert status in (1, 2) and out == "" and "Traceback" not in err and "secretpw" not in err
    if status == 1:
        told(err, f"lrrc {arguments[0]}: ")
    else:
        assert err.startswith("usage: lrrc")


def test_ten_thousand_turns_and_ten_megabytes(tmp_path):
    """Seconds, not minutes, and memory of some forty times the text."""
    said = [{"role": "user", "content": "What next?"}, {"role": "assistant", "content": "The train leaves at nine."}]
    turns = {"id": "turns", "messages": [*said * 10_000, {"role": "user", "content": "When does the train leave?"}]}
    large = {
        "id": "large",
        "messages": [
            {"role": "user", "content": "Lentils simmer for twenty minutes, peas do not. " * 180_000},
            {"role": "assistant", "content": "x" * 500_000},
            {"role": "user", "content": "\u202e\x00 \ud83d\ude00 How long do lentils simmer?"},
        ],
    }
    large["messages"][0]["content"] += "word" * 300_000  # one word of more than a megabyte
    none = {"id": "none", "messages": [large["messages"][-1]]}
    source, target = lines(tmp_path / "in.jsonl", map(json.dumps, (turns, large, none))), tmp_path / "out.jsonl"
    status, _, err = lrrc("compress", source, target, "--policy", "bm25", "--budget", "40")
    assert status == 0, err
    found = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in found] == ["turns", "large", "none"]
    assert all(row["receipt"]["digest_tokens"] <= 40 for row in found)
    assert "train leaves at nine" in found[0]["messages"][-1]["content"]
    assert "twenty minutes" in found[1]["messages"][0]["content"]
