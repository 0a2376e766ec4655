"""Transfer: what is trained on what, that the left-out set stays unseen, and the records that come of it."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from helpers.random_episodes import ENCODER, LIMIT, MODEL, checked, episode, train
from helpers.word_model import Scorer

from lrrc.dataset.calls import calls_of, whole_history
from lrrc.dataset.segment_gains import save_gains, write_gains
from lrrc.episodes.episode_file import write_episodes
from lrrc.evaluation.fidelity import transfer
from lrrc.evaluation.fidelity.transfer import evaluate_transfer, trainings
from lrrc.params import EmbedConfig, TransferConfig, load_params
from lrrc.pretrained import language_model, sentence_encoder
from lrrc.results.scores import Settings
from lrrc.results.transfer_records import read_transfer


def test_every_set_is_tested_by_the_others_alone_and_together():
    assert trainings(["embedded", "a", "b"]) == [
        (("embedded",), "a"),
        (("b",), "a"),
        (("embedded", "b"), "a"),
        (("embedded",), "b"),
        (("a",), "b"),
        (("embedded", "a"), "b"),
    ]
    assert trainings(["embedded", "a"]) == [(("embedded",), "a")]
    assert all(test not in names for names, test in trainings(["embedded", *"abcd"]))


def logs(path, seeds):
    made = [dataclasses.replace(episode(s, turns=4, empty=0.0), episode_id=f"{path.stem}-{s}") for s in seeds]
    write_episodes(path, made)


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """results/transfer.parquet of two files, with tiny models; (folder, params, run)."""
    monkeypatch.setattr(sentence_encoder, "load", lambda folder: ENCODER)
    monkeypatch.setattr(language_model, "load", lambda folder: Scorer())
    write_episodes(tmp_path / "arena.parquet", [checked(seed, turns=4) for seed in range(12)])
    logs(tmp_path / "a.parquet", range(20, 32))
    logs(tmp_path / "b.parquet", range(40, 52))
    files = tuple(str(tmp_path / f"{name}.parquet") for name in "ab")
    params = load_params()
    params = dataclasses.replace(
        params,
        rank=2,
        ranks=(2,),
        budget=24,
        model=MODEL,
        train=train(max_epochs=2),
        embed=EmbedConfig(LIMIT),
        ablate=dataclasses.replace(params.ablate, variants=()),
        digest=dataclasses.replace(params.digest, standing=0.0),  # rules are sent whatever they cost
        transfer=TransferConfig(files, teach=6, calls=6, prior=0.8, seed=0),
    )
    save_gains(tmp_path / "known.parquet", known_of(tmp_path / "arena.parquet"))

    def run(params=params):
        evaluate_transfer(
            tmp_path / "arena.parquet",
            tmp_path / "known.parquet",
            tmp_path,
            tmp_path,
            params,
            tmp_path / "out.parquet",
            tmp_path / "work",
        )
        return pd.read_parquet(tmp_path / "out.parquet")

    return tmp_path, params, run


def known_of(path):
    from lrrc.episodes.episode_file import read_episodes

    rng = np.random.default_rng(0)
    for e in read_episodes(path):
        for call in calls_of(e, whole_history(e, LIMIT)):
            yield call, rng.exponential(6.0, call.segments).astype(np.float32)


def test_rows_are_paired_resumable_and_become_records(ran):
    folder, params, run = ran
    rows = run()
    assert set(rows["data"]) == {"a", "b"}
    ours = rows[rows["policy"] == "lrrc"]
    assert set(zip(ours["trained_on"], ours["data"], strict=True)) == {
        ("embedded", "a"),
        ("b", "a"),
        ("embedded + b", "a"),
        ("embedded", "b"),
        ("a", "b"),
        ("embedded + a", "b"),
    }
    for data, part in rows.groupby("data"):
        places = [
            frozenset(zip(p["episode_id"], p["turn"], p["agent"], strict=True))
            for _, p in part.groupby(["policy", "trained_on"])
        ]
        assert len(set(places)) == 1 and all(i.startswith(f"{data}-") for i, _, _ in places[0])
        spent = part.groupby(["policy", "trained_on"])["tokens"].mean()
        assert (spent["lrrc"] <= spent["recency", ""] + 1e-9).all()  # never more than the rules

    before = (folder / "out.parquet").read_bytes()
    kept = next(p for p in sorted((folder / "work").glob("*.json")) if json.loads(p.read_text())[0]["policy"] == "lrrc")
    kept.unlink()  # interrupted
    run()
    assert (folder / "out.parquet").read_bytes() == before

    records = read_transfer(folder / "out.parquet", Settings(2, 24, 0.05, 0.05))
    best = [r for r in records if r["metric"] == "nats_over_best_rule"]
    assert len(best) == 6
    lead = {(r["data"], r["variant"]): r["value"] for r in records if r["metric"] == "nats_over_lead"}
    for r in best:
        part = rows[rows["data"] == r["data"]].groupby(["policy", "trained_on"])["nats"].mean()
        assert lead[r["data"], r["variant"]] == pytest.approx(part["lrrc", r["variant"]] - part["lead", ""])
        rules = {rule: part[rule, ""] for rule in ("recency", "first-sentences", "bm25", "embedding")}
        assert r["test"]["rule"] == min(rules, key=rules.get)
        assert r["value"] == pytest.approx(part["lrrc", r["variant"]] - min(rules.values()))


def test_gains_are_measured_again_where_what_they_depend_on_changed(ran, monkeypatch):
    folder, params, run = ran
    measured, whole = [], write_gains
    monkeypatch.setattr(transfer, "write_gains", lambda path, *more: measured.append(path.stem) or whole(path, *more))
    monkeypatch.setattr(transfer, "map_as_completed", lambda work, tasks: ())

    def again(**changes):
        measured.clear()
        run(dataclasses.replace(params, **changes))
        return measured

    assert again() == ["a", "b"] and again() == []
    assert again(transfer=dataclasses.replace(params.transfer, teach=5)) == ["a", "b"]
    assert again(gains=dataclasses.replace(params.gains, reply_tokens=9)) == ["a", "b"]
    assert again(embed=EmbedConfig(LIMIT - 1)) == ["a", "b"]
    assert again(budget=23) == again() == []
    logs(folder / "b.parquet", range(60, 72))
    assert again() == ["b"]


def test_without_files_there_is_nothing_to_transfer(ran):
    folder, params, _ = ran
    params = dataclasses.replace(params, transfer=dataclasses.replace(params.transfer, files=()))
    with pytest.raises(ValueError, match=r"transfer.files = \[\]"):
        evaluate_transfer(
            folder / "arena.parquet", folder / "known.parquet", folder, folder, params, folder / "x", folder
        )
