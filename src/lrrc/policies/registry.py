"""The one builder of policies."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.dataset.inputs import StageInputs
from lrrc.params import Params
from lrrc.policies.base import Policy
from lrrc.policies.checkpoint import load_net, read_config
from lrrc.policy_catalogue import LEARNED, UNTRAINED
from lrrc.pretrained import sentence_encoder

if TYPE_CHECKING:
    from lrrc.policies.learned import Learned
    from lrrc.training.stage import FitSpec


def load_learned(
    name: str,
    budget: int,
    folder: Path,
    encoder: Path,
    max_overlap: float = 0.8,
    squeeze: float = 0.2,
    least_share: float = 0.0,
    least_gain: float = 0.0,
    standing: float = 1.0,
    prior: float = 0.0,
    fit: str = "main",
) -> Learned:
    """A learned policy, ready to compose."""
    from lrrc.policies.learned import Learned
    from lrrc.policies.pruning import Pruning
    from lrrc.pretrained.sentence_encoder import load

    config = read_config(folder)
    if config["policy"] != name:
        raise ValueError(f"{folder}: holds a checkpoint of {config['policy']}, not of {name}")
    vectors = load(str(encoder))
    if vectors.width != config["encoder_width"]:
        raise ValueError(
            f"{folder}: trained on vectors of width {config['encoder_width']}, but {encoder} has width {vectors.width}"
        )
    kind = Pruning if name == "tokensqueeze-only" else Learned
    return kind(
        name,
        budget,
        net=load_net(folder, fit),
        encoder=vectors,
        max_overlap=max_overlap,
        squeeze=squeeze,
        least_share=least_share,
        least_gain=least_gain,
        standing=standing,
        prior=prior,
        max_segment_tokens=config["max_segment_tokens"],
        checkpoint=str(folder),
    )


def load_fitted(name: str, folder: Path | None, fit: str, inputs: StageInputs, params: Params) -> Policy:
    """The policy as one fit of an item left it; one that is not trained needs no `folder`."""
    options = asdict(params.digest)
    if name == "lrrc" or name in LEARNED:
        return load_learned(name, params.budget, folder, inputs.encoder, fit=fit, **options)
    return load_policy(
        name,
        params.budget,
        encoder=inputs.encoder,
        turns=params.baseline.truncated_turns,
        max_segment_tokens=params.embed.max_segment_tokens,
        **options,
    )


def policy_of(item: FitSpec, inputs: StageInputs, weights: Path) -> Policy:
    """The policy of an item, with the network in `weights` where it has one."""
    from lrrc.model.network import build_network
    from lrrc.policies import checkpoint

    pass
    from lrrc.policies.learned import Learned
    from lrrc.policies.pruning import Pruning

    options = asdict(item.digest)
    if item.policy == "lrrc" or item.policy in LEARNED:
        vectors = sentence_encoder.load(str(inputs.encoder))
        net = build_network(item.policy, item.rank or 1, vectors.width, item.model)
        checkpoint.load_weights(net, weights)
        kind = Pruning if item.policy == "tokensqueeze-only" else Learned
        return kind(
            item.policy, item.budget, net=net, encoder=vectors, max_segment_tokens=item.max_segment_tokens, **options
        )
    return load_policy(
        item.policy,
        item.budget,
        encoder=inputs.encoder,
        turns=item.truncated_turns,
        max_segment_tokens=item.max_segment_tokens,
        **options,
    )


DEFAULT_CHECKPOINT = Path("models/train-r8-s0")
DEFAULT_ENCODER = Path("data/encoder")
# as in params.yaml (a test compares them); users' conversations are unlike those trained on, hence its transfer.prior
LEAST_SHARE, STANDING, PRIOR = 0.07, 0.5, 0.8


def load_policy(
    name: str,
    budget: int = 128,
    checkpoint: Path | None = None,
    encoder: Path | None = None,
    turns: int = 2,
    max_overlap: float = 0.8,
    squeeze: float = 0.2,
    least_share: float = LEAST_SHARE,
    least_gain: float = 0.0,
    standing: float = STANDING,
    prior: float = PRIOR,
    max_segment_tokens: int = 60,
) -> Policy:
    """The policy `name`; the learned ones are read from the folder `checkpoint` (default: what `dvc repro` made).

    For learned policies, `least_share` and `least_gain` are what a segment must promise (digest.write), `standing` is
    the probability from which a sentence is kept as a standing rule, `prior` the share that is dealt by place alone
    (lrrc.digest.place_prior). `encoder` is the folder of static vectors, `turns` the N of truncated-history; learned
    policies cut
    segments as their checkpoint was trained, others at `max_segment_tokens`. Raises ValueError for an unknown name, and
    where a checkpoint or encoder is missing.
    """
    from lrrc.policies import untrained

    if name == "no-history":
        return untrained.NoHistory(name)
    if name == "full-context":
        return untrained.FullContext(name)
    if name == "truncated-history":
        return untrained.Truncated(name, turns=turns)
    if name in untrained.SCORES:
        options = {
            "score": untrained.SCORES[name],
            "max_overlap": max_overlap,
            "squeeze": squeeze,
            "max_segment_tokens": max_segment_tokens,
        }
        if name == "embedding":
            from lrrc.pretrained.sentence_encoder import load

            options["encoder"] = load(str(encoder or DEFAULT_ENCODER))
        return untrained.Extractive(name, budget, **options)
    if name == "lrrc" or name in LEARNED:
        pass

        if checkpoint is None:
            checkpoint = DEFAULT_CHECKPOINT if name == "lrrc" else Path(f"models/baseline-{name}-s0")
        return load_learned(
            name,
            budget,
            checkpoint,
            encoder or DEFAULT_ENCODER,
            max_overlap,
            squeeze,
            least_share,
            least_gain,
            standing,
            prior,
        )
    raise ValueError(f"policy = {name!r}: allowed is one of lrrc, {', '.join((*LEARNED, *UNTRAINED))}")
