"""What a stateless policy keeps after each turn, as features for its outcome head.

The question is the turn's own: at the end of turn t the policy is asked what it would send if that turn's message were
asked again. Shape suffixes: T turns, P parties (user, first agent, second agent), G = encoder width + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrrc.dataset.episode_store import EpisodeStore, Part, write_parts
from lrrc.digest.features import FIRST_AGENT, USER
from lrrc.digest.reply_form import FORM, form_differences
from lrrc.digest.selection import Selection
from lrrc.episodes.episode import ARENA_OUTCOMES, Episode
from lrrc.episodes.episode_file import EPISODES_AT_ONCE, open_episodes
from lrrc.model.outcome_probe import PARTIES, KeptFeatures
from lrrc.policies.base import Policy, Session
from lrrc.pretrained import sentence_encoder, tokens
from lrrc.runtime.executor import chunks, map_in_order
from lrrc.runtime.files import atomic

if TYPE_CHECKING:
    from lrrc.dataset.inputs import StageInputs
    from lrrc.training.fit_spec import FitSpec


def write_kept_features(
    path: Path, item: FitSpec, inputs: StageInputs, weights: Path | None = None, side_by_side: bool = False
) -> None:
    """Kept features of every episode as one safetensors file, made on all cores or in this process alone.

    `weights`: of the item's network, where it has one.
    """
    work = partial(_part, item=item, inputs=inputs, weights=weights)
    tasks = chunks(len(open_episodes(inputs.episodes)), EPISODES_AT_ONCE)
    parts = (part for _, part in map_in_order(work, tasks)) if side_by_side else starmap(work, tasks)
    with atomic(path) as temporary:
        write_parts(temporary, parts, _flat([])[1])


def _part(start: int, stop: int, item: FitSpec, inputs: StageInputs, weights: Path | None) -> Part:
    policy, vectors = item.load(inputs, weights), sentence_encoder.load(str(inputs.encoder))
    return _flat([kept_features(e, policy, vectors) for e in open_episodes(inputs.episodes).rows(start, stop)])


def _flat(episodes: Sequence[KeptFeatures]) -> Part:
    """Ids and arrays of some episodes as they stand in the file."""
    features = [e.features_TPG for e in episodes] or [np.zeros((0, PARTIES, 0), np.float32)]
    form = [e.form_TF for e in episodes] or [np.zeros((0, len(FORM)), np.float32)]
    sizes = {
        "turns": [len(e.features_TPG) for e in episodes],
        "outcome": [e.outcome for e in episodes],
        "agents": [e.agents for e in episodes],
    }
    arrays = {name: np.array(values, np.int64) for name, values in sizes.items()}
    arrays |= {"features": np.concatenate(features), "form": np.concatenate(form)}
    return [e.episode_id for e in episodes], arrays


class KeptFile(EpisodeStore):
    """Episode id -> its KeptFeatures, of a file of `write_kept_features`."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.turns, self.outcome, self.agents = map(self.file.read, ("turns", "outcome", "agents"))
        self.ends = np.cumsum(self.turns)

    def __getitem__(self, episode_id: str) -> KeptFeatures:
        i = self.row_of[episode_id]
        rows = self.ends[i] - self.turns[i], self.ends[i]
        read = (self.file.read(name, *rows) for name in ("features", "form"))
        return KeptFeatures(episode_id, *read, int(self.outcome[i]), int(self.agents[i]))


def kept_features(episode: Episode, policy: Policy, vectors: sentence_encoder.SentenceEncoder) -> KeptFeatures:
    session = policy.session(episode.agents)
    rows = []
    for turn in episode.turns:
        session.observe([*turn.inputs, *turn.replies])
        rows.append(_party_texts(session, session.propose(turn.inputs, episode.agents[0], policy.spec.budget)))
    flat = [text for row in rows for text in row]
    vectors_E = vectors.encode(flat)
    sizes = np.log1p(np.array(tokens.count_batch(flat), np.float32))[:, None] / 5
    features_TPG = np.concatenate([vectors_E, sizes], axis=1).reshape(len(rows), PARTIES, -1)
    outcome = ARENA_OUTCOMES.index(episode.outcome) if episode.outcome else -1
    form_TF = form_differences([(*turn.inputs, *turn.replies) for turn in episode.turns], episode.agents)
    return KeptFeatures(episode.episode_id, features_TPG.astype(np.float32), form_TF, outcome, len(episode.agents))


def _party_texts(session: Session, proposed: Selection) -> list[str]:
    """The kept text of the user and of the first two agents."""
    history = session.history
    texts: list[list[str]] = [[] for _ in range(PARTIES)]
    for span in proposed.spans:
        message = history.messages[span.message]
        speaker = history.speaker_code(message)
        party = 0 if speaker == USER else speaker - FIRST_AGENT + 1
        if 0 <= party < PARTIES and speaker != 1:
            texts[party].append(message.content[span.start : span.end])
    return [" ".join(part) for part in texts]
