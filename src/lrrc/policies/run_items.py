"""Names of everything that is trained: an item of a stage, its folder below models/, its rows and its MLflow run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.policy_catalogue import REFERENCE

if TYPE_CHECKING:
    from lrrc.params import Params


def train_name(rank: object, seed: object) -> str:
    """`train-r8-s0`: the coordinator at a rank; both may be what a shell expands, `{0,1}`."""
    return f"train-r{rank}-s{seed}"


def baseline_name(policy: object, seed: object) -> str:
    """`baseline-bm25-s0`."""
    return f"baseline-{policy}-s{seed}"


def ablation_name(variant: object) -> str:
    """`ablate-gate-off`: a folder for each seed is below it."""
    return f"ablate-{variant}"


def ablation_folder(variant: object, seed: object) -> str:
    """`ablate-gate-off/s0`."""
    return f"{ablation_name(variant)}/s{seed}"


def policy_folder(policy: str, rank: int, seed: int) -> str:
    """The folder of a policy at the operating rank."""
    return train_name(rank, seed) if policy == "lrrc" else baseline_name(policy, seed)


def item_name(folder: Path) -> str:
    """What results call a checkpoint: `train-r8-s0` as its folder, `ablate-gate-off-s0` that of ablate-gate-off/s0."""
    return f"{folder.parent.name}-{folder.name}" if folder.parent.name.startswith("ablate-") else folder.name


def all_items(params: Params) -> dict[str, str]:
    """Folder below models/ -> variant ("" where it has none), for everything that the parameters ask for."""
    names = {train_name(rank, seed): "" for rank in params.ranks for seed in params.seeds}
    names |= {baseline_name(policy, seed): "" for policy in params.baseline.policies for seed in params.seeds}
    return names | {
        ablation_folder(variant, seed): variant for variant in params.ablate.variants for seed in params.ablate.seeds
    }


def fitted_runs(params: Params) -> dict[str, str]:
    """Names of the MLflow runs that fitted something, by what they are for; `{0,1}` as a shell expands it."""
    seeds = _one_of(params.seeds)
    return {
        "default": train_name(params.rank, params.seeds[0]),
        "operating": train_name(params.rank, seeds),
        "ranks": train_name(_one_of(params.ranks), seeds),
        "full": baseline_name(REFERENCE, seeds),
        "baselines": baseline_name(_one_of(params.baseline.policies), seeds),
        "ablations": ablation_name(_one_of(params.ablate.variants)),
    }


def _one_of(values: Sequence) -> str:
    names = ",".join(map(str, values))
    return names if len(values) == 1 else f"{{{names}}}"
