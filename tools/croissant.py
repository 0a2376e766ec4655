"""Croissant metadata of the embedded arenas: data/embedded/croissant.json, checked by reading every record through it.

.cache/tools/bin/python tools/croissant.py     # `make croissant`: needs mlcroissant and pandas with pyarrow
"""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path

import mlcroissant as mlc
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data/embedded"
FILES = {  # file -> what a row is
    "arena.parquet": "An episode: one user, two agents, the outcome and the checks that a program judged",
    "team.parquet": "An episode of a team: three to five agents with notes of their own",
    "gains.parquet": "What every segment of a call's history gains a language model on the true reply",
}
TEXTS = {
    "question_id": "Id of the episode",
    "winner": "Outcome: model_a, model_b, tie, tie (bothbad)",
    "judge": "Who decided it: verifier, a program",
    "turn": "Number of user turns (arena), or the turn (gains)",
    "group": "Episodes of one group stay in one split",
    "category": "Family of tasks",
    "model_a": "Model that plays side a",
    "model_b": "Model that plays side b",
    "language": "Language of the conversation",
}


def kind(column: pa.DataType) -> mlc.DataType | None:
    """The data type of a column of single values; None of nested ones."""
    if pa.types.is_string(column) or pa.types.is_large_string(column):
        return mlc.DataType.TEXT
    if pa.types.is_boolean(column):
        return mlc.DataType.BOOL
    if pa.types.is_integer(column):
        return mlc.DataType.INTEGER
    return mlc.DataType.FLOAT if pa.types.is_floating(column) else None


def record_set(name: str, about: str) -> mlc.RecordSet:
    """The columns of single values; nested ones (conversations, checks) are read from the file itself."""
    fields = [
        mlc.Field(
            id=f"{Path(name).stem}/{column.name}",
            name=column.name,
            description=TEXTS.get(column.name, column.name.replace("_", " ")),
            data_types=[kind(column.type)],
            source=mlc.Source(file_object=name, extract=mlc.Extract(column=column.name)),
        )
        for column in pq.read_schema(FOLDER / name)
        if kind(column.type) is not None
    ]
    return mlc.RecordSet(id=Path(name).stem, name=Path(name).stem, description=about, fields=fields)


def main() -> None:
    here = {name: about for name, about in FILES.items() if (FOLDER / name).is_file()}
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    version = citation.partition("\nversion: ")[2].partition("\n")[0]
    card = FOLDER / "DATA_CARD.md"
    metadata = mlc.Metadata(
        name="lrrc-embedded-arenas",
        description="Conversations of small local language models, made from seeded scripts, judged by a program; no "
        f"human voted. Nested columns and limits: {card.name}.",
        license="https://www.apache.org/licenses/LICENSE-2.0",
        version=version,
        url="DATA_CARD.md",
        cite_as="See CITATION.cff",
        creators=[mlc.Organization(name="The LRRC contributors")],
        date_published="2026-11-24",
        distribution=[
            mlc.FileObject(
                id=name,
                name=name,
                description=about,
                content_url=name,
                encoding_formats=["application/x-parquet"],
                sha256=hashlib.sha256((FOLDER / name).read_bytes()).hexdigest(),
            )
            for name, about in here.items()
        ],
        record_sets=[record_set(name, about) for name, about in here.items()],
    )
    path = FOLDER / "croissant.json"
    text = json.dumps(metadata.to_json(), indent=1, ensure_ascii=False, default=str) + "\n"
    path.write_text(text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        dataset = mlc.Dataset(str(path))
    for name in here:
        read = sum(1 for _ in dataset.records(record_set=Path(name).stem))
        assert read == pq.read_metadata(FOLDER / name).num_rows, name
        print(f"{name}: {read} records read through {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
