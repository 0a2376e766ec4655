"""The stage votes: the embedded run's code on judged pairs, resumed, split by prompt, and without a word of text."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.checkpoints import write_encoder
from helpers.random_episodes import LIMIT, MODEL, WIDTH, episode, train
from helpers.rows import assistant, user

from lrrc.episodes.episode_file import open_episodes
from lrrc.evaluation import votes
from lrrc.evaluation.replay.rows import longer_answer
from lrrc.evaluation.votes import as_measured, draw_votes, evaluate_votes, items
from lrrc.params import EmbedConfig, load_params
from lrrc.results.scores import Settings
from lrrc.results.votes_records import read_votes
from lrrc.runtime.files import write_json

PROMPTS = 6


def judged_rows():
    """Pairs of answers to a few prompts, two turns each, as a JSONL of joined votes has them."""
    for number in range(24):
        made = episode(number, turns=2, empty=0.0, system=False)
        asked = [turn.inputs[0].content for turn in episode(1000 + number % PROMPTS, turns=2, empty=0.0).turns]
        sides = [
            [m for t, text in enumerate(asked) for m in (user(text), assistant(made.turns[t].replies[side].content))]
            for side in (0, 1)
        ]
        yield {
            "question_id": f"pair-{number}",
            "prompt_id": number % PROMPTS,
            "model_a": "heron",
            "model_b": "otter",
            "winner": ("model_a", "model_b", "tie")[number % 3],
            "judge": "human",
            "conversation_a": sides[0],
            "conversation_b": sides[1],
        }


def small(path, **changes):
    params = load_params()
    own = {"path": str(path), "folds": 2, "variants": ("form-off",), "seeds_elsewhere": (0,), **changes}
    return dataclasses.replace(
        params,
        ranks=(2, 4),
        rank=4,
        seeds=(0, 1),
        budget=24,
        model=MODEL,
        train=train(max_epochs=1),
        embed=EmbedConfig(LIMIT),
        ablate=dataclasses.replace(params.ablate, variants=()),
        baseline=dataclasses.replace(params.baseline, policies=("full-context", "bm25")),
        digest=dataclasses.replace(params.digest, standing=0.0),
        votes=dataclasses.replace(params.votes, **own),
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    root = tmp_path_factory.mktemp("votes")
    path = root / "judged.jsonl"
    path.write_text("\n".join(map(json.dumps, judged_rows())), encoding="utf-8")
    write_encoder(root / "encoder")
    config = root / "encoder/config.json"
    write_json(config, json.loads(config.read_text()) | {"hidden_dim": WIDTH})  # as the stage encoder writes it
    evaluate_votes(root / "encoder", small(path), root / "out", root / "work")
    return root


def test_every_item_meets_every_pair_once_and_no_prompt_is_torn(ran):
    rows = pq.read_table(ran / "out/rows.parquet").to_pandas()
    wanted = {item.name.replace("/", "-") for item in items(as_measured(small(ran / "judged.jsonl")))}
    assert {name for name in rows["item"] if name} == wanted and len(wanted) == 2 * 3 + 1 + 1
    for _, part in rows.groupby(["policy", "item", "gated", "variant"]):
        assert sorted(part["episode_id"]) == sorted(f"pair-{n}" for n in range(24))
        assert (part.groupby("prompt")["fold"].nunique() == 1).all() and part["prompt"].nunique() == PROMPTS
    work = next((ran / "work").iterdir())
    for fold in json.loads((work / "splits.json").read_text())["folds"]:
        prompts = [{int(i.removeprefix("pair-")) % PROMPTS for i in fold[part]} for part in ("train", "val", "test")]
        assert sum(map(len, prompts)) == len(set.union(*prompts)) == PROMPTS
    floors = rows[rows["policy"] == "longer-answer"].set_index("episode_id")
    file = open_episodes(work / "episodes.parquet")
    for e in file.by_ids(list(file.row_of)):
        assert floors.loc[e.episode_id, "pick"] == e.agents[longer_answer(e)]


def test_results_hold_numbers_alone(ran):
    said = {m["content"] for row in judged_rows() for m in row["conversation_a"] if len(m["content"]) > 12}
    tables = [pq.read_table(path).to_pylist() for path in (ran / "out").rglob("*.parquet")]
    written = str(tables) + (ran / "out/meta.json").read_text()
    assert len(said) > 20 and "pair-0" in written and not [text for text in said if text in written]


def test_heads_see_the_form_of_answers_but_in_its_ablation(ran):
    work = next((ran / "work").iterdir())
    seen = {
        path.parent.relative_to(work / "models").as_posix()
        for path in (work / "models").rglob("config.json")
        if json.loads(path.read_text())["model"].get("form")
    }
    assert seen == {item.name for item in items(as_measured(small("x")))} - {"ablate-form-off/s0"}


def test_a_second_run_trains_nothing_again(ran, monkeypatch):
    before = {path: path.read_bytes() for path in (ran / "out").rglob("*.*")}
    monkeypatch.setattr(votes, "fit_items", lambda *_: pytest.fail("trained again"))
    evaluate_votes(ran / "encoder", small(ran / "judged.jsonl", deadline_min=0), ran / "out", ran / "work")
    assert before == {path: path.read_bytes() for path in (ran / "out").rglob("*.*")}


def test_after_the_deadline_what_is_finished_is_written(ran, tmp_path):
    more = small(ran / "judged.jsonl", deadline_min=0, variants=("form-off", "gate-off"))
    evaluate_votes(ran / "encoder", more, tmp_path / "out", ran / "work")
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert (meta["items"], meta["items_wanted"]) == (8, 9)
    with pytest.raises(ValueError, match="before Full-Context was measured"):
        evaluate_votes(ran / "encoder", small(ran / "judged.jsonl", deadline_min=0), tmp_path / "none", tmp_path)


def test_records_say_whose_judgement_and_draw_prompts(ran):
    records = read_votes(ran / "out", Settings(4, 24))
    assert {(r["data"], r["judge"]) for r in records} == {("mt_bench_human", "human")}
    kinds = {r["evaluation"] for r in records}
    kept = {"votes", "votes-ablation", "votes-call-gate", "votes-dataset", "votes-no-loss"}
    assert kinds - {"votes-fewer-calls"} == kept  # whether a gate of so few epochs saves 18 % is chance
    success = {r["policy"]: r for r in records if (r["evaluation"], r["metric"]) == ("votes", "preference_success")}
    assert success["random-pick"]["value"] == pytest.approx(0.5 + 8 / 24 / 2)  # a third are ties
    assert all((r["n"], r["prompts"]) == (24, PROMPTS) for r in success.values())
    rows = pq.read_table(ran / "out/rows.parquet").to_pandas()
    longer = rows[rows["policy"] == "longer-answer"].groupby("prompt")["success"].mean()
    se = longer.std(ddof=1) / np.sqrt(PROMPTS)  # equally many pairs of each: the mean over prompts is the mean
    low, high = success["longer-answer"]["low"], success["longer-answer"]["high"]
    assert (high - low) / 2 == pytest.approx(2.5706 * se, rel=1e-3)  # t with 5 degrees of freedom


@pytest.mark.parametrize("folder", [True, False])
def test_the_papers_own_set_goes_the_same_way_by_one_parameter(tmp_path, folder, monkeypatch):
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = []
    for number in range(8):
        turns = 1 + number % 3
        sides = [[m for t in range(turns) for m in (user(f"ask {t}"), assistant(f"{name} {number}"))] for name in "ab"]
        rows.append(
            {
                "question_id": f"{number:032x}",
                "model_a": "heron",
                "model_b": "otter",
                "winner": ("model_a", "model_b", "tie", "tie (bothbad)")[number % 4],
                "judge": f"arena_user_{number}",
                "conversation_a": sides[0],
                "conversation_b": sides[1],
                "turn": turns,
                "anony": True,
                "language": "English",
                "tstamp": 1.0,
                "openai_moderation": {"flagged": False},
                "toxic_chat_tag": {"t5-large": {"flagged": False}},
            }
        )
    path = tmp_path / "train-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    asked = as_measured(small(tmp_path if folder else path, source="lmsys"))
    episodes, drawn = draw_votes(asked)
    assert [int(e.episode_id, 16) for e in episodes] == [n for n in range(8) if n % 3]  # two turns at least
    assert {e.judge for e in episodes} == {"human"} and {e.outcome for e in episodes} >= {"tie", "tie (bothbad)"}
    assert drawn["source"] == "lmsys" and len({e.group for e in episodes}) == len(episodes)


def test_what_nobody_judged_is_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    rows = [{**row, "judge": "verifier"} for row in judged_rows()]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(ValueError, match="outcomes that people judged"):
        draw_votes(as_measured(small(path)))
    with pytest.raises(ValueError, match="no such file"):
        evaluate_votes(tmp_path, small(tmp_path / "gone.jsonl"), tmp_path / "out", tmp_path / "work")
