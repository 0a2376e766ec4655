"""Rows of results/replay: one per episode, and one with the call gate where there are two agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrrc.episodes.episode import Episode
from lrrc.evaluation.replay.accounting import Cost, episode_cost
from lrrc.evaluation.replay.call_gate import SuccessRule, gate_turn, pick_at
from lrrc.policies.base import Policy, Session
from lrrc.pretrained import tokens


@dataclass(frozen=True)
class ReplayRules:
    """What counts as success, and the tokens added per message."""

    success: SuccessRule
    overhead: int = 0


def rows_of(
    episode: Episode,
    policy: Policy,
    preferred_T: np.ndarray,
    tau: float,
    rules: ReplayRules,
    labels: Mapping[str, Any],
    session: Session | None = None,
) -> list[dict[str, Any]]:
    """One row without the call gate and, for two agents, one with it."""
    cost = episode_cost(episode, policy, rules.overhead, session=session)
    if len(episode.agents) != 2:
        return [row(episode, cost, None, rules.success, False, labels)]
    turn = gate_turn(preferred_T, tau)
    pick = pick_at(preferred_T, turn)
    gated = cost if turn is None else episode_cost(episode, policy, rules.overhead, turn, pick)
    return [
        row(episode, cost, pick_at(preferred_T, None), rules.success, False, labels),
        row(episode, gated, pick, rules.success, True, labels),
    ]


def row(
    episode: Episode, cost: Cost, pick: int | None, rule: SuccessRule, gated: bool, labels: Mapping[str, Any]
) -> dict[str, Any]:
    """One line of results/replay."""
    judged = episode.outcome is not None and pick is not None
    return {
        **labels,
        "episode_id": episode.episode_id,
        "language": episode.language,
        "category": episode.category,
        "gated": gated,
        "calls": cost.calls,
        "prompt_tokens": cost.prompt,
        "completion_tokens": cost.completion,
        "total_tokens": cost.prompt + cost.completion,
        "reusable_prefix_tokens": cost.reusable,
        "digest_tokens": cost.digest,
        "pick": None if pick is None else episode.agents[pick],
        "success": int(rule.success(pick, episode.outcome)) if judged else None,
    }


def longer_answer(episode: Episode) -> int:
    """The agent (0 or 1) that wrote more tokens, the heuristic every figure is printed beside; the first if equal."""
    written = [0, 0]
    for turn in episode.turns:
        for reply in turn.replies:
            written[episode.agents.index(reply.name)] += tokens.count(reply.content)
    return int(written[1] > written[0])
