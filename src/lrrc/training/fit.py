"""Fitting one network on one split with Lightning (paper section 3.5), resumable after every epoch.

AdamW; the learning rate rises over the first tenth of the steps and then falls along a cosine to nothing, so that the
loss comes to rest where the epochs end. The best epoch is that of the least validation loss; agreement with the
recorded outcome, on some thirty episodes, jumps about too much to choose by. An interrupted fit goes on from its last
finished epoch and gives the bytes of an undisturbed one: the order of episodes and the exchanged sides of an epoch are
drawn from (seed, epoch) alone, and weights, optimiser state and history are kept beside each other, without pickle.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from lightning_utilities.core.imports import RequirementCache
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lrrc.model.batch import Batch
from lrrc.model.outcome_probe import ProbeBatch
from lrrc.params import TrainConfig
from lrrc.runtime.files import atomic, write_json
from lrrc.training.losses import Measured


@contextmanager
def unavailable(*packages: str) -> Iterator[None]:
    """Lightning's metrics take packages for missing: to import them takes longer than all the rest."""
    answer = RequirementCache.__bool__
    RequirementCache.__bool__ = lambda self: not (self.requirement or "").startswith(packages) and answer(self)
    try:
        yield
    finally:
        RequirementCache.__bool__ = answer


with unavailable("transformers", "matplotlib", "scipy"):
    import lightning

WARM_UP = 0.1  # share of the steps in which the learning rate rises
POOL = 4  # batches whose episodes are sorted by length together
UNPREFIXED = (
    "loss_rec",
    "loss_sel",
    "loss_worth",
    "loss_win",
    "loss_rule",
    "loss_apart",
    "state_norm",
    "active_channels",
    "threshold_binds",
)  # of validation, Figure 4
Objective = Callable[[nn.Module, "Batch | ProbeBatch", TrainConfig], Measured]


@dataclass
class FitProgress:
    """Where a fit stands: the history so far, the best epoch's validation loss, and epochs since then."""

    history: list[dict] = field(default_factory=list)
    best: float = math.inf
    stale: int = 0


class FitModule(lightning.LightningModule):
    """One network, its loss and its optimiser. `first_epoch` is that of a resumed fit."""

    def __init__(self, net: nn.Module, objective: Objective, train: TrainConfig, seed: int, first_epoch: int = 0):
        super().__init__()
        self.net, self.objective, self.train_config = net, objective, train
        self.seed, self.first_epoch = seed, first_epoch
        self.sums: dict[str, float] = {}
        self.counts: dict[str, float] = {}

    @property
    def epoch(self) -> int:
        return self.first_epoch + self.current_epoch

    def configure_optimizers(self) -> dict:
        train = self.train_config
        fused = str(train.trainer.get("precision", "32-true")).startswith("32")  # Lightning clips no other in one go
        optimizer = torch.optim.AdamW(self.parameters(), lr=train.lr, weight_decay=train.weight_decay, fused=fused)
        epoch = self.trainer.estimated_stepping_batches / (train.max_epochs - self.first_epoch)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate((self.first_epoch + (step + 0.5) / epoch) / train.max_epochs)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, index: int) -> Batch:
        return batch.to(device)

    def training_step(self, batch: Batch | ProbeBatch, index: int) -> Tensor:
        if batch.swappable:  # sides are arbitrary: show each episode either way round
            generator = torch.Generator().manual_seed(hash((self.seed, self.epoch, index)) % 2**63)
            batch = batch.swapped((torch.rand(len(batch.turns_B), generator=generator) < 0.5).to(self.device))
        measured = self.objective(self.net, batch, self.train_config)
        self._add("train_", {"loss": measured.means["loss"]})
        return measured.loss

    def validation_step(self, batch: Batch | ProbeBatch, index: int) -> None:
        self._add("val_", self.objective(self.net, batch, self.train_config).means)

    def _add(self, prefix: str, means: dict[str, tuple[Tensor, float]]) -> None:
        for name, (value, weight) in means.items():
            key = name if name in UNPREFIXED else prefix + name
            self.sums[key] = self.sums.get(key, 0.0) + float(value.detach()) * weight
            self.counts[key] = self.counts.get(key, 0.0) + weight

    def take_means(self) -> dict[str, float]:
        """Means of everything added since the last call; 0 where there was nothing to count (no outcome at all)."""
        means = {key: self.sums[key] / self.counts[key] if self.counts[key] else 0.0 for key in sorted(self.sums)}
        self.sums, self.counts = {}, {}
        return means


def rate(progress: float) -> float:
    """The learning rate after that share of the steps, as a share of its largest."""
    if progress < WARM_UP:
        return progress / WARM_UP
    return (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2


@dataclass(frozen=True)
class FitData:
    """Episodes of a split that `collate` makes batches of.

    `lengths` of the training episodes: as a batch is padded to its longest, those of like length come together.
    """

    train: Sequence
    val: Sequence
    collate: Callable[[Sequence], Batch | ProbeBatch]
    lengths: Sequence | None = None


class SplitData(lightning.LightningDataModule):
    """Batches of a split; those of an epoch are drawn from the seed and the epoch's number."""

    def __init__(self, data: FitData, fit: FitModule):
        super().__init__()
        self.data, self.fit = data, fit

    def _loader(self, episodes: Sequence, batches: Sequence[Sequence[int]]) -> DataLoader:
        workers = self.fit.train_config.loader_workers
        return DataLoader(episodes, batch_sampler=batches, collate_fn=self.data.collate, num_workers=workers)

    def train_dataloader(self) -> DataLoader:
        generator = torch.Generator().manual_seed(hash((self.fit.seed, self.fit.epoch)) % 2**63)
        order = torch.randperm(len(self.data.train), generator=generator).tolist()
        size = self.fit.train_config.batch_size
        if self.data.lengths is None:
            batches = batches_of(order, size)
        else:
            pools = [sorted(pool, key=self.data.lengths.__getitem__) for pool in batches_of(order, POOL * size)]
            sorted_batches = [batch for pool in pools for batch in batches_of(pool, size)]
            batches = [sorted_batches[i] for i in torch.randperm(len(sorted_batches), generator=generator)]
        rank, ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        each = max(1, len(batches) // ranks)  # as many for every process: they wait for each other
        batches = [batches[i % len(batches)] for i in range(rank, each * ranks, ranks)] if ranks > 1 else batches
        return self._loader(self.data.train, batches)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.data.val, batches_of(range(len(self.data.val)), self.fit.train_config.batch_size))


def batches_of(order: Sequence[int], size: int) -> list[Sequence[int]]:
    """Parts of `size` numbers, the last one of what is left."""
    return [order[i : i + size] for i in range(0, len(order), size)]


class EpochKeeper(lightning.Callback):
    """Record the epoch, keep the best weights, save everything needed to go on, stop when nothing improves."""

    def __init__(self, folder: Path, progress: FitProgress, patience: int):
        self.folder, self.progress, self.patience = folder, progress, patience

    def on_fit_start(self, trainer: lightning.Trainer, module: FitModule) -> None:
        if (self.folder / "state.json").is_file():
            restore_optimizer(
                trainer.optimizers[0], self.folder / last_epoch_folder(self.folder) / "optimizer.safetensors"
            )

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: FitModule) -> None:
        self.validation = module.take_means()

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: FitModule) -> None:
        module.take_means()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: FitModule) -> None:
        progress, means = self.progress, {**module.take_means(), **self.validation}
        if not all(map(math.isfinite, means.values())):
            raise ValueError(
                f"train: the loss is no longer a number in epoch {module.epoch}: "
                f"lower train.lr = {module.train_config.lr} or set train.trainer.gradient_clip_val"
            )
        progress.history.append({"epoch": module.epoch, **means})
        better = means["val_loss"] < progress.best
        progress.best, progress.stale = (means["val_loss"], 0) if better else (progress.best, progress.stale + 1)
        if trainer.is_global_zero:  # every process validates on everything, so all of them think alike
            save(self.folder, module.net, trainer.optimizers[0], progress, better)
        if progress.stale >= self.patience:
            trainer.should_stop = True


def last_epoch_folder(folder: Path) -> str:
    """Name of the sub-folder with the last finished epoch's weights and optimiser state."""
    return json.loads((folder / "state.json").read_text())["epoch_folder"]


def save(folder: Path, net: nn.Module, optimizer: torch.optim.Optimizer, progress: FitProgress, better: bool) -> None:
    """Make the finished epoch the one to resume from: its files first, then the pointer to them, in one rename."""
    name = f"epoch-{len(progress.history)}"
    with atomic(folder / name / "weights.safetensors") as path:
        save_file(_whole(net.state_dict()), path)
    with atomic(folder / name / "optimizer.safetensors") as path:
        state = optimizer.state_dict()["state"]
        save_file(_whole({f"{i}.{key}": value for i, slot in state.items() for key, value in slot.items()}), path)
    best = name if better else json.loads((folder / "state.json").read_text())["best_folder"]
    write_json(
        folder / "state.json",
        {
            "epoch_folder": name,
            "best_folder": best,
            "best": progress.best,
            "stale": progress.stale,
            "history": progress.history,
        },
    )
    for old in folder.glob("epoch-*"):
        if old.name not in (name, best):
            shutil.rmtree(old)


def _whole(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Put the moments and step counts of AdamW back."""
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in load_file(path).items():
        index, _, key = name.partition(".")
        slots.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def best_epoch(history: Sequence[dict]) -> dict:
    """The record of the epoch whose weights are kept."""
    return min(history, key=lambda record: record["val_loss"])


def fit_network(
    net: nn.Module,
    objective: Objective,
    data: FitData,
    config: TrainConfig,
    seed: int,
    folder: Path,
) -> list[dict]:
    """Train `net` in place to its best epoch; returns one record per epoch.

    `folder` holds the resumable state; the caller removes it when the result is safe. An interrupted fit of the same
    inputs goes on from there.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    # Lightning's `deterministic` would write NaN into all memory before it is used: a debugging aid, 6 % of a step
    torch.utils.deterministic.fill_uninitialized_memory = False
    warnings.filterwarnings("ignore", module="lightning")
    progress = FitProgress()
    if (folder / "state.json").is_file():
        state = json.loads((folder / "state.json").read_text())
        progress = FitProgress(state["history"], state["best"], state["stale"])
        net.load_state_dict(load_file(folder / state["epoch_folder"] / "weights.safetensors"))
    done = len(progress.history)
    if done:
        print(f"{folder}: goes on after epoch {done}", flush=True)
    if done < config.max_epochs and progress.stale < config.patience:
        module = FitModule(net, objective, config, seed, first_epoch=done)
        trainer = lightning.Trainer(
            max_epochs=config.max_epochs - done,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
            callbacks=[EpochKeeper(folder, progress, config.patience)],
            deterministic=True,
            default_root_dir=str(folder),
            **{"devices": 1, "use_distributed_sampler": False, **config.trainer},
        )
        trainer.fit(module, datamodule=SplitData(data, module))
    state = json.loads((folder / "state.json").read_text())  # a strategy may have trained in processes of its own
    net.load_state_dict(load_file(folder / state["best_folder"] / "weights.safetensors"))
    return state["history"]
