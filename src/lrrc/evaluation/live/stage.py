"""The stage live: which configurations meet which held-out episodes, side by side on the cores of the machine."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrrc.dataset.inputs import StageInputs
from lrrc.dataset.segment_gains import load_gains
from lrrc.episodes.episode import Episode
from lrrc.episodes.episode_file import read_episodes
from lrrc.evaluation.cross_fitting import data_provenance
from lrrc.evaluation.live.agents import EndpointAgent, LocalAgent
from lrrc.evaluation.live.checks import Configuration, evaluate, live_schema, sample
from lrrc.evaluation.live.oracle import oracle
from lrrc.evaluation.tuning.trials import Chosen, stops
from lrrc.params import LiveConfig, Params
from lrrc.policies.base import Policy
from lrrc.policies.registry import load_policy, with_settings
from lrrc.policies.run_items import ablation_folder, baseline_name, train_name
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import LEARNED, ORACLE, WHOLE
from lrrc.pretrained import gemma, language_model
from lrrc.pretrained.answers import (
    Answers,
    Kept,
    LanguageModelFiles,
    read_answers,
    read_journals,
    write_answers,
)
from lrrc.runtime.files import write_json, write_parquet
from lrrc.runtime.workers import map_as_completed

SECOND = Path(".cache/second_reader")  # where its model is converted to
ORDER = ("policy", "variant", "rank", "budget", "stop", "seed", "episode_id", "turn")  # of rows
AT_ONCE = 4  # episodes a worker takes, under all configurations: payloads that are equal are often read once


def jobs_of(params: Params, models: Path) -> list[Configuration]:
    """Every configuration that the parameters ask for, the operating budget on more episodes than the rest.

    At the operating budget each policy is met as it is, and as a curve over its own stopping parameter; all that are
    trained with the same seeds.
    """
    settings, jobs = params.live, []

    def add(
        policy: str, budget: int, episodes: int, seeds: Sequence[int] = params.seeds[:1], stop: float | None = None
    ) -> None:
        if policy == "lrrc":
            for seed in seeds:
                folder = models / train_name(params.rank, seed)
                jobs.append(Configuration(policy, budget, params.rank, seed, "", folder, episodes, stop))
        elif policy in LEARNED:
            if policy in params.baseline.policies:
                for seed in seeds:
                    folder = models / baseline_name(policy, seed)
                    jobs.append(Configuration(policy, budget, None, seed, "", folder, episodes, stop))
        else:
            jobs.append(Configuration(policy, None if policy in WHOLE else budget, episodes=episodes, stop=stop))

    for policy in settings.policies:
        add(policy, params.budget, settings.episodes, params.seeds)
        for point in stops(policy, params.tune):
            (stop,) = point.values()
            add(policy, int(point.get("budget", params.budget)), settings.episodes, params.seeds, stop)
    jobs.append(Configuration(ORACLE, params.budget, episodes=settings.episodes))
    few = min(settings.episodes, settings.episodes_elsewhere)
    for budget in settings.budgets:
        for policy in settings.policies_elsewhere if budget != params.budget else ():
            add(policy, budget, few)
    seed = params.seeds[0]
    for rank in params.ranks:
        if rank != params.rank:
            jobs.append(Configuration("lrrc", params.budget, rank, seed, "", models / train_name(rank, seed), few))
    for variant in params.ablate.variants:
        for seed in params.ablate.seeds:
            folder = models / ablation_folder(variant, seed)
            jobs.append(Configuration("lrrc", params.budget, params.rank, seed, variant, folder, few))
    return jobs


def second_jobs(params: Params, models: Path) -> list[Configuration]:
    """What another reader is asked for, too: every policy as it is, at the operating budget and rank."""
    most = min(params.live.episodes, params.live.second_episodes)
    at_home = (
        job
        for job in jobs_of(params, models)
        if job.stop is None and not job.variant and job.budget in (None, params.budget)
    )
    return [replace(job, episodes=most) for job in at_home if job.rank in (None, params.rank)]


class Policies:
    """The policy of a job for an episode: the fit that never saw it, loaded once; its settings never saw it either."""

    def __init__(self, params: Params, inputs: StageInputs, stored: Path, chosen: Chosen, folds: dict[str, int]):
        self.params, self.inputs, self.stored, self.folds = params, inputs, load_gains(stored), folds
        self.fold_of = functools.lru_cache(maxsize=None)(lambda folder: inputs.of(folder).fold_of())
        self.chosen = chosen
        self.fitted = functools.lru_cache(maxsize=None)(self._fitted)
        self.tuned = functools.lru_cache(maxsize=None)(self._tuned)

    def __call__(self, job: Configuration, episode: Episode) -> Policy:
        if job.policy == ORACLE:
            return oracle(episode, self.stored, self.params)
        fold = self.folds[episode.episode_id]
        if job.stop is not None:
            return self.tuned(job.policy, job.folder, fold, job.stop)
        if not job.folder:
            return self.fitted(job.policy, None, 0)
        return self.fitted(job.policy, job.folder, self.fold_of(job.folder)[episode.episode_id])

    def _tuned(self, name: str, folder: Path | None, fold: int, stop: float) -> Policy:
        point = next(point for point in stops(name, self.params.tune) if stop in point.values())
        return with_settings(self.fitted(name, folder, fold), {**self.chosen.settings(name, fold), **point})

    def _fitted(self, name: str, folder: Path | None, fold: int) -> Policy:
        return load_policy(PolicySpec.of(self.params, name), self.inputs.encoder, folder, f"fold-{fold}")


def _agent(settings: LiveConfig, lm: LanguageModelFiles, reader: str) -> LocalAgent | EndpointAgent:
    """Who answers, under the name that meta.json has."""
    if reader == gemma.NAME:
        known = read_journals(lm.journals) | read_answers(lm.known) if settings.remember else {}
        return LocalAgent(Answers(gemma.load(str(gemma.at_hand(SECOND))), known, lm.journals / f"{os.getpid()}.jsonl"))
    if settings.agent == "local":
        return LocalAgent(lm.answers(settings.remember))
    return EndpointAgent(settings.base_url, settings.model, Path(".cache/live/requests.jsonl"))


@functools.lru_cache(maxsize=1)
def _worker(params: Params, inputs: StageInputs, stored: Path, tuned: Path, lm: LanguageModelFiles, reader: str):
    """What every task of a process needs, made once: agent, policies, episodes, folds."""
    import torch

    torch.set_num_threads(1)
    settings = params.live
    folds = inputs.fold_of()
    agent = _agent(settings, lm, reader)
    drawn = sample(
        (e for e in read_episodes(inputs.episodes) if e.episode_id in folds), settings.episodes, settings.seed
    )
    return agent, Policies(params, inputs, stored, Chosen(tuned), folds), drawn, folds


def _task(
    first: int,
    reader: str,
    params: Params,
    inputs: StageInputs,
    stored: Path,
    tuned: Path,
    lm: LanguageModelFiles,
    models: Path,
) -> tuple[list[dict[str, Any]], dict[int, Kept], int, float]:
    """Rows of all of a reader's jobs over the episodes from number `first`; the model's answers, how many are new,
    seconds."""
    started = time.monotonic()
    agent, policies, drawn, folds = _worker(params, inputs, stored, tuned, lm, reader)
    rows = []
    here = drawn[first : first + AT_ONCE]
    asked, player = (jobs_of, language_model.NAME) if reader != gemma.NAME else (second_jobs, gemma.NAME)
    for count in sorted({job.episodes for job in asked(params, models)}, reverse=True):
        part = here[: max(0, count - first)]
        jobs = [job for job in asked(params, models) if job.episodes == count]
        rows += evaluate(agent, player, part, jobs, policies, folds) if part else []
    used, new = agent.answers.handed_over() if isinstance(agent, LocalAgent) else ({}, 0)
    return rows, used, new, time.monotonic() - started


def evaluate_live(
    models: Path, inputs: StageInputs, stored: Path, tuned: Path, lm: LanguageModelFiles, params: Params, out: Path
) -> None:
    """Evaluate everything and write out/rows.parquet, out/second.parquet (another reader's), out/meta.json and
    out/answers.parquet (what the models answered).

    Data without checks gives empty tables.
    """
    import pyarrow as pa

    settings, folds = params.live, inputs.fold_of()
    able = [e for e in read_episodes(inputs.episodes) if e.checks and e.episode_id in folds]
    count = min(settings.episodes, len(able))
    local = settings.agent == "local"
    second = min(count, settings.second_episodes) if local else 0
    if second:
        gemma.at_hand(SECOND)  # before several processes want it
    first_reader = language_model.NAME if local else settings.model
    readers = {first_reader: ("rows", count), gemma.NAME: ("second", second)}
    answered: dict[int, Kept] = {}
    work = functools.partial(_task, params=params, inputs=inputs, stored=stored, tuned=tuned, lm=lm, models=models)
    for reader, (name, most) in readers.items():
        rows: list[dict[str, Any]] = []
        tasks = [(first, reader) for first in range(0, most, AT_ONCE)]
        for number, (_, (found, used, new, seconds)) in enumerate(map_as_completed(work, tasks), 1):
            rows += found
            answered |= used
            told = f"{len(found)} answers, {new} newly asked, {seconds:.0f} s"
            print(f"live, {reader} {number}/{len(tasks)}: {told}", flush=True)
        rows.sort(key=lambda r: tuple(str(r[k]) for k in ORDER))
        write_parquet(out / f"{name}.parquet", pa.Table.from_pylist(rows, schema=live_schema()))
    if not count:
        print("live: no episode of this data set has checks that a program can verify; nothing is evaluated")
    write_answers(out / "answers.parquet", answered)
    names = {"agent": first_reader, "second": gemma.NAME}
    write_json(out / "meta.json", {**data_provenance(inputs, params), **names, "episodes": count})
