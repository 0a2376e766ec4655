"""Policies by name."""

from __future__ import annotations

from pathlib import Path

from lrrc.config import LEARNED, UNTRAINED
from lrrc.policies.base import Policy, Receipt, Session

__all__ = ["Policy", "Receipt", "Session", "load_policy"]

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
    (lrrc.place). `encoder` is the folder of static vectors, `turns` the N of truncated-history; learned policies cut
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
        options = {"score": untrained.SCORES[name], "max_overlap": max_overlap, "squeeze": squeeze,
                   "max_segment_tokens": max_segment_tokens}  # fmt: skip
        if name == "embedding":
            from lrrc.encoder import load

            options["encoder"] = load(str(encoder or DEFAULT_ENCODER))
        return untrained.Extractive(name, budget, **options)
    if name == "lrrc" or name in LEARNED:
        from lrrc.checkpoint import load_learned

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
