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

import lrrc
from lrrc.dataset.array_file import ArrayFile
from lrrc.dataset.batches import collate, collate_kept, seen_features
from lrrc.dataset.inputs import INPUTS, StageInputs
from lrrc.episodes.episode_file import open_episodes
from lrrc.model.outcome_probe import OutcomeProbe
from lrrc.model.state_measures import mean_measures
from lrrc.policies import checkpoint
from lrrc.policy_catalogue import STATELESS, UNTRAINED
from lrrc.proofs.certificate import certificate, measure_fit
from lrrc.runtime.files import atomic, canonical_json, file_digest, write_json
from lrrc.runtime.workers import map_as_completed
from lrrc.training.fit_spec import FitSpec, encoder_width
from lrrc.training.form_head import fit_form_head
from lrrc.training.kept_features import KeptFile, write_kept_features
from lrrc.training.losses import coordinator_objective, probe_objective

PROBE = "probe-"  # weights of the outcome head of a policy without a state


def fit_items(items: Mapping[str, FitSpec], inputs: StageInputs, fits: Sequence[str], out: Path, work: Path) -> None:
    """Fit everything side by side and write `out`: history.json and metrics.json over all fits, and checkpoints.

    The checkpoint of each item, a folder below `out`, holds config.json, weights and certificate.json; it is `out`
    itself where its name is empty.
    """
    torch.set_num_threads(1)
    for name, item in items.items():
        if item.name in UNTRAINED:
            write_kept_features(work / name / "kept.safetensors", item, inputs, side_by_side=True)
    import lrrc.training.fit  # noqa: F401  # seconds, once and not in every worker

    tasks = [(item, inputs, fit, work / name / fit) for name, item in items.items() for fit in fits]
    found: dict[Path, tuple[list[dict], dict]] = {}
    for (*_, folder), (history, report, seconds) in map_as_completed(_fit_one, tasks):
        found[folder], name = (history, report), f"{out.name} {folder.relative_to(work).as_posix()}"
        print(
            f"{name}: best of {report['epochs']} epochs: {report['best_epoch']}, {seconds:.0f} s, "
            f"validation agreement {report['outcome_head']['agreement']:.2f}, loss {report['val_loss']:.3f}",
            flush=True,
        )
        for fault in report.get("faults", ()):
            print(f"{name}: {fault}", flush=True)
    for name, item in items.items():
        _write_checkpoint(item, inputs, fits, out / name, work / name)
    histories = {_label(folder.relative_to(work)): found[folder][0] for *_, folder in tasks}
    write_json(out / "history.json", [{"fold": fold, **row} for fold, rows in histories.items() for row in rows])
    write_json(out / "metrics.json", _metrics(*zip(*(found[folder] for *_, folder in tasks), strict=True)))


def _write_checkpoint(item: FitSpec, inputs: StageInputs, fits: Sequence[str], out: Path, work: Path) -> None:
    """What the fits of an item left in `work`, as a checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    for fit in fits:
        for weights in sorted((work / fit).glob("*.safetensors")):
            with atomic(out / f"{PROBE if weights.stem.startswith(PROBE) else ''}{fit}.safetensors") as temporary:
                shutil.copyfile(weights, temporary)
    if item.name == "lrrc":
        measured = {fit: json.loads((work / fit / "certificate.json").read_text()) for fit in fits}
        policy = item.load(inputs, work / fits[0] / "net.safetensors")
        write_json(out / "certificate.json", certificate(policy, item.policy.rank, measured))
    reports = {fit: json.loads((work / fit / "done.json").read_text())["report"] for fit in fits}
    write_json(out / checkpoint.FITS, reports)
    config = checkpoint.checkpoint_config(item.policy, item.seed, encoder_width(inputs), item.model)
    write_json(out / "config.json", config)


def _label(fit: Path) -> str:
    """`main`, `0` of fold-0, `s1-0` of s1/fold-0."""
    return "-".join(part.removeprefix("fold-") for part in fit.parts)


def _metrics(histories: Sequence[list[dict]], reports: Sequence[dict]) -> dict[str, float]:
    """Means over the fits of each one's last epoch, of where its best lies, and of what is measured of its state."""
    last = [history[-1] for history in histories]
    names = sorted({name for record in last for name in record if name != "epoch"})
    means = {name: float(np.mean([record[name] for record in last])) for name in names}
    alive = mean_measures([report["state"] for report in reports if "state" in report])
    return {
        "epochs": float(np.mean([report["epochs"] for report in reports])),
        "best_epoch": float(np.mean([report["best_epoch"] for report in reports])),
        "heads_beyond_majority": float(np.mean([report["outcome_head"]["beats_majority"] for report in reports])),
        **means,
        **{f"state_{name}": value for name, value in alive.items()},
    }


def _fit_one(item: FitSpec, inputs: StageInputs, fit: str, work: Path) -> tuple[list[dict], dict, float]:
    """Weights into work/net.safetensors and, for a stateless policy, work/probe-net.safetensors.

    Returns history, report, seconds.
    """
    from lrrc.training.fit import FitData, fit_network
    from lrrc.training.fit_report import fit_report, state_report

    torch.set_num_threads(1)
    started = time.monotonic()
    done = work / "done.json"
    key = canonical_json({"item": dataclasses.asdict(item), "fit": fit, "inputs": _fingerprint(inputs)})
    if done.is_file() and (known := json.loads(done.read_text()))["key"] == key:
        return known["history"], known["report"], 0.0
    if not (work / "key").is_file() or (work / "key").read_text() != key:
        shutil.rmtree(work, ignore_errors=True)  # of other parameters or inputs
        work.mkdir(parents=True)
        (work / "key").write_text(key)
    torch.manual_seed(item.seed)
    ids = inputs.ids(fit)
    history, probed, alive = [], [], {}
    shared = item.name in UNTRAINED  # keeps the same whatever the fold
    net_file = work / "net.safetensors"
    if not shared:
        arrays = ArrayFile(inputs.segments)
        net = item.network(inputs)
        net.decoder.standardise(seen_features(arrays.by_ids(ids["train"])))
        if net.form:
            fit_form_head(net.form, arrays.by_ids(ids["train"]))
        train = item.train
        if item.name == "tokensqueeze-only":  # it ranks no segments, and its outcome head is the probe below
            train = dataclasses.replace(train, w_sel=0.0, w_win=0.0, w_rec=1.0)
        history = fit_network(
            net,
            coordinator_objective,
            FitData(
                arrays.by_ids(ids["train"]),
                arrays.by_ids(ids["val"]),
                partial(collate, vocabulary=item.model.vocabulary, targets=item.targets),
                arrays.lengths(ids["train"]),
            ),
            train,
            item.seed,
            work / "net",
        )
        checkpoint.save_weights(net, net_file)
        alive = state_report(net, arrays.by_ids(ids["val"]), item.targets, train.batch_size)
        if item.name == "lrrc":
            episodes = open_episodes(inputs.episodes).each(ids["test"])
            measured = measure_fit(item.load(inputs, net_file), arrays.by_ids(ids["test"]), episodes)
            write_json(work / "certificate.json", measured)
    if item.name in STATELESS:
        kept_file = work.parent / "kept.safetensors" if shared else work / "probe/kept.safetensors"
        if not shared:
            write_kept_features(kept_file, item, inputs, net_file)
        features = KeptFile(kept_file)
        torch.manual_seed(item.seed)  # again: a resumed fit of the network above drew fewer numbers
        probe = OutcomeProbe(next(iter(features.values())).features_TPG.shape[2], item.model.form)
        if probe.form:
            fit_form_head(probe.form, features.by_ids(ids["train"]))
        probed = fit_network(
            probe,
            probe_objective,
            FitData(features.by_ids(ids["train"]), features.by_ids(ids["val"]), collate_kept),
            item.train,
            item.seed,
            work / "probe",
        )
        checkpoint.save_weights(probe, work / f"{PROBE}net.safetensors")
        history = history or probed
    outcomes = ArrayFile(inputs.segments).outcomes(ids["val"])
    report = fit_report(history, probed, outcomes) | alive
    write_json(done, {"key": key, "history": history, "report": report})
    return history, report, time.monotonic() - started


def _fingerprint(inputs: StageInputs) -> str:
    """Hash of code and inputs: what an interrupted item finished by other code or on other data is not taken over."""
    encoder_files = sorted(path for path in inputs.encoder.rglob("*") if path.is_file())
    sha = hashlib.sha256()
    code = sorted(Path(lrrc.__file__).parent.rglob("*.py"))
    for path in (*code, inputs.episodes, inputs.segments, *encoder_files, inputs.splits):
        sha.update(bytes.fromhex(file_digest(path)))
    return sha.hexdigest()


def fit_and_log(
    stage: str, items: Mapping[str, FitSpec], main: bool, out: Path, inputs: StageInputs | None = None
) -> None:
    """A whole stage item: fit, write, log to MLflow. `items`: as in fit_items; `main`: also on the main split;
    `inputs`: the run's own where none are given.

    Several seeds of one policy: a checkpoint for each, `s0` and so on below `out`.
    """
    from lrrc.tracking import mlflow_runs
    from lrrc.tracking.live_run import LiveRun

    inputs = inputs or StageInputs(*map(Path, INPUTS))
    fits = [*(["main"] if main else []), *inputs.fit_names()]
    work = Path(".cache/fits") / out.name
    first, seeds = next(iter(items.values())), [item.seed for item in items.values()]
    logged = {
        "policy": first.name,
        "rank": first.policy.rank,
        "seed": seeds[0] if "" in items else tuple(seeds),
        "budget": first.budget,
        "targets": first.targets,
        "model": dataclasses.asdict(first.model),
        "train": dataclasses.asdict(first.train),
    }
    with LiveRun(out.name, stage, logged, work, len(items) * len(fits)) as live:
        fit_items(items, inputs, fits, out, work)
    mlflow_runs.log_stage(out.name, stage=stage, params=logged, artifacts=[out], live=live.run_id)
    shutil.rmtree(work, ignore_errors=True)
