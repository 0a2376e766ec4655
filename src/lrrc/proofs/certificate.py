"""Certificates: the numbers that the theorems suppose, measured on a trained checkpoint (docs/method.md 7).

The proofs speak of any numbers with rho < 1, updates of norm at most b, inner dimension r_u and digests of at most B
tokens. A certificate records these numbers for every fit of an item, the bounds that follow, and the largest values
seen on the episodes that the fit never saw (of digests, on the first DIGESTS of them). `holds` is the conjunction; a
stage that trains fails where it is false.
A state can keep to every bound and hold nothing: `state` says what it does (lrrc.model.state_measures); no theorem
speaks of that, so nothing fails by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.episodes.episode import Episode

if TYPE_CHECKING:
    from lrrc.dataset.episode_arrays import EpisodeArrays
    from lrrc.policies.learned import Learned


THEOREMS = (
    "Theorem1.rank_bound",
    "Theorem1.update_parameters",
    "Theorem2.token_bound",
    "Theorem2.never_worse",
    "ConvergenceAndStability.ball_has_room",
    "ConvergenceAndStability.sparse_bounded_forever",
    "ConvergenceAndStability.sparse_contraction",
)
DIGESTS = 32  # episodes whose digests are written: none can exceed its budget, this sees that the code keeps to it
SLACK = 1e-4  # relative; the theorems are about exact numbers, the checkpoint computes in 32-bit floats


def measure_fit(policy: Learned, arrays: Collection[EpisodeArrays], episodes: Iterable[Episode]) -> dict[str, Any]:
    """The certificate of one fit of the coordinator, over the given (unseen) episodes."""
    import torch

    from lrrc.dataset.batches import collate
    from lrrc.model.cells import LowRankCell
    from lrrc.model.state_measures import measure_state

    net, cell = policy.net, policy.net.cell
    assert isinstance(cell, LowRankCell)
    state_norm = update_norm = 0.0
    update_rank = turns = 0
    with torch.inference_mode():
        rho_R = cell.rho_R
        start_R = cell.start_RD.norm(dim=1)
        for e in arrays:
            batch = collate([e], 1, targets=None)
            z_BNZ = net.encode(batch.embeddings_BNE, batch.speaker_BN)
            key, value = net.project(z_BNZ)
            state = net.initial(1)
            for t in range(e.turns):
                after, (_, active_BR) = net.step(state, key, value, batch.turn_BN == t)
                base = state if cell.recurrence else net.initial(1)
                u_BRD = torch.where(active_BR[:, :, None], after - rho_R[:, None] * base, 0.0)
                update_norm = max(update_norm, float(u_BRD.norm(dim=2).max()))
                state_norm = max(state_norm, float(after.norm(dim=2).max()))
                rank = int(torch.linalg.matrix_rank(u_BRD[0].double(), rtol=1e-4))
                update_rank, turns, state = max(update_rank, rank), turns + 1, after
    digests = largest_digest(policy, islice(episodes, DIGESTS))
    bound_R = torch.maximum(start_R, cell.bound / (1 - rho_R))
    checks = {
        "rho_below_one": bool((rho_R < 1).all() and (rho_R >= 0).all()),
        "update_within_b": update_norm <= cell.bound * (1 + SLACK),
        "state_within_bound": state_norm <= float(bound_R.max()) * (1 + SLACK),
        "update_rank_within_r_u": not cell.low_rank or update_rank <= cell.update_rank,
        "digest_within_budget": digests <= (policy.spec.budget or 0),
    }
    return {
        "rho": [float(x) for x in rho_R],
        "norm_bound": [float(x) for x in bound_R],
        "start_norm": [float(x) for x in start_R],
        "largest_state_norm": state_norm,
        "largest_update_norm": update_norm,
        "largest_update_rank": update_rank,
        "largest_digest_tokens": digests,
        "turns": turns,
        "state": measure_state(net, (collate([e], 1, targets=None) for e in arrays)),
        "checks": checks,
    }


def largest_digest(policy: Learned, episodes: Iterable[Episode]) -> int:
    """Tokens of the longest digest that any call of the episodes gets."""
    largest = 0
    for episode in episodes:
        session = policy.session(episode.agents)
        for turn in episode.turns:
            for reply in turn.replies:
                digest = session.propose(turn.inputs, reply.name or "", policy.spec.budget)
                largest = max(largest, digest.tokens)
            session.observe([*turn.inputs, *turn.replies])
    return largest


def certificate(policy: Learned, rank: int, fits: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The certificate of an item from those of its fits. Raises ValueError where a theorem's hypothesis is broken."""
    from lrrc.model.state_measures import mean_measures

    cell = policy.net.cell
    made = {
        "rank": rank,
        "d": policy.net.d,
        "r_u": cell.update_rank,
        "update_bound": cell.bound,
        "budget": policy.spec.budget,
        "rho_max": max(max(fit["rho"]) for fit in fits.values()),
        "norm_bound": max(max(fit["norm_bound"]) for fit in fits.values()),
        **{
            name: max(fit[name] for fit in fits.values())
            for name in ("largest_state_norm", "largest_update_norm", "largest_update_rank", "largest_digest_tokens")
        },
        "turns": sum(fit["turns"] for fit in fits.values()),
        "state": mean_measures([fit["state"] for fit in fits.values()]),
        "holds": all(all(fit["checks"].values()) for fit in fits.values()),
        "theorems": theorems(),
        "fits": fits,
    }
    broken = [f"{name}: {check}" for name, fit in fits.items() for check, ok in fit["checks"].items() if not ok]
    if broken:
        raise ValueError(f"the certificate does not hold, so the theorems say nothing here: {', '.join(broken)}")
    return made


def theorems(proofs: Path = Path("proofs")) -> list[dict[str, str]]:
    """Name and hash of the theorems that a certificate rests on, as recorded in the folder of proofs."""
    from lrrc.proofs.theorems import recorded_theorems

    if not proofs.is_dir():
        return []
    known = {theorem.name: theorem for theorem in recorded_theorems(proofs)}
    return [{"name": name, "sha256": known[name].sha256, "plain": known[name].plain} for name in THEOREMS]
