"""LRRC as middleware and commands use it: its network in numpy (lrrc.inference), the packaged one where none is named.

    policy = serving_policy(PolicySpec("lrrc", budget=128))

The stages of the experiment take `load_policy`, whose networks are torch's. Other policies are the same by both.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from lrrc.digest.additive import Line
from lrrc.digest.growing_rows import GrowingRows
from lrrc.digest.history import PendingTurns
from lrrc.inference.network import InferenceNetwork, relations, sizes
from lrrc.policies.base import Policy
from lrrc.policies.checkpoint import check_fit, line_of, read_config
from lrrc.policies.registry import DEFAULT_ENCODER, load_policy
from lrrc.policies.scoring import ScoringPolicy, ScoringSession
from lrrc.policies.spec import PolicySpec
from lrrc.policies.untrained import Additive
from lrrc.policy_catalogue import WITH_VECTORS
from lrrc.pretrained import sentence_encoder
from lrrc.pretrained.sentence_encoder import SentenceEncoder
from lrrc.runtime.errors import reason_of

PACKAGED = Path(__file__).parents[1] / "packaged"  # what pipeline/package.py made
PACKAGED_ENCODER = PACKAGED / "encoder"


class ServingSession(ScoringSession):
    policy: ServingPolicy

    def __init__(self, policy: ServingPolicy, agents: Sequence[str]):
        super().__init__(policy, agents)
        self.net = policy.net
        self.state_CD = self.net.start()
        self.projected_NH = GrowingRows(self.net.head_width)

    def step(self, new: PendingTurns) -> None:
        before = len(self.history.segments)
        turns = [slice(first - before, last - before) for first, last in new.bounds if first < last]
        if turns:
            speaker_n = np.array(new.speaker, np.intp)
            state_CD, projected_nH = self.net.take_in(self.state_CD, new.embeddings_nE, speaker_n, turns)
            self.projected_NH.extend(projected_nH)
            self.state_CD = state_CD

    def prompt(self, query_E: np.ndarray, agent: int) -> tuple[np.ndarray, int]:
        return self.net.prompt(self.state_CD, query_E, agent), agent

    def score_some(self, prompt: tuple[np.ndarray, int], asked_Qn: np.ndarray, some_n: np.ndarray) -> np.ndarray:
        p_H, agent = prompt
        relation_n = relations(self.history.speaker_N[some_n], agent)
        features_nF = self.history.feature_rows(asked_Qn, some_n)
        return self.net.score(p_H, self.projected_NH.at(some_n), features_nF, relation_n)

    def essential(self, prompt: tuple[np.ndarray, int]) -> np.ndarray:
        return self.net.essential(prompt[0])


class ServingPolicy(ScoringPolicy):
    """LRRC with a network of numpy."""

    session_type = ServingSession

    def __init__(
        self, spec: PolicySpec, encoder: SentenceEncoder, net: InferenceNetwork, checkpoint: str | None = None
    ):
        super().__init__(spec, encoder, checkpoint)
        self.net = net


def serving_policy(spec: PolicySpec, encoder: Path | None = None, checkpoint: Path | None = None) -> Policy:
    """The policy of a spec, ready to serve. `checkpoint` is a trained one's folder, `encoder` that of static vectors.

    Where LRRC's checkpoint is not named, it is the packaged one. Raises ValueError as `load_policy` does, and where
    a policy needs torch, which is not there.
    """
    encoder = encoder_for(spec, encoder, checkpoint)
    if spec.name == "lrrc":
        checkpoint = checkpoint or PACKAGED
        config, vectors = read_config(checkpoint), sentence_encoder.load(str(encoder))
        check_fit(spec, config, vectors.width, checkpoint, encoder)
        spec = replace(spec, rank=config["rank"], max_segment_tokens=config["max_segment_tokens"])
        made = ServingPolicy(spec, vectors, load_network(checkpoint, config), str(checkpoint))
        return made.with_line(line_of(checkpoint))
    if spec.trained and not importlib.util.find_spec("torch"):
        raise ValueError(f"policy {spec.name}: needs torch: pip install 'lrrc[pipeline]', or take lrrc, which does not")
    return load_policy(spec, encoder, checkpoint)


def adapted(policy: Policy, path: Path) -> Policy:
    """The policy by the line that `lrrc adapt` wrote. Raises ValueError where it has none, or the file is none."""
    if not isinstance(policy, (ScoringPolicy, Additive)):
        raise ValueError(f"policy {policy.name}: has no line to adapt: lrrc and additive have one")
    return policy.with_line(Line.read(path))


def encoder_for(spec: PolicySpec, encoder: Path | None, checkpoint: Path | None) -> Path:
    """The folder of vectors: the one named, else the packaged one; of a named checkpoint the one that lies where it
    does. Raises ValueError that names the folders where none was found."""
    if encoder or not (spec.trained or spec.name in WITH_VECTORS):
        return Path(encoder or PACKAGED_ENCODER)
    if not checkpoint or not checkpoint.is_dir():
        return PACKAGED_ENCODER if spec.name in ("lrrc", *WITH_VECTORS) else DEFAULT_ENCODER
    folder = Path(os.path.abspath(checkpoint))
    tried = [folder.parent.parent / "data/encoder", folder / "encoder", folder.parent / "encoder", DEFAULT_ENCODER]
    found = [place for place in tried if all((place / name).is_file() for name in sentence_encoder.FILES)]
    if not found:
        places = ", ".join(map(str, tried))
        raise ValueError(f"{checkpoint}: no encoder was found for it (tried {places}): name its folder by --encoder")
    return found[0]


def load_network(folder: Path, config: Mapping[str, Any]) -> InferenceNetwork:
    """The network of a checkpoint whose config.json says `config`. Raises ValueError as `checkpoint.load_net` does."""
    path = Path(folder) / "main.safetensors"
    if not path.is_file():
        raise ValueError(f"{path}: no such weights")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:  # kinds that numpy has not
        raise ValueError(f"{path}: not the weights of this network: {reason_of(error)}") from None
    if wrong := [name for name, value in weights.items() if value.dtype != np.float32 or not np.isfinite(value).all()]:
        raise ValueError(f"{path}: not the weights of this network: {wrong[0]} is not made of finite 32-bit numbers")
    for name, shape in sizes(config["rank"] or 1, config["encoder_width"], config["model"]).items():
        if name not in weights or weights[name].shape != shape:
            found = weights[name].shape if name in weights else "missing"
            raise ValueError(f"{path}: not the weights of this network: {name} is {found}, not {shape}")
    return InferenceNetwork(weights, config["model"])
