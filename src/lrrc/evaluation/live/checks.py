"""Live evaluation (docs/method.md 5.2): a real agent reads what a policy sends and answers checks of held-out episodes.

At every check of an episode the agent gets the policy's payload and chooses one of the stored options; a program knows
which is right. The turns before are the logged ones. The agent takes the side that its model played in the episode, or
the first. Every episode is composed by the fit that never saw it, and all policies meet the same episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.episodes.episode import Check, Episode
from lrrc.evaluation.live.agents import EndpointAgent, LocalAgent, Question
from lrrc.policies.base import Policy, Session
from lrrc.policies.payload import payload
from lrrc.policies.run_items import item_name
from lrrc.pretrained import tokens
from lrrc.runtime.chance import stream

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Configuration:
    """One configuration to evaluate: `folder` holds its fits, None where the policy is not trained.

    `stop` is a value of the policy's own stopping parameter, a point of its curve under the settings chosen on
    validation episodes; None is the policy as the parameters have it.
    """

    policy: str
    budget: int | None
    rank: int | None = None
    seed: int = 0
    variant: str = ""
    folder: Path | None = None
    episodes: int = 0  # the first so many of the sample
    stop: float | None = None


def sample(episodes: Iterable[Episode], most: int, seed: int) -> list[Episode]:
    """A seeded draw of episodes with checks, the same start whatever its length."""
    able = [episode for episode in episodes if episode.checks]
    order = stream("live: episodes", seed).permutation(len(able))
    return [able[i] for i in order[:most]]


def agent_of(episode: Episode, model: str) -> str:
    """The side that `model` played; the first agent where it played none."""
    return episode.agents[episode.models.index(model)] if model in episode.models else episode.agents[0]


def questions(episode: Episode, session: Session, agent: str, budget: int | None) -> list[Question]:
    """Every check of the episode with what the session sends at that point."""
    by_turn: dict[int, list[Check]] = {}
    for check in episode.checks:
        by_turn.setdefault(check.turn, []).append(check)
    found = []
    for t, turn in enumerate(episode.turns):
        if t in by_turn:
            pairs, digest_tokens = payload(session, episode, turn.inputs, agent, budget)
            found += [Question(episode.episode_id, agent, tuple(pairs), digest_tokens, check) for check in by_turn[t]]
        session.observe([*turn.inputs, *turn.replies])
    return found


def evaluate(
    agent: LocalAgent | EndpointAgent,
    model: str,
    episodes: Sequence[Episode],
    jobs: Sequence[Configuration],
    policy_of: Callable[[Configuration, Episode], Policy],
    fold_of: Mapping[str, int],
) -> list[dict[str, Any]]:
    """A row for every job, episode and check. `episodes` are (part of) the sample, each job's own share of it."""
    asked: list[tuple[Configuration, Question]] = []
    for job in jobs:
        for episode in episodes:
            me = agent_of(episode, model)
            session = policy_of(job, episode).session(episode.agents)
            asked += [(job, question) for question in questions(episode, session, me, job.budget)]
    rows = []
    answers = agent.answer([question for _, question in asked])
    for (job, question), answer in zip(asked, answers, strict=True):
        check = question.check
        said = check.options[answer.choice] if answer.choice >= 0 else ""
        labels = {key: value for key, value in asdict(job).items() if key not in ("folder", "episodes")}
        rows.append(
            {
                **labels,
                "item": item_name(job.folder) if job.folder else "",
                "fold": fold_of[question.episode_id],
                "episode_id": question.episode_id,
                "turn": check.turn,
                "category": check.family,
                "choice": answer.choice,
                "right": int(answer.choice == check.answer),
                "prompt_tokens": question.prompt_tokens,
                "completion_tokens": tokens.count(said),
                "digest_tokens": question.digest_tokens,
                "reported_prompt_tokens": answer.reported_prompt_tokens,
                "reported_completion_tokens": answer.reported_completion_tokens,
            }
        )
    return rows


def live_schema() -> pa.Schema:
    """Columns of results/live/rows.parquet."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    names = ("policy", "variant", "item", "episode_id", "category")
    counts = (
        "budget",
        "rank",
        "seed",
        "fold",
        "turn",
        "choice",
        "right",
        "prompt_tokens",
        "completion_tokens",
        "digest_tokens",
        "reported_prompt_tokens",
        "reported_completion_tokens",
    )
    return pa.schema([*((name, text) for name in names), *((name, whole) for name in counts), ("stop", pa.float64())])
