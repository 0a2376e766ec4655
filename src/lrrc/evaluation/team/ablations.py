"""What the parts of the call gate are worth: gates with a part changed, taught as the whole one was, and all of them on
many more episodes than models play, whose agents make no errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lrrc.episodes.team.episode import read_team
from lrrc.evaluation.team.loop import Table
from lrrc.evaluation.team.readers import Readers
from lrrc.evaluation.team.stage import (
    RESERVED,
    Sources,
    drawn,
    folds,
    payload_policy,
    record_all,
    replays,
    replays_of_rules,
    replays_schema,
    taught_requests,
    teach_each,
)
from lrrc.model.caller import CallerShape
from lrrc.params import Params
from lrrc.policies.caller import load_gate
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.files import write_parquet

READERS_ANSWER = "readers"


def variant_shape(base: CallerShape, variant: str) -> CallerShape:
    """The shape of an ablation: `state-off`, `rank-4`."""
    key, _, value = variant.rpartition("-")
    return replace(base, **{key: value == "on" if value in ("on", "off") else int(value)})


def evaluate_ablations(sources: Sources, whole: Path, params: Params, out: Path) -> None:
    """Teach every variant, replay it and the gate of the folder `whole`, and write the choices to `out`."""
    import pyarrow as pa

    settings, variants = params.team, params.team_ablate.variants
    order = drawn(read_team(sources.episodes), settings.seed)
    encoder = sentence_encoder.load(str(sources.encoder))
    table = Table(Readers(order), encoder, {}, params.budget, params.embed.max_segment_tokens)
    policy, gate = payload_policy("lrrc", params, sources), load_gate(whole)
    asked = record_all(order[:-RESERVED], policy, table)
    shape = CallerShape(encoder.width, rank=settings.rank)
    seeds = settings.seeds[: params.team_ablate.seeds]
    tasks = [(variant_shape(shape, variant), seed) for variant in variants for seed in seeds]
    lessons = taught_requests(sources, params, policy, table)
    nets = [each.nets[0] for each in teach_each(lessons, tasks, settings.epochs, params.engine)]
    fold_of, replayed = folds(order, settings.folds), list(replays_of_rules(READERS_ANSWER, asked))
    replayed += replays(READERS_ANSWER, asked, fold_of, gate.nets, "", settings)
    for i, variant in enumerate(variants):
        mine = nets[i * len(seeds) : (i + 1) * len(seeds)]
        replayed += replays(READERS_ANSWER, asked, fold_of, mine, variant, settings)
    write_parquet(out, pa.Table.from_pylist(replayed, schema=replays_schema()))
