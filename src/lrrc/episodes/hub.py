"""Data sets of the Hugging Face hub."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrrc.episodes.episode import Episode
from lrrc.episodes.mt_bench import NAME as MT_BENCH
from lrrc.episodes.mt_bench import join_votes, people_agree
from lrrc.episodes.parsing import COLUMNS, parse_episode
from lrrc.runtime.errors import reason_of


@dataclass(frozen=True)
class HubSet:
    """A data set on the Hugging Face hub; `revision` is the commit taken where none is asked for."""

    name: str
    split: str
    revision: str
    gated: bool


HUB = {
    "lmsys": HubSet("lmsys/chatbot_arena_conversations", "train", "1b6335d42a1d2c7e34870c905d03ab964f7f2bd8", True),
    "mt_bench_human": HubSet(MT_BENCH, "human", "f7d2896d2cc5d80f8b55c2bbc722613555233c25", False),
}


def step(name: str, left: Sequence, **more: Any) -> dict[str, Any]:
    """A line of the table of what was drawn."""
    return {"filter": name, "episodes": len(left), **more}


def episodes_of_hub(
    source: str, hub: HubSet, path: str | Path | None, revision: str | None, group_by: str | None
) -> tuple[str, list[dict[str, Any]], list[Episode]]:
    """(origin, steps so far, usable episodes)."""
    revision = revision or hub.revision
    rows = list(_hub_rows(source, hub, path, revision, group_by))
    steps = [step("all", rows)]
    if source == "mt_bench_human":
        votes, rows = rows, join_votes(rows)
        steps.append(step("votes joined per question, pair and turn", rows, **people_agree(votes)))
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
    steps.append(step("usable", episodes, **({"first_refused": refused[0]} if refused else {})))
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

    reason = reason_of(error)
    if path is not None:
        return f"{path}: cannot be read as a data set: {reason}"
    page = f"https://huggingface.co/datasets/{hub.name}"
    other = "or run with data.source=embedded"
    if isinstance(error, RevisionNotFoundError) or reason.startswith("Revision"):
        return f"{hub.name} has no revision {revision}; see {page}/commits, {other}"
    if isinstance(error, (DatasetNotFoundError, GatedRepoError, RepositoryNotFoundError)):
        if get_token() is None:
            return (
                f"no token: {hub.name} needs one; ask for access at {page}, then set HF_TOKEN or "
                f"`hf auth login`, {other}"
            )
        return f"no access: the hub refuses {hub.name} to this token; ask for access at {page}, {other}"
    if isinstance(error, (ConnectionError, httpx.TransportError)):
        need = f"; access to it is asked for at {page}" if hub.gated else f" ({page})"
        return f"no network: huggingface.co cannot be reached for {hub.name}{need}; try again, {other}"
    return f"{hub.name} cannot be loaded: {type(error).__name__}: {reason}; {page}, {other}"
