"""Transfer: a coordinator trained on some kinds of conversation, tested on one that it never saw (docs/method.md 5.3).

Each of `transfer.files` in turn is left out: the coordinator learns from every other data set alone (the embedded arena
is one) and from all of them together, and its digests of the one left out are compared with those of fixed rules by
fidelity, at equal mean tokens. Costly, and the files are not part of the project, so its result is committed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lrrc.dataset.calls import gains_by_call, whole_history
from lrrc.dataset.episode_arrays import UNKNOWN, EpisodeArrays, episode_arrays
from lrrc.dataset.segment_gains import load_gains, write_gains
from lrrc.episodes.episode_file import read_episodes
from lrrc.evaluation.fidelity.replies import draw_replies
from lrrc.evaluation.fidelity.surprise import measure_surprise
from lrrc.params import Params
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.chance import stream
from lrrc.runtime.executor import absolute_path
from lrrc.runtime.files import canonical_json, file_digest, write_json, write_parquet
from lrrc.runtime.workers import map_as_completed

HELD_BACK = 0.15  # of every training set, to choose the epoch
ARENA = "embedded"
RULES = ("full-context", "no-history", "recency", "first-sentences", "lead", "bm25", "embedding")
Sets = dict[str, Path]  # name of a data set -> its file


def trainings(sets: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """(trained on, tested on): every set but the arena by every other alone, and by all others together."""
    found = []
    for test in sets:
        others = tuple(name for name in sets if name != test)
        if test == ARENA:
            continue
        found += [((name,), test) for name in others] + ([(others, test)] if len(others) > 1 else [])
    return found


def arrays_of(path: Path, stored: Path, vectors: Path, limit: int) -> list[EpisodeArrays]:
    """Episodes with measured gains as arrays; calls without gains teach nothing, so that targets are of one kind."""
    known, found = load_gains(stored), []
    for episode in read_episodes(path):
        history = whole_history(episode, limit)
        measured = gains_by_call(episode, history, known)
        if not measured:
            continue
        arrays = episode_arrays(episode, sentence_encoder.load(str(vectors)), limit, known)
        targets = arrays.targets["model"]
        for t in range(arrays.turns):
            for m in range(arrays.agents):
                if (t, m) not in measured:
                    targets.target[t][m], targets.worth_TM[t, m] = 0, UNKNOWN
        found.append(arrays)
    return found


def fit(names: Sequence[str], given: TransferInputs, params: Params, work: Path):
    """The coordinator of the operating rank, trained on the named sets; held-back episodes choose the epoch."""
    import torch

    from lrrc.dataset.batches import collate, seen_features
    from lrrc.model.network import build_network
    from lrrc.training.fit import FitData, fit_network
    from lrrc.training.losses import coordinator_objective

    train, val = [], []
    for name in names:
        arrays = arrays_of(given.sets[name], given.gains, given.vectors, params.embed.max_segment_tokens)
        order = stream("transfer: held back", params.transfer.seed).permutation(len(arrays))
        held = max(1, round(HELD_BACK * len(arrays)))
        val += [arrays[i] for i in order[:held]]
        train += [arrays[i] for i in order[held:]]
    torch.manual_seed(params.transfer.seed)
    net = build_network("lrrc", params.rank, sentence_encoder.load(str(given.vectors)).width, params.model)
    net.decoder.standardise(seen_features(train))
    shutil.rmtree(work, ignore_errors=True)
    fit_network(
        net,
        coordinator_objective,
        FitData(
            train,
            val,
            partial(collate, vocabulary=params.model.vocabulary),
            [(arrays.turns, len(arrays.turn_N)) for arrays in train],
        ),
        params.train,
        params.transfer.seed,
        work,
    )
    shutil.rmtree(work)
    return net.eval()


def _key(value: Any) -> str:
    """Names what is kept by all that it depends on."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TransferInputs:
    """The data sets by name, the gains of all of them, and the folders of vectors and language model."""

    sets: Sets
    gains: Path
    vectors: Path
    model: Path


def _task(
    policy: str, names: tuple[str, ...], test: str, given: TransferInputs, params: Params, work: Path
) -> list[dict[str, Any]]:
    """Rows of one policy on one data set; kept in `work`, so that an interrupted run goes on from there."""
    import torch

    from lrrc.policies.registry import build_policy, load_policy
    from lrrc.policies.spec import PolicySpec
    from lrrc.pretrained import language_model
    from lrrc.pretrained.answers import Answers

    sets, vectors = given.sets, given.vectors
    torch.set_num_threads(1)
    inputs = [file_digest(path) for path in (given.gains, *(sets[n] for n in (*names, test)))]
    used = ["budget", "digest", "embed", "transfer", *(["rank", "model", "train"] if names else [])]
    values = {key: value for key, value in asdict(params).items() if key in used}
    key = _key([policy, names, test, inputs if names else inputs[-1], values, params.fidelity.reply_tokens])
    kept = work / f"{key}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    targets = draw_replies(read_episodes(sets[test]), params.transfer.calls, params.transfer.seed)
    spec = PolicySpec.of(params.out_of_domain, policy)
    if names:
        net = fit(names, given, params, work / f"fit-{'-'.join(names)}-{test}")
        chosen = build_policy(spec, sentence_encoder.load(str(vectors)), net)
    else:
        chosen = load_policy(spec, vectors)
    labels = {policy: {"data": test, "trained_on": " + ".join(names), "seed": params.transfer.seed}}
    answers = Answers(language_model.load(str(given.model)))
    rows = measure_surprise(answers, targets, [chosen], params.fidelity.reply_tokens, labels)
    write_json(kept, rows)
    return rows


def evaluate_transfer(
    arena: Path, known: Path, vectors: Path, model: Path, params: Params, out: Path, work: Path
) -> None:
    """Measure the gains of the files, train, test, and write the rows to `out`. Raises ValueError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not params.transfer.files:
        raise ValueError("params: transfer.files = []: allowed is a list of data sets beside the embedded arena")
    sets = {ARENA: arena, **{Path(file).stem: Path(file) for file in params.transfer.files}}
    work.mkdir(parents=True, exist_ok=True)
    settings = replace(params.gains, source="model", calls=params.transfer.teach)
    limit = params.embed.max_segment_tokens
    measured = [known]
    for name, path in list(sets.items())[1:]:
        file = work / f"gains-{name}-{_key([file_digest(path), asdict(settings), limit])}.parquet"
        if not file.is_file():
            write_gains(absolute_path(path), absolute_path(model), known, file, settings, limit, params.engine)
        measured.append(file)
    stored = work / "gains.parquet"
    write_parquet(stored, pa.concat_tables([pq.read_table(file) for file in measured]))
    tasks = [(rule, (), test) for rule in RULES for test in sets if test != ARENA]
    tasks = [("lrrc", names, test) for names, test in trainings(list(sets))] + tasks
    rows: list[dict[str, Any]] = []
    task = partial(_task, given=TransferInputs(sets, stored, vectors, model), params=params, work=work)
    for number, ((policy, names, test), found) in enumerate(map_as_completed(task, tasks), 1):
        rows += found
        print(f"transfer {number}/{len(tasks)}: {policy} {' + '.join(names)} on {test}", flush=True)
    places = ("data", "policy", "trained_on", "episode_id", "turn", "agent")
    rows.sort(key=lambda row: tuple(str(row[key]) for key in places))
    write_parquet(out, pa.Table.from_pylist(rows, schema=schema()))


def schema():
    """Columns of results/transfer.parquet; `trained_on` is empty for rules."""
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    return pa.schema(
        {
            "data": text,
            "policy": text,
            "trained_on": text,
            "budget": whole,
            "seed": whole,
            "episode_id": text,
            "turn": whole,
            "agent": text,
            "nats": real,
            "tokens": whole,
        }
    )
