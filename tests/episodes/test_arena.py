"""The embedded arena: scripts that add up, a judge that counts, committed data that keeps its promises."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pyarrow.parquet as pq
import pytest
from helpers.paths import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.episodes.arena.curate import MODELS, assemble, outcome, pick, schema
from lrrc.episodes.arena.data_card import common_words, guesses, write_card, write_headroom
from lrrc.episodes.arena.fact_kinds import FAMILIES
from lrrc.episodes.arena.fact_threads import stray_fact
from lrrc.episodes.arena.players import SMOLLM2, clean, cut_at_sentence
from lrrc.episodes.arena.scripts import make_script
from lrrc.episodes.arena.vocabulary import FEATURES, KEEPSAKES, TASKS
from lrrc.pretrained.tokens import count_batch

DATA = ROOT / "data" / "embedded"
OUTCOMES = ["model_a", "model_b", "tie", "tie (bothbad)"]


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return pq.read_table(DATA / "arena.parquet").to_pylist()


@pytest.fixture(scope="module")
def scripts():
    return [make_script(0, index) for index in range(440)]


def test_a_script_depends_on_seed_and_index_only():
    assert make_script(0, 7) == make_script(0, 7)
    assert make_script(0, 7).messages != make_script(1, 7).messages
    assert make_script(0, 7).messages != make_script(0, 14).messages  # same family, other episode


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), index=st.integers(0, 10**4))
def test_every_check_can_be_answered_from_what_was_said_before(seed, index):
    script = make_script(seed, index)
    assert 3 <= len(script.messages) <= 6
    turns = [check.turn for check in script.checks]
    assert 2 <= len(turns) <= 4 and turns == sorted(set(turns))
    assert turns[0] > 0 and turns[-1] == len(script.messages) - 1
    for check in script.checks:
        assert 4 <= len(check.options) == len(set(check.options)) <= 6
        assert 0 <= check.answer < len(check.options)
        assert check.question in script.messages[check.turn]
        assert check.fact_turn < check.turn
        assert check.facts[-1] in script.messages[check.fact_turn]
        history, at = " ".join(script.messages[: check.turn]), -1
        for fact in check.facts:  # said, and in this order
            at = history.index(fact, at + 1)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), index=st.integers(0, 10**4))
def test_the_answer_is_what_replaying_the_facts_gives(seed, index):
    for check in make_script(seed, index).checks:
        right = check.options[check.answer]
        if check.family == "constraint":
            assert sorted(_wishes(right)) == sorted(_replayed(check.facts))
            assert all(sorted(_wishes(o)) != sorted(_wishes(right)) for o in check.options if o != right)
        else:  # what was said of it last holds
            assert _value(check, right) in check.facts[-1].lower()


def _wishes(text: str) -> list[str]:
    """Features named in `text`, in order."""
    return sorted((f for f in FEATURES if f in text.lower()), key=text.lower().index)


def _replayed(facts) -> list[str]:
    """Wishes that hold after `facts`: a sentence with two names the one given up, then its successor."""
    held: list[str] = []
    for fact in facts:
        *gone, new = _wishes(fact)
        held = [wish for wish in held if wish not in gone] + [new]
    return held


def _value(check, option: str) -> str:
    """What tells `option` from the others."""
    stem = len(common_words(check.options))
    end = len(common_words([other[stem:][::-1] for other in check.options]))
    return option[stem : len(option) - end].strip(" .!:,").lower()


def test_a_stray_fact_is_never_about_what_is_asked():
    rng = random.Random(0)
    asked = {("task", task) for task in TASKS[:6]} | {("whereabouts", f"the {thing}") for thing in KEEPSAKES[:6]}
    strays = [stray_fact(rng, set(asked)) for _ in range(2000)]
    assert not [text for text in strays for _, subject in asked if re.search(rf"\b{subject}\b", text.lower())]
    assert len(set(strays)) > 1500


def test_episodes_have_the_length_of_the_paper(scripts):
    lengths = [len(script.messages) for script in scripts]
    assert abs(sum(lengths) / len(lengths) - 4.2) <= 0.3
    families = Counter(script.family for script in scripts)
    assert set(families) == set(FAMILIES) and len(families) >= 6
    assert max(families.values()) - min(families.values()) <= 1


def test_wording_varies(scripts):
    lines = Counter(line for script in scripts for m in script.messages for line in re.split(r"(?<=[.?!]) ", m))
    assert len(lines) / lines.total() > 0.6
    questions = Counter(check.question for script in scripts for check in script.checks)
    assert len(questions) / questions.total() > 0.5


@pytest.mark.parametrize(
    ("right_a", "right_b", "checks", "expected"),
    [
        (2, 1, 3, "model_a"),
        (0, 1, 2, "model_b"),
        (1, 1, 2, "tie"),  # exactly half is enough
        (1, 1, 3, "tie (bothbad)"),
        (2, 2, 4, "tie"),
        (0, 0, 2, "tie (bothbad)"),
        (3, 3, 3, "tie"),
    ],
)
def test_judging(right_a, right_b, checks, expected):
    assert outcome(right_a, right_b, checks) == expected


def test_the_choice_is_per_token():
    assert pick([(-10.0, 10), (-6.0, 3), (-9.0, 10)]) == 2


def test_replies_are_cleaned():
    assert cut_at_sentence("One. Two! Three and") == "One. Two!"
    assert cut_at_sentence("no end") == "no end"
    assert clean(" Yes,\n it is.<|im_end|> More.", SMOLLM2) == "Yes, it is."


def _played(script, choice) -> dict:
    asked = {check.turn for check in script.checks}
    picks = [choice(check) for check in script.checks]
    chosen = dict(zip(sorted(asked), (c.options[p] for c, p in zip(script.checks, picks, strict=True)), strict=True))
    replies = [chosen.get(turn, f"Well, turn {turn}.") for turn in range(len(script.messages))]
    return {"index": script.index, "replies": replies, "choices": picks, "scores": [], "oracle": picks}


def test_assembly_is_deterministic_and_judges(tmp_path):
    scripts = [make_script(3, index) for index in range(6)]
    choosers = (lambda check: check.answer, lambda check: (check.answer + 1) % len(check.options))
    shards = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for shard, chooser in zip(shards, choosers, strict=True):
        shard.write_text("".join(json.dumps(_played(script, chooser)) + "\n" for script in scripts))
    rows = assemble(shards, 3, tmp_path / "arena.parquet")
    for row in rows:  # the first model is always right, whichever side it sits on
        assert row[row["winner"]] == MODELS[0]
    first = (tmp_path / "arena.parquet").read_bytes()
    lines = shards[0].read_text().splitlines(keepends=True)
    shards[0].write_text("".join(reversed(lines)) + lines[0][:20])  # another order of play, and a line cut off
    assemble(shards, 3, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == first
    write_headroom(tmp_path, shards, 3, rows)
    room = json.loads((tmp_path / "headroom.json").read_text())
    assert room["models"][MODELS[0]]["all"]["facts_only_right"] == sum(len(s.checks) for s in scripts)
    assert room["models"][MODELS[1]]["all"]["facts_only_right"] == 0


def test_nothing_played_is_said_so(tmp_path):
    with pytest.raises(ValueError, match="no episode has been played by both"):
        assemble([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], 0, tmp_path / "arena.parquet")


def test_committed_arena_keeps_its_bounds(rows):
    assert len(rows) >= 400
    turns = [row["turn"] for row in rows]
    assert min(turns) >= 3 and max(turns) <= 6 and abs(sum(turns) / len(turns) - 4.2) <= 0.3
    texts = [m["content"] for row in rows for side in "ab" for m in row[f"conversation_{side}"]]
    assert all(text.strip() for text in texts)
    assert 200 <= sum(count_batch(texts)) / (2 * sum(turns)) <= 450
    shares = Counter(row["winner"] for row in rows)
    assert set(shares) == set(OUTCOMES) and min(shares.values()) >= 0.12 * len(rows)
    wins = Counter(row[row["winner"]] for row in rows if row["winner"] in OUTCOMES[:2])
    assert max(wins.values()) <= wins.total() * 2 / 3
    assert len({row["category"] for row in rows}) >= 6
    assert len({row["question_id"] for row in rows}) == len(rows)


def test_committed_arena_is_what_the_scripts_say(rows):
    assert pq.read_schema(DATA / "arena.parquet").equals(schema())
    for row in rows:
        script = make_script(0, int(row["question_id"].rsplit("-", 1)[1]))
        assert {row["model_a"], row["model_b"]} == set(MODELS)
        assert (row["judge"], row["language"], row["anony"]) == ("verifier", "English", True)
        for side in "ab":
            conversation = row[f"conversation_{side}"]
            assert [m["role"] for m in conversation] == ["user", "assistant"] * row["turn"]
            assert tuple(m["content"] for m in conversation[::2]) == script.messages
        right = [0, 0]
        for check, asked in zip(row["checks"], script.checks, strict=True):
            assert (check["question"], tuple(check["options"]), check["answer"], check["fact_turn"]) == (
                asked.question,
                asked.options,
                asked.answer,
                asked.fact_turn,
            )
            for i, side in enumerate("ab"):
                said = row[f"conversation_{side}"][2 * check["turn"] + 1]["content"]
                assert said == check["options"][check["choices"][i]]
                right[i] += check["choices"][i] == check["answer"]
        assert row["winner"] == outcome(*right, len(row["checks"]))


def test_guessing_without_reading_gets_little(rows):
    checks = [(row, check) for row in rows for check in row["checks"]]
    chance = sum(1 / len(check["options"]) for _, check in checks) / len(checks)
    hits = Counter(name for row, check in checks for name, hit in guesses(row, check).items() if hit)
    for name in ("first", "last", "longest", "shortest"):
        assert abs(hits[name] / len(checks) - chance) < 0.05, name
    for name in ("latest", "most"):  # what is said late or often is right more often, but not mostly
        assert hits[name] / len(checks) < 0.6, name


def test_the_facts_alone_do_better_than_the_whole_conversation():
    models = json.loads((DATA / "headroom.json").read_text())["models"]
    for name in MODELS:
        whole = models[name]["all"]
        assert whole["facts_only_right"] >= 0.65 * whole["checks"]
        assert whole["own_right"] <= whole["facts_only_right"] - 0.15 * whole["checks"]


def test_card_belongs_to_the_data(rows, tmp_path):
    for name in ("arena.parquet", "headroom.json"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    planned = int(re.search(r"\((\d+) were planned", (DATA / "DATA_CARD.md").read_text()).group(1))
    reply = int(re.search(r"at most (\d+) of its tokens", (DATA / "DATA_CARD.md").read_text()).group(1))
    write_card(tmp_path, {"episodes": planned, "seed": 0, "max_reply_tokens": reply})
    assert (tmp_path / "DATA_CARD.md").read_bytes() == (DATA / "DATA_CARD.md").read_bytes()
    assert "not human votes" in (DATA / "DATA_CARD.md").read_text()
