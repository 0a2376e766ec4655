"""Human votes: every policy on conversations that people judged, by the code of the embedded run (docs/method.md 5.4).

Episodes are drawn, counted, split by prompt, embedded, and every policy is trained and replayed on folds, each in a
work folder that an interrupted run goes on from. Pairs of one prompt share its answers: they stay in one fold, and
intervals draw prompts. Targets of segments are lexical, as no language model knows this data; the outcome heads see
the form of the answers. The data need a network or a file of yours, so the result is committed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lrrc.dataset.array_file import array_parts, write_arrays
from lrrc.dataset.inputs import StageInputs
from lrrc.episodes.episode import ARENA_AGENTS
from lrrc.episodes.episode_file import open_episodes, write_episodes
from lrrc.episodes.sources import draw_episodes
from lrrc.episodes.split import split_episodes
from lrrc.episodes.token_counts import count_tokens, schema, table1
from lrrc.evaluation.replay.call_gate_curve import write_curve
from lrrc.evaluation.replay.stage import replay_items, write_floors, write_rows
from lrrc.params import Params, parse_variant
from lrrc.policies.run_items import ablation_folder, baseline_name, item_name, train_name
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import REFERENCE
from lrrc.runtime.executor import absolute_path
from lrrc.runtime.files import atomic, canonical_json, file_digest, write_json, write_parquet
from lrrc.training.fit_spec import FitSpec
from lrrc.training.stage import fit_items

DRAWN, EPISODES, TOKENS, SPLITS, SEGMENTS = (
    "drawn.json",
    "episodes.parquet",
    "tokens.parquet",
    "splits.json",
    "segments.safetensors",
)


@dataclass(frozen=True)
class Item:
    """Something to train and replay: its folder below models, what to fit, and what it changes of the coordinator."""

    name: str
    spec: FitSpec
    variant: str = ""


def as_measured(params: Params) -> Params:
    """The parameters of the run with those that human votes change."""
    votes = params.votes
    data = replace(params.data, source=votes.source, min_turns=votes.min_turns, n_episodes=votes.n_episodes)
    return replace(
        params,
        data=data,
        split=replace(params.split, folds=votes.folds),
        model=replace(params.model, form=True),
        gains=replace(params.gains, source="lexical"),
        ablate=replace(params.ablate, variants=votes.variants, seeds=votes.seeds_elsewhere),
    )


def items(params: Params) -> list[Item]:
    """Everything to measure, what matters most first: all policies seed by seed, then ablations, then other ranks."""

    def spec(policy: str, seed: int, rank: int | None = None, variant: str = "") -> FitSpec:
        model = replace(params.model, **(parse_variant(variant) if variant else {}))
        return FitSpec(PolicySpec.of(params, policy, rank), seed, model, params.train, params.gains.source)

    found = []
    for seed in params.seeds:
        found.append(Item(train_name(params.rank, seed), spec("lrrc", seed, params.rank)))
        for policy in params.baseline.policies:
            rank = params.rank if policy == "rims-only" else None
            found.append(Item(baseline_name(policy, seed), spec(policy, seed, rank)))
    for seed in params.ablate.seeds:
        for variant in params.ablate.variants:
            changed = spec("lrrc", seed, params.rank, variant)
            found.append(Item(ablation_folder(variant, seed), changed, variant))
    elsewhere = [rank for rank in params.ranks if rank != params.rank]
    return found + [
        Item(train_name(rank, seed), spec("lrrc", seed, rank)) for seed in params.ablate.seeds for rank in elsewhere
    ]


def evaluate_votes(encoder: Path, params: Params, out: Path, work: Path) -> None:
    """Measure everything and write the folder `out`: rows.parquet, gate/curve.parquet, meta.json (numbers alone).

    After `votes.deadline_min` minutes no further item is begun: `out` then holds what is finished, and the next run
    goes on. Raises ValueError where the data cannot be had.
    """
    begun, params = time.monotonic(), as_measured(params)
    work = absolute_path(work) / _key(params, encoder)
    inputs, drawn = prepare(absolute_path(encoder), params, work)
    wanted, done = items(params), []
    for number, item in enumerate(wanted, 1):
        if time.monotonic() - begun > 60 * params.votes.deadline_min and not is_done(work, item):
            continue
        measure(item, inputs, params, work)
        done.append(item)
        print(f"votes {number}/{len(wanted)}: {item.name}", flush=True)
    if len(done) < len(wanted):
        print(f"votes: {len(done)} of {len(wanted)} items within votes.deadline_min; the next run goes on from there")
    collect(done, drawn, inputs, params, out, work)


def prepare(encoder: Path, params: Params, work: Path) -> tuple[StageInputs, dict[str, Any]]:
    """The stages download, annotate, split and embed in the work folder: their files, and what was drawn."""
    inputs = StageInputs(work / EPISODES, work / SEGMENTS, encoder, work / SPLITS)
    if (work / DRAWN).is_file():  # written last
        return inputs, json.loads((work / DRAWN).read_text(encoding="utf-8"))
    work.mkdir(parents=True, exist_ok=True)
    episodes, drawn = draw_votes(params)
    write_episodes(inputs.episodes, episodes)
    write_parquet(work / TOKENS, count_tokens(inputs.episodes, params.annotate.per_message_overhead), schema())
    shares = {name: getattr(params.split, name) for name in ("train", "val", "test", "folds", "seed")}
    write_json(inputs.splits, split_episodes(episodes, **shares))
    parts = array_parts(inputs.episodes, encoder, params.embed.max_segment_tokens, None, params.engine, form=True)
    with atomic(inputs.segments) as temporary:
        write_arrays(temporary, parts, form=True)
    write_json(work / DRAWN, drawn)
    return inputs, drawn


def draw_votes(params: Params):
    """Episodes of two agents that people judged, and the table of what was drawn."""
    votes = params.votes
    joined = votes.path is not None and not Path(votes.path).is_dir() and not votes.path.endswith(".parquet")
    episodes, drawn = draw_episodes(
        "files" if joined else votes.source,
        path=votes.path,
        group_by=votes.group_by if joined else None,
        n_episodes=votes.n_episodes,
        min_turns=votes.min_turns,
        seed=params.data.seed,
    )
    judged = [e for e in episodes if e.outcome and e.judge == "human" and len(e.agents) == 2]
    drawn["steps"].append({"filter": "judged by people", "episodes": len(judged)})
    if not judged:
        raise ValueError(f"votes.path = {votes.path!r}: allowed is a file with outcomes that people judged")
    return judged, drawn


def is_done(work: Path, item: Item) -> bool:
    return rows_file(work, item).is_file()


def rows_file(work: Path, item: Item) -> Path:
    return work / "rows" / f"{item_name(Path(item.name))}.parquet"


def measure(item: Item, inputs: StageInputs, params: Params, work: Path) -> None:
    """Train and replay one item, unless an earlier run has."""
    if is_done(work, item):
        return
    folder, fits = work / "models" / item.name, work / "fits" / item.name
    fit_items({"": item.spec}, inputs, inputs.fit_names(), folder, fits)
    for _, parts in replay_items({folder: item.variant}, inputs, params):
        write_rows(rows_file(work, item), (row for rows in parts for row in rows))
    shutil.rmtree(fits, ignore_errors=True)


def collect(done: list[Item], drawn: dict, inputs: StageInputs, params: Params, out: Path, work: Path) -> None:
    """The rows of all items and of the floors, the curve of the call gate, and what they were measured on."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = open_episodes(inputs.episodes)
    prompt_of = dict(zip(file.column("question_id"), file.column("group"), strict=True))
    full = next((item for item in done if item.name == baseline_name(REFERENCE, params.seeds[0])), None)
    if full is None:
        raise ValueError("votes.deadline_min is over before Full-Context was measured: run it again")
    floors = work / "rows/floors.parquet"
    write_floors(rows_file(work, full), floors, inputs, params)

    def tables() -> Iterator[pa.Table]:
        for path in (*(rows_file(work, item) for item in done), floors):
            table = pq.read_table(path)
            prompts = pa.array([prompt_of[i] for i in table.column("episode_id").to_pylist()])
            yield table.append_column("prompt", prompts)

    seeds = [s for s in params.seeds if any(i.name == train_name(params.rank, s) for i in done)]
    whole = pa.concat_tables(tables())
    shutil.rmtree(out, ignore_errors=True)
    write_parquet(out / "rows.parquet", whole.sort_by([("policy", "ascending"), ("item", "ascending")]))
    write_curve(work / "models", out, inputs, replace(params, seeds=tuple(seeds)))
    folds = inputs.folds()
    write_json(
        out / "meta.json",
        {
            "data": params.votes.source,
            "judge": "human",
            "drawn": drawn,
            "prompts": len(set(prompt_of.values())),
            "pairs": len(file),
            "people_agree": next((s["people_agree"] for s in drawn["steps"] if "people_agree" in s), None),
            "ties": sum(winner.startswith("tie") for winner in file.judged.values()),
            "folds": [{part: len(ids) for part, ids in fold.items()} for fold in folds],
            "items": len(done),
            "items_wanted": len(items(params)),
            "table1": table1(
                pq.read_table(work / TOKENS), dict.fromkeys(prompt_of, ARENA_AGENTS), {"test": list(prompt_of)}
            ),
        },
    )


def _key(params: Params, encoder: Path) -> str:
    """Names the work of one set of parameters and data, so that nothing of another is taken over."""
    path = params.votes.path and Path(params.votes.path)
    if path and not path.exists():
        raise ValueError(f"votes.path = {str(path)!r}: no such file")
    sections = ("data", "split", "embed", "model", "train", "digest", "replay", "annotate", "votes")
    sizes = {name: asdict(getattr(params, name)) for name in sections}
    for name in ("path", "variants", "seeds_elsewhere", "deadline_min"):  # say what to measure, not how
        sizes["votes"].pop(name)
    files = [file_digest(path)] if path and path.is_file() else []
    files += [file_digest(file) for file in sorted(encoder.rglob("*")) if file.is_file()]
    named = canonical_json({"sizes": sizes, "files": files, "budget": params.budget})
    return hashlib.sha256(named.encode()).hexdigest()[:16]
