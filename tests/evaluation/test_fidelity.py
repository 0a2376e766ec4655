"""Fidelity: which replies are drawn, digests of equal mean length, surprise by hand, the command and the records."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from helpers.checkpoints import write_checkpoint
from helpers.paths import ROOT
from helpers.policies import made_policy
from helpers.random_episodes import AGENTS, WIDTH, as_messages, compose, episode, model
from helpers.tiny_language_model import write_lm
from helpers.word_model import NEW, Scorer
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lrrc.cli import main
from lrrc.commands.fidelity import summary, table
from lrrc.dataset.inputs import StageInputs
from lrrc.episodes.episode import Episode, Message, Turn
from lrrc.episodes.episode_file import write_episodes
from lrrc.evaluation.fidelity import surprise as surprise_of_replies
from lrrc.evaluation.fidelity.equal_tokens import REACH, digests_at_equal_tokens, mean_recency_tokens, sent_by, sessions
from lrrc.evaluation.fidelity.replies import LoggedReply, draw_replies
from lrrc.evaluation.fidelity.stage import evaluate_fidelity, schema
from lrrc.evaluation.fidelity.surprise import measure_surprise, request, surprise
from lrrc.model.network import build_network
from lrrc.params import parse_params
from lrrc.policies.learned import Learned
from lrrc.policies.registry import load_policy
from lrrc.policies.scoring import ScoredHistory
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import language_model, sentence_encoder, tokens
from lrrc.pretrained.answers import Answers, LanguageModelFiles, write_answers
from lrrc.results.fidelity_records import read_fidelity
from lrrc.results.scores import Settings
from lrrc.results.statistics import holm, paired
from lrrc.results.summary import Summary
from lrrc.runtime.files import write_json


def scorable(made):
    return [
        (t, reply.name) for t, turn in enumerate(made.turns) for reply in turn.replies if t and reply.content.strip()
    ]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 200), unique=True, max_size=7), st.integers(0, 40), st.integers(0, 9))
def test_one_reply_of_every_episode_comes_first(seeds, most, seed):
    episodes = [episode(i) for i in seeds]
    able = {e.episode_id: scorable(e) for e in episodes}
    drawn = draw_replies(iter(episodes), most, seed)
    assert drawn == draw_replies(episodes, most, seed)
    assert len(drawn) == min(most, sum(map(len, able.values())))
    assert len({(t.episode.episode_id, t.turn, t.agent) for t in drawn}) == len(drawn)
    assert all((t.turn, t.agent) in able[t.episode.episode_id] for t in drawn)
    counts = Counter(t.episode.episode_id for t in drawn)
    rounds = max(counts.values(), default=0)
    for name, places in able.items():  # nobody lags by two unless it has no more
        assert counts[name] >= min(len(places), rounds - 1)
    assert drawn == sorted(drawn, key=lambda t: (t.episode.episode_id, t.turn, t.agent))


def test_the_draw_depends_on_the_seed():
    episodes = [episode(i, turns=6) for i in range(6)]
    assert draw_replies(episodes, 6, 0) != draw_replies(episodes, 6, 1)


def all_targets(*seeds, **options):
    return draw_replies([episode(seed, **options) for seed in seeds], 10**6, 0)


def learned(budget, seed=0, name="lrrc"):
    torch.manual_seed(seed)
    net = build_network(name, 4, WIDTH, model())
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made_policy(name, budget, net, least_gain=0.5, max_overlap=0.8)


def test_sessions_know_the_turns_before():
    targets = all_targets(1, 2, 3)
    assert len({t.episode.episode_id for t in targets}) == 3
    for target, session in sessions(load_policy(PolicySpec("recency")), targets):
        before = [m for turn in target.episode.turns[: target.turn] for m in (*turn.inputs, *turn.replies)]
        assert session.history.messages == before and session.history.turns == target.turn


@pytest.mark.parametrize("name", ["no-history", "full-context", "truncated-history", "recency", "bm25"])
def test_others_send_what_they_always_send(name):
    policy = load_policy(PolicySpec(name, 30))
    for target, (text, messages, spent) in zip(t := all_targets(4, 5), sent_by(policy, t), strict=True):
        sent, receipt = compose(policy, as_messages(target.episode, target.turn), target.agent)
        inputs, system = target.inputs, target.episode.system
        middle = [m["content"] for m in sent if m.get("name") == "digest"]
        assert [text] == (middle or [""]) and spent == receipt.tokens_after - sum(
            tokens.count(m.content) for m in (*inputs, *system)
        )
        assert len(sent) == len(middle) + len(messages) + len(inputs) + len(system)


@pytest.mark.parametrize("name", ["lrrc", "rims-only", "ccf-only"])
@pytest.mark.parametrize("budget", [8, 20, 60, 10_000])
@pytest.mark.parametrize("seed", range(2))
def test_adaptive_digests_spend_the_budget_on_average(monkeypatch, name, budget, seed):
    """The mean is within what recency spends, and one step less demanding it would not be."""
    policy, targets = learned(budget, seed, name), all_targets(*range(10 * seed, 10 * seed + 5))
    asked, write = [], Learned.write
    monkeypatch.setattr(Learned, "write", lambda self, *a: asked.append(a[2].least_gain) or write(self, *a))
    sent = digests_at_equal_tokens(policy, targets)
    monkeypatch.undo()

    def lengths(gain):
        rules, found = replace(policy.spec.rules, least_gain=gain), []
        for target, session in sessions(policy, targets):
            scores_N, logits_V = session.scores(target.inputs, target.agent)
            shares_N = scores_N - np.logaddexp.reduce(scores_N)
            scored = ScoredHistory(session.history, shares_N, logits_V)
            found.append(policy.write(scored, REACH * budget, rules).tokens)
        return np.array(found)

    found = lengths(asked[-1])
    allowed = mean_recency_tokens(policy, targets)
    assert found.mean() <= allowed <= budget and found.max() <= REACH * budget
    less = lengths(asked[-1] * (1 - 4e-6))  # the search ends at steps of 2^-24 of its range, sixteen
    assert less.mean() > allowed or asked[-1] == min(asked)  # of which the second: everything is sent
    for target, (text, messages, spent), length in zip(targets, sent, found, strict=True):
        past = [m for turn in target.episode.turns[: target.turn] for m in (*turn.inputs, *turn.replies)]
        whole = sum(tokens.count(m.content) for m in past)
        if whole <= length:
            assert (text, messages, spent) == ("", past, whole)
        else:
            assert messages == [] and spent == length == tokens.count(text)


def talk(*turns, name="t"):
    made = [Turn((Message("user", u),), (Message("assistant", a, "model_a"),)) for u, a in turns]
    return Episode(
        name, AGENTS[:1], AGENTS[:1], (Message("system", "Be kind."),), tuple(made), None, None, name, None, None
    )


TALK = talk(("Budget is 740.", "Noted."), ("Which budget?", "The 740 euros."))


def spoken(scorer, one):
    words = {i: word for word, i in scorer.ids.items()} | {1: "<", 2: ">"}
    return " ".join(words[t] for t in one.prompt), [" ".join(words[t] for t in answer) for answer in one.answers]


def test_requests_by_hand(monkeypatch):
    scorer, (target,) = Scorer(), draw_replies([TALK], 9, 0)
    asked = "< user which budget > < assistant"
    shown = [
        (request(scorer, target, "user: Budget is 740.", [], 64), "< user user budget is 740 > "),
        (request(scorer, target, "", TALK.turns[0].inputs, 64), "< user budget is 740 > "),
        (request(scorer, target, "", TALK.turns[0].replies, 64), "< assistant noted > "),
        (request(scorer, target, "", [], 64), ""),
    ]
    for made, before in shown:
        assert spoken(scorer, made) == (before + asked, ["the 740 euros"])
    assert spoken(scorer, request(scorer, target, "", [], 2))[1] == ["the 740"]
    monkeypatch.setattr(surprise_of_replies, "MOST_TOKENS", 9)  # the oldest go
    assert spoken(scorer, request(scorer, target, "x y z", [], 64))[0] == "z > " + asked


def test_surprise_by_hand():
    scorer, (target,) = Scorer(), draw_replies([TALK], 9, 0)
    told, nothing = (request(scorer, target, text, [], 64) for text in ("Budget: 740 euros", ""))
    np.testing.assert_allclose(
        surprise(Answers(scorer), [told, nothing, told]),
        [1.667, -NEW, 1.667],  # (2 * 1 + 3) / 3, in thousandths
    )
    assert len(scorer.asked) == 2  # the third was known


def test_rows_by_hand():
    rows = measure_surprise(
        Answers(Scorer()),
        draw_replies([TALK], 9, 0),
        [load_policy(PolicySpec("full-context")), load_policy(PolicySpec("no-history"))],
        64,
        {"no-history": {"data": "mine"}},
    )
    n = tokens.count
    named = {"episode_id": "t", "turn": 1, "agent": "model_a", "budget": None}
    assert rows == [
        {"policy": "full-context", **named, "nats": 2.333, "tokens": n("Budget is 740.") + n("Noted.")},
        {"policy": "no-history", **named, "nats": -NEW, "tokens": 0, "data": "mine"},
    ]


def row(policy, nats, spent, budget=None, name="e", **more):
    return {
        "policy": policy,
        "budget": budget,
        "episode_id": name,
        "turn": 1,
        "agent": "a",
        "nats": nats,
        "tokens": spent,
        **more,
    }


FULL, OURS, OTHER = [1.0, 2.0, 0.5], [1.5, 2.0, 0.25], [2.0, 2.5, 1.5]


def rows_of(**more):
    return [
        one
        for policy, nats, spent, budget in (
            ("full-context", FULL, 300, None),
            ("lrrc", OURS, 20, 32),
            ("bm25", OTHER, 31, 32),
        )
        for one in (row(policy, value, spent + i, budget, f"e{i}", **more) for i, value in enumerate(nats))
    ]


def test_summary_and_table_by_hand():
    found = {r["policy"]: r for r in summary(rows_of())}
    assert found["full-context"]["nats_over_full_context"] == 0 and found["bm25"]["tokens_per_call"] == 32
    extra = np.array(OURS) - np.array(FULL)
    low, high = scipy_stats.t.interval(0.95, 2, extra.mean(), scipy_stats.sem(extra))
    ours = found["lrrc"]
    assert ours["nats_over_full_context"] == pytest.approx(0.25 / 3) and (ours["budget"], ours["n"]) == (32, 3)
    assert (ours["low"], ours["high"]) == (pytest.approx(low), pytest.approx(high))
    lines = table(summary(rows_of())).splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["full-context", "lrrc", "bm25"]
    assert "+0.083" in lines[2] and lines[-1] == "3 replies; lower is better"


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """A tiny language model, a trained coordinator and six short chats, below the current folder."""
    monkeypatch.chdir(tmp_path)
    sentence_encoder.load.cache_clear()  # of data/encoder below another folder
    write_checkpoint(tmp_path)
    write_lm(tmp_path / "lm")
    with open("logs.jsonl", "w") as out:
        for i in range(6):
            said = [
                f"Parcel {i} weighs {i} kg.",
                f"Noted for {i}.",
                f"It goes to Lisbon by train {i}.",
                f"Fine, {i}.",
                "Where to?",
                f"Lisbon, box {i}.",
            ]
            messages = [{"role": ("user", "assistant")[j % 2], "content": text} for j, text in enumerate(said)]
            out.write(json.dumps({"id": i, "messages": messages}) + "\n")
    return ["fidelity", "logs.jsonl", "--model", str(tmp_path / "lm")]


def test_the_command(logs, capsys):
    asked = ["--policies", "lrrc, recency,no-history", "--budgets", "12,8", "--calls", "8", "--json", "out/f.json"]
    assert main([*logs, *asked]) == 0
    out = capsys.readouterr().out
    found = json.loads(Path("out/f.json").read_text())
    assert (found["data"], found["agent"]) == ("logs.jsonl", language_model.NAME)
    shown = [(r["policy"], r["budget"]) for r in found["rows"]]
    assert sorted(shown, key=str) == sorted(
        [("full-context", None), ("no-history", None), *((p, b) for p in ("lrrc", "recency") for b in (8, 12))], key=str
    )
    for one in found["rows"]:
        assert one["n"] == 8 and one["low"] <= one["nats_over_full_context"] <= one["high"]
        assert one["budget"] is None or one["tokens_per_call"] <= one["budget"]
    assert found["rows"][0]["nats_over_full_context"] == 0 and any(r["nats_over_full_context"] for r in found["rows"])
    assert [line.split()[0] for line in out.splitlines()[1:-1]] == [policy for policy, _ in shown]
    first = Path("out/f.json").read_bytes()
    assert main([*logs, *asked]) == 0 and Path("out/f.json").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--policies", "bm25,magic"], "--policies: magic: allowed is of full-context"),
        (["--policies", ""], "--policies: : allowed is of"),
        (["--policies", "oracle"], "--policies: oracle"),
        (["--policies", "rims-only"], "models/baseline-rims-only-s0: no checkpoint here"),
        (["--budgets", "64,-1"], "--budgets = '64,-1'"),
        (["--calls", "1"], "--calls = 1: allowed is an integer >= 2"),
        (["--reply-tokens", "0"], "--reply-tokens = 0: allowed is an integer >= 1"),
        (["--seed", "-1"], "--seed = -1"),
        (["--model", "nowhere"], "nowhere: no language model here: run `dvc repro models` first"),
        (["--checkpoint", "nowhere"], "nowhere: no checkpoint here"),
        (["--json", "logs.jsonl"], "must be a file of its own that ends in .json"),
    ],
)
def test_mistakes_end_in_one_line(logs, capsys, arguments, reason):
    before = Path("logs.jsonl").read_bytes()
    assert main([*logs, *arguments]) == 1
    (said,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("fidelity: ")]
    assert said.startswith("lrrc fidelity: ") and reason in said and Path("logs.jsonl").read_bytes() == before


CHAT = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]  # no history before the reply


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"id": "a"}\n', "logs.jsonl: line 1"),
        ("not json\n", "logs.jsonl: line 1"),
        (json.dumps({"id": "a", "messages": CHAT}) + "\n", "fewer than two replies have a history"),
        (None, "logs.jsonl: no such file"),
    ],
)
def test_bad_logs_end_in_one_line(logs, capsys, text, reason):
    Path("logs.jsonl").unlink() if text is None else Path("logs.jsonl").write_text(text)
    assert main([*logs, "--policies", "recency"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("lrrc fidelity: ") and reason in error and error.count("\n") == 1


SETTINGS = Settings(rank=8, budget=32)


def stored(folder, rows, judges):
    pq.write_table(pa.Table.from_pylist(rows, schema=schema()), folder / "rows.parquet")
    write_json(folder / "meta.json", {"judges": judges, "agent": "a-model"})
    return Summary.of(read_fidelity(folder, SETTINGS), 8, 32)


def test_records_by_hand(tmp_path):
    rows = [
        *({**one, "rank": 8 if one["policy"] == "lrrc" else None} for one in rows_of(data="embedded", seed=0)),
        *({**one, "rank": None} for one in rows_of(data="mine", seed=0) if one["policy"] != "lrrc"),
    ]
    np.random.default_rng(0).shuffle(rows)  # pairs are found by call, not by place
    found = stored(tmp_path, rows, {"embedded": "verifier", "mine": None})
    of = lambda metric, **wanted: found.record(metric, evaluation="fidelity", **wanted)  # noqa: E731
    nats = of("nats_over_full_context", data="embedded", policy="bm25")
    expected = paired(np.array(OTHER), np.array(FULL))
    assert nats["value"] == pytest.approx(mean([1, 0.5, 1])) and nats["low"] == pytest.approx(expected.difference.low)
    named = {"judge": "verifier", "agent": "a-model", "n": 3, "budget": 32, "rank": None}
    assert named.items() <= {**nats, "test": None}.items()
    ours = of("nats_over_full_context", policy="lrrc")
    assert (ours["value"], ours["rank"]) == (pytest.approx(0.25 / 3), 8)
    lead = of("lrrc_fidelity_minus_policy", policy="bm25")
    assert lead["value"] == pytest.approx(mean([-0.5, -0.5, -1.25])) and lead["data"] == "embedded"
    assert lead["test"]["p_raw"] == pytest.approx(scipy_stats.ttest_rel(OURS, OTHER).pvalue)
    assert of("lrrc_fidelity_minus_policy", policy="full-context")["value"] == pytest.approx(0.25 / 3)
    cost = of("fidelity_tokens_per_call", data="mine", policy="full-context")
    assert (cost["value"], cost["budget"], cost["judge"]) == (301, None, None)
    for metric, adjusted in (
        ("nats_over_full_context", lambda r: r["p_vs_full_context"]),
        ("lrrc_fidelity_minus_policy", lambda r: r["test"]["p_holm"]),
    ):
        family = found.find(evaluation="fidelity", metric=metric)
        assert len(family) == {"nats_over_full_context": 3, "lrrc_fidelity_minus_policy": 2}[metric]
        assert [adjusted(r) for r in family] == pytest.approx(holm([r["test"]["p_raw"] for r in family]))


def test_one_reply_alone_has_no_interval_but_a_mean(tmp_path):
    rows = [{**one, "rank": None} for one in rows_of(data="mine", seed=0) if one["episode_id"] == "e0"]
    found = stored(tmp_path, rows, {"mine": None})
    assert {r["metric"] for r in found.records} == {"fidelity_tokens_per_call"}


VALUES = yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_stage_over_folds_and_further_files(tmp_path):
    episodes = [episode(seed, turns=3, outcome="tie") for seed in range(8)]
    further = [episode(seed, turns=3, agents=("assistant",)) for seed in range(20, 23)]
    write_lm(tmp_path / "lm")
    write_json(tmp_path / "tuned", {"trials": [], "chosen": [{"recency": {"speakers": "user"}}, {}]})
    write_episodes(tmp_path / "episodes.parquet", episodes)
    write_answers(tmp_path / "answers.parquet", {})
    write_episodes(tmp_path / "logs.parquet", further)
    ids = [e.episode_id for e in episodes]
    write_json(tmp_path / "splits.json", {"folds": [{"test": ids[::2]}, {"test": ids[1::2]}]})
    inputs = StageInputs(*(tmp_path / name for name in ("episodes.parquet", "segments", "encoder", "splits.json")))
    changes = {"calls": 6, "policies": ["no-history", "recency"], "files": [str(tmp_path / "logs.parquet")]}
    few = VALUES["tune"] | {"top": [1, 0]}
    params = parse_params({**VALUES, "budget": 16, "tune": few, "fidelity": VALUES["fidelity"] | changes})
    for out in ("one", "two"):
        lm = LanguageModelFiles(tmp_path / "lm", tmp_path / "answers.parquet", tmp_path / "journals")
        evaluate_fidelity(tmp_path / "models", inputs, tmp_path / "tuned", lm, params, tmp_path / out)
    for name in ("rows.parquet", "meta.json", "answers.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    own = params.data.source
    curve = pd.read_parquet(tmp_path / "one/rows.parquet").dropna(subset="stop")
    assert set(curve.policy) == {"recency"} and set(curve.data) == {own} and set(curve.stop) == {1, 0}
    sizes = curve.groupby("stop")["tokens"].mean()
    assert 0 < sizes[1] <= sizes[0] <= 16
    meta = json.loads((tmp_path / "one/meta.json").read_text())
    assert meta == {"judges": {own: "verifier", "logs": None}, "agent": language_model.NAME}
    rows = pd.read_parquet(tmp_path / "one/rows.parquet")
    rows = rows[rows.stop.isna()]
    able = sum(len(scorable(e)) for e in further)
    for data, calls in ((own, 6), ("logs", min(6, able))):
        mine = rows[rows.data == data].groupby("policy")
        places = [set(zip(part.episode_id, part.turn, part.agent, strict=True)) for _, part in mine]
        assert len(places) == 3 and all(place == places[0] for place in places) and len(places[0]) == calls
    assert set(rows[rows.data == own].episode_id) <= set(ids) and rows.nats.gt(0).all()
    assert set(rows[rows.policy == "recency"].budget) == {16} and rows[rows.policy == "no-history"].budget.isna().all()
    assert {r["data"] for r in read_fidelity(tmp_path / "one", SETTINGS)} == {own, "logs"}


def test_targets_name_their_agent():
    (target,) = draw_replies([TALK], 9, 0)
    assert (target.agent, target.inputs) == ("model_a", TALK.turns[1].inputs)
    assert LoggedReply(TALK, 1, Message("assistant", "x")).agent == "model_a"  # without a name: the first
