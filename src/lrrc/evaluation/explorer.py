"""The digest explorer's data: a few held-out episodes, and what every policy would send in each of their turns.

Every policy is the fit of fold 0, and the episodes are of that fold's test part: no fit has seen them. Text is
stored once, as messages; what a policy sends are spans [message, start, end] of it (characters).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.episodes.episode import Episode
from lrrc.episodes.episode_file import read_episodes
from lrrc.evaluation.trace import TurnRecord, trace
from lrrc.policy_catalogue import POLICIES
from lrrc.runtime.chance import stream

if TYPE_CHECKING:
    from lrrc.dataset.inputs import StageInputs
    from lrrc.params import Params
    from lrrc.policies.base import Policy


FOLD = 0
RULE = (
    "In a random order (seed {seed}) of the episodes in the test part of fold 0, the first of every task family, "
    "then the next ones, {count} in all"
)


def choose(episodes: Sequence[Episode], count: int, seed: int) -> list[Episode]:
    """Episodes by RULE, in the order drawn."""
    order = [episodes[i] for i in stream("explorer: episodes", seed).permutation(len(episodes))]
    families: set[str | None] = set()
    first = [e for e in order if not (e.category in families or families.add(e.category))]
    return [*first, *(e for e in order if e not in first)][:count]


def explorer_data(episodes: Sequence[Episode], policies: Mapping[str, Policy], count: int, seed: int) -> dict[str, Any]:
    """Ready for JSON. `policies`: by the name shown; the first is the one that opens."""
    shown = [_episode(episode, policies) for episode in choose(episodes, count, seed)]
    return {"rule": RULE.format(seed=seed, count=len(shown)), "policies": list(policies), "episodes": shown}


def _episode(episode: Episode, policies: Mapping[str, Policy]) -> dict[str, Any]:
    traces = [trace(policy, episode) for policy in policies.values()]
    return {
        "id": episode.episode_id,
        "family": episode.category,
        "outcome": episode.outcome,
        "models": dict(zip(episode.agents, episode.models, strict=True)),
        "turns": [
            {
                "inputs": [[m.name or m.role, m.content] for m in turn.inputs],
                "replies": [[m.name or m.role, m.content] for m in turn.replies],
                "sent": [_calls(made.turns[t]) for made in traces],
                "gates": [_gate(made.turns[t]) for made in traces],
            }
            for t, turn in enumerate(episode.turns)
        ],
    }


def _calls(record: TurnRecord) -> list[dict[str, Any]]:
    return [
        {
            "agent": call.agent,
            "history": call.history_tokens,
            "tokens": call.sent_tokens,
            "digest": call.digest is not None,
            "spans": [[s.message, s.start, s.end] for s in call.spans],
        }
        for call in record.calls
    ]


def _gate(record: TurnRecord) -> dict[str, Any] | None:
    """Activity of every channel after the turn's replies, and the channels that were active."""
    if record.gate is None:
        return None
    activity = [round(value, 3) for value in record.gate.activity]
    return {"activity": activity, "active": [c for c, on in enumerate(record.gate.active) if on]}


def fitted(models: Path, inputs: StageInputs, params: Params) -> dict[str, Policy]:
    """LRRC at the operating rank, then every baseline, at the first seed and fold 0."""
    from lrrc.policies.registry import load_policy
    from lrrc.policies.run_items import policy_folder
    from lrrc.policies.spec import PolicySpec

    seed, fit = params.seeds[0], f"fold-{FOLD}"
    found = {f"LRRC r = {params.rank}": "lrrc"}
    for name in params.baseline.policies:
        found[POLICIES[name]] = name
    return {
        shown: load_policy(
            PolicySpec.of(params, name), inputs.encoder, models / policy_folder(name, params.rank, seed), fit
        )
        for shown, name in found.items()
    }


def held_out(inputs: StageInputs) -> list[Episode]:
    """The test part of fold 0, in the order of the split."""
    ids = inputs.folds()[FOLD]["test"]
    episodes = {e.episode_id: e for e in read_episodes(inputs.episodes)}
    return [episodes[i] for i in ids]
