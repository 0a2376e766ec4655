"""What stages left behind: their outputs as numbers, curves and files, and what dvc.lock says about them.

Convention for every stage: metrics.json holds name -> number, history.json a list of rows {"epoch",
optionally "fold", numbers}, summary.json the records of the evaluation. No run ids, times or absolute paths,
so that the same work gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrrc.runtime.files import file_digest

NO_DATA = ("data/lm", "data/encoder")
MODEL = "coordinator"  # name of the model in MLflow: runs:/RUN_ID/coordinator


@dataclass(frozen=True)
class StageOutputs:
    """One stage item's outputs."""

    metrics: dict[str, float]
    curves: dict[str, list[tuple[int, float]]]  # name -> [(epoch, value)]
    files: dict[str, Path]  # path inside the run -> file

    @property
    def digest(self) -> str:
        """Hash of everything in it, the same on every machine."""
        return canonical_hash(
            [self.metrics, self.curves, {path: file_digest(file) for path, file in self.files.items()}]
        )


@dataclass(frozen=True)
class LockedStage:
    """One entry of dvc.lock."""

    stage: str  # `train` of `train@8-0`
    name: str
    params: dict
    params_hash: str
    inputs_hash: str
    outs: tuple[Path, ...]  # absolute
    data: tuple[tuple[str, str], ...]  # path and DVC's hash of every file or folder of data that it read
    here: bool  # are the files on disk the ones that dvc.lock names?


def result(metrics: Mapping = {}, history: Sequence[Mapping] = (), outs: Iterable[Path] = ()) -> StageOutputs:
    """The given numbers together with those that the outputs (files and folders) hold."""
    numbers, rows, files = dict(metrics), list(history), {}
    for out in map(Path, outs):
        files |= _files(out)
    for path, file in files.items():
        match Path(path).name:
            case "metrics.json":
                numbers |= _read(file)
            case "history.json":
                rows += _read(file)
            case "summary.json":
                numbers |= _records(_read(file))
    return StageOutputs(_numbers(numbers), curves(rows), files)


def items(repo: Path) -> Iterator[LockedStage]:
    """Every stage item of `repo`/dvc.lock. Raises ValueError where there is none."""
    import yaml

    lock = repo / "dvc.lock"
    if not lock.is_file():
        raise ValueError(f"{lock}: not there, so no result is recorded yet: run `dvc repro` first")
    for address, entry in yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"].items():
        outs = entry.get("outs", [])
        params = {key: value for file in entry.get("params", {}).values() for key, value in file.items()}
        yield LockedStage(
            stage=address.partition("@")[0],
            name=item_name(address, [Path(out["path"]) for out in outs]),
            params=params,
            params_hash=canonical_hash(params),
            inputs_hash=canonical_hash([[dep["path"], dep.get("md5")] for dep in entry.get("deps", [])]),
            outs=tuple(repo / out["path"] for out in outs),
            data=tuple((dep["path"], dep["md5"]) for dep in entry.get("deps", []) if _is_data(dep)),
            here=all(dvc_md5(repo / out["path"]) == out.get("md5", "") for out in outs),
        )


def _is_data(dep: Mapping) -> bool:
    """Episodes and what was made of them, not code or models."""
    path = dep["path"]
    return "md5" in dep and (path.startswith("data/") or path.endswith(".parquet")) and path not in NO_DATA


@dataclass(frozen=True)
class ServedModel:
    """What an MLflow model is made of. `settings`: budget and the section digest of params.yaml."""

    checkpoint: Path
    encoder: Path
    settings: Mapping[str, float]


def model_to_serve(repo: Path, item: LockedStage) -> ServedModel | None:
    """The model to log with an item: the coordinator at the operating rank and first seed, no other.

    The encoder weighs ten times what the weights do and would be stored again with every rank.
    """
    from lrrc.params import load_params
    from lrrc.policies.run_items import train_name

    encoder = repo / "data/encoder"
    if item.stage != "train" or not (repo / "params.yaml").is_file() or not encoder.is_dir():
        return None
    params = load_params(repo / "params.yaml")
    if item.name != train_name(params.rank, params.seeds[0]):
        return None
    return ServedModel(item.outs[0], encoder, {"budget": item.params["budget"], **item.params["digest"]})


def item_name(stage: str, outs: Iterable[Path]) -> str:
    """Name of a stage item: its folder below models/ (`train-r8-s0`), else the stage's own name."""
    return next((out.name for out in outs if out.parent.name == "models"), stage.replace("@", "-"))


def flat(tree: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested mappings as ("outer.inner", value)."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def dvc_md5(out: Path) -> str | None:
    """DVC's hash of a file, or of a folder, where it covers the sorted list of its files; None of nothing."""
    if not out.is_dir():
        return file_digest(out, "md5") if out.is_file() else None
    entries = [{"md5": file_digest(file, "md5"), "relpath": path} for path, file in sorted(_files(out).items())]
    return f"{hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest()}.dir"


def canonical_hash(value: object) -> str:
    """Short hash of anything JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def curves(history: Sequence[Mapping]) -> dict[str, list[tuple[int, float]]]:
    """epoch/NAME; with folds also epoch/NAME/fit-K, and their mean ends with the first that ends."""
    found: dict[str, list[tuple[int, float]]] = {}
    folds: dict[tuple[str, int], list[float]] = {}
    for row in history:
        for key, value in _numbers({key: row[key] for key in row if key not in ("fold", "epoch")}).items():
            label = f"epoch/{key}/fit-{row['fold']}" if "fold" in row else f"epoch/{key}"
            found.setdefault(label, []).append((int(row["epoch"]), value))
            if "fold" in row:
                folds.setdefault((key, int(row["epoch"])), []).append(value)
    n_folds = len({row["fold"] for row in history if "fold" in row})
    for (key, epoch), values in folds.items():
        if len(values) == n_folds:
            found.setdefault(f"epoch/{key}", []).append((epoch, math.fsum(values) / n_folds))
    return found


def _records(summary: Mapping) -> dict[str, float]:
    """results/summary.json as evaluation/data/metric/policy-rank-budget-variant, as far as they are set."""
    numbers = {}
    for record in summary["records"]:
        shown = {"policy": "", "rank": "rank", "budget": "budget", "variant": ""}
        labels = [f"{before}{record[key]}" for key, before in shown.items() if record.get(key) not in (None, "")]
        name = [record["evaluation"], str(record["data"]), record["metric"], "-".join(labels)]
        numbers["/".join(filter(None, name))] = record["value"]
    return numbers


def _numbers(tree: Mapping) -> dict[str, float]:
    return {key: float(value) for key, value in flat(tree) if isinstance(value, (int, float))}


def _files(out: Path) -> dict[str, Path]:
    if not out.is_dir():
        return {out.name: out}
    return {file.relative_to(out).as_posix(): file for file in sorted(out.rglob("*")) if file.is_file()}


def _read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))
