"""Episodes survive a round trip; whatever else a file holds is an error that names file, row and field."""

import copy
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.broken_input import as_line, damaged, mutated
from helpers.paths import SHARED
from helpers.rows import ARENA, LOG, assistant, user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrrc.episodes.chat_message import repair_surrogates
from lrrc.episodes.episode import ARENA_OUTCOMES, Check, Episode, Message, Turn
from lrrc.episodes.episode_file import read_episodes, schema, to_row, write_episodes
from lrrc.episodes.parsing import parse_episode
from lrrc.pretrained.tokens import count


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_an_arena_row_becomes_turns_of_two_agents():
    episode = parse_episode(ARENA, "here")
    assert episode.agents == ("model_a", "model_b") and episode.models == ("x", "y") and episode.group == "g"
    replies = [
        [Message("assistant", *reply) for reply in (("a0", "model_a"), ("b0", "model_b"))],
        [Message("assistant", *reply) for reply in (("", "model_a"), ("b1", "model_b"))],
    ]
    inputs = [(Message("user", "hi"),), (Message("user", "again"),)]
    assert episode.turns == tuple(Turn(i, tuple(r)) for i, r in zip(inputs, replies, strict=True))
    assert episode.checks == (Check(1, "f", "again", ("s", "t"), 0, 0, (0, 1)),)


def test_a_chat_log_becomes_turns_of_one_agent_and_keeps_all_text():
    episode = parse_episode(LOG, "here")
    assert episode.agents == ("assistant",) and episode.outcome == "model_a" and episode.group == "l1"
    assert episode.system == (Message("system", "rules"),)
    assert episode.turns == (
        Turn((Message("user", "book it"),), (Message("assistant", "find({})", "assistant"),)),
        Turn((Message("tool", "found", "find"),), (Message("assistant", "done", "assistant"),)),
        Turn((Message("user", "bye"),), ()),
    )


@pytest.mark.parametrize(
    ("field", "value", "outcome"),
    [
        ("success", True, "model_a"),
        ("success", False, "tie (bothbad)"),
        ("reward", 0.5, "tie (bothbad)"),
        ("outcome", 1, "model_a"),
        ("winner", "tie", "tie"),
        ("winner", "Tie", "tie"),
        ("outcome", None, None),
    ],
)
def test_outcomes_of_chat_logs(field, value, outcome):
    assert parse_episode({"id": "l", "messages": LOG["messages"], field: value}, "here").outcome == outcome


def test_the_group_is_the_named_column():
    assert parse_episode({**ARENA, "task": 82}, "here", group_by="task").group == "82"
    assert parse_episode({k: v for k, v in ARENA.items() if k != "group"}, "here").group == "q1"


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def episodes(draw):
    agents = draw(st.sampled_from([("model_a", "model_b"), ("assistant",)]))
    system = tuple(Message("system", t) for t in draw(st.lists(text, max_size=2)))
    inputs = st.lists(
        st.builds(Message, st.sampled_from(["user", "tool"]), text, st.none() | name), min_size=1, max_size=3
    )
    turns = []
    for _ in range(draw(st.integers(1, 4))):
        replies = tuple(Message("assistant", draw(text), agent) for agent in agents)
        turns.append(Turn(tuple(draw(inputs)), replies))
    if draw(st.booleans()):
        turns.append(Turn(tuple(draw(inputs)), ()))
    outcomes = [o for o in ARENA_OUTCOMES if len(agents) > 1 or o != "model_b"]
    optional = st.none() | name
    number = draw(st.integers(0, len(turns) - 1))
    options = tuple(draw(st.lists(text, min_size=2, max_size=6)))
    index = st.integers(0, len(options) - 1)
    check = Check(
        number,
        draw(text),
        draw(text),
        options,
        draw(index),
        draw(st.integers(0, number)),
        tuple(draw(index) for _ in agents),
    )
    return Episode(
        draw(name),
        agents,
        tuple(draw(name) for _ in agents),
        system,
        tuple(turns),
        draw(st.none() | st.sampled_from(outcomes)),
        draw(optional),
        draw(name),
        draw(optional),
        draw(optional),
        draw(st.sampled_from([(), (check,)])),
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(episodes(), min_size=1, max_size=4, unique_by=lambda e: e.episode_id))
def test_round_trip(tmp_path, several):
    path = tmp_path / "e.parquet"
    write_episodes(path, several)
    first = path.read_bytes()
    assert read_episodes(path) == several
    assert read_episodes(lines(tmp_path / "e.jsonl", *map(to_row, several))) == several
    write_episodes(path, read_episodes(path))
    assert path.read_bytes() == first


def test_many_row_groups_keep_the_order(tmp_path):
    several = [parse_episode({**ARENA, "question_id": f"q{i}"}, "here") for i in range(1000)]
    write_episodes(tmp_path / "e.parquet", iter(several))
    assert pq.ParquetFile(tmp_path / "e.parquet").num_row_groups > 1
    assert read_episodes(tmp_path / "e.parquet") == several


SYSTEM = {"role": "system", "content": "x"}


def without(row, key):
    return {k: v for k, v in row.items() if k != key}


def changed(row, path, value):
    row = copy.deepcopy(row)
    target = row
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return row


BAD = {
    "missing column": (without(ARENA, "conversation_b"), "conversation_b is missing"),
    "unknown outcome": (changed(ARENA, ["winner"], "model_c"), "winner = 'model_c': allowed is one of"),
    "outcome of the second agent of one": (changed(LOG, ["reward"], "model_b"), "reward = 'model_b'"),
    "reward above 1": (changed(LOG, ["reward"], 7), "reward = 7: allowed is"),
    "truth for a pair": (changed(ARENA, ["winner"], True), "winner = True: allowed is one of"),
    "users differ": (changed(ARENA, ["conversation_a", 2, "content"], "x"), "user's side of turn 2"),
    "one side shorter": (changed(ARENA, ["conversation_b"], ARENA["conversation_b"][:2]), "turn 2"),
    "system differs": (changed(ARENA, ["conversation_a"], [SYSTEM, *ARENA["conversation_a"]]), "system"),
    "zero turns": (changed(LOG, ["messages"], []), "has no turn"),
    "no reply": (changed(LOG, ["messages"], [user("x")]), "has no turn"),
    "unknown role": (changed(ARENA, ["conversation_a", 0, "role"], "me"), "conversation_a[0].role = 'me'"),
    "null content": (changed(ARENA, ["conversation_b", 1, "content"], None), "b[1].content = None"),
    "number as content": (changed(LOG, ["messages", 1, "content"], 3), "messages[1].content = 3"),
    "picture part": (changed(LOG, ["messages", 1, "content"], [{"type": "image"}]), "messages[1].content"),
    "conversation is text": (changed(ARENA, ["conversation_a"], "hi"), "conversation_a = 'hi': allowed is"),
    "check out of range": (changed(ARENA, ["checks", 0, "answer"], 2), "checks[0]"),
    "check after the end": (changed(ARENA, ["checks", 0, "turn"], 9), "checks[0]"),
    "name is a list": (changed(LOG, ["messages", 3, "name"], [1]), "messages[3].name = [1]"),
    "language is a number": (changed(ARENA, ["language"], 1.5), "language = 1.5: allowed is a text or null"),
    "line is a list": ([1], "entry 1: line = 1: allowed is a JSON object"),
    "line is a text": ("hi", "line = 'hi': allowed is a JSON object"),
    "no form": ({"id": "x", "text": "hi"}, "these keys: id, text; known are"),
    "a message alone": (user("x"), "one message alone (role, content): join those"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_named(tmp_path, case):
    row, message = BAD[case]
    path = lines(tmp_path / "logs.jsonl", {**ARENA, "question_id": "good"}, row)
    with pytest.raises(ValueError) as error:
        read_episodes(path)
    assert str(error.value).startswith(f"{path}: line 2") and message in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": "x", "messages": [{"role": "us', "line 2: not JSON: "),
        (b'{"id": "x", "messages": [{"role": "user",', "line 2: not JSON: cut off"),
        (b'{"id": "\xff\xfe"}', "line 2: not UTF-8 (byte 0xff at 8): save the file as UTF-8"),
        (b"[" * 100_000, "line 2: not JSON: too deep"),
    ],
)
def test_broken_lines_are_named(tmp_path, line, message):
    path = tmp_path / "x.jsonl"
    path.write_bytes(json.dumps(ARENA).encode() + b"\n" + line)
    with pytest.raises(ValueError) as error:
        read_episodes(path)
    assert message in str(error.value) and len(str(error.value)) < 500


def test_duplicate_ids_are_named_with_both_places(tmp_path):
    path = lines(tmp_path / "x.jsonl", ARENA, {**LOG, "id": "q1"})
    with pytest.raises(ValueError, match=r"line 2: id 'q1' stands already in .*line 1"):
        read_episodes(path)


def test_an_empty_file_is_named(tmp_path):
    for path in (tmp_path / "x.jsonl", tmp_path / "x.parquet"):
        path.write_bytes(b"")
        with pytest.raises(ValueError, match=path.name):
            read_episodes(path)


def test_a_missing_group_column_is_named(tmp_path):
    path = tmp_path / "x.parquet"
    write_episodes(path, [parse_episode(ARENA, "here")])
    with pytest.raises(ValueError, match="row 1: task = None.*data.group_by"):
        read_episodes(path, group_by="task")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "", None])
def test_nan_in_parquet_is_named(tmp_path, value):
    table = pa.Table.from_pylist([to_row(parse_episode(ARENA, "here"))], schema())
    if isinstance(value, float):
        table = table.set_column(table.column_names.index("winner"), "winner", pa.array([value]))
        pq.write_table(table, tmp_path / "x.parquet")
        if value != value:  # what pandas writes where there is none
            assert read_episodes(tmp_path / "x.parquet")[0].outcome is None
            return
        with pytest.raises(ValueError, match="row 1: winner = inf: allowed is one of"):
            read_episodes(tmp_path / "x.parquet")
    else:
        table = table.append_column("task", pa.array([value]))
        pq.write_table(table, tmp_path / "x.parquet")
        if value is True:
            assert read_episodes(tmp_path / "x.parquet", "task")[0].group == "True"
        else:
            with pytest.raises(ValueError, match="row 1: task"):
                read_episodes(tmp_path / "x.parquet", "task")


def test_extremes_are_accepted(tmp_path):
    """10 MB in a message, 10,000 turns, right-to-left and control characters, text of special tokens."""
    odd = "\u202eabc\u0000\u0007\u200f\ufeff<|endoftext|>\U0001f600 שלום"
    long = {
        **LOG,
        "id": "long",
        "messages": [m for i in range(10_000) for m in (user(f"u{i}"), assistant(odd))],
    }
    big = {
        **ARENA,
        "question_id": "big",
        "conversation_a": [user(odd), assistant("word " * 2_000_000)],
        "conversation_b": [user(odd), assistant("")],
        "checks": [],
    }
    several = read_episodes(lines(tmp_path / "x.jsonl", long, big))
    assert len(several[0].turns) == 10_000 and len(several[1].turns[0].replies[0].content) == 10_000_000
    assert several[1].turns[0].inputs[0].content == odd
    write_episodes(tmp_path / "x.parquet", several)
    assert read_episodes(tmp_path / "x.parquet") == several


def test_surrogates_are_joined_or_replaced_as_tiktoken_counts_them(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({**LOG, "messages": [user("\ud83d\ude00 \ud800 é"), assistant("x")]}))
    content = read_episodes(path)[0].turns[0].inputs[0].content
    assert content == "\U0001f600 \ufffd é"
    assert count(content) == count("\ud83d\ude00 \ud800 é")
    write_episodes(tmp_path / "x.parquet", read_episodes(path))


@given(st.text())
def test_text_without_surrogates_is_untouched(value):
    assert repair_surrogates(value) == value


def test_thousands_of_mutated_rows_are_read_or_named(tmp_path):
    rng = random.Random(0)
    path, refused = tmp_path / "x.jsonl", 0
    for _ in range(2500):
        path.write_text(as_line(rng, mutated(rng, rng.choice([ARENA, LOG]))))
        try:
            several = read_episodes(path, rng.choice([None, "group"]))
        except ValueError as error:
            refused += 1
            assert str(error).startswith(f"{path}: line 1") and len(str(error)) < 1000
        else:
            assert [parse_episode(to_row(e), "here") for e in several] == several
            pa.Table.from_pylist([to_row(e) for e in several], schema())
    assert refused > 1500


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_hundreds_of_damaged_files_are_named_or_unharmed(tmp_path, kind):
    rng = random.Random(1)
    several = [
        parse_episode({**ARENA, "question_id": f"q{i}", "language": rng.randbytes(9).hex()}, "here") for i in range(70)
    ]
    path, refused = tmp_path / f"x.{kind}", 0
    write_episodes(path, several) if kind == "parquet" else lines(path, *map(to_row, several))
    whole = path.read_bytes()
    for _ in range(300):
        path.write_bytes(damaged(rng, whole))
        try:
            found = read_episodes(path)
        except ValueError as error:
            refused += 1
            assert str(path) in str(error)
        else:
            assert kind == "jsonl" or found == several  # pages of parquet carry checksums
    assert refused > 100


@pytest.mark.parametrize(
    ("file", "group_by", "agents", "outcomes"),
    [
        ("mt_bench_human_dev.jsonl", "prompt_id", 2, {"model_a", "model_b", "tie"}),
        ("tau_bench_airline_dev.jsonl", "task_id", 1, {"model_a", "tie (bothbad)"}),
    ],
)
def test_real_files(tmp_path, file, group_by, agents, outcomes):
    if not (SHARED / file).is_file():
        pytest.skip(f"../shared/data/{file} is not there (real data for development only)")
    several = read_episodes(SHARED / file, group_by)
    rows = [json.loads(line) for line in (SHARED / file).read_text(encoding="utf-8").splitlines()]
    assert len(several) == len(rows) and {len(e.agents) for e in several} == {agents}
    assert {e.outcome for e in several} == outcomes
    assert [e.group for e in several] == [str(row[group_by]) for row in rows]
    for episode, row in zip(several, rows, strict=True):
        side = row.get("conversation_a") or row["messages"]
        kept = [*episode.system, *(m for t in episode.turns for m in (*t.inputs, *t.replies[:1]))]
        assert [m.content for m in kept] == [m["content"] for m in side]
    write_episodes(tmp_path / "e.parquet", several)
    assert read_episodes(tmp_path / "e.parquet") == several
