"""Play, judge and assemble the embedded arena.

Each model plays every script by itself (its side of an episode does not depend on the other's), one record per episode
appended to a JSON-lines shard: an interrupted run goes on where it stopped. Assembly is a pure function of the scripts
and the two shards.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lrrc.episodes.arena.scripts import Script, make_script
from lrrc.runtime.chance import stream

OUTCOMES = ("model_a", "model_b", "tie", "tie (bothbad)")
MODELS = ("SmolLM2-135M-Instruct", "gemma-3-270m")
ORACLE_EVERY = 4  # every fourth episode played also asks its checks with the deciding sentences alone
SLOTS = 8  # episodes played side by side
OPENED = 1_735_689_600  # 2025-01-01 UTC; time stamps are part of the schema, and count minutes from here


def playing_order(seed: int, episodes: int) -> list[int]:
    """Indices in the order of play: random, so that a run stopped early is still balanced."""
    order = list(range(episodes))
    random.Random(f"order-{seed}").shuffle(order)
    return order


def shard_path(cache: Path, model: str, seed: int, max_tokens: int) -> Path:
    """Where a model's finished episodes are kept: another place when the scripts or the settings change."""
    settings = ([make_script(seed, index) for index in range(100)], max_tokens)
    return cache / f"{hashlib.sha256(repr(settings).encode()).hexdigest()[:12]}-{model}.jsonl"


def pick(scores: Sequence[tuple[float, int]]) -> int:
    """The option of highest log-likelihood per token; `scores` = (nats, tokens) of each."""
    return int(np.argmax([nats / n for nats, n in scores]))


def play(agent, scripts: Sequence[Script], seed: int, max_tokens: int, oracle: Iterable[int] = ()) -> list[dict]:
    """One model's side of a few episodes: replies by turn, and for every check what each option scored.

    The episodes go side by side, for speed only: each is a conversation of its own. Those whose index is in `oracle`
    also have their checks asked after nothing but the sentences that decide them.
    """
    records = [{"index": script.index, "replies": [], "choices": [], "scores": [], "oracle": []} for script in scripts]
    rngs = [stream("curate: replies", seed, script.index, MODELS.index(agent.style.name)) for script in scripts]
    for slot in range(len(scripts)):
        agent.start(slot)
    for turn in range(max(len(script.messages) for script in scripts)):
        free = {}
        for slot, script in enumerate(scripts):
            if turn >= len(script.messages):
                continue
            agent.hear(slot, script.messages[turn])
            check = next((check for check in script.checks if check.turn == turn), None)
            if check is None:
                free[slot] = rngs[slot]
                continue
            scores = agent.choose(slot, check.options)
            choice = pick(scores)
            agent.reply[slot] = check.options[choice]
            records[slot]["choices"].append(choice)
            records[slot]["scores"].append([[round(nats, 3), n] for nats, n in scores])
            if script.index in oracle:
                alone = agent.ask_alone(" ".join([*check.facts, check.question]), check.options)
                records[slot]["oracle"].append(pick(alone))
        for slot, text in agent.say(free, max_tokens).items():
            agent.reply[slot] = text
        for slot, script in enumerate(scripts):
            if turn < len(script.messages):
                records[slot]["replies"].append(agent.reply[slot])
    return records


def read_shard(path: Path) -> dict[int, dict]:
    """Finished records by episode index; a last line cut off in the middle is left out."""
    records = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        records[record["index"]] = record
    return records


def play_all(agent, scripts: Sequence[Script], shard: Path, seed: int, max_tokens: int, minutes: float) -> None:
    """Play what `shard` does not hold yet, `SLOTS` episodes at a time, for at most `minutes`; prints progress."""
    done, begin = read_shard(shard), time.monotonic()
    oracle = {script.index for script in scripts[::ORACLE_EVERY]}
    left = [script for script in scripts if script.index not in done]
    shard.parent.mkdir(parents=True, exist_ok=True)
    if shard.exists() and not shard.read_bytes().endswith(b"\n"):
        with shard.open("ab") as out:  # close a line that was cut off
            out.write(b"\n")
    with shard.open("a", encoding="utf-8") as out:
        for first in range(0, len(left), SLOTS):
            if time.monotonic() - begin > 60 * minutes:
                print(f"{agent.style.name}: stopped at the deadline; run again to go on", flush=True)
                return
            for record in play(agent, left[first : first + SLOTS], seed, max_tokens, oracle):
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
            out.flush()
            finished = len(scripts) - len(left) + min(first + SLOTS, len(left))
            print(f"{agent.style.name}: {finished}/{len(scripts)}, {time.monotonic() - begin:.0f} s", flush=True)


def outcome(right_a: int, right_b: int, checks: int) -> str:
    """More checks right wins; equal with at least half of them right is a tie, equal with fewer is `tie (bothbad)`."""
    if right_a != right_b:
        return "model_a" if right_a > right_b else "model_b"
    return "tie" if 2 * right_a >= checks else "tie (bothbad)"


def side_a(seed: int, index: int) -> int:
    """Which of `MODELS` sits on side a."""
    return random.Random(f"side-{seed}-{index}").randrange(2)


def episode_row(script: Script, records: Sequence[dict], seed: int) -> dict:
    """The arena row of one episode; `records` in the order of `MODELS`."""
    first = side_a(seed, script.index)
    sides = (first, 1 - first)
    right = [
        sum(choice == check.answer for choice, check in zip(records[side]["choices"], script.checks, strict=True))
        for side in sides
    ]

    def conversation(side: int) -> list[dict]:
        pairs = zip(script.messages, records[side]["replies"], strict=True)
        return [
            {"role": role, "content": text}
            for user, reply in pairs
            for role, text in (("user", user), ("assistant", reply))
        ]

    question_id = f"arena-{seed}-{script.index:04d}"
    return {
        "question_id": question_id,
        "model_a": MODELS[sides[0]],
        "model_b": MODELS[sides[1]],
        "winner": outcome(*right, len(script.checks)),
        "judge": "verifier",
        "conversation_a": conversation(sides[0]),
        "conversation_b": conversation(sides[1]),
        "turn": len(script.messages),
        "anony": True,
        "language": "English",
        "tstamp": float(OPENED + 60 * script.index),
        "openai_moderation": None,
        "toxic_chat_tag": None,
        "group": question_id,
        "category": script.family,
        "checks": [
            {
                "turn": check.turn,
                "family": check.family,
                "question": check.question,
                "options": list(check.options),
                "answer": check.answer,
                "fact_turn": check.fact_turn,
                "choices": [records[side]["choices"][i] for side in sides],
            }
            for i, check in enumerate(script.checks)
        ],
    }


def schema():
    """The columns of lmsys/chatbot_arena_conversations with their types, then group, category and checks."""
    import pyarrow as pa

    message = pa.struct([("content", pa.string()), ("role", pa.string())])
    moderation = pa.struct(
        [
            ("categories", pa.map_(pa.string(), pa.bool_())),
            ("category_scores", pa.map_(pa.string(), pa.float64())),
            ("flagged", pa.bool_()),
        ]
    )
    toxic = pa.struct([("flagged", pa.bool_()), ("probability", pa.float64())])
    check = pa.struct(
        [
            ("turn", pa.int32()),
            ("family", pa.string()),
            ("question", pa.string()),
            ("options", pa.list_(pa.string())),
            ("answer", pa.int32()),
            ("fact_turn", pa.int32()),
            ("choices", pa.list_(pa.int32())),
        ]
    )
    return pa.schema(
        [
            ("question_id", pa.string()),
            ("model_a", pa.string()),
            ("model_b", pa.string()),
            ("winner", pa.string()),
            ("judge", pa.string()),
            ("conversation_a", pa.list_(message)),
            ("conversation_b", pa.list_(message)),
            ("turn", pa.int64()),
            ("anony", pa.bool_()),
            ("language", pa.string()),
            ("tstamp", pa.float64()),
            ("openai_moderation", moderation),
            ("toxic_chat_tag", pa.struct([("roberta-large", toxic), ("t5-large", toxic)])),
            ("group", pa.string()),
            ("category", pa.string()),
            ("checks", pa.list_(check)),
        ]
    )


def assemble(shards: Sequence[Path], seed: int, target: Path) -> list[dict]:
    """Join both models' shards into the arena parquet (episodes by index; the bytes depend on nothing else)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sides = [read_shard(shard) for shard in shards]
    played = sorted(set(sides[0]) & set(sides[1]))
    if not played:
        raise ValueError(f"{shards[0].parent}: no episode has been played by both models; run pipeline/curate.py")
    rows = [episode_row(make_script(seed, index), [side[index] for side in sides], seed) for index in played]
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema()), target, compression="zstd")
    return rows
