"""What every segment of the history is worth to a language model that knows the reply (docs/method.md 3, targets).

The gain of a segment for a call is the log-likelihood, in nats, of the true reply when the segment is shown beside the
question, minus that without it. At a check of the embedded arena the true reply is the verified answer: what its weak
models said there is wrong more often than not, and their free replies depend on nothing, so that other turns of such
episodes teach nothing and are left out. Elsewhere the logged reply of every agent counts.

Costly once, and never at run time: only training looks at gains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from lrrc.dataset.calls import CallKey, TeachingCall, calls_of, load_gains, whole_history
from lrrc.digest.history import History
from lrrc.digest.rendering import label_of
from lrrc.digest.words import word_weight, words_of
from lrrc.episodes.episode import Episode
from lrrc.episodes.episode_file import EPISODES_AT_ONCE, open_episodes
from lrrc.params import GainsConfig
from lrrc.runtime.chance import stream
from lrrc.runtime.executor import chunks, map_in_order
from lrrc.runtime.files import write_stream

if TYPE_CHECKING:
    from lrrc.pretrained.language_model import LanguageModel, ScoringRequest


DECIMALS = 3  # nats; the model's own rounding is coarser


def candidates(history: History, call: TeachingCall, most: int) -> list[int]:
    """The segments worth asking about, at most `most`: those that share words with question or reply, the newest."""
    if call.segments <= most:
        return list(range(call.segments))
    wanted = set(words_of("\n".join([*(m.content for m in call.inputs), call.reply])))
    shared = [sum(map(word_weight, sorted(wanted & history.words[i]))) for i in range(call.segments)]
    best = sorted(range(call.segments), key=lambda i: (-shared[i], -i))[: 3 * most // 4]
    newest = [i for i in reversed(range(call.segments)) if i not in set(best)]
    return sorted([*best, *newest[: most - len(best)]])


def requests_of(
    model: LanguageModel, history: History, call: TeachingCall, shown: Sequence[int], reply_tokens: int
) -> list[ScoringRequest]:
    """The reply without any segment, then with each of `shown`; the question stands first, so that all share it."""
    from lrrc.pretrained.language_model import ScoringRequest

    asked = "\n".join(message.content for message in call.inputs)
    start, end = model.chatml_marks
    head = (start, *model.encode("user\n"), *model.encode(asked))
    tail = (end, *model.encode("\n"), *model.reply_prefix())
    reply = ((*model.encode(call.reply), end)[:reply_tokens],)
    found = [ScoringRequest((*head, *tail), reply)]
    for i in shown:
        message = history.messages[history.message[i]]
        group = sorted((0, *history.segments[i].needs))
        text = "\n".join(history.segments[i + distance].text for distance in group)
        line = f"\n\n{label_of(message.name, message.role)}: {text}"
        found.append(ScoringRequest((*head, *model.encode(line), *tail), reply))
    return found


def measure_gains(
    model: LanguageModel, episode: Episode, limit: int, most: int, reply_tokens: int, keys: set[str] | None = None
) -> list[tuple[TeachingCall, np.ndarray]]:
    """Gains [segments] in nats of every call of an episode (of `keys` alone, where given); no candidates: 0."""
    history = whole_history(episode, limit)
    calls = [call for call in calls_of(episode, history) if keys is None or call.key in keys]
    shown = [candidates(history, call, most) for call in calls]
    groups = [requests_of(model, history, c, i, reply_tokens) for c, i in zip(calls, shown, strict=True)]
    found = []
    for call, chosen, scores in zip(calls, shown, model.score(groups), strict=True):
        sums = np.array([answers[0].sum() for answers in scores])
        gains_N = np.zeros(call.segments, np.float32)
        gains_N[chosen] = sums[1:] - sums[0]
        found.append((call, gains_N))
    return found


def save_gains(path: Path, found: Iterable[tuple[TeachingCall | CallKey, np.ndarray]]) -> None:
    """One row per call: who, which turn, the key of its content, the gains."""
    import pyarrow as pa

    rows = (
        {
            "episode_id": c.episode_id,
            "turn": c.turn,
            "agent": c.agent,
            "key": c.key,
            "gains": [round(float(g), DECIMALS) for g in gains],
        }
        for c, gains in found
    )
    kinds = [
        ("episode_id", pa.string()),
        ("turn", pa.int32()),
        ("agent", pa.int32()),
        ("key", pa.string()),
        ("gains", pa.list_(pa.float32())),
    ]
    write_stream(path, rows, pa.schema(kinds))


def write_gains(
    source: Path,
    model: Path,
    known: Path,
    out: Path,
    settings: GainsConfig,
    limit: int,
    engine: str = "local",
) -> None:
    """Gains of the calls of a file of episodes into `out`: known ones copied, others measured on all cores.

    Memory holds the gains and the names of the calls, and of episodes those that are worked on.
    """
    stored = load_gains(known) if known.is_file() else {}
    parts = chunks(len(open_episodes(source)), EPISODES_AT_ONCE)
    listed = map_in_order(partial(_named, source=source, limit=limit), parts, engine)
    calls = [call for _, part in listed for call in part]
    missing: list[CallKey] = []
    if settings.source == "model":  # equal replies of two agents are one call
        missing = list({call.key: call for call in calls if call.key not in stored}.values())
    if len(missing) > settings.calls:
        print(f"gains: {settings.calls} of {len(missing)} calls are measured, drawn by seed; words teach the others")
        order = stream("gains: calls", settings.seed).permutation(len(missing))[: settings.calls]
        missing = [missing[i] for i in sorted(order)]
    wanted: dict[str, set[str]] = {}
    for call in missing:
        wanted.setdefault(call.episode_id, set()).add(call.key)
    work = partial(_measured, source=source, model=model, limit=limit, settings=settings)
    done = map_in_order(work, wanted.items(), engine)
    for _, found in tqdm(done, total=len(wanted), unit="episode", delay=5, disable=None):
        stored |= found
    save_gains(out, ((call, stored[call.key]) for call in calls if call.key in stored))


def _named(start: int, stop: int, source: Path, limit: int) -> list[CallKey]:
    """The calls of the episodes of some rows."""
    found = (call for e in open_episodes(source).rows(start, stop) for call in calls_of(e, whole_history(e, limit)))
    return [CallKey(call.episode_id, call.turn, call.agent, call.key) for call in found]


def _measured(
    episode_id: str, keys: set[str], source: Path, model: Path, limit: int, settings: GainsConfig
) -> dict[str, np.ndarray]:
    from lrrc.pretrained import language_model

    (episode,) = open_episodes(source).by_ids([episode_id])
    found = measure_gains(
        language_model.load(str(model)), episode, limit, settings.candidates, settings.reply_tokens, keys
    )
    return {call.key: gains_N for call, gains_N in found}
