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
from lrrc.episodes.team.assemble import spoken
from lrrc.episodes.team.episode import TeamEpisode, read_team
from lrrc.episodes.team.scripts import make_script
from lrrc.episodes.team.talk import read_pool
from lrrc.evaluation.team import headroom
from lrrc.evaluation.team.answering import TeamAgents
from lrrc.evaluation.team.calls import CallPolicy, untrained
from lrrc.evaluation.team.gate import (
    AllCalled,
    Gated,
    Recording,
    Taught,
    all_called,
    calibrate,
    chosen_at,
    teach,
    thresholds,
)
from lrrc.evaluation.team.loop import Table, play, row
from lrrc.evaluation.team.readers import Readers
from lrrc.evaluation.team.shown import shown
from lrrc.model.caller import CallerShape
from lrrc.params import Params, TeamConfig
from lrrc.policies.base import Policy
from lrrc.policies.caller import CallGate, JudgesAgents, save_gate
from lrrc.policies.registry import load_policy
from lrrc.policies.run_items import train_name
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import gemma, language_model, sentence_encoder
from lrrc.pretrained.answers import Kept, read_answers, read_journals, write_answers
from lrrc.pretrained.language_model import LanguageModel
from lrrc.runtime.chance import stream
from lrrc.runtime.executor import map_in_order
from lrrc.runtime.files import write_json, write_parquet

GATE = "lrrc"  # as a call policy
RESERVED = 48  # episodes at the end of the order that are never played
SHOWN = 4  # episodes to look at
CALIBRATED, BEST_ALONE, BEST_TWO = "calibrated", "best agent", "best two"  # whom a gate calls
MODELS_ANSWER = "models"  # whose answers choices are replayed on
NOBODY_REACHES = 2.0
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))  # of the gate's curve


@dataclass(frozen=True)
class Sources:
    """Trained coordinators, the sentence encoder, the embedded arena, the team's episodes."""

    models: Path
    encoder: Path
    arena: Path
    episodes: Path


@dataclass(frozen=True)
class Places(Sources):
    """What else the stage reads, and the folder it writes."""

    lm: Path
    answers: Path
    out: Path
    cache: Path = Path(".cache/team")


def drawn(episodes: Sequence[TeamEpisode], seed: int) -> list[TeamEpisode]:
    """All episodes in the order in which they are played."""
    return [episodes[i] for i in stream("team: episodes", seed).permutation(len(episodes))]


def folds(order: Sequence[TeamEpisode], number: int) -> dict[str, int]:
    """The fold of every episode."""
    return {episode.episode_id: i % number for i, episode in enumerate(order)}


def load_models(lm: Path, cache: Path) -> dict[str, LanguageModel]:
    """Both local models by name, the second one converted where that has not been done. Raises ValueError."""
    return dict(zip(MODELS, (language_model.load(str(lm)), gemma.load(str(gemma.at_hand(cache)))), strict=True))


def remembering(places: Places, journal: str) -> TeamAgents:
    """Both models, asked for what neither the committed answers nor a journal of this machine has."""
    known: dict[int, Kept] = read_journals(places.cache / "answers")
    if places.answers.is_file():
        known |= read_answers(places.answers)
    load = functools.partial(load_models, places.lm, places.cache)
    return TeamAgents(load, known, places.cache / "answers" / f"{journal}.jsonl")


def payload_policy(name: str, params: Params, places: Sources) -> Policy:
    """A payload policy as the parameters have it; LRRC is the coordinator that was trained on the embedded arena."""
    folder = places.models / train_name(params.rank, params.seeds[0]) if name == "lrrc" else None
    return load_policy(PolicySpec.of(params, name), places.encoder, folder)


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


def taught_requests(places: Sources, params: Params, policy: Policy, table: Table) -> list[AllCalled]:
    """Requests of episodes of another seed, answered by agents that make no errors."""
    pool, settings = read_pool(places.arena), params.team
    episodes = [
        spoken(make_script(settings.taught_seed, i), pool, settings.taught_seed) for i in range(settings.taught)
    ]
    return record_all(episodes, policy, replace(table, agents=Readers(episodes), thresholds={}))


def teach_each(
    asked: Sequence[AllCalled], tasks: Sequence[tuple[CallerShape, int]], epochs: int, engine: str
) -> list[Taught]:
    """A network of every shape and seed, each taught in a process of its own."""
    work, found = functools.partial(_teach_one, asked=asked, epochs=epochs), []
    for (shape, seed), taught in map_in_order(work, tasks, engine):
        print(f"team: a gate of rank {shape.rank}, seed {seed}: {taught.gain:.3f} nats gained", flush=True)
        found.append(taught)
    return found


def _teach_one(shape: CallerShape, seed: int, asked: Sequence[AllCalled], epochs: int) -> Taught:
    return teach(asked, shape, [seed], epochs)


def chances_of(nets: Sequence[JudgesAgents], asked: Sequence[AllCalled]) -> list[np.ndarray]:
    """Of every request: each agent's probability to be right, the mean of the networks'."""
    gate = CallGate(tuple(nets), 0.0)
    return [gate.probabilities(each.seen) for each in asked]


def replays(
    answers: str,
    asked: Sequence[AllCalled],
    fold_of: dict[str, int],
    nets: Sequence[JudgesAgents],
    variant: str,
    team: TeamConfig,
) -> Iterator[dict[str, Any]]:
    """Choices of every seed's gate, replayed on the answers that all agents gave: its best agent alone, its best two,
    the calibrated threshold, and of the whole gate all thresholds."""
    for seed, net in zip(team.seeds, nets, strict=False):
        known = chances_of([net], asked)
        found = thresholds(asked, known, fold_of, team.margin)
        for each, chances in zip(asked, known, strict=True):
            choices = {
                BEST_ALONE: chosen_at(chances, NOBODY_REACHES),
                BEST_TWO: np.argsort(-chances)[:2].tolist(),
                CALIBRATED: chosen_at(chances, found[fold_of[each.episode.episode_id]]),
            }
            if not variant:
                choices |= {f"threshold {tau:.2f}": chosen_at(chances, tau) for tau in THRESHOLDS}
            for chosen, called in choices.items():
                named = {"answers": answers, "call": GATE, "variant": variant, "seed": seed, "chosen": chosen}
                yield {**named, **_replayed(each, called)}


def replays_of_rules(answers: str, asked: Sequence[AllCalled]) -> Iterator[dict[str, Any]]:
    """The same of every untrained call policy."""
    for each in asked:
        for name, called in each.choices.items():
            named = {"answers": answers, "call": name, "variant": "", "seed": 0, "chosen": ""}
            yield {**named, **_replayed(each, called)}


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
    fold_of = folds(order, settings.folds)
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
    shape = CallerShape(encoder.width, rank=settings.rank)
    lessons = taught_requests(places, params, policies("lrrc"), table)
    taught = teach_each(lessons, [(shape, seed) for seed in settings.seeds], settings.epochs, params.engine)
    nets = tuple(net for each in taught for net in each.nets)
    chances = chances_of(nets, asked)
    gates = {f: CallGate(nets, tau) for f, tau in thresholds(asked, chances, fold_of, settings.margin).items()}
    of_episode = {episode.episode_id: gates[fold_of[episode.episode_id]] for episode in playing}
    gated = Gated(of_episode)
    rows += play_all(("lrrc", gated), playing, table, policies("lrrc"))
    print(f"team: lrrc/{GATE}, {agents.new} newly asked", flush=True)
    write_json(places.out / "shown.json", list(_shown(playing[:SHOWN], policies("lrrc"), of_episode, table)))
    save_gate(places.out / "gate", nets, calibrate(asked, chances, settings.margin))
    replayed = [*replays_of_rules(MODELS_ANSWER, asked), *replays(MODELS_ANSWER, asked, fold_of, nets, "", settings)]
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
        "gate_thresholds": [round(gate.threshold, 3) for gate in gates.values()],
        "gate_gain_nats": round(float(np.mean([each.gain for each in taught])), 4),
        "taught_episodes": settings.taught,
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
    """Columns of replays.parquet; `chosen` says whom a gate calls."""
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    types = {
        "answers": text,
        "call": text,
        "variant": text,
        "seed": number,
        "chosen": text,
        "episode_id": text,
        "turn": number,
        "kind": text,
    }
    return pa.schema({**types, "calls": number, "right": number})
