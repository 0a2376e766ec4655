"""What a language model thought of answers, kept by content, so that a long run made once serves everybody.

Kept is the mean log-likelihood per token of every answer to a request. A request is named by a hash of all that decides
it: the tokens of prompt and answers (so the template, the payload and the options in their order), the model's files
and SCORER. Each is computed in a forward pass of its own and rounded, so that what it is asked beside changes nothing:
side by side with others the same answer scores up to 0.06 nats differently in bfloat16.

Models differ a little from processor to processor, so the processor that an answer comes from is kept with it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lrrc.pretrained import language_model
from lrrc.pretrained.language_model import LanguageModel, ScoringRequest
from lrrc.runtime.arithmetic import processor
from lrrc.runtime.files import write_parquet
from lrrc.runtime.rows import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

SCORER = 1  # raise it where the same model would score the same request differently
UNIT = 1e-3  # nats; the model's own rounding is coarser
JOURNALS = Path(".cache/answers")


class Kept(NamedTuple):
    """Mean log-likelihoods per token of the answers to one request, in units of UNIT, and who computed them."""

    scores: tuple[int, ...]
    processor: str


class Answers:
    """A model that is asked only what is not known yet.

    `known` is what others computed. What is new is appended to `journal` as it comes, so that a killed run loses one
    answer.
    """

    def __init__(self, model: LanguageModel, known: Mapping[int, Kept] | None = None, journal: Path | None = None):
        self.model, self.known, self.new = model, dict(known or {}), 0
        self.used: dict[int, Kept] = {}
        self.journal, self.processor = journal, processor()

    def score(self, requests: Sequence[ScoringRequest]) -> list[np.ndarray]:
        """Mean log-likelihood per token of every answer, in nats, per request."""
        found = []
        for request in requests:
            key = request_key(request, self.model.digest)
            kept = self.used.get(key) or self.known.get(key) or self._ask(key, request)
            self.used[key] = kept
            found.append(np.array(kept.scores) * UNIT)
        return found

    def handed_over(self) -> tuple[dict[int, Kept], int]:
        """Everything that was asked for since the last time, and how much of it was new."""
        used, new = self.used, self.new
        self.known |= used
        self.used, self.new = {}, 0
        return used, new

    def _ask(self, key: int, request: ScoringRequest) -> Kept:
        ((answers,),) = self.model.score([[request]])
        kept = Kept(tuple(round(float(answer.mean()) / UNIT) for answer in answers), self.processor)
        self.new += 1
        if self.journal:
            write_down(self.journal, key, kept)
        return kept


def write_down(journal: Path, key: int, kept: Kept) -> None:
    """Add an answer to a journal, as `read_journals` reads it."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    with open(journal, "a", encoding="utf-8") as file:
        file.write(json.dumps({"key": key, **kept._asdict()}) + "\n")


def request_key(request: ScoringRequest, model: str) -> int:
    """64 bits that name a request to a model: of a million requests, two share a name once in 40 million files."""
    sha = hashlib.blake2b(f"{SCORER} {model}".encode(), digest_size=8)
    for ids in (request.prompt, *request.answers):
        sha.update(np.array([len(ids), *ids], np.int32).tobytes())
    return int.from_bytes(sha.digest(), "big")


def schema() -> pa.Schema:
    """Columns of a file of answers."""
    import pyarrow as pa

    return pa.schema({"key": pa.uint64(), "scores": pa.list_(pa.int32()), "processor": pa.string()})


def write_answers(path: Path, kept: dict[int, Kept]) -> None:
    """A file of answers, in the order of their keys."""
    import pyarrow as pa

    rows = [{"key": key, **kept[key]._asdict()} for key in sorted(kept)]
    write_parquet(path, pa.Table.from_pylist(rows, schema=schema()))


def read_answers(path: Path) -> dict[int, Kept]:
    """What a file of answers holds. Raises ValueError where it is missing or broken."""
    rows = read_rows(path, schema().names)
    return {row.value["key"]: Kept(tuple(row.value["scores"]), row.value["processor"]) for row in rows}


def read_journals(folder: Path) -> dict[int, Kept]:
    """What runs on this machine wrote down as they went; a line cut off at the end counts for nothing."""
    kept = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                row = json.loads(line)
                kept[row["key"]] = Kept(tuple(row["scores"]), row["processor"])
    return kept


class LanguageModelFiles(NamedTuple):
    """The folder of a language model, a file of what it has answered already, and where new answers are written."""

    folder: Path
    known: Path
    journals: Path = JOURNALS

    def answers(self, remember: bool) -> Answers:
        """The model, asked for what neither the file nor a journal of this machine holds; or else for everything."""
        kept = _remembered(self.known, self.journals) if remember else {}
        return Answers(language_model.load(str(self.folder)), kept, self.journals / f"{os.getpid()}.jsonl")


@functools.lru_cache(maxsize=1)
def _remembered(known: Path, journals: Path) -> dict[int, Kept]:
    return read_journals(journals) | read_answers(known)  # where both know, what all readers have
