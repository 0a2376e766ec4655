"""Where episodes come from (paper section 3.3): four sources, one schema, one way of drawing.

- embedded: the committed two-model arena (default)
- lmsys: lmsys/chatbot_arena_conversations, gated; access is asked for on its page
- mt_bench_human: lmsys/mt_bench_human_judgments, open; votes joined by majority per question, pair and turn
- files: arena rows, chat logs, exports of other tools (lrrc.episodes.forms); a folder of them is a mixture

A row that cannot be used is an error in a file, because its owner can mend it; in a hub data set it is left
out and counted in the table of what was drawn, with the reason of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lrrc.episodes.episode import Episode
from lrrc.episodes.episode_file import iter_episodes
from lrrc.episodes.hub import HUB, episodes_of_hub, step
from lrrc.params import EMBEDDED
from lrrc.runtime.chance import stream

FILES = (".parquet", ".jsonl", ".jsonl.gz")  # of a folder


def draw_episodes(  # the keys of section data, by name
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
        origin, steps, episodes = episodes_of_hub(source, HUB[source], own, revision, group_by)
    else:
        origin, (steps, episodes) = Path(path or EMBEDDED).name, _from_files(Path(path or EMBEDDED), group_by)
    wanted = frozenset(languages)
    keeps: dict[str, Callable[[Episode], bool]] = {f"turns >= {min_turns}": lambda e: answered_turns(e) >= min_turns}
    if max_turns is not None:
        keeps[f"turns <= {max_turns}"] = lambda e: answered_turns(e) <= max_turns
    if wanted:
        keeps[f"language in {', '.join(sorted(wanted))}"] = lambda e: e.language in wanted
    for name, keep in keeps.items():
        episodes = [episode for episode in episodes if keep(episode)]
        steps.append(step(name, episodes))
    if not episodes:
        trail = "; ".join(f"{step['filter']}: {step['episodes']}" for step in steps)
        raise ValueError(f"data.source={source}: no episode is left ({trail})")
    if n_episodes < len(episodes):
        chosen = stream("download: episodes", seed).choice(len(episodes), n_episodes, replace=False)
        episodes = [episodes[i] for i in sorted(chosen)]
    steps.append(step(f"drawn, at most {n_episodes}, seed {seed}", episodes))
    return episodes, {"source": source, "origin": origin, "steps": steps}


def answered_turns(episode: Episode) -> int:
    """User turns that were answered."""
    return sum(bool(turn.replies) for turn in episode.turns)


def _from_files(path: Path, group_by: str | None) -> tuple[list[dict[str, Any]], list[Episode]]:
    """(steps, episodes) of one file, or of every file of rows in a folder, in the order of their names."""
    files = sorted(p for p in path.iterdir() if p.name.endswith(FILES)) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path}: holds no {' or '.join(FILES)} file")
    origin: dict[str, Path] = {}
    steps, episodes = [], []
    for file in files:
        found = list(iter_episodes(file, group_by))
        for episode in found:
            if (first := origin.setdefault(episode.episode_id, file)) != file:
                raise ValueError(f"{file}: id {episode.episode_id!r} stands already in {first}; ids must differ")
        steps.append(step("all" if len(files) == 1 else f"all of {file.name}", found))
        episodes += found
    return steps, episodes
