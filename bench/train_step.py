"""Training steps per second under Lightning against a plain PyTorch loop: `python bench/train_step.py [--data data]`.

Both train the same network on the same batches in the same order, with the same optimiser, clipping and exchanged
sides; the plain loop is the one below. A step is timed from one call of the loss to the next within an epoch, so
everything between is in it: collating, backward, optimiser, and whatever Lightning does. Prints JSON; exit status 1
where a target is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from ratio import Target, verdict

from lrrc.dataset.array_file import ArrayFile
from lrrc.dataset.batches import collate
from lrrc.model.network import CoordinatorNetwork, build_network
from lrrc.params import load_params
from lrrc.runtime.errors import run_script
from lrrc.training.fit import FitData, SplitData, fit_network, rate
from lrrc.training.losses import coordinator_objective

RANK = 8


class Stamps:
    """The objective, noting the processor's time at each call on training batches; `steps` are the gaps, by epoch."""

    def __init__(self, per_epoch: int):
        self.per_epoch, self.times = per_epoch, []

    def __call__(self, net, batch, train):
        if net.training:
            self.times.append(time.process_time())
        return coordinator_objective(net, batch, train)

    @property
    def steps(self) -> list[float]:
        epochs = [self.times[i : i + self.per_epoch] for i in range(0, len(self.times), self.per_epoch)]
        return [b - a for epoch in epochs for a, b in zip(epoch, epoch[1:], strict=False)]


def lightning_loop(
    net: CoordinatorNetwork, stamps: Stamps, train: list, val: list, make: Callable, config, seed: int
) -> None:
    """What the stage train runs."""
    with tempfile.TemporaryDirectory() as folder:
        fit_network(net, stamps, FitData(train, val, make, lengths(train)), config, seed, Path(folder))


def lengths(train: list) -> list[tuple[int, int]]:
    """(turns, segments), by which the stage makes batches."""
    return [(episode.turns, len(episode.turn_N)) for episode in train]


def plain_loop(
    net: CoordinatorNetwork, stamps: Stamps, train: list, val: list, make: Callable, config, seed: int
) -> None:
    """What one would write without Lightning; the batches are those of the stage."""
    torch.use_deterministic_algorithms(False)  # Lightning leaves it on
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    steps = -(-len(train) // config.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate((step + 0.5) / steps / config.max_epochs))
    for epoch in range(config.max_epochs):
        net.train()
        fit = SimpleNamespace(seed=seed, epoch=epoch, train_config=config)
        for index, batch in enumerate(SplitData(FitData(train, val, make, lengths(train)), fit).train_dataloader()):
            generator = torch.Generator().manual_seed(hash((seed, epoch, index)) % 2**63)
            batch = batch.swapped(torch.rand(len(batch.turns_B), generator=generator) < 0.5)
            optimizer.zero_grad()
            stamps(net, batch, config).loss.backward()
            if clip := config.trainer.get("gradient_clip_val"):
                torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            schedule.step()


def load(data: Path) -> tuple[list, list]:
    """The episodes of the main split to learn from and to validate on, in memory."""
    episodes = ArrayFile(data / "segments.safetensors")
    ids = json.loads((data / "splits.json").read_text())
    return list(episodes.by_ids(ids["train"])), list(episodes.by_ids(ids["val"]))


def compare(train: list, val: list, width: int, model, config, rounds: int) -> tuple[dict[str, float], int]:
    """Mean seconds of a step of either loop, each step at its best of `rounds` runs, and how many steps that is."""
    make = partial(collate, vocabulary=model.vocabulary)
    per_epoch = -(-len(train) // config.batch_size)
    best: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, loop in {"lightning": lightning_loop, "plain": plain_loop}.items():
            torch.manual_seed(0)
            stamps = Stamps(per_epoch)
            loop(build_network("lrrc", RANK, width, model), stamps, train, val, make, config, 0)
            best[name] = [min(a, b) for a, b in zip(stamps.steps, best.get(name, stamps.steps), strict=True)]
    return {name: sum(steps) / len(steps) for name, steps in best.items()}, len(best["plain"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that `dvc repro` filled")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    params = load_params()
    train, val = load(args.data)
    config = dataclasses.replace(params.train, max_epochs=args.epochs, patience=args.epochs + 1)
    seconds, steps = compare(train, val, params.encoder.width, params.model, config, args.rounds)
    return verdict(
        [Target("steps per second, Lightning / plain loop", seconds["plain"] / seconds["lightning"], at_least=0.95)],
        steps=steps,
        milliseconds_per_step={name: round(1e3 * s, 2) for name, s in seconds.items()},
    )


if __name__ == "__main__":
    run_script(lambda: sys.exit(main()))
