"""The stage kinds: targets of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from lrrc.evaluation.kinds.targets import all_calls, measure_targets, write_targets
from lrrc.params import Params
from lrrc.pretrained import language_model, sentence_encoder
from lrrc.pretrained.answers import Answers, read_answers, read_journals, write_answers


class Inputs(NamedTuple):
    """The embedded arena, and the folders of vectors and language model."""

    arena: Path
    encoder: Path
    model: Path


def evaluate_kinds(inputs: Inputs, params: Params, out: Path, work: Path) -> None:
    """Measure and write out/targets.parquet and out/answers.parquet. Raises ValueError."""
    if not params.kinds.files:
        raise ValueError("params: kinds.files = []: allowed is a list of data sets beside the embedded arena")
    settings = params.kinds
    vectors = sentence_encoder.load(str(inputs.encoder))
    kinds = {"embedded": inputs.arena, **{Path(file).stem: Path(file) for file in settings.files}}
    calls = all_calls(kinds, settings, params.budget)
    stored = out / "answers.parquet"
    known = read_journals(work) | (read_answers(stored) if stored.is_file() else {})
    answers = Answers(language_model.load(str(inputs.model)), known, work / "answers.jsonl")
    rows = measure_targets(calls, vectors, answers, settings, params.budget, params.fidelity.reply_tokens)
    write_targets(out / "targets.parquet", rows)
    write_answers(stored, answers.handed_over()[0])
