"""What a stateless policy keeps after each turn, as features for its outcome head.

The question is the turn's own: at the end of turn t the policy is asked what it would send if that turn's message were
asked again. Shape suffixes: T turns, P parties (user, first agent, second agent), G = encoder width + 1.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrrc import encoder, tokens
from lrrc.config import LEARNED
from lrrc.digest import Digest
from lrrc.episodes import ARENA_OUTCOMES, Episode, read_episodes
from lrrc.features import FIRST_AGENT, USER
from lrrc.files import atomic
from lrrc.model.probe import PARTIES, Kept
from lrrc.policies.base import Policy, Session

if TYPE_CHECKING:
    from lrrc.fitting import Inputs, Item


def policy_of(item: Item, inputs: Inputs, weights: Path) -> Policy:
    """The policy of an item, with the network in `weights` where it has one."""
    from lrrc import checkpoint
    from lrrc.model.coordinator import build
    from lrrc.policies import load_policy
    from lrrc.policies.learned import Learned, Pruning

    options = asdict(item.digest)
    if item.policy == "lrrc" or item.policy in LEARNED:
        vectors = encoder.load(str(inputs.encoder))
        net = build(item.policy, item.rank or 1, vectors.width, item.model)
        checkpoint.load_weights(net, weights)
        kind = Pruning if item.policy == "tokensqueeze-only" else Learned
        return kind(
            item.policy, item.budget, net=net, encoder=vectors, max_segment_tokens=item.max_segment_tokens, **options
        )  # fmt: skip
    return load_policy(
        item.policy, item.budget, encoder=inputs.encoder, turns=item.truncated_turns,
        max_segment_tokens=item.max_segment_tokens, **options,
    )  # fmt: skip


def features(item: Item, inputs: Inputs, weights: Path) -> dict[str, Kept]:
    """Kept features of every episode, by id."""
    policy, vectors = policy_of(item, inputs, weights), encoder.load(str(inputs.encoder))
    return {e.episode_id: kept_of(e, policy, vectors) for e in read_episodes(inputs.episodes)}


def save(path: Path, episodes: dict[str, Kept]) -> None:
    """Kept features of a data set as one safetensors file."""
    from safetensors.numpy import save_file

    with atomic(path) as temporary:
        header = json.dumps([[i, e.outcome, e.agents] for i, e in episodes.items()])
        save_file({str(n): e.features_TPG for n, e in enumerate(episodes.values())}, temporary, {"episodes": header})


def load(path: Path) -> dict[str, Kept]:
    """What `save` wrote."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as handle:
        header = json.loads(handle.metadata()["episodes"])
        return {i: Kept(i, handle.get_tensor(str(n)), *rest) for n, (i, *rest) in enumerate(header)}


def kept_of(episode: Episode, policy: Policy, vectors: encoder.Encoder) -> Kept:
    session = policy.session(episode.agents)
    rows = []
    for turn in episode.turns:
        session.observe([*turn.inputs, *turn.replies])
        rows.append(_party_texts(session, session.select(turn.inputs, episode.agents[0])))
    flat = [text for row in rows for text in row]
    vectors_E = vectors.encode(flat)
    sizes = np.log1p(np.array(tokens.count_batch(flat), np.float32))[:, None] / 5
    features_TPG = np.concatenate([vectors_E, sizes], axis=1).reshape(len(rows), PARTIES, -1)
    outcome = ARENA_OUTCOMES.index(episode.outcome) if episode.outcome else -1
    return Kept(episode.episode_id, features_TPG.astype(np.float32), outcome, len(episode.agents))


def _party_texts(session: Session, chosen) -> list[str]:
    """The kept text of the user and of the first two agents."""
    history = session.history
    texts: list[list[str]] = [[] for _ in range(PARTIES)]
    if isinstance(chosen, Digest):
        parts = [(s.message, history.messages[s.message].content[s.start : s.end]) for s in chosen.spans]
    else:
        parts = [(i, history.messages[i].content) for i in chosen.messages]
    for index, text in parts:
        speaker = history.speaker_code(history.messages[index])
        party = 0 if speaker == USER else speaker - FIRST_AGENT + 1
        if 0 <= party < PARTIES and speaker != 1:
            texts[party].append(text)
    return [" ".join(part) for part in texts]
