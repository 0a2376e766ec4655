"""One stage item: every fit of one policy at one rank, side by side on the cores of the machine.

An item has a fit for every seed and fold, and one on the main split where its seed is the first. Each runs in a process
of its own with one thread, so that the sums, and so the bytes, do not depend on the number of cores. A finished fit is
kept in the work folder until the whole item is written; an interrupted item repeats nothing that was finished.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lrrc import certificate, checkpoint, kept
from lrrc.config import UNTRAINED, DigestConfig, ModelConfig, TrainConfig
from lrrc.episode_file import open_episodes
from lrrc.files import atomic, canonical_json, write_json
from lrrc.model.batch import collate
from lrrc.model.coordinator import build
from lrrc.model.losses import coordinator_objective, probe_objective
from lrrc.model.probe import Probe, collate_kept
from lrrc.pool import side_by_side
from lrrc.segment_file import SegmentFile

INPUTS = ("data/raw/episodes.parquet", "data/segments.safetensors", "data/encoder", "data/splits.json")
STATELESS = (*UNTRAINED, "tokensqueeze-only")  # their outcome head sees what they keep, there being no state


@dataclasses.dataclass(frozen=True)
class Item:
    """What to fit. `rank` is null for policies that have none; `budget` is what a stateless policy keeps."""

    policy: str
    rank: int | None
    seed: int
    budget: int
    model: ModelConfig
    train: TrainConfig
    truncated_turns: int
    digest: DigestConfig
    max_segment_tokens: int
    targets: str = "model"


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Files that the stages before wrote."""

    episodes: Path
    segments: Path
    encoder: Path
    splits: Path


def fit_items(items: Mapping[str, Item], inputs: Inputs, fits: Sequence[str], out: Path, work: Path) -> None:
    """Fit everything side by side and write `out`: history.json and metrics.json over all fits, and checkpoints.

    The checkpoint of each item, a folder below `out`, holds config.json, weights and certificate.json; it is `out`
    itself where its name is empty.
    """
    torch.set_num_threads(1)
    for name, item in items.items():
        if item.policy in UNTRAINED:
            kept.write(work / name / "kept.safetensors", item, inputs, work, side_by_side=True)
    import lrrc.training  # noqa: F401  # seconds, once and not in every worker

    tasks = [(item, inputs, fit, work / name / fit) for name, item in items.items() for fit in fits]
    found: dict[Path, list[dict]] = {}
    for (*_, folder), (history, seconds) in side_by_side(_fit_one, tasks):
        found[folder], last = history, history[-1]
        print(
            f"{out.name} {folder.relative_to(work).as_posix()}: {last['epoch'] + 1} epochs, {seconds:.0f} s, "
            f"validation agreement {last['val_agreement']:.2f}, loss {last['val_loss']:.3f}",
            flush=True,
        )
    for name, item in items.items():
        _write_checkpoint(item, inputs, fits, out / name, work / name)
    histories = {_label(folder.relative_to(work)): found[folder] for *_, folder in tasks}
    write_json(out / "history.json", [{"fold": fold, **row} for fold, rows in histories.items() for row in rows])
    write_json(out / "metrics.json", _metrics(list(histories.values())))


def _write_checkpoint(item: Item, inputs: Inputs, fits: Sequence[str], out: Path, work: Path) -> None:
    """What the fits of an item left in `work`, as a checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    for fit in fits:
        for weights in sorted((work / fit).glob("*.safetensors")):
            with atomic(out / f"{weights.stem.replace('net', fit)}.safetensors") as temporary:
                shutil.copyfile(weights, temporary)
    if item.policy == "lrrc":
        measured = {fit: json.loads((work / fit / "certificate.json").read_text()) for fit in fits}
        policy = kept.policy_of(item, inputs, work / fits[0] / "net.safetensors")
        write_json(out / "certificate.json", certificate.certificate(policy, item.rank, measured))
    config = checkpoint.describe(
        item.policy, item.rank, item.seed, _width(inputs), item.max_segment_tokens, item.model
    )  # fmt: skip
    write_json(out / "config.json", config)


def _label(fit: Path) -> str:
    """`main`, `0` of fold-0, `s1-0` of s1/fold-0."""
    return "-".join(part.removeprefix("fold-") for part in fit.parts)


def _metrics(histories: Sequence[list[dict]]) -> dict[str, float]:
    """Means over the fits of each one's last epoch, and of how long they took."""
    last = [history[-1] for history in histories]
    names = sorted({name for record in last for name in record if name != "epoch"})
    means = {name: float(np.mean([record[name] for record in last])) for name in names}
    return {"epochs": float(np.mean([record["epoch"] + 1 for record in last])), **means}


def _width(inputs: Inputs) -> int:
    return int(json.loads((inputs.encoder / "config.json").read_text())["hidden_dim"])


def _fit_one(item: Item, inputs: Inputs, fit: str, work: Path) -> tuple[list[dict], float]:
    """Weights into work/net.safetensors and, for a stateless policy, work/probe-net.safetensors; history, seconds."""
    from lrrc import training

    torch.set_num_threads(1)
    started = time.monotonic()
    done = work / "done.json"
    key = canonical_json({"item": dataclasses.asdict(item), "fit": fit, "inputs": _fingerprint(inputs)})
    if done.is_file() and json.loads(done.read_text())["key"] == key:
        return json.loads(done.read_text())["history"], 0.0
    if not (work / "key").is_file() or (work / "key").read_text() != key:
        shutil.rmtree(work, ignore_errors=True)  # of other parameters or inputs
        work.mkdir(parents=True)
        (work / "key").write_text(key)
    torch.manual_seed(item.seed)
    ids = _split(inputs.splits, fit)
    history: list[dict] = []
    shared = item.policy in UNTRAINED  # keeps the same whatever the fold
    net_file = work / "net.safetensors"
    if not shared:
        arrays = SegmentFile(inputs.segments)
        net = build(item.policy, item.rank or 1, _width(inputs), item.model)
        train = item.train
        if item.policy == "tokensqueeze-only":  # it ranks no segments, and its outcome head is the probe below
            train = dataclasses.replace(train, w_sel=0.0, w_win=0.0, w_rec=1.0)
        history = training.fit(
            net, coordinator_objective, arrays.of(ids["train"]), arrays.of(ids["val"]),
            partial(collate, vocabulary=item.model.vocabulary, targets=item.targets), train, item.seed, work / "net",
            lengths=arrays.lengths(ids["train"]),
        )  # fmt: skip
        checkpoint.save_weights(net, net_file)
        if item.policy == "lrrc":
            episodes = open_episodes(inputs.episodes).each(ids["test"])
            measured = certificate.measure(
                kept.policy_of(item, inputs, net_file), arrays.of(ids["test"]), episodes
            )  # fmt: skip
            write_json(work / "certificate.json", measured)
    if item.policy in STATELESS:
        kept_file = work.parent / "kept.safetensors" if shared else work / "probe/kept.safetensors"
        if not shared:
            kept.write(kept_file, item, inputs, net_file, side_by_side=False)
        features = kept.KeptFile(kept_file)
        torch.manual_seed(item.seed)  # again: a resumed fit of the network above drew fewer numbers
        probe = Probe(next(iter(features.values())).features_TPG.shape[2])
        probe_history = training.fit(
            probe, probe_objective, features.of(ids["train"]), features.of(ids["val"]),
            collate_kept, item.train, item.seed, work / "probe",
        )  # fmt: skip
        checkpoint.save_weights(probe, work / "probe-net.safetensors")
        history = history or probe_history
    write_json(done, {"key": key, "history": history})
    return history, time.monotonic() - started


def _fingerprint(inputs: Inputs) -> str:
    """Hash of code and inputs: what an interrupted item finished by other code or on other data is not taken over."""
    encoder_files = sorted(path for path in inputs.encoder.rglob("*") if path.is_file())
    sha = hashlib.sha256()
    code = sorted(Path(__file__).parent.rglob("*.py"))
    for path in (*code, inputs.episodes, inputs.segments, *encoder_files, inputs.splits):
        with open(path, "rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()


def _split(path: Path, fit: str) -> dict[str, list[str]]:
    """Ids of train, val and test for `main` or `fold-3`."""
    splits = json.loads(path.read_text())
    return splits if fit == "main" else splits["folds"][int(fit.removeprefix("fold-"))]


def fold_names(path: Path) -> list[str]:
    """`fold-0` and so on, as many as the split has."""
    return [f"fold-{i}" for i in range(len(json.loads(path.read_text())["folds"]))]


def run_stage(
    stage: str, policy: str, rank: int | None, seed: int | Sequence[int], model: ModelConfig, out: Path,
    targets: str | None = None,
) -> None:  # fmt: skip
    """A whole stage item: fit, write, log to MLflow. Parameters come from params.yaml; `targets`: another kind.

    Several seeds: a checkpoint for each, `s0` and so on below `out`.
    """
    from lrrc import tracking
    from lrrc.config import load_params

    params = load_params()
    targets = targets or params.gains.source
    items = {
        name: Item(
            policy, rank, one, params.budget, model, params.train, params.baseline.truncated_turns,
            params.digest, params.embed.max_segment_tokens, targets,
        )
        for name, one in ({"": seed} if isinstance(seed, int) else {f"s{one}": one for one in seed}).items()
    }  # fmt: skip
    inputs = Inputs(*map(Path, INPUTS))
    fits = [*(["main"] if seed == params.seeds[0] else []), *fold_names(inputs.splits)]
    work = Path(".cache/fits") / out.name
    fit_items(items, inputs, fits, out, work)
    logged = {"policy": policy, "rank": rank, "seed": seed, "budget": params.budget, "targets": targets,
              "model": dataclasses.asdict(model), "train": dataclasses.asdict(params.train)}  # fmt: skip
    tracking.log_stage(out.name, stage=stage, params=logged, artifacts=[out])
    shutil.rmtree(work, ignore_errors=True)
