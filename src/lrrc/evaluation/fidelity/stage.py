"""The stage fidelity: every policy on the run's own data (by the fit that never saw it) and on further files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lrrc.dataset.inputs import StageInputs
from lrrc.episodes.episode_file import iter_episodes
from lrrc.evaluation.cross_fitting import data_provenance
from lrrc.evaluation.fidelity.equal_tokens import sent_as_is, sent_by
from lrrc.evaluation.fidelity.replies import draw_replies
from lrrc.evaluation.fidelity.surprise import surprise_of
from lrrc.evaluation.tuning.trials import Chosen, stops
from lrrc.params import Params
from lrrc.policies.registry import load_policy, with_settings
from lrrc.policies.run_items import policy_folder
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import REFERENCE
from lrrc.pretrained import language_model
from lrrc.pretrained.answers import Kept, LanguageModelFiles, write_answers
from lrrc.runtime.executor import absolute_path, map_in_order
from lrrc.runtime.files import write_json, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa


class DataSet(NamedTuple):
    """A data set by its name in the results, and its file."""

    name: str
    path: Path


class Files(NamedTuple):
    """Fits by folder, the settings chosen for them, and the language model's."""

    models: Path
    tuned: Path
    lm: LanguageModelFiles


def evaluate_fidelity(
    models: Path, inputs: StageInputs, tuned: Path, lm: LanguageModelFiles, params: Params, out: Path
) -> None:
    """Evaluate and write out/rows.parquet, out/meta.json (data set -> judge) and out/answers.parquet (the model's)."""
    import pyarrow as pa

    own = data_provenance(inputs, params)
    judges = {own["data"]: own["judge"]}
    mine, folds = DataSet(own["data"], inputs.episodes), range(len(inputs.folds()))
    tasks = [(mine, policy, fold) for policy in _names(params) for fold in folds]
    for file in params.fidelity.files:
        found = {e.judge for e in iter_episodes(file) if e.outcome}
        judges[Path(file).stem] = found.pop() if len(found) == 1 else None
        tasks += [(DataSet(Path(file).stem, absolute_path(file)), policy, None) for policy in _names(params)]
    rows: list[dict[str, Any]] = []
    answered: dict[int, Kept] = {}
    work = partial(_task, files=Files(models, tuned, lm), inputs=inputs, params=params)
    for number, ((data, policy, _), (found, used, new)) in enumerate(map_in_order(work, tasks, params.engine), 1):
        rows += found
        answered |= used
        print(f"fidelity {number}/{len(tasks)}: {policy} on {data.name}, {new} newly asked", flush=True)
    write_answers(out / "answers.parquet", answered)
    rows.sort(key=lambda r: tuple(str(r[k]) for k in ("data", "policy", "stop", "seed", "episode_id", "turn", "agent")))
    write_parquet(out / "rows.parquet", pa.Table.from_pylist(rows, schema=schema()))
    write_json(out / "meta.json", {"judges": judges, "agent": language_model.NAME})


def schema() -> pa.Schema:
    """Columns of results/fidelity/rows.parquet."""
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    return pa.schema(
        {
            "data": text,
            "policy": text,
            "rank": whole,
            "budget": whole,
            "seed": whole,
            "episode_id": text,
            "turn": whole,
            "agent": text,
            "nats": real,
            "tokens": whole,
            "stop": real,
        }
    )


def _names(params: Params) -> list[str]:
    return [REFERENCE, *(name for name in params.fidelity.policies if name != REFERENCE)]


def _task(
    data: DataSet, name: str, fold: int | None, files: Files, inputs: StageInputs, params: Params
) -> tuple[list[dict[str, Any]], dict[int, Kept], int]:
    """Rows of one policy on one data set, or on the part of it that one fold's fit never saw; the model's answers, and
    how many are new.

    There the policy is also a curve over its own stopping parameter (`stop`), under the settings chosen for the fold.
    """
    import torch

    torch.set_num_threads(1)
    settings, folds = params.fidelity, inputs.fold_of()
    episodes = (e for e in iter_episodes(data.path) if fold is None or folds.get(e.episode_id) == fold)
    parts = 1 if fold is None else len(inputs.folds())
    targets = draw_replies(episodes, settings.calls // parts, settings.seed)
    if not targets:
        return [], {}, 0
    seed = params.seeds[0]
    folder = files.models / policy_folder(name, params.rank, seed)
    fit, known = ("main", params.out_of_domain) if fold is None else (f"fold-{fold}", params)
    policy = load_policy(PolicySpec.of(known, name), inputs.encoder, folder, fit)
    rank = params.rank if name == "lrrc" else None
    labels = {"data": data.name, "rank": rank, "seed": seed, "stop": None}
    sent = [(policy, sent_by(policy, targets), labels)]
    for point in stops(name, params.tune) if fold is not None else ():
        other = with_settings(policy, {**Chosen(files.tuned).settings(name, fold), **point})
        sent.append((other, sent_as_is(other, targets), {**labels, "stop": next(iter(point.values()))}))
    answers = files.lm.answers(params.live.remember)
    return surprise_of(answers, targets, sent, settings.reply_tokens), *answers.handed_over()
