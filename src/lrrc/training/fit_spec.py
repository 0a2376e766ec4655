"""What to fit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lrrc.dataset.inputs import StageInputs
from lrrc.model.network import CoordinatorNetwork, build_network
from lrrc.params import ModelConfig, TrainConfig
from lrrc.policies import checkpoint
from lrrc.policies.base import Policy
from lrrc.policies.registry import build_policy, load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import sentence_encoder


@dataclass(frozen=True)
class FitSpec:
    """What to fit; the policy's budget is what a stateless one keeps. `targets`: a kind of params.TARGETS."""

    policy: PolicySpec
    seed: int
    model: ModelConfig
    train: TrainConfig
    targets: str = "model"

    @property
    def name(self) -> str:
        return self.policy.name

    @property
    def budget(self) -> int | None:
        return self.policy.budget

    def load(self, inputs: StageInputs, weights: Path | None = None) -> Policy:
        """The policy, with the network in the file `weights` where it has one."""
        if not self.policy.trained:
            return load_policy(self.policy, inputs.encoder)
        net = self.network(inputs)
        checkpoint.load_weights(net, weights)
        return build_policy(self.policy, sentence_encoder.load(str(inputs.encoder)), net)

    def network(self, inputs: StageInputs) -> CoordinatorNetwork:
        """The network before any training."""
        return build_network(self.name, self.policy.rank or 1, encoder_width(inputs), self.model)


def encoder_width(inputs: StageInputs) -> int:
    """Of the static vectors."""
    return int(json.loads((inputs.encoder / "config.json").read_text())["hidden_dim"])
