"""Where episodes come from (paper section 3.3): four sources, one schema, one way of drawing.

- embedded: the committed two-model arena (default)
- lmsys: lmsys/chatbot_arena_conversations, gated; access is asked for on its page
- mt_bench_human: lmsys/mt_bench_human_judgments, open; votes joined by majority per question, pair and turn
- files: parquet or JSONL, in the arena's columns or as chat logs (lrrc.episodes); a folder of them is a mixture

A row that cannot be used is an error in a file, because its owner can mend it; in a hub data set it is left
out and counted in the table of what was drawn, with the reason of the first.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.config import EMBEDDED
from lrrc.episodes import COLUMNS, Episode, iter_episodes, parse_episode

MT_BENCH_CATEGORIES = (
    "writing",
    "roleplay",
    "reasoning",
    "math",
    "coding",
    "extraction",
    "stem",
    "humanities",
)
SWAPPED = {"model_a": "model_b", "model_b": "model_a", "tie": "tie"}


@dataclass(frozen=True)
class HubSet:
    """A data set on the Hugging Face hub; `revision` is the commit taken where none is asked for."""

    name: str
    split: str
    revision: str
    gated: bool


HUB = {
    "lmsys": HubSet("lmsys/chatbot_arena_conversations", "train", "1b6335d42a1d2c7e34870c905d03ab964f7f2bd8", True),
    "mt_bench_human": HubSet(
        "lmsys/mt_bench_human_judgments", "human", "f7d2896d2cc5d80f8b55c2bbc722613555233c25", False
    ),
}


def draw_episodes(
    source: str,
    *,
    path: str | Path | None = None,
    revision: str | None = None,
    group_by: str | None = None,
    n_episodes: int,
    min_turns: int = 1,
    max_turns: int | None = None,
    languages: Iterable[str] = (),
    seed: int = 0,
) -> tuple[list[Episode], dict[str, Any]]:
    """Episodes of a source after filters and a seeded draw, in its order, and the table of what was drawn.

    `path` is the file, or folder of files, of source "files"; for the others a file or folder to read in place of
    the usual one (the embedded arena, the default of params.yaml, is never a copy of a hub data set). Turns are
    answered turns. Where fewer than `n_episodes` are left, all are taken. Raises ValueError.
    """
    if source in HUB:
        own = None if path is None or Path(path) == Path(EMBEDDED) else path
        origin, steps, episodes = _from_hub(source, HUB[source], own, revision, group_by)
    else:
        origin, (steps, episodes) = Path(path or EMBEDDED).name, _from_files(Path(path or EMBEDDED), group_by)
    wanted = frozenset(languages)
    keeps: dict[str, Callable[[Episode], bool]] = {f"turns >= {min_turns}": lambda e: turns(e) >= min_turns}
    if max_turns is not None:
        keeps[f"turns <= {max_turns}"] = lambda e: turns(e) <= max_turns
    if wanted:
        keeps[f"language in {', '.join(sorted(wanted))}"] = lambda e: e.language in wanted
    for name, keep in keeps.items():
        episodes = [episode for episode in episodes if keep(episode)]
        steps.append(_step(name, episodes))
    if not episodes:
        trail = "; ".join(f"{step['filter']}: {step['episodes']}" for step in steps)
        raise ValueError(f"data.source={source}: no episode is left ({trail})")
    if n_episodes < len(episodes):
        chosen = np.random.default_rng(seed).choice(len(episodes), n_episodes, replace=False)
        episodes = [episodes[i] for i in sorted(chosen)]
    steps.append(_step(f"drawn, at most {n_episodes}, seed {seed}", episodes))
    return episodes, {"source": source, "origin": origin, "steps": steps}


def _step(name: str, left: Sequence, **more: Any) -> dict[str, Any]:
    return {"filter": name, "episodes": len(left), **more}


def turns(episode: Episode) -> int:
    """User turns that were answered."""
    return sum(bool(turn.replies) for turn in episode.turns)


def _from_files(path: Path, group_by: str | None) -> tuple[list[dict[str, Any]], list[Episode]]:
    """(steps, episodes) of one file, or of every parquet and JSONL file of a folder, in the order of their names."""
    files = sorted(p for p in path.iterdir() if p.suffix in (".parquet", ".jsonl")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path}: holds no .parquet or .jsonl file")
    origin: dict[str, Path] = {}
    steps, episodes = [], []
    for file in files:
        found = list(iter_episodes(file, group_by))
        for episode in found:
            if (first := origin.setdefault(episode.episode_id, file)) != file:
                raise ValueError(f"{file}: id {episode.episode_id!r} stands already in {first}; ids must differ")
        steps.append(_step("all" if len(files) == 1 else f"all of {file.name}", found))
        episodes += found
    return steps, episodes


def _from_hub(
    source: str, hub: HubSet, path: str | Path | None, revision: str | None, group_by: str | None
) -> tuple[str, list[dict[str, Any]], list[Episode]]:
    """(origin, steps so far, usable episodes)."""
    revision = revision or hub.revision
    rows = list(_hub_rows(source, hub, path, revision, group_by))
    steps = [_step("all", rows)]
    if source == "mt_bench_human":
        rows = join_votes(rows)
        steps.append(_step("votes joined per question, pair and turn", rows))
    episodes: dict[str, Episode] = {}
    refused = []
    for where, row in rows:
        try:
            episode = parse_episode({**row, "judge": "human"}, where, group_by)  # the columns hold user ids
            if episode.episode_id in episodes:
                raise ValueError(f"{where}: question_id {episode.episode_id!r} occurs twice")
        except ValueError as error:
            refused.append(str(error))
        else:
            episodes[episode.episode_id] = episode
    if refused and not episodes:
        raise ValueError(f"data.source={source}: no row is usable; the first: {refused[0]}")
    steps.append(_step("usable", episodes, **({"first_refused": refused[0]} if refused else {})))
    return Path(path).name if path else f"{hub.name}@{revision}", steps, list(episodes.values())


def _hub_rows(
    source: str, hub: HubSet, path: str | Path | None, revision: str, group_by: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a hub data set or of its copy at `path`, with places; the hub's library finds the token."""
    from datasets import load_dataset

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its retries; the outcome is told below
    try:
        if path is None:
            table = load_dataset(hub.name, split=hub.split, revision=revision)
        else:
            files = sorted(map(str, Path(path).rglob(f"{hub.split}*.parquet"))) if Path(path).is_dir() else [str(path)]
            if not files:
                raise ValueError(f"holds no {hub.split}*.parquet")
            table = load_dataset("parquet", data_files={hub.split: files}, split=hub.split)
    except Exception as error:  # the library and its transports raise many kinds
        raise ValueError(f"data.source={source}: {_cause(error, hub, path, revision)}") from None
    wanted = {*COLUMNS, "turn", group_by}
    table = table.select_columns([name for name in table.column_names if name in wanted])
    for number, row in enumerate(table, 1):
        yield f"{Path(path).name if path else hub.name}: row {number}", row


def _cause(error: BaseException, hub: HubSet, path: str | Path | None, revision: str) -> str:
    """Why a hub data set could not be had, and what to do: no network, no token, no access."""
    import httpx
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub import get_token
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    reason = " ".join(str(error).split())[:200]
    if path is not None:
        return f"{path}: cannot be read as a data set: {reason}"
    page = f"https://huggingface.co/datasets/{hub.name}"
    other = "or run with data.source=embedded"
    if isinstance(error, RevisionNotFoundError) or reason.startswith("Revision"):
        return f"{hub.name} has no revision {revision}; see {page}/commits, {other}"
    if isinstance(error, (DatasetNotFoundError, GatedRepoError, RepositoryNotFoundError)):
        if get_token() is None:
            return (f"no token: {hub.name} needs one; ask for access at {page}, then set HF_TOKEN or "
                    f"`hf auth login`, {other}")  # fmt: skip
        return f"no access: the hub refuses {hub.name} to this token; ask for access at {page}, {other}"
    if isinstance(error, (ConnectionError, httpx.TransportError)):
        need = f"; access to it is asked for at {page}" if hub.gated else f" ({page})"
        return f"no network: huggingface.co cannot be reached for {hub.name}{need}; try again, {other}"
    return f"{hub.name} cannot be loaded: {type(error).__name__}: {reason}; {page}, {other}"


def join_votes(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Votes of mt_bench_human_judgments -> one row per question, pair of models and judged turn.

    The pair is put in alphabetical order, whichever side it was shown on. The outcome is the vote of most
    judges; where two lead with as many votes, it is a tie. A vote on turn 1 judges the first answers only, so
    the conversation is cut there. Raises ValueError for rows of another form.
    """
    votes: dict[tuple, Counter[str]] = {}
    first: dict[tuple, tuple[str, Mapping[str, Any]]] = {}
    for where, row in rows:
        try:
            names = str(row["model_a"]), str(row["model_b"])
            winner = row["winner"] if names[0] <= names[1] else SWAPPED[row["winner"]]
            key = (int(row["question_id"]), *sorted(names), int(row["turn"]))
            SWAPPED[winner]
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"{where}: not a vote of {HUB['mt_bench_human'].name}: it has question_id, model_a, model_b, "
                "winner (model_a, model_b, tie), conversation_a, conversation_b, turn"
            ) from None
        votes.setdefault(key, Counter())[winner] += 1
        first.setdefault(key, (where, row))
    return [(first[key][0], _joined_row(key, votes[key], first[key][1])) for key in sorted(votes)]


def _joined_row(key: tuple, votes: Counter[str], row: Mapping[str, Any]) -> dict[str, Any]:
    question, model_a, model_b, turn = key
    leaders = [winner for winner, n in votes.items() if n == max(votes.values())]
    sides = [row.get("conversation_a"), row.get("conversation_b")]
    if row["model_a"] != model_a:
        sides.reverse()
    known = 81 <= question <= 160  # ten questions a category, in this order
    return {
        "question_id": f"mtb-{question}-{model_a}-{model_b}-t{turn}",
        "model_a": model_a,
        "model_b": model_b,
        "winner": leaders[0] if len(leaders) == 1 else "tie",
        "conversation_a": _until(sides[0], turn),
        "conversation_b": _until(sides[1], turn),
        "language": "English",
        "group": str(question),
        "prompt_id": question,
        "category": MT_BENCH_CATEGORIES[(question - 81) // 10] if known else None,
    }


def _until(conversation: Any, turn: int) -> Any:
    """The messages up to the reply of `turn` (from 1); what is no conversation is left for the parser."""
    if not isinstance(conversation, list):
        return conversation
    ends = [i for i, m in enumerate(conversation, 1) if isinstance(m, Mapping) and m.get("role") == "assistant"]
    return conversation[: ends[turn - 1]] if 0 < turn <= len(ends) else conversation
