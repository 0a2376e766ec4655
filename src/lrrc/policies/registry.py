"""The one builder of policies.

    policy = load_policy(PolicySpec("lrrc", budget=128))

`build_policy` makes one from a network in memory, `load_policy` from the folders that `dvc repro` wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.policies.base import Policy
from lrrc.policies.run_items import baseline_name, train_name
from lrrc.policies.spec import PolicySpec, check_name
from lrrc.policy_catalogue import WITH_VECTORS
from lrrc.pretrained import sentence_encoder
from lrrc.pretrained.sentence_encoder import NO_VECTORS, SentenceEncoder

if TYPE_CHECKING:
    from lrrc.model.network import CoordinatorNetwork

DEFAULT_CHECKPOINT = Path("models") / train_name(8, 0)
DEFAULT_ENCODER = Path("data/encoder")


def build_policy(
    spec: PolicySpec,
    encoder: SentenceEncoder = NO_VECTORS,
    net: CoordinatorNetwork | None = None,
    checkpoint: str | None = None,
) -> Policy:
    """The policy of a spec; a trained one has its network, which `checkpoint` names. Raises ValueError."""
    from lrrc.policies import untrained

    check_name(spec.name)
    if spec.trained:
        from lrrc.policies.learned import Learned
        from lrrc.policies.pruning import Pruning

        assert net is not None
        kind = Pruning if spec.name == "tokensqueeze-only" else Learned
        return kind(spec, encoder, net, checkpoint)
    return untrained.KINDS[spec.name](spec, encoder)


def with_settings(policy: Policy, settings: Mapping[str, Any]) -> Policy:
    """The same policy under other settings (PolicySpec.with_settings), with the same weights."""
    return policy.with_spec(policy.spec.with_settings(settings))


def load_policy(
    spec: PolicySpec, encoder: Path | None = None, checkpoint: Path | None = None, fit: str = "main"
) -> Policy:
    """The policy of a spec; a trained one is read from the folder `checkpoint`, where `fit` names its weights.

    `encoder` is the folder of static vectors; both folders are by default those that `dvc repro` made. Raises
    ValueError for an unknown name, and where a checkpoint or encoder is missing or does not fit.
    """
    from lrrc.policies.checkpoint import check_fit, load_net, read_config

    check_name(spec.name)
    encoder = encoder or DEFAULT_ENCODER
    if not spec.trained:
        return build_policy(spec, sentence_encoder.load(str(encoder)) if spec.name in WITH_VECTORS else NO_VECTORS)
    if checkpoint is None:
        checkpoint = DEFAULT_CHECKPOINT if spec.name == "lrrc" else Path("models") / baseline_name(spec.name, 0)
    config, vectors = read_config(checkpoint), sentence_encoder.load(str(encoder))
    check_fit(spec, config, vectors.width, checkpoint, encoder)
    spec = replace(spec, rank=config["rank"], max_segment_tokens=config["max_segment_tokens"])
    return build_policy(spec, vectors, load_net(checkpoint, fit), str(checkpoint))
