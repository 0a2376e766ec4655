"""Counts equal tiktoken's on every message, and Table 1 equals a recount by hand."""

import pytest
from helpers.paths import SHARED

from lrrc.episodes.episode_file import read_episodes, write_episodes
from lrrc.episodes.parsing import parse_episode
from lrrc.episodes.token_counts import count_tokens, schema, sides, table1, token_table
from lrrc.pretrained.tokens import count, encoding


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def arena(number, user_words, a_words, b_words):
    """Words are one token each: "a a a" has three."""
    sides = []
    for replies in (a_words, b_words):
        sides.append(
            [m for u, r in zip(user_words, replies, strict=True) for m in (user(" a" * u), assistant(" a" * r))]
        )
    row = {"question_id": f"q{number}", "model_a": "x", "model_b": "y", "winner": "tie"}
    return parse_episode({**row, "conversation_a": sides[0], "conversation_b": sides[1]}, "here")


def tokens_of(episodes, overhead=0):
    return token_table(episodes, overhead)


PAIR = [arena(0, [2, 3], [10, 20], [30, 0]), arena(1, [1], [5], [7])]
LOG = parse_episode(
    {
        "id": "log",
        "messages": [
            {"role": "system", "content": " a a"},
            user(" a a a"),
            assistant(" a"),
            user(" a a a a"),
        ],
    },
    "here",
)


def test_every_message_is_counted_once_in_order():
    rows = tokens_of([PAIR[0], LOG]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("q0", 0, None, "user", 0, 2),
        ("q0", 0, "model_a", "assistant", 1, 10),
        ("q0", 0, "model_b", "assistant", 2, 30),
        ("q0", 1, None, "user", 0, 3),
        ("q0", 1, "model_a", "assistant", 1, 20),
        ("q0", 1, "model_b", "assistant", 2, 0),
        ("log", -1, None, "system", 0, 2),
        ("log", 0, None, "user", 0, 3),
        ("log", 0, "assistant", "assistant", 1, 1),
        ("log", 1, None, "user", 0, 4),
    ]


def test_the_overhead_is_added_per_message():
    plain, billed = tokens_of(PAIR)["tokens"].to_pylist(), tokens_of(PAIR, 3)["tokens"].to_pylist()
    assert billed == [n + 3 for n in plain]


def test_sides_keep_what_belongs_to_no_turn_apart():
    found = sides(tokens_of([*PAIR, LOG]), {"q0": PAIR[0].agents, "log": LOG.agents})
    assert {name: (side.turns, side.outside) for name, side in found["q0"].items()} == {
        "model_a": ([12, 23], 0),
        "model_b": ([32, 3], 0),
    }
    assert (found["log"]["assistant"].turns, found["log"]["assistant"].outside) == ([4], 6)


def test_table1_by_hand():
    agents = {episode.episode_id: episode.agents for episode in PAIR}
    rows = table1(tokens_of(PAIR), agents, {"train": ["q0"], "val": ["q1"], "test": []})
    found = {(row["accounting"], row["split"]): row for row in rows}
    assert list(found) == [
        (a, s) for a in ("per_side", "joint", "model_a", "model_b") for s in ("train", "val", "total")
    ]
    assert found["per_side", "train"] == {
        "accounting": "per_side",
        "split": "train",
        "episodes": 1,
        "turns_per_episode": 2,
        "tokens_per_turn_mean": 17.5,
        "tokens_per_turn_median": 17.5,
        "tokens_per_turn_p90": pytest.approx(29.3),
        "tokens_per_episode": 35,
    }
    assert found["joint", "total"] == {
        "accounting": "joint",
        "split": "total",
        "episodes": 2,
        "turns_per_episode": 3,
        "tokens_per_turn_mean": 14,
        "tokens_per_turn_median": 10,
        "tokens_per_turn_p90": pytest.approx(27.5),
        "tokens_per_episode": 42,
    }
    assert found["model_b", "total"]["tokens_per_episode"] == (35 + 8) / 2
    for split in ("train", "val", "total"):  # the factor of two between the paper's Table 1 and Figure 5
        for metric in ("turns_per_episode", "tokens_per_episode"):
            assert found["joint", split][metric] == 2 * found["per_side", split][metric]


def test_logs_without_turns_outside_count_in_episodes_only():
    rows = table1(tokens_of([LOG]), {"log": LOG.agents}, {"test": ["log"]})
    total = next(row for row in rows if row["split"] == "total" and row["accounting"] == "joint")
    assert total["tokens_per_turn_mean"] == 4 and total["tokens_per_episode"] == 10


def test_large_inputs_come_in_several_tables_with_the_same_counts(tmp_path):
    import pyarrow as pa

    many = [arena(n, [n % 5 + 1], [3], [4]) for n in range(600)]
    write_episodes(tmp_path / "many.parquet", many)
    tables = list(count_tokens(tmp_path / "many.parquet"))
    assert len(tables) > 1 and all(table.schema == schema() for table in tables)
    assert pa.concat_tables(tables)["tokens"].to_pylist() == [n for i in range(600) for n in (i % 5 + 1, 3, 4)]


@pytest.mark.parametrize("file", ["mt_bench_human_dev.jsonl", "tau_bench_airline_dev.jsonl"])
def test_counts_equal_tiktokens_on_real_data(file):
    if not (SHARED / file).is_file():
        pytest.skip(f"../shared/data/{file} is not there (real data for development only)")
    episodes = read_episodes(SHARED / file)[::4]
    rows = iter(tokens_of(episodes).to_pylist())
    for episode in episodes:
        for message in (
            *episode.system,
            *(m for turn in episode.turns for m in (*turn.inputs, *turn.replies)),
        ):
            row = next(rows)
            assert row["tokens"] == len(encoding().encode(message.content, disallowed_special=()))
            assert (row["episode_id"], row["role"]) == (episode.episode_id, message.role)
    assert next(rows, None) is None


def test_text_of_special_tokens_counts_as_ordinary_text():
    assert count("<|endoftext|>") > 1
