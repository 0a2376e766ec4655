"""Live calls to look at: of a few episodes, what each policy sent, where from, what was answered, and whether rightly.

The rows of results/live have the answers and no texts; payloads are composed again by the fits that were met, and a row
is left out where its digest has another length than the one recorded (another version of the code wrote it).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrrc.dataset.inputs import StageInputs
from lrrc.episodes.episode import Check, Episode
from lrrc.episodes.episode_file import read_episodes
from lrrc.evaluation.live.checks import agent_of, sample
from lrrc.params import Params
from lrrc.policies.payload import as_chat, history_part, pair
from lrrc.policies.registry import load_policy
from lrrc.policies.run_items import baseline_name, train_name
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import LEARNED, WHOLE
from lrrc.pretrained import language_model, tokens

POLICIES = ("full-context", "bm25", "rims-only", "lrrc")  # of params.live.policies, those of these
EPISODES = 12  # the first of the sample that stage live met


@dataclass(frozen=True)
class ShownCall:
    """One check as one policy met it. `sources`: {"turn", "speaker", "text"} of every piece of a digest."""

    policy: str
    item: str  # the fits behind it, "" where nothing is trained
    episode_id: str
    turn: int
    number: int  # of the checks of that turn
    agent: str
    messages: tuple[dict[str, str], ...]
    sources: tuple[dict[str, Any], ...]
    check: Check
    choice: int
    prompt_tokens: int
    digest_tokens: int

    @property
    def name(self) -> str:
        return f"{self.policy} {self.episode_id} turn {self.turn + 1} check {self.number + 1}"

    @property
    def place(self) -> tuple[str, int, int]:
        """The check, whichever policy met it."""
        return self.episode_id, self.turn, self.number

    @property
    def right(self) -> bool:
        return self.choice == self.check.answer

    @property
    def answer(self) -> str:
        return self.check.options[self.choice] if self.choice >= 0 else ""


def shown_calls(params: Params, rows: Path, models: Path, inputs: StageInputs) -> Iterator[ShownCall]:
    """The calls of EPISODES episodes under POLICIES, first seed, operating rank and budget."""
    import pandas as pd

    table = pd.read_parquet(rows)
    first = (table["variant"] == "") & table["stop"].isna() & (table["seed"] == params.seeds[0])
    met = {key: part.to_dict("records") for key, part in table[first].groupby(["policy", "episode_id", "turn"])}
    folds = inputs.fold_of()
    able = (episode for episode in read_episodes(inputs.episodes) if episode.episode_id in folds)
    policy_of = functools.lru_cache(maxsize=None)(functools.partial(_policy, params, models, inputs.encoder))
    for episode in sample(able, min(EPISODES, params.live.episodes), params.live.seed):
        for name in POLICIES:
            if name not in params.live.policies or (name in LEARNED and not _folder(params, models, name).is_dir()):
                continue
            session = policy_of(name, folds[episode.episode_id]).session(episode.agents)
            budget = None if name in WHOLE else params.budget
            for call in _calls(episode, session, name, budget):
                found = [row for row in met.get((name, *call.place[:2]), []) if _of(row, params, name)]
                if len(found) > call.number and found[call.number]["digest_tokens"] == call.digest_tokens:
                    row = found[call.number]
                    yield ShownCall(**{**vars(call), "item": row["item"], "choice": int(row["choice"])})


def _policy(params: Params, models: Path, encoder: Path, name: str, fold: int):
    folder = _folder(params, models, name) if name in LEARNED else None
    return load_policy(PolicySpec.of(params, name), encoder, folder, f"fold-{fold}")


def _folder(params: Params, models: Path, name: str) -> Path:
    seed = params.seeds[0]
    return models / (train_name(params.rank, seed) if name == "lrrc" else baseline_name(name, seed))


def _of(row: dict[str, Any], params: Params, name: str) -> bool:
    return name in WHOLE or row["budget"] == params.budget and (name != "lrrc" or row["rank"] == params.rank)


def _calls(episode: Episode, session, policy: str, budget: int | None) -> Iterator[ShownCall]:
    """Every check with what the session sends at that point; what was chosen is not known here (-1)."""
    agent = agent_of(episode, language_model.NAME)
    for t, turn in enumerate(episode.turns):
        checks = [check for check in episode.checks if check.turn == t]
        if checks:
            sent = session.select(turn.inputs, agent, budget)
            middle, digest_tokens = history_part(sent, session.history.messages, list)
            pairs = [pair(message) for message in (*episode.system, *middle, *turn.inputs)]
            chat = (as_chat(one, agent) for one in pairs)
            messages = tuple({"role": role, "content": content} for role, content in chat)
            sources = tuple(_sources(episode, sent)) if sent.text is not None else ()
            prompt = tokens.payload_tokens(content for _, content in pairs)
            for number, check in enumerate(checks):
                place = (policy, "", episode.episode_id, t, number, agent)
                yield ShownCall(*place, messages, sources, check, -1, prompt, digest_tokens)
        session.observe([*turn.inputs, *turn.replies])


def _sources(episode: Episode, sent) -> Iterator[dict[str, Any]]:
    """The pieces of a digest, with the turn and speaker of the message that each was copied from."""
    said: Sequence[tuple[int, Any]] = [
        (t, message) for t, turn in enumerate(episode.turns) for message in (*turn.inputs, *turn.replies)
    ]
    for span in sent.spans:
        t, message = said[span.message]
        text = message.content[span.start : span.end]
        yield {"turn": t + 1, "speaker": message.name or message.role, "text": text}
