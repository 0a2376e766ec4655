"""Arrays of many episodes in one safetensors file, read episode by episode."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.runtime.tensor_stream import TensorReader, write_tensors

HELD = 1 << 28  # bytes of episodes that are kept once read, where the same ones are read again and again
Part = tuple[list[str], dict[str, np.ndarray]]


def write_parts(path: Path, parts: Iterable[Part], empty: Mapping[str, np.ndarray]) -> None:
    """One safetensors file of all parts; ids go into its header. `empty`: a part's arrays without rows."""
    ids: list[str] = []
    metadata: dict[str, str] = {}

    def drawn() -> Iterator[dict[str, np.ndarray]]:
        for names, arrays in parts:
            ids.extend(names)
            yield arrays
        metadata["ids"] = json.dumps(ids)

    write_tensors(path, drawn(), empty, metadata)


class EpisodeStore(Mapping[str, Any]):
    """Episode id -> what a file of `write_parts` has of it, read when asked for; subclasses define `__getitem__`.

    Raises ValueError where the file is broken.
    """

    def __init__(self, path: Path):
        self.file = TensorReader(Path(path))
        self.row_of = {episode_id: i for i, episode_id in enumerate(json.loads(self.file.metadata["ids"]))}

    def __len__(self) -> int:
        return len(self.row_of)

    def __iter__(self) -> Iterator[str]:
        return iter(self.row_of)

    def by_ids(self, ids: Sequence[str]) -> CachedEpisodes:
        """Some episodes as a sequence that reads them when they are asked for."""
        return CachedEpisodes(self.__getitem__, ids)


class CachedEpisodes(Sequence):
    """Episodes by their place in a list of ids, read when they are asked for and kept from then on, up to HELD bytes in
    all; those beyond are read each time.
    """

    def __init__(self, read: Callable[[str], Any], ids: Sequence[str]):
        self.read, self.ids, self.kept, self.room = read, list(ids), {}, HELD

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Any:
        if index not in self.kept:
            found = self.read(self.ids[index])
            if found.nbytes > self.room:
                return found
            self.kept[index], self.room = found, self.room - found.nbytes
        return self.kept[index]
