"""Live evaluation: who is asked what, that nobody sees the future, and which answers count."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from helpers.paths import ROOT
from helpers.policies import made_policy
from helpers.random_episodes import AGENTS, LIMIT, WIDTH, as_messages, checked, compose, episode, model, sentence
from helpers.tiny_language_model import write_lm
from helpers.word_model import Scorer
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.dataset.calls import calls_of, whole_history
from lrrc.dataset.inputs import StageInputs
from lrrc.dataset.segment_gains import save_gains
from lrrc.digest.rendering import HEAD
from lrrc.episodes.arena.curate import MODELS
from lrrc.episodes.episode import Check, Episode, Message, Turn
from lrrc.episodes.episode_file import write_episodes
from lrrc.evaluation.live.agents import Answer, LocalAgent, Question
from lrrc.evaluation.live.checks import Configuration, agent_of, evaluate, live_schema, questions, sample
from lrrc.evaluation.live.oracle import oracle
from lrrc.evaluation.live.stage import evaluate_live, jobs_of
from lrrc.model.network import build_network
from lrrc.params import EmbedConfig, load_params, parse_params
from lrrc.policies.payload import as_chat
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import LEARNED, UNTRAINED, WHOLE
from lrrc.pretrained import gemma, language_model, tokens
from lrrc.pretrained.answers import Answers, Kept, LanguageModelFiles, read_answers, read_journals, write_answers
from lrrc.runtime.files import write_json

BUDGET = 40


def policy_of(name, budget=BUDGET):
    if name in set(UNTRAINED) - set(WHOLE):
        return made_policy(name, budget)
    if name in WHOLE:
        return load_policy(PolicySpec(name))
    torch.manual_seed(1)
    return made_policy(name, budget, build_network(name, 4, WIDTH, model()))


POLICIES = {name: policy_of(name) for name in (*UNTRAINED, "lrrc", "ccf-only")}


def asked_under(name, made, agent=AGENTS[0]):
    return questions(made, POLICIES[name].session(made.agents), agent, BUDGET)


@pytest.mark.parametrize("name", POLICIES)
def test_a_question_is_what_the_policy_sends(name):
    """The payload of `compose` for the same messages, and every token counted again."""
    digests = 0
    for seed in range(8):
        made = checked(seed)
        for question, check in zip(asked_under(name, made), made.checks, strict=True):
            sent, receipt = compose(POLICIES[name], as_messages(made, check.turn), AGENTS[0])
            assert [content for _, content in question.payload] == [m["content"] for m in sent]
            assert question.prompt_tokens == sum(tokens.count(m["content"]) for m in sent) == receipt.tokens_after
            assert question.digest_tokens == receipt.digest_tokens <= BUDGET
            assert (question.check, question.episode_id, question.agent) == (check, made.episode_id, AGENTS[0])
            digests += question.digest_tokens > 0
    assert (digests > 5) == (name not in WHOLE)


def rewritten(made, turn, rng):
    """The episode with other replies from `turn` on and other inputs after it."""
    turns = list(made.turns)
    for t in range(turn, len(turns)):
        other = lambda m: dataclasses.replace(m, content=sentence(rng))  # noqa: E731
        inputs = turns[t].inputs if t == turn else tuple(map(other, turns[t].inputs))
        turns[t] = Turn(inputs, tuple(map(other, turns[t].replies)))
    return dataclasses.replace(made, turns=tuple(turns))


@pytest.mark.parametrize("name", POLICIES)
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), place=st.integers(0, 10))
def test_nobody_sees_the_reply_or_what_comes_later(name, seed, place):
    made = checked(seed)
    place = place % len(made.checks)
    changed = rewritten(made, made.checks[place].turn, np.random.default_rng(seed))
    assert changed != made
    assert asked_under(name, changed)[: place + 1] == asked_under(name, made)[: place + 1]


def test_the_whole_history_is_every_message_before():
    made = checked(3, turns=5)
    for question in asked_under("full-context", made):
        before = as_messages(made, question.check.turn)
        assert [content for _, content in question.payload] == [m["content"] for m in before]
    for question in asked_under("no-history", made):
        inputs = made.turns[question.check.turn].inputs
        assert [content for _, content in question.payload] == [m.content for m in (*made.system, *inputs)]


def test_the_sample_starts_alike_whatever_its_length():
    episodes = [checked(seed) if seed % 3 else episode(seed) for seed in range(30)]
    whole = sample(episodes, 100, seed=4)
    assert {e.episode_id for e in whole} == {e.episode_id for e in episodes if e.checks}
    for most in range(len(whole) + 1):
        assert sample(iter(episodes), most, seed=4) == whole[:most]
    assert sample(episodes, 100, seed=5) != whole != sorted(whole, key=lambda e: e.episode_id)


def test_sides():
    made = dataclasses.replace(checked(0), models=("small", "large"))
    assert [agent_of(made, name) for name in ("small", "large", "another")] == ["model_a", "model_b", "model_a"]
    pairs = [("system", "s"), ("user", "u"), ("digest", "d"), ("model_a", "a"), ("model_b", "b"), ("search", "t")]
    assert [as_chat(pair, "model_b") for pair in pairs] == [
        ("system", "s"),
        ("user", "u"),
        ("user", "d"),
        ("user", "model_a: a"),
        ("assistant", "b"),
        ("user", "search: t"),
    ]


def question_of(*payload, options=("It is 9.", "It is 740."), agent="model_a"):
    return Question("e", agent, payload, 0, Check(1, "recall", "?", options, 1, 0, (0, 0)))


@pytest.fixture
def local():
    return LocalAgent(Answers(Scorer()))


def test_the_likeliest_option_a_token_is_the_answer(local):
    told = ("user", "The budget is 740 euros and it is for the train. What is it?")
    right = question_of(told, options=("It is 9.", "It is 740."))
    longer = question_of(told, options=("Soup.", "The budget is 740 euros and it is for the train."))
    assert local.answer([right, longer]) == [Answer(1), Answer(1)]  # in sum, `Soup` would win
    assert local.answer([question_of(("user", "What?"), options=("It.", "Is."))]) == [Answer(0)]  # equal: the first


def test_options_are_read_after_the_opening_of_the_agents_reply(local):
    local.answer([question_of(("user", "What?"), ("model_a", "I said."), ("model_b", "So?"))])
    words = {i: word for word, i in local.answers.model.ids.items()} | {1: "<", 2: ">"}
    (request,) = local.answers.model.asked
    shown = " ".join(words[token] for token in request.prompt)
    assert shown == "< user what > < assistant i said > < user model_b so > < assistant"
    assert [" ".join(words[t] for t in answer) for answer in request.answers] == ["it is 9 >", "it is 740 >"]


def test_equal_payloads_are_read_once(local):
    one, same, other = (question_of(("user", text)) for text in ("a 740", "a 740", "b 9"))
    side = dataclasses.replace(one, agent="model_b")
    first = local.answer([one, same, other, same, one])
    assert first == [Answer(1), Answer(1), Answer(0), Answer(1), Answer(1)]
    assert len(local.answers.model.asked) == 2
    assert local.answer([other, one, side]) == [Answer(0), Answer(1), Answer(1)]
    assert len(local.answers.model.asked) == 2  # the other side reads the same here
    assert local.answer([]) == []


class Scripted:
    """Answers in turn, whatever is asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def answer(self, asked):
        self.asked = list(asked)
        return [self.answers.pop(0) for _ in asked]


def test_rows_by_hand():
    def turn(said):
        return Turn((Message("user", said),), (Message("assistant", "Yes.", "model_a"),))

    checks = tuple(
        Check(t, family, "?", ("It is nine now.", "It is ten."), t % 2, 0, (0,))
        for t, family in ((1, "recall"), (2, "rule"))
    )
    made = Episode(
        "e",
        AGENTS,
        ("small", "large"),
        (),
        (turn("Hello."), turn("When?"), turn("And now?")),
        None,
        None,
        "e",
        None,
        None,
        checks,
    )
    jobs = [
        Configuration("full-context", None, episodes=9),
        Configuration("lrrc", BUDGET, 4, 1, "gate-off", Path("models/ablate-gate-off/s1")),
    ]
    agent = Scripted(Answer(1, 50, 3), Answer(1), Answer(0), Answer(-1))
    used = []

    def policy_for(job, episode):
        used.append((job.policy, episode.episode_id))
        return POLICIES[job.policy]

    rows = evaluate(agent, "large", [made], jobs, policy_for, {"e": 3})
    assert used == [("full-context", "e"), ("lrrc", "e")]
    assert len(agent.asked) == 4 and all(question.agent == "model_b" for question in agent.asked)
    assert [(r["policy"], r["turn"], r["category"], r["choice"], r["right"]) for r in rows] == [
        ("full-context", 1, "recall", 1, 1),
        ("full-context", 2, "rule", 1, 0),
        ("lrrc", 1, "recall", 0, 0),
        ("lrrc", 2, "rule", -1, 0),
    ]
    n = tokens.count
    whole = n("Hello.") + n("Yes.") + n("When?")
    assert [r["prompt_tokens"] for r in rows[:2]] == [whole, whole + n("Yes.") + n("And now?")]
    said = [n("It is ten."), n("It is ten."), n("It is nine now."), 0]
    assert [r["completion_tokens"] for r in rows] == said
    assert [(r["reported_prompt_tokens"], r["reported_completion_tokens"]) for r in rows[:2]] == [(50, 3), (None, None)]
    named = {
        "policy": "lrrc",
        "budget": BUDGET,
        "rank": 4,
        "seed": 1,
        "variant": "gate-off",
        "fold": 3,
        "item": "ablate-gate-off-s1",
        "episode_id": "e",
    }
    assert named.items() <= rows[2].items() and set(rows[0]) == set(live_schema().names)
    assert (rows[0]["item"], rows[0]["budget"], rows[0]["rank"]) == ("", None, None)


def knowing(least_share):
    """Parameters of an oracle."""
    params = load_params(ROOT / "params.yaml")
    digest = dataclasses.replace(params.digest, least_share=least_share)
    return dataclasses.replace(params, embed=EmbedConfig(LIMIT), digest=digest)


def test_the_oracle_sends_what_gains_most():
    made = checked(7, turns=5)
    history = whole_history(made, LIMIT)
    calls = {call.turn: call for call in calls_of(made, history)}
    stored, best = {}, {}
    for turn, call in calls.items():
        best[turn] = turn % call.segments
        stored[call.key] = np.full(call.segments, -1, np.float32)
        stored[call.key][best[turn]] = 50
    assert len(calls) > 1
    for question in questions(made, oracle(made, stored, knowing(0.01)).session(made.agents), AGENTS[0], BUDGET):
        if (turn := question.check.turn) in best:
            (said,) = [content for speaker, content in question.payload if speaker == "digest"]
            label, quoted = said.removeprefix(HEAD).split(": ", 1)
            assert label in (*AGENTS, "user") and quoted.strip("… \n") == history.segments[best[turn]].text.strip(
                "… \n"
            )
    blind = oracle(made, {}, knowing(0.01)).session(made.agents)
    assert all(q.digest_tokens == 0 for q in questions(made, blind, AGENTS[0], BUDGET))


def test_the_oracle_keeps_to_its_budget():
    for seed in range(6):
        made = checked(seed, turns=5)
        history = whole_history(made, LIMIT)
        rng = np.random.default_rng(seed)
        stored = {c.key: rng.normal(0, 5, c.segments) for c in calls_of(made, history)}
        session = oracle(made, stored, knowing(0.0)).session(made.agents)
        for turn in made.turns:
            chosen = session.propose(turn.inputs, AGENTS[0], 25)
            assert chosen.text is not None and chosen.tokens <= 25
            session.observe([*turn.inputs, *turn.replies])


VALUES = yaml.safe_load((ROOT / "params.yaml").read_text())


def params_of(**sections):
    values = {key: VALUES[key] | value if isinstance(value, dict) else value for key, value in sections.items()}
    return parse_params({**VALUES, **values})


def test_jobs():
    params = params_of(
        ranks=[2, 8],
        seeds=[0, 1],
        rank=8,
        budget=64,
        baseline={"policies": ["bm25", "rims-only"]},
        ablate={"variants": ["gate-off", "targets-lexical"], "seeds": [1]},
        live={
            "policies": ["full-context", "bm25", "rims-only", "ccf-only", "lrrc"],
            "episodes": 9,
            "budgets": [32, 64],
            "policies_elsewhere": ["bm25", "lrrc"],
            "episodes_elsewhere": 4,
        },
        tune=VALUES["tune"] | {"top": [1, 0], "least_share": [0.1]},
    )
    m = Path("models")
    assert sorted(jobs_of(params, m), key=str) == sorted(
        [
            Configuration("full-context", None, episodes=9),
            Configuration("bm25", 64, episodes=9),
            *(Configuration("bm25", 64, episodes=9, stop=top) for top in (1, 0)),
            Configuration("oracle", 64, episodes=9),
            *(  # ccf-only was not fitted; all that learn, with the same seeds
                Configuration(policy, 64, rank, seed, "", m / f"{folder}-s{seed}", 9, stop)
                for policy, rank, folder in (("rims-only", None, "baseline-rims-only"), ("lrrc", 8, "train-r8"))
                for seed in (0, 1)
                for stop in (None, 0.1)
            ),
            Configuration("bm25", 32, episodes=4),
            Configuration("lrrc", 32, 8, 0, "", m / "train-r8-s0", 4),
            Configuration("lrrc", 64, 2, 0, "", m / "train-r2-s0", 4),
            Configuration("lrrc", 64, 8, 1, "gate-off", m / "ablate-gate-off/s1", 4),
            Configuration("lrrc", 64, 8, 1, "targets-lexical", m / "ablate-targets-lexical/s1", 4),
        ],
        key=str,
    )


def test_all_jobs_of_the_committed_parameters_differ():
    params = parse_params(VALUES)
    jobs = jobs_of(params, Path("models"))
    assert len({dataclasses.replace(job, episodes=0) for job in jobs}) == len(jobs)
    here = {job.policy for job in jobs if job.budget in (None, params.budget) and not job.variant}
    fitted = {*UNTRAINED, "lrrc", *(name for name in LEARNED if name in params.baseline.policies)}
    assert here == (set(params.live.policies) & fitted) | {"oracle"}


UNTRAINED_ONLY = {
    "ranks": [8],
    "rank": 8,
    "budget": 16,
    "ablate": {"variants": []},
    "live": {
        "policies": ["no-history", "full-context", "recency"],
        "episodes": 5,
        "budgets": [16, 32],
        "policies_elsewhere": ["recency"],
        "episodes_elsewhere": 3,
        "second_episodes": 0,
    },
    "tune": VALUES["tune"] | {"top": [1, 0]},
}
CHOSEN = {"trials": [], "chosen": [{"recency": {"speakers": "user"}}, {}]}


@pytest.fixture
def stage(tmp_path):
    """run(episodes) -> rows and meta of the stage, with a tiny model and without trained policies."""
    write_lm(tmp_path / "lm")
    write_answers(tmp_path / "answers.parquet", {})
    save_gains(tmp_path / "gains", [])
    write_json(tmp_path / "tuned", CHOSEN)

    def run(episodes, out, **sections):
        write_episodes(tmp_path / "episodes.parquet", episodes)
        ids = [e.episode_id for e in episodes]
        write_json(tmp_path / "splits.json", {"folds": [{"test": ids[::2]}, {"test": ids[1::2]}]})
        names = ("episodes.parquet", "segments", "encoder", "splits.json")
        inputs = StageInputs(*(tmp_path / name for name in names))
        params = params_of(**{**UNTRAINED_ONLY, **sections})
        lm = LanguageModelFiles(tmp_path / "lm", tmp_path / "answers.parquet", tmp_path / "journals")
        evaluate_live(tmp_path / "models", inputs, tmp_path / "gains", tmp_path / "tuned", lm, params, tmp_path / out)
        return pd.read_parquet(tmp_path / out / "rows.parquet"), json.loads((tmp_path / out / "meta.json").read_text())

    return run


def test_the_stage(stage, tmp_path):
    episodes = [checked(seed) if seed % 4 else episode(seed) for seed in range(12)]
    rows, meta = stage(episodes, "one")
    assert (meta["episodes"], meta["agent"]) == (5, language_model.NAME)
    drawn = sample(episodes, 5, VALUES["live"]["seed"])
    for budget, policy, count in [
        (16, "recency", 5),
        (32, "recency", 3),
        (None, "full-context", 5),
        (None, "no-history", 5),
        (16, "oracle", 5),
    ]:
        mine = rows[(rows.policy == policy) & (rows.budget.isna() if budget is None else rows.budget == budget)]
        mine = mine[mine.stop.isna()]
        wanted = {(e.episode_id, check.turn) for e in drawn[:count] for check in e.checks}
        assert set(zip(mine.episode_id, mine.turn, strict=True)) == wanted and len(mine) == len(wanted)
    of = {e.episode_id: i % 2 for i, e in enumerate(episodes)}
    assert all(of[name] == fold for name, fold in zip(rows.episode_id, rows.fold, strict=True))
    assert rows.right.isin([0, 1]).all() and rows.choice.between(0, 2).all()
    stage(episodes, "two")
    for name in ("rows.parquet", "meta.json", "answers.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_second_reader_takes_its_own_side(stage, tmp_path, monkeypatch):
    """The other model of the arena answers, too, where its own model played, at the operating budget alone."""
    write_lm(tmp_path / "other", seed=1)
    monkeypatch.setattr(gemma, "at_hand", lambda cache: tmp_path / "other")
    monkeypatch.setattr(gemma, "load", language_model.load)
    episodes = [dataclasses.replace(checked(seed), models=MODELS) for seed in range(6)]
    rows, meta = stage(episodes, "both", live=UNTRAINED_ONLY["live"] | {"second_episodes": 4})
    second = pd.read_parquet(tmp_path / "both/second.parquet")
    assert meta["second"] == gemma.NAME and second.episode_id.nunique() == 4 and rows.episode_id.nunique() == 5
    named = ["policy", "budget", "episode_id", "turn"]
    asked = rows[rows.stop.isna() & (rows.budget.isna() | (rows.budget == 16))]
    both = second.merge(asked, on=named, how="left", suffixes=("", "_first"))
    assert len(both) == len(second) and {*second.policy} == {*asked.policy} and second.stop.isna().all()
    assert (both.choice != both.choice_first).any()  # another model
    stage(episodes, "one")
    assert len(pd.read_parquet(tmp_path / "one/second.parquet")) == 0


def test_what_was_answered_is_not_asked_again(stage, tmp_path, capsys):
    """From the journals of a killed run and from the committed file; a stage without either asks for everything."""
    episodes = [checked(seed) for seed in range(6)]
    rows, _ = stage(episodes, "first")
    answered, journals = read_answers(tmp_path / "first/answers.parquet"), tmp_path / "journals"
    assert read_journals(journals) == answered and len(answered) > 10
    lines = [line for path in sorted(journals.iterdir()) for line in path.read_bytes().splitlines(keepends=True)]
    for path in journals.iterdir():
        path.unlink()

    def newly_asked():
        return sum(int(n) for n in re.findall(r", (\d+) newly asked", capsys.readouterr().out))

    capsys.readouterr()
    (journals / "1.jsonl").write_bytes(b"".join(lines[:7]) + lines[7][:-9])  # killed in the middle of the eighth
    again, _ = stage(episodes, "again")
    assert newly_asked() >= len(answered) - 7 and again.equals(rows)
    for path in journals.iterdir():
        path.unlink()
    first_best = {key: Kept(tuple(-i for i, _ in enumerate(kept.scores)), "no") for key, kept in answered.items()}
    write_answers(tmp_path / "answers.parquet", first_best)
    told, _ = stage(episodes, "told")
    assert newly_asked() == 0 and (told.choice == 0).all() and not (rows.choice == 0).all()
    stage(episodes, "all", live=UNTRAINED_ONLY["live"] | {"remember": False})
    assert read_answers(tmp_path / "all/answers.parquet") == answered and newly_asked() >= len(answered)


def test_without_checks_the_stage_says_so(stage, capsys):
    rows, meta = stage([episode(seed) for seed in range(3)], "none")
    assert rows.empty and meta["episodes"] == 0 and list(rows.columns) == live_schema().names
    assert "no episode of this data set has checks" in capsys.readouterr().out
