"""A small folder of stage outputs with made-up numbers, for tests of what comes after them; never results."""

import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import made_up_live_results as synthetic_live
from helpers.paths import ROOT
from helpers.policies import made_policy
from lrrc.params import load_params
from lrrc.policies.checkpoint import checkpoint_config
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import FLOORS
from lrrc.proofs.theorems import PROVED
from lrrc.results.kinds_records import read_kinds
from lrrc.results.replay_records import dataset_records, evaluation_records
from lrrc.results.scores import Settings, Source
from lrrc.results.summary import PARTS, Summary
from lrrc.results.team_records import PARTS as TEAM_PARTS
from lrrc.results.team_records import Money, read_records
from lrrc.results.training_curves import training_records
from lrrc.results.votes_records import read_votes

POLICIES = {  # policy -> (tokens relative to full context, calls relative, success probability)
    "full-context": (1.0, 1.0, 0.66),
    "truncated-history": (0.72, 1.0, 0.6),
    "rims-only": (0.7, 1.0, 0.62),
    "ccf-only": (0.71, 1.0, 0.61),
    "tokensqueeze-only": (0.74, 1.0, 0.6),
    "recency": (0.7, 1.0, 0.57),
    "bm25": (0.69, 1.0, 0.63),
    "embedding": (0.68, 1.0, 0.62),
}
FAMILIES = ("standing-rules", "quantities", "assignments")


def replay_rows(episodes=60, seeds=(0, 1), ranks=(4, 8, 16, 32)):
    """Rows of results/replay with the columns of the real ones."""
    rng = np.random.default_rng(0)
    base = rng.integers(1800, 4200, episodes)
    easy = rng.normal(0, 0.25, episodes)
    rows = []

    def add(policy, item, rank, budget, gated, variant, cost, call_share, success):
        for seed in seeds:
            for e in range(episodes):
                calls = max(2, round(8 * call_share + rng.normal(0, 0.6 * (call_share < 1))))
                prompt = int(base[e] * cost * calls / 8 * rng.normal(1, 0.03))
                completion = 60 * calls
                rows.append(
                    {
                        "policy": policy,
                        "item": item.format(seed=seed),
                        "rank": rank,
                        "budget": budget,
                        "seed": seed,
                        "fold": e % 5,
                        "episode_id": f"e{e:04d}",
                        "calls": calls,
                        "prompt_tokens": prompt,
                        "completion_tokens": completion,
                        "total_tokens": prompt + completion,
                        "reusable_prefix_tokens": int(prompt * (0.6 if policy == "full-context" else 0.05)),
                        "digest_tokens": 0 if budget is None else calls * min(budget, 120),
                        "success": int(rng.random() < success + easy[e]),
                        "pick": "model_a",
                        "gated": gated,
                        "variant": variant,
                        "language": "English",
                        "category": FAMILIES[e % 3],
                    }
                )

    for policy, (cost, calls, success) in POLICIES.items():
        learned = policy.endswith("-only")
        budget = 128 if policy not in ("full-context", "truncated-history") else None
        add(
            policy,
            f"baseline-{policy}-s{{seed}}" if learned else "",
            None,
            budget,
            False,
            "",
            cost,
            calls,
            success,
        )
    for i, rank in enumerate(ranks):
        cost, success = 0.72 - 0.02 * i, 0.63 + 0.01 * i
        add("lrrc", f"train-r{rank}-s{{seed}}", rank, 128, False, "", cost, 1.0, success)
    add("lrrc", "train-r8-s{seed}", 8, 128, True, "", 0.7, 0.85, 0.64)
    for variant in ("top_k-1", "top_k-2", "head_width-32"):
        add("lrrc", f"ablate-{variant}-s{{seed}}", 8, 128, False, variant, 0.71, 1.0, 0.6)
    for policy, success in (("random-pick", 0.58), ("longer-answer", 0.55)):
        add(policy, "", None, None, False, "", 1.0, 1.0, success)
    add("embedding", "", None, 128, True, "", 0.68, 0.85, 0.6)
    rows = [{**row, "success": 0.5} if row["policy"] == "random-pick" else row for row in rows]
    return pd.DataFrame(rows).astype({"rank": "Int64", "budget": "Int64"})


def history(seed, rank, folds=2, epochs=12):
    """Training curves as history.json has them."""
    rng = np.random.default_rng([seed, rank])
    fall = np.exp(-np.arange(epochs) / 3)
    return [
        {
            "fold": f,
            "epoch": e,
            "train_loss": 1.2 + fall[e],
            "val_loss": 1.3 + fall[e] + 0.02 * rng.random(),
            "loss_rec": 0.5 + 0.6 * fall[e],
            "loss_sel": 0.4 + 0.3 * fall[e],
            "loss_win": 0.6 + 0.1 * fall[e],
            "val_agreement": 0.66 - 0.1 * fall[e],
            "state_norm": 9 - 4 * fall[e],
            "active_channels": 3.4 - fall[e],
        }
        for f in range(folds)
        for e in range(epochs)
    ]


def table1():
    """Rows of table1.json."""
    rows = []
    for accounting, factor in (("per_side", 1), ("joint", 2)):
        for split, episodes in (("train", 42), ("val", 9), ("test", 9), ("total", 60)):
            rows.append(
                {
                    "accounting": accounting,
                    "split": split,
                    "episodes": episodes,
                    "turns_per_episode": 4.2 * factor,
                    "tokens_per_turn_mean": 340.5,
                    "tokens_per_turn_median": 298.0,
                    "tokens_per_turn_p90": 521.0,
                    "tokens_per_episode": 1430.1 * factor,
                }
            )
    return rows


def certificate(rank):
    """A certificate.json, without its details per fit."""
    numbers = {
        "rank": rank,
        "r_u": min(rank, 8),
        "rho_max": 0.9,
        "norm_bound": 10.0,
        "largest_state_norm": 3.2,
    }
    return {
        **numbers,
        "holds": True,
        "theorems": [{"name": "T.f", "plain": "It holds."}],
        "fits": {"main": {}},
    }


def checkpoint(rank, seed):
    """A config.json."""
    return checkpoint_config(PolicySpec("lrrc", rank=rank), seed, 256, load_params(ROOT / "params.yaml").model)


def proofs():
    """A proofs.json."""
    theorem = {"name": "T.f", "plain": "It holds for x <d>.", "statement": "¬∀ x <d>", "axioms": ["propext"]}
    return {
        "verdict": PROVED,
        "checked_by": "Lean",
        "reason": "",
        "theorems": [{**theorem, "verdict": PROVED}],
    }


def explored(said):
    """Two generated episodes under three policies, for results/explore.json; every message begins with `said`."""
    import torch

    from helpers.random_episodes import WIDTH, episode, model
    from lrrc.evaluation.explorer import explorer_data
    from lrrc.model.network import build_network
    from lrrc.policies.registry import load_policy

    def marked(messages):
        return tuple(replace(message, content=f"{said} {message.content}") for message in messages)

    episodes = [
        replace(e, turns=tuple(replace(t, inputs=marked(t.inputs), replies=marked(t.replies)) for t in e.turns))
        for e in (episode(seed, turns=3) for seed in (0, 1))
    ]
    torch.manual_seed(0)
    net = build_network("lrrc", 4, WIDTH, model())
    ours = made_policy("lrrc", 128, net)
    others = {name: load_policy(PolicySpec(name, 128)) for name in ("full-context", "recency")}
    return explorer_data(episodes, {"LRRC r = 4": ours, **others}, 2, 0)


@functools.cache
def summary(outcomes=True):
    """The summary of 40 such episodes, or of logs without outcomes; do not change it."""
    source = Source("embedded", "verifier" if outcomes else None)
    rows = replay_rows(40)
    if not outcomes:
        rows = rows[~rows.policy.isin(FLOORS)].assign(success=None, pick=None)
    records = evaluation_records(rows, source, Settings(8, 128))
    histories = {(rank, seed): history(seed, rank) for rank in (4, 8, 16, 32) for seed in (0, 1)}
    training = training_records(histories, {"data": "embedded", "judge": source.judge})
    everything = [*records, *dataset_records(table1(), source), *training, *synthetic_live.all_records()]
    with tempfile.TemporaryDirectory() as folder:
        write_votes(Path(folder))
        everything += read_votes(Path(folder), Settings(8, 128))
    with tempfile.TemporaryDirectory() as folder:
        write_kinds(Path(folder))
        everything += read_kinds(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        write_team(Path(folder) / "team")
        ablations = Path(folder) / "team_ablations.parquet"
        everything += read_records(Path(folder) / "team", ablations, Money(2.5, 1.25, 10.0))
    return Summary.of(everything, 8, 128)


def write_votes(folder: Path, episodes=40, prompts=8):
    """What the stage votes leaves: the rows with a column of prompts, the gate's curve, and what they are of."""
    rows = replay_rows(episodes)
    rows = rows.assign(prompt=[f"p{int(i[1:]) % prompts}" for i in rows["episode_id"]])
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / "rows.parquet", index=False)
    ours = rows[
        (rows.policy == "lrrc") & (rows["rank"] == 8) & (rows.budget == 128) & ~rows.gated & (rows.variant == "")
    ]
    (folder / "gate").mkdir()
    curve = [ours.assign(tau=tau, calls=ours.calls - (tau < 0.1)) for tau in (0.0, 0.3)]
    pd.concat(curve).to_parquet(folder / "gate/curve.parquet", index=False)
    sizes = {"prompts": prompts, "pairs": episodes, "people_agree": 0.6, "table1": table1()}
    _json(folder / "meta.json", {"data": "mt_bench_human", "judge": "human", **sizes})


KIND_POLICIES = {"recency": 2.3, "lead": 2.2, "bm25": 2.4, "mmr": 2.5, "additive": 2.1, "lrrc": 2.25}


def write_kinds(folder: Path, calls=24):
    """What the stage kinds leaves: three kinds at two budgets, and recall on one; on "chess" BM25 is best."""
    rng, rows = np.random.default_rng(7), []
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("chess", "letters", "tools"):
        for call in range(calls):
            shared = {"kind": kind, "call": f"{kind}-{call}", "cluster": f"{call // 2:x}"}
            hard = rng.normal()
            for policy, level in KIND_POLICIES.items():
                better = 0.5 if (kind, policy) == ("chess", "bm25") else 0.0
                nats = level - better + hard + 0.1 * rng.normal()
                for budget in (128, 256):
                    sent = {"policy": policy, "budget": budget, "tokens": budget - 8}
                    rows.append({**shared, **sent, "words": float(np.clip(3 - nats, 0, 9)) / 9, "nats": nats})
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet", index=False)
    linked = [{**row, "held": bool(rng.random() < 0.6)} for row in rows if row["kind"] == "chess"]
    recall = pd.DataFrame([row for row in linked if row["budget"] == 128]).drop(columns=["nats", "words"])
    recall.to_parquet(folder / "recall.parquet", index=False)


TEAM_PAIRS = {  # of payload and call policy: agents called, chance to be right, tokens of a call
    ("full-context", "all"): (4, 0.5, 520),
    ("lrrc", "all"): (4, 0.6, 140),
    ("lrrc", "lrrc"): (2, 0.6, 140),
    ("lrrc", "bm25"): (1, 0.4, 140),
    ("lrrc", "oracle"): (1, 0.8, 140),
}


def write_team(folder: Path, episodes=24):
    """What the stages team and team_ablate leave of episodes with four agents and five requests, one of every kind."""
    rng, rows, replayed, headroom = np.random.default_rng(11), [], [], []
    folder.mkdir(parents=True, exist_ok=True)
    for episode in range(episodes):
        for turn, kind in enumerate(("private", "said", "joint", "changed", "talk")):
            where = {"episode_id": f"t{episode}", "turn": turn, "kind": kind}
            luck = rng.random()
            for (payload, call), (calls, chance, tokens) in TEAM_PAIRS.items():
                right = int(0.7 * luck + 0.3 * rng.random() < chance)
                sent = {"prompt_tokens": calls * tokens, "completion_tokens": 6 * calls}
                sent["reusable_tokens"] = calls * tokens // 2
                who = {"family": "town", "agents": 4, "called": list(range(calls)), "right_of_called": [right] * calls}
                found = {"payload": payload, "call": call, "right": right, "calls": calls}
                rows.append({**where, **found, **sent, **who, "confidence": [0.1] * calls})
                if payload == "lrrc":
                    for seed, variant in ((0, ""), (1, ""), (0, "state-off")):
                        made = {"call": call, "variant": variant, "seed": seed, "right": right}
                        ways = {"calibrated": calls, "threshold 0.50": 2, "best agent": 1, "best two": 2}
                        if call == "lrrc" or (seed, variant) == (0, ""):
                            for chosen, number in ways.items() if call == "lrrc" else [("", calls)]:
                                for answers in ("models", "readers")[bool(variant) :]:
                                    more = {"chosen": chosen, "calls": number, "answers": answers}
                                    replayed.append({**where, **made, **more})
            for given, chance in (("facts", 0.9), ("everything", 0.5), ("nothing", 0.3)):
                known = {"model": "SmolLM2", "given": given, "family": "town", "right": rng.random() < chance}
                headroom.append({**where, **known, "confidence": chance + rng.normal()})
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet", index=False)
    of_readers = pd.DataFrame(replayed)["answers"] == "readers"
    pd.DataFrame(replayed)[~of_readers].to_parquet(folder / "replays.parquet", index=False)
    pd.DataFrame(replayed)[of_readers].to_parquet(folder.parent / "team_ablations.parquet", index=False)
    pd.DataFrame(headroom).to_parquet(folder / "headroom.parquet", index=False)
    _json(folder / "meta.json", {"data": "team", "episodes": episodes})


def team_shown(text):
    """An episode of a team as the stage shows it, `text` wherever models or users speak."""
    call = {"sent": text, "prompt_tokens": 90, "says": text, "confidence": 0.5, "right": 1, "forwarded": True}
    judged = [
        {"agent": name, "probability": chance, "reason": f"said: {text}", "call": called}
        for name, chance, called in (("Ada", 0.81, call), ("Bo", 0.1, None))
    ]
    asked = {"kind": "private", "question": text, "answer": text, "holders": ["Ada"], "judged": judged}
    turns = [{"message": text, "replies": [{"agent": "Bo", "text": text}]}, {"message": text, "replies": [], **asked}]
    agents = [{"name": name, "model": "SmolLM2", "notes": [text]} for name in ("Ada", "Bo")]
    return [{"episode_id": "t0", "agents": agents, "turns": turns}]


@functools.cache
def without(*parts):
    """The same without some PARTS."""
    whole = summary(outcomes="success" not in parts)
    gone = {PARTS[part][0]["evaluation"] for part in parts if part != "success"}
    gone |= (
        {r["evaluation"] for r in whole.records if r["evaluation"].startswith("votes")} if "votes" in parts else set()
    )
    gone |= {f"team-{part}" for part in TEAM_PARTS} if "team" in parts else set()
    gone |= {"kinds-words", "kinds-recall"} if "kinds" in parts else set()
    gone |= {"live-curve", "live-equal-tokens"} if gone & {"live", "live-curve"} else set()
    gone |= {"live-shared", "live-second"} if "live" in gone else set()
    return replace(whole, records=[r for r in whole.records if r["evaluation"] not in gone])


def write_stage_outputs(root: Path, episodes=60):
    """results/replay, models, data/table1.json and results/proofs.json under `root`."""
    rows = replay_rows(episodes)
    (root / "results/replay").mkdir(parents=True)
    for policy, part in rows.groupby("policy"):
        part.to_parquet(root / f"results/replay/{policy}.parquet", index=False)
    _json(root / "results/replay/meta.json", {"data": "embedded", "judge": "verifier"})
    write_votes(root / "results/votes")
    write_kinds(root / "results/kinds")
    write_team(root / "results/team")
    for rank in (4, 8, 16, 32):
        for seed in (0, 1):
            _json(root / f"models/train-r{rank}-s{seed}/history.json", history(seed, rank))
            _json(root / f"models/train-r{rank}-s{seed}/certificate.json", certificate(rank))
            _json(root / f"models/train-r{rank}-s{seed}/config.json", checkpoint(rank, seed))
    _json(root / "data/table1.json", table1())
    _json(root / "results/proofs.json", proofs())


def _json(path: Path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


if __name__ == "__main__":
    import sys

    write_stage_outputs(Path(sys.argv[1]), 200)
