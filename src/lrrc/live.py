"""Live evaluation (method section 5.2): a real agent reads what a policy sends and answers checks of held-out episodes.

At every check of an episode the agent gets the policy's payload and chooses one of the stored options; a program knows
which is right. The turns before are the logged ones. The agent takes the side that its model played in the episode, or
the first. Every episode is composed by the fit that never saw it, and all policies meet the same episodes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc import digest, gains, lm, tokens
from lrrc.checkpoint import item_name
from lrrc.digest import Digest
from lrrc.episodes import Check, Episode, Message
from lrrc.policies.base import Kept, Policy, Session
from lrrc.redact import scrub
from lrrc.replay import payload

if TYPE_CHECKING:
    import pyarrow as pa

ORACLE = "oracle"  # a digest chosen with knowledge of the answer: what the budget could hold
Pairs = tuple[tuple[str, str], ...]  # (speaker, content) of every message of a payload


@dataclass(frozen=True)
class Question:
    """A check as one agent meets it under one policy."""

    episode_id: str
    agent: str
    payload: Pairs
    digest_tokens: int
    check: Check

    @property
    def prompt_tokens(self) -> int:
        return tokens.payload_tokens(content for _, content in self.payload)


@dataclass(frozen=True)
class Answer:
    """The option chosen, and the tokens that a provider reported, where it did."""

    choice: int
    reported_prompt_tokens: int | None = None
    reported_completion_tokens: int | None = None


@dataclass(frozen=True)
class Job:
    """One configuration to evaluate: `folder` holds its fits, None where the policy is not trained."""

    policy: str
    budget: int | None
    rank: int | None = None
    seed: int = 0
    variant: str = ""
    folder: Path | None = None
    episodes: int = 0  # the first so many of the sample


class LocalAgent:
    """The packaged model: the option of highest mean log-likelihood per token is its answer."""

    def __init__(self, folder: Path):
        self.model = lm.load(str(folder))
        self.known: dict[tuple, int] = {}  # policies often send the same: it is answered once

    def answer(self, groups: Sequence[Sequence[Question]]) -> list[list[Answer]]:
        """Answers to all questions; those of a group begin alike and are read together."""
        asked = [[(q.agent, q.payload, q.check.options) for q in group] for group in groups]
        new = [list(dict.fromkeys(key for key in group if key not in self.known)) for group in asked]
        new = [group for group in dict.fromkeys(map(tuple, new)) if group]
        scored = self.model.score([[self._request(*key) for key in group] for group in new])
        for group, scores in zip(new, scored, strict=True):
            for key, options in zip(group, scores, strict=True):
                self.known[key] = int(np.argmax([option.mean() for option in options]))
        return [[Answer(self.known[key]) for key in group] for group in asked]

    def _request(self, agent: str, pairs: Pairs, options: Sequence[str]) -> lm.Request:
        prompt = [token for pair in pairs for token in self.model.message(*as_chat(pair, agent))]
        end = self.model.marks[1]
        answers = tuple((*self.model.encode(option), end) for option in options)
        return lm.Request((*prompt, *self.model.opening()), answers)


def as_chat(pair: tuple[str, str], agent: str) -> tuple[str, str]:
    """Role and content as one agent of several sees a message: its own are the assistant's, others' carry a name."""
    speaker, content = pair
    if speaker == agent:
        return "assistant", content
    if speaker == "system":
        return "system", content
    return "user", content if speaker in ("user", "digest") else f"{speaker}: {content}"


@dataclass
class EndpointAgent:
    """Any OpenAI-compatible server: it is asked for the number of an option.

    The key comes from OPENAI_API_KEY; every request and the usage that came back are appended to `log` (JSON lines,
    never the key). The client retries with backoff. A reply without a number is no answer. Raises ValueError where the
    server stays silent, refuses, or sends something else than a chat completion.
    """

    base_url: str
    model: str
    log: Path | None = None
    retries: int = 5
    client: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            import openai
        except ImportError:
            raise ValueError("live.agent = 'endpoint': needs the package openai: pip install 'lrrc[openai]'") from None
        self.errors = openai.OpenAIError
        key = os.environ.get("OPENAI_API_KEY") or "none"
        self.client = self.client or openai.OpenAI(base_url=self.base_url, api_key=key, max_retries=self.retries)

    def answer(self, groups: Sequence[Sequence[Question]]) -> list[list[Answer]]:
        return [[self._ask(question) for question in group] for group in groups]

    def _ask(self, question: Question) -> Answer:
        messages = [dict(zip(("role", "content"), as_chat(p, question.agent), strict=True)) for p in question.payload]
        options = "\n".join(f"{i}. {option}" for i, option in enumerate(question.check.options, 1))
        messages[-1]["content"] += f"\n\nReply with the number of the right answer alone:\n{options}"
        request = {"model": self.model, "messages": messages, "max_tokens": 8, "temperature": 0}
        try:
            reply = self.client.chat.completions.create(**request)
        except self.errors as error:
            raise self._refusal(f"{type(error).__name__}: {error}") from None
        if not getattr(reply, "choices", None):  # a page, or JSON of another kind
            raise self._refusal("what came back is no chat completion")
        said, usage = reply.choices[0].message.content or "", reply.usage
        if self.log:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            entry = {"request": request, "reply": said, "usage": usage.model_dump() if usage else None}
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(scrub(json.dumps(entry, ensure_ascii=False)) + "\n")
        numbers = [int(n) for n in re.findall(r"\d+", said) if 1 <= int(n) <= len(question.check.options)]
        return Answer(
            numbers[0] - 1 if numbers else -1,  # no option named: no answer is right
            usage.prompt_tokens if usage else None,
            usage.completion_tokens if usage else None,
        )

    def _refusal(self, reason: str) -> ValueError:
        return ValueError(scrub(f"live.base_url = {self.base_url!r}: {' '.join(reason.split())[:200]}"))


def sample(episodes: Iterable[Episode], most: int, seed: int) -> list[Episode]:
    """A seeded draw of episodes with checks, the same start whatever its length."""
    able = [episode for episode in episodes if episode.checks]
    order = np.random.default_rng(seed).permutation(len(able))
    return [able[i] for i in order[:most]]


def agent_of(episode: Episode, model: str) -> str:
    """The side that `model` played; the first agent where it played none."""
    return episode.agents[episode.models.index(model)] if model in episode.models else episode.agents[0]


def questions(episode: Episode, session: Session, agent: str) -> list[Question]:
    """Every check of the episode with what the session sends at that point."""
    by_turn: dict[int, list[Check]] = {}
    for check in episode.checks:
        by_turn.setdefault(check.turn, []).append(check)
    found = []
    for t, turn in enumerate(episode.turns):
        if t in by_turn:
            pairs, digest_tokens = payload(session, episode, turn.inputs, agent)
            found += [Question(episode.episode_id, agent, tuple(pairs), digest_tokens, check) for check in by_turn[t]]
        session.observe([*turn.inputs, *turn.replies])
    return found


class OracleSession(Session):
    """The segments that gain the language model most on the true answer, by stored gains."""

    policy: Oracle

    def select(self, inputs: Sequence[Message], agent: str) -> Digest | Kept:
        known = self.policy.known.get(self.history.turns, np.zeros(0))
        if not len(known):
            return digest.EMPTY
        scores_N = np.log(np.maximum(known, 1e-9))
        return digest.write(self.history, scores_N, self.policy.budget, least_share=self.policy.least_share)


class Oracle(Policy):
    """Knows the answer, so it is no policy anybody could use: the ceiling of a budget."""

    session_type = OracleSession

    def __init__(self, *args, known: Mapping[int, np.ndarray], least_share: float, **options):
        super().__init__(*args, **options)
        self.known, self.least_share = known, least_share


def oracle(episode: Episode, stored: Mapping[str, np.ndarray], budget: int, limit: int, least_share: float) -> Oracle:
    """The oracle of one episode at `budget`; `stored` are gains by key of call."""
    history = gains.whole_history(episode, limit)
    known = {turn: gains_N for (turn, _), gains_N in gains.known(episode, history, stored).items()}
    return Oracle(ORACLE, budget, max_segment_tokens=limit, known=known, least_share=least_share)


def evaluate(
    agent: LocalAgent | EndpointAgent,
    model: str,
    episodes: Sequence[Episode],
    jobs: Sequence[Job],
    policy_of: Callable[[Job, Episode], Policy],
    fold_of: Mapping[str, int],
) -> list[dict[str, Any]]:
    """A row for every job, episode and check. `episodes` are (part of) the sample, each job's own share of it."""
    groups: list[list[Question]] = []
    owners: list[Job] = []
    for job in jobs:
        for episode in episodes:
            me = agent_of(episode, model)
            asked = questions(episode, policy_of(job, episode).session(episode.agents), me)
            # whole histories begin alike from check to check; digests do not
            for group in [asked] if job.budget is None else [[question] for question in asked]:
                groups.append(group)
                owners.append(job)
    rows = []
    for job, group, answers in zip(owners, groups, agent.answer(groups), strict=True):
        for question, answer in zip(group, answers, strict=True):
            check = question.check
            said = check.options[answer.choice] if answer.choice >= 0 else ""
            labels = {key: value for key, value in asdict(job).items() if key not in ("folder", "episodes")}
            rows.append(
                {
                    **labels, "item": item_name(job.folder) if job.folder else "", "fold": fold_of[question.episode_id],
                    "episode_id": question.episode_id, "turn": check.turn, "category": check.family,
                    "choice": answer.choice, "right": int(answer.choice == check.answer),
                    "prompt_tokens": question.prompt_tokens, "completion_tokens": tokens.count(said),
                    "digest_tokens": question.digest_tokens,
                    "reported_prompt_tokens": answer.reported_prompt_tokens,
                    "reported_completion_tokens": answer.reported_completion_tokens,
                }
            )  # fmt: skip
    return rows


def schema() -> pa.Schema:
    """Columns of results/live/rows.parquet."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    names = ("policy", "variant", "item", "episode_id", "category")
    counts = ("budget", "rank", "seed", "fold", "turn", "choice", "right", "prompt_tokens", "completion_tokens",
              "digest_tokens", "reported_prompt_tokens", "reported_completion_tokens")  # fmt: skip
    return pa.schema([*((name, text) for name in names), *((name, whole) for name in counts)])
