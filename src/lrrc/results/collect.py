"""All records of results/: one list for results/summary.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lrrc.results.call_gate_records import gate_records
from lrrc.results.replay_records import dataset_records, evaluation_records, read_rows
from lrrc.results.scores import Settings, Source
from lrrc.results.training_curves import read_histories, training_records


def read_source(replay: Path) -> Source:
    """What the replay was measured on."""
    return Source(**json.loads((Path(replay) / "meta.json").read_text(encoding="utf-8")))


def all_records(replay: Path, table1: Iterable[Mapping], models: Path, settings: Settings) -> list[dict[str, Any]]:
    """Every record there is, from what the stages wrote; one more evaluation is one more line here."""
    source = read_source(replay)
    return [
        *evaluation_records(read_rows(replay), source, settings),
        *gate_records(replay, source),
        *dataset_records(table1, source),
        *training_records(read_histories(models), asdict(source)),
    ]
