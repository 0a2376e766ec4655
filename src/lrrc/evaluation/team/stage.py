"""The stage team: pairs of payload and call policy over whole episodes, the gate trained on them, what is written.

Episodes are played in an order drawn once, so that a shorter run has the first of a longer one's; the last ones of that
order are never played: some of them calibrate the models' thresholds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.episodes.arena.curate import MODELS
from lrrc.episodes.team.episode import TeamEpisode, read_team
from lrrc.evaluation.team import headroom
from lrrc.evaluation.team.answering import TeamAgents
from lrrc.evaluation.team.calls import CallPolicy, untrained
from lrrc.evaluation.team.gate import (
    AllCalled,
    Fit,
    Gated,
    Learning,
    Recording,
    all_called,
    chosen_at,
    cross_fit,
    fit_gate,
)
from lrrc.evaluation.team.loop import Table, play, row
from lrrc.evaluation.team.shown import shown
from lrrc.model.caller import CallerShape
from lrrc.params import Params
from lrrc.policies.base import Policy
from lrrc.policies.caller import CallGate, save_gate
from lrrc.policies.registry import load_policy
from lrrc.policies.run_items import train_name
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import gemma, language_model, sentence_encoder
from lrrc.pretrained.answers import Kept, read_answers, read_journals, write_answers
from lrrc.pretrained.language_model import LanguageModel
from lrrc.runtime.chance import stream
from lrrc.runtime.files import write_json, write_parquet

GATE = "lrrc"  # as a call policy
RESERVED = 48  # episodes at the end of the order that are never played
SHOWN = 4  # episodes to look at
BEST_ALONE = 1.01  # a threshold that nobody reaches: the most probable agent alone is called
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))  # of the gate's curve


@dataclass(frozen=True)
class Places:
    """What the stage reads, and the folder it writes."""

    models: Path
    encoder: Path
    episodes: Path
    lm: Path
    answers: Path
    out: Path
    cache: Path = Path(".cache/team")


def drawn(episodes: Sequence[TeamEpisode], seed: int) -> list[TeamEpisode]:
    """All episodes in the order in which they are played."""
    return [episodes[i] for i in stream("team: episodes", seed).permutation(len(episodes))]


def load_models(lm: Path, cache: Path) -> dict[str, LanguageModel]:
    """Both local models by name, the second one converted where that has not been done. Raises ValueError."""
    if not (cache / gemma.NAME / "config.json").is_file():
        gemma.convert(cache / gemma.NAME, cache)
    return dict(zip(MODELS, (language_model.load(str(lm)), gemma.load(str(cache / gemma.NAME))), strict=True))


def remembering(places: Places, journal: str) -> TeamAgents:
    """Both models, asked for what neither the committed answers nor a journal of this machine has."""
    known: dict[int, Kept] = read_journals(places.cache / "answers")
    if places.answers.is_file():
        known |= read_answers(places.answers)
    load = functools.partial(load_models, places.lm, places.cache)
    return TeamAgents(load, known, places.cache / "answers" / f"{journal}.jsonl")


def payload_policy(name: str, params: Params, places: Places) -> Policy:
    """A payload policy as the parameters have it; LRRC is the coordinator that was trained on the embedded arena."""
    folder = places.models / train_name(params.rank, params.seeds[0]) if name == "lrrc" else None
    return load_policy(PolicySpec.of(params, name), places.encoder, folder)


def variant_shape(base: CallerShape, variant: str) -> CallerShape:
    """The shape of an ablation: `state-off`, `rank-4`."""
    key, _, value = variant.rpartition("-")
    return replace(base, **{key: value == "on" if value in ("on", "off") else int(value)})


def play_all(
    pair: tuple[str, CallPolicy], episodes: Sequence[TeamEpisode], table: Table, policy: Policy
) -> Iterator[dict[str, Any]]:
    """Rows of a pair of payload and call policy."""
    payload, calls = pair
    for episode in episodes:
        for request, _, made in play(episode, policy, calls, table):
            yield {"payload": payload, "call": calls.name, **row(episode, request, made)}


def record_all(episodes: Sequence[TeamEpisode], policy: Policy, table: Table) -> list[AllCalled]:
    """Every request with all agents called under LRRC's payloads: what gates learn from."""
    asked = []
    for episode in episodes:
        recording = Recording()
        asked += all_called(episode, play(episode, policy, recording, table), recording)
    return asked


def replays(
    asked: Sequence[AllCalled], fold_of: dict[str, int], fits: dict[int, Fit], seeds: Sequence[int], variant: str = ""
) -> Iterator[dict[str, Any]]:
    """Choices of every seed's gate, replayed on the answers that all agents gave: over its thresholds, and of ablations
    the calibrated one and its best agent alone."""
    for i, seed in enumerate(seeds):
        for each in asked:
            fit = fits[fold_of[each.episode.episode_id]]
            chances = fit.singles[i].probabilities(each.seen)
            curve = () if variant else THRESHOLDS
            for label in (*curve, BEST_ALONE, None):
                called = chosen_at(chances, fit.singles[i].threshold if label is None else label)
                named = {"call": GATE, "variant": variant, "seed": seed, "threshold": label, "gain": fit.gain}
                yield {**named, **_replayed(each, called)}


def replays_of_rules(asked: Sequence[AllCalled]) -> Iterator[dict[str, Any]]:
    """The same of every untrained call policy."""
    for each in asked:
        for name, called in each.choices.items():
            yield {"call": name, "variant": "", "seed": 0, "threshold": None, "gain": None, **_replayed(each, called)}


def _replayed(each: AllCalled, called: Sequence[int]) -> dict[str, Any]:
    where = {"episode_id": each.episode.episode_id, "turn": each.request.turn, "kind": each.request.kind}
    return {**where, "calls": len(called), "right": int(each.forwarded_right(called))}


def evaluate_team(places: Places, params: Params) -> None:
    """Play, train, replay, and write rows.parquet, replays.parquet, headroom.parquet, answers.parquet, shown.json,
    gate/ and meta.json into the folder `out`."""
    import pyarrow as pa

    settings = params.team
    order = drawn(read_team(places.episodes), settings.seed)
    playing, apart = order[:-RESERVED][: settings.episodes], order[-RESERVED:][: settings.calibrate]
    fold_of = {episode.episode_id: i % settings.folds for i, episode in enumerate(order)}
    agents = remembering(places, "stage")
    known = headroom.measure(agents, apart, settings.whole_every)
    encoder = sentence_encoder.load(str(places.encoder))
    sure = headroom.thresholds(known)
    table = Table(agents, encoder, sure, params.budget, params.embed.max_segment_tokens)
    policies = functools.cache(functools.partial(payload_policy, params=params, places=places))
    calls, rows = untrained(), []
    for name in settings.pairs:
        payload, _, call = name.partition("/")
        rows += play_all((payload, calls[call]), playing, table, policies(payload))
        print(f"team: {name}, {agents.new} newly asked", flush=True)
    asked = record_all(playing, policies("lrrc"), table)
    how = Learning(settings.seeds, settings.epochs, settings.margin)
    shape = CallerShape(encoder.width, rank=settings.rank)
    fits = cross_fit(asked, fold_of, shape, how)
    of_episode = {episode.episode_id: fits[fold_of[episode.episode_id]].gate for episode in playing}
    gated = Gated(of_episode)
    rows += play_all(("lrrc", gated), playing, table, policies("lrrc"))
    print(f"team: lrrc/{GATE}, {agents.new} newly asked", flush=True)
    write_json(places.out / "shown.json", list(_shown(playing[:SHOWN], policies("lrrc"), of_episode, table)))
    save_gate(places.out / "gate", fit_gate(asked, shape, how).gate)
    replayed = [*replays_of_rules(asked), *replays(asked, fold_of, fits, settings.seeds)]
    few = replace(how, seeds=settings.seeds[: settings.seeds_elsewhere])
    for variant in settings.variants:
        found = cross_fit(asked, fold_of, variant_shape(shape, variant), few)
        replayed += replays(asked, fold_of, found, few.seeds, variant)
        print(f"team: gate, {variant}", flush=True)
    write_answers(places.out / "answers.parquet", agents.used)
    write_parquet(places.out / "rows.parquet", pa.Table.from_pylist(rows, schema=rows_schema()))
    write_parquet(places.out / "replays.parquet", pa.Table.from_pylist(replayed, schema=replays_schema()))
    write_parquet(places.out / "headroom.parquet", pa.Table.from_pylist([each._asdict() for each in known]))
    meta = {
        "data": "team",
        "episodes": len(playing),
        "calibration_episodes": len(apart),
        "folds": settings.folds,
        "confidence_thresholds": {name: round(value, 3) for name, value in sure.items()},
        "gate_thresholds": [round(fit.gate.threshold, 3) for fit in fits.values()],
        "gate_gain_nats": round(float(np.mean([fit.gain for fit in fits.values()])), 4),
        "agents_per_episode": float(np.mean([len(episode.agents) for episode in playing])),
    }
    write_json(places.out / "meta.json", meta)


def _shown(
    episodes: Sequence[TeamEpisode], policy: Policy, of_episode: dict[str, CallGate], table: Table
) -> Iterator[dict[str, Any]]:
    """Episodes under LRRC's gate and digests, to look at."""
    for episode in episodes:
        gated = Gated(of_episode)
        played = play(episode, policy, gated, table)
        yield shown(episode, played, gated.chosen)


def rows_schema():
    """Columns of rows.parquet: a row for every pair of policies, episode and request."""
    import pyarrow as pa

    text, number, numbers = pa.string(), pa.int64(), pa.list_(pa.int32())
    names = ("payload", "call", "episode_id", "kind", "family")
    counts = ("turn", "agents", "right", "calls", "prompt_tokens", "completion_tokens", "reusable_tokens")
    return pa.schema(
        [
            *((name, text) for name in names),
            *((name, number) for name in counts),
            ("called", numbers),
            ("right_of_called", numbers),
            ("confidence", pa.list_(pa.float64())),
        ]
    )


def replays_schema():
    """Columns of replays.parquet; `threshold` is null at the one that was calibrated."""
    import pyarrow as pa

    text, number, real = pa.string(), pa.int64(), pa.float64()
    types = {
        "call": text,
        "variant": text,
        "seed": number,
        "threshold": real,
        "episode_id": text,
        "turn": number,
        "kind": text,
    }
    return pa.schema({**types, "calls": number, "right": number, "gain": real})
