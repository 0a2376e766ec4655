"""Four sources, one schema; the hub's data sets are read through the hub's library, from local copies."""

import http.server
import json
import os
import subprocess
import sys
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.paths import ROOT, SHARED

from lrrc.episodes.episode_file import read_episodes, write_episodes
from lrrc.episodes.hub import HUB
from lrrc.episodes.mt_bench import join_votes, people_agree
from lrrc.episodes.sources import answered_turns, draw_episodes


def conversation(*texts):
    """User and assistant in turns."""
    return [{"content": text, "role": ("user", "assistant")[i % 2]} for i, text in enumerate(texts)]


def arena_row(number, a, b, winner="model_a", language="English", model_b="beta"):
    """A row with every column of lmsys/chatbot_arena_conversations, nested as there."""
    kinds = ("harassment", "harassment/threatening", "hate", "sexual", "violence")
    moderation = {
        "categories": dict.fromkeys(kinds, False),
        "category_scores": dict.fromkeys(kinds, 1e-5),
        "flagged": False,
    }
    return {
        "question_id": f"{number:032x}",
        "model_a": "alpha",
        "model_b": model_b,
        "winner": winner,
        "judge": f"arena_user_{number}",
        "turn": len(a) // 2,
        "conversation_a": conversation(*a),
        "conversation_b": conversation(*b),
        "anony": True,
        "language": language,
        "tstamp": 1682351591.1322,
        "openai_moderation": moderation,
        "toxic_chat_tag": {
            "roberta-large": {"flagged": False, "probability": 0.01},
            "t5-large": {"flagged": False, "score": 0.02},
        },
    }


SPECIAL = "what is <|endoftext|>?"


def arena_rows():
    rows = [
        arena_row(1, ["hi", "a", "more", "aa"], ["hi", "b", "more", "bb"], "tie (bothbad)"),
        arena_row(2, [SPECIAL, "a", "<|im_start|>", ""], [SPECIAL, "", "<|im_start|>", ""], "tie"),
        arena_row(3, ["hola", "a", "más", "aa"], ["hola", "b", "más", "bb"], "model_b", "Spanish"),
        arena_row(4, ["one turn", "a"], ["one turn", "b"]),
        arena_row(5, ["users", "a", "differ", "aa"], ["users", "b", "DIFFER", "bb"]),
        arena_row(6, ["hi", "a"] * 4, ["hi", "b"] * 4),
        arena_row(1, ["the same id", "a", "again", "aa"], ["the same id", "b", "again", "bb"]),
        arena_row(7, ["שלום", "a", "你好", "aa"], ["שלום", "b", "你好", "bb"], "model_a", "unknown"),
    ]
    return rows + [arena_row(n, [f"u{n}", "a"] * 2, [f"u{n}", "b"] * 2) for n in range(100, 140)]


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def arena(tmp_path):
    folder = tmp_path / "arena" / "data"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(arena_rows()), folder / "train-00000-of-00001-cced8514c7ed782a.parquet")
    return folder.parent


def steps(drawn):
    return [(step["filter"], step["episodes"]) for step in drawn["steps"]]


def test_lmsys_is_filtered_and_drawn(arena):
    asked = {"n_episodes": 5, "min_turns": 2, "max_turns": 3, "languages": ["English"], "seed": 3}
    episodes, drawn = draw_episodes("lmsys", path=arena, **asked)
    assert steps(drawn) == [
        ("all", 48),
        ("usable", 46),
        ("turns >= 2", 45),
        ("turns <= 3", 44),
        ("language in English", 42),
        ("drawn, at most 5, seed 3", 5),
    ]
    assert "row 5: conversation_a and conversation_b differ" in drawn["steps"][1]["first_refused"]
    assert all(answered_turns(e) == 2 and e.language == "English" and e.judge == "human" for e in episodes)
    file = next(arena.rglob("*.parquet"))
    assert draw_episodes("lmsys", path=file, **asked)[0] == episodes
    assert draw_episodes("lmsys", path=file, **{**asked, "seed": 4})[0] != episodes


def test_lmsys_keeps_every_kind_of_row(arena):
    episodes, drawn = draw_episodes("lmsys", path=arena, n_episodes=1000, min_turns=2)
    assert len(episodes) == 45 and drawn["origin"] == "arena"
    by_id = {int(e.episode_id, 16): e for e in episodes}
    assert by_id[1].outcome == "tie (bothbad)" and by_id[2].outcome == "tie" and by_id[3].outcome == "model_b"
    assert by_id[2].turns[0].inputs[0].content == SPECIAL
    assert [reply.content for reply in by_id[2].turns[1].replies] == ["", ""]
    assert by_id[7].turns[0].inputs[0].content == "שלום"
    assert by_id[6].models == ("alpha", "beta") and len(by_id[6].turns) == 4


def test_what_lmsys_gives_is_a_file_like_any_other(arena, tmp_path):
    episodes, _ = draw_episodes("lmsys", path=arena, n_episodes=20, min_turns=2)
    write_episodes(tmp_path / "own.parquet", episodes)
    again, drawn = draw_episodes("files", path=tmp_path / "own.parquet", n_episodes=1000)
    assert again == episodes and steps(drawn)[0] == ("all", 20)
    assert draw_episodes("embedded", path=tmp_path / "own.parquet", n_episodes=1000)[0] == episodes


def test_nothing_left_says_where_it_went(arena):
    with pytest.raises(ValueError, match=r"data.source=lmsys: no episode is left .*turns >= 9: 0"):
        draw_episodes("lmsys", path=arena, n_episodes=5, min_turns=9)


def test_no_usable_row_is_an_error_with_the_first_reason(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"question_id": ["a"], "text": ["b"]}), path)
    with pytest.raises(ValueError, match="no row is usable; the first: x.parquet: row 1: model_a is missing"):
        draw_episodes("lmsys", path=path, n_episodes=5)


def test_a_broken_copy_is_one_clear_error(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ValueError, match="data.source=lmsys: .*x.parquet: cannot be read"):
        draw_episodes("lmsys", path=tmp_path / "x.parquet", n_episodes=5)


def vote(question, turn, model_a, model_b, winner, judge="expert_0"):
    texts = {name: [f"q{question}", f"{name} one", "next", f"{name} two"] for name in (model_a, model_b)}
    return {
        "question_id": question,
        "model_a": model_a,
        "model_b": model_b,
        "winner": winner,
        "judge": judge,
        "turn": turn,
        "conversation_a": conversation(*texts[model_a]),
        "conversation_b": conversation(*texts[model_b]),
    }


VOTES = [
    vote(81, 2, "gpt", "llama", "model_a"),
    vote(81, 2, "llama", "gpt", "model_a", "expert_1"),
    vote(81, 2, "llama", "gpt", "model_b", "author_0"),
    vote(81, 1, "gpt", "llama", "tie"),
    vote(131, 2, "gpt", "llama", "model_a"),
    vote(131, 2, "gpt", "llama", "model_b", "expert_1"),
    vote(131, 2, "claude", "gpt", "model_b"),
]


def test_votes_are_joined_by_majority_whichever_side_was_shown_first(tmp_path):
    path = tmp_path / "human.parquet"
    pq.write_table(pa.Table.from_pylist(VOTES), path)
    episodes, drawn = draw_episodes("mt_bench_human", path=path, n_episodes=100, group_by="prompt_id")
    assert steps(drawn)[:3] == [("all", 7), ("votes joined per question, pair and turn", 4), ("usable", 4)]
    found = {e.episode_id: e for e in episodes}
    outcomes = {name: (e.outcome, e.group, e.category, answered_turns(e)) for name, e in found.items()}
    assert outcomes == {
        "mtb-81-gpt-llama-t1": ("tie", "81", "writing", 1),
        "mtb-81-gpt-llama-t2": ("model_a", "81", "writing", 2),  # gpt, llama, gpt
        "mtb-131-claude-gpt-t2": ("model_b", "131", "extraction", 2),
        "mtb-131-gpt-llama-t2": ("tie", "131", "extraction", 2),  # one vote each
    }
    assert [r.content for r in found["mtb-81-gpt-llama-t2"].turns[0].replies] == ["gpt one", "llama one"]
    assert {e.judge for e in episodes} == {"human"}
    two, _ = draw_episodes("mt_bench_human", path=path, n_episodes=100, min_turns=2)
    assert {e.episode_id for e in two} == {name for name in found if name.endswith("t2")}


def test_how_often_two_people_agree(tmp_path):
    path = tmp_path / "human.parquet"
    pq.write_table(pa.Table.from_pylist(VOTES), path)
    joined = draw_episodes("mt_bench_human", path=path, n_episodes=100)[1]["steps"][1]
    # of the second turns: gpt, llama, gpt on one pair (one of three pairs of votes agrees), gpt against llama
    assert (joined["people_agree"], joined["pairs_of_votes"]) == (1 / 4, 4)
    assert people_agree([("a", VOTES[0]), ("b", VOTES[3])]) == {}  # nothing judged twice


def test_what_is_no_vote_is_named():
    for change in ({"winner": "model_c"}, {"winner": ["tie"]}, {"turn": None}, {"question_id": "x"}):
        with pytest.raises(ValueError, match="row 9: not a vote of lmsys/mt_bench_human_judgments"):
            join_votes([("row 9", {**VOTES[0], **change})])


def test_pinned_revisions_are_commits():
    assert all(len(hub.revision) == 40 and int(hub.revision, 16) for hub in HUB.values())


class Gate(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does for a gated data set: 401 without a token, 403 with one that has no access."""

    def do_GET(self):
        self.send_response(403 if self.headers.get("Authorization") else 401)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Error-Message", "Access to dataset is restricted.")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def gate():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def download(folder, source, environment, **data):
    """The stage as `dvc repro` runs it, with changed parameters."""
    import yaml

    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["data"] |= {"source": source, **data}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    keep = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return subprocess.run(
        [sys.executable, ROOT / "pipeline" / "download.py", "out/episodes.parquet", "out/drawn.json"],
        cwd=folder,
        env={**keep, "HF_HOME": str(folder / "hf"), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("cause", "environment"),
    [("no token", {}), ("no access", {"HF_TOKEN": "hf_planted"}), ("no network", {"HF_HUB_OFFLINE": "1"})],
)
def test_why_lmsys_cannot_be_had(tmp_path, gate, cause, environment):
    ran = download(tmp_path, "lmsys", {"HF_ENDPOINT": gate, "HF_HUB_DISABLE_TELEMETRY": "1", **environment})
    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr.startswith(f"error: data.source=lmsys: {cause}: ") and ran.stderr.count("\n") == 1
    assert "https://huggingface.co/datasets/lmsys/chatbot_arena_conversations" in ran.stderr
    assert "data.source=embedded" in ran.stderr and "hf_planted" not in ran.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "group_by", "count"),
    [("mt_bench_human_dev.jsonl", "prompt_id", 448), ("tau_bench_airline_dev.jsonl", "task_id", 200)],
)
def test_real_files_through_the_stage(tmp_path, file, group_by, count):
    path = SHARED / file
    if not path.is_file():
        pytest.skip(f"../shared/data/{file} is not there (real data for development only)")
    ran = download(tmp_path, "files", {}, path=str(path.resolve()), group_by=group_by, n_episodes=150)
    assert (ran.returncode, ran.stderr) == (0, "")
    drawn = json.loads((tmp_path / "out/drawn.json").read_text())
    assert drawn["origin"] == file and steps(drawn)[0] == ("all", count) and steps(drawn)[-1][1] == 150
    assert len(read_episodes(tmp_path / "out/episodes.parquet")) == 150
    first = (tmp_path / "out/episodes.parquet").read_bytes()
    download(tmp_path, "files", {}, path=str(path.resolve()), group_by=group_by, n_episodes=150)
    assert (tmp_path / "out/episodes.parquet").read_bytes() == first


def test_a_bad_file_stops_the_stage_with_one_line(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"id": "a", "messages": [{"role": "user"')
    ran = download(tmp_path, "files", {}, path="x.jsonl")
    assert ran.returncode == 1 and ran.stderr.startswith("error: x.jsonl: line 1: not JSON: cut off")
    assert ran.stderr.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_folder_of_files_is_a_mixture(tmp_path):
    folder = tmp_path / "mixture"
    folder.mkdir()
    (folder / "notes.txt").write_text("not data")
    said = [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Yo."}]
    chats = [{"id": f"chat-{i}", "messages": said} for i in range(3)]
    (folder / "a.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    pq.write_table(pa.Table.from_pylist(arena_rows()[8:12]), folder / "b.parquet")
    episodes, drawn = draw_episodes("files", path=folder, n_episodes=100)
    assert steps(drawn)[:2] == [("all of a.jsonl", 3), ("all of b.parquet", 4)] and drawn["origin"] == "mixture"
    assert [e.episode_id for e in episodes[:3]] == ["chat-0", "chat-1", "chat-2"] and len(episodes) == 7
    assert {len(e.agents) for e in episodes} == {1, 2}

    (folder / "c.jsonl").write_text(json.dumps(chats[1]) + "\n")
    with pytest.raises(ValueError, match=r"c.jsonl: id 'chat-1' stands already in .*a.jsonl; ids must differ"):
        draw_episodes("files", path=folder, n_episodes=100)
    with pytest.raises(ValueError, match=r"empty: holds no .parquet or .jsonl or .jsonl.gz file"):
        (tmp_path / "empty").mkdir()
        draw_episodes("files", path=tmp_path / "empty", n_episodes=100)
