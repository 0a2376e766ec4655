"""The stage kinds: targets of every kind, the line, and every policy on kinds that none of its weights has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lrrc.digest.additive import Line
from lrrc.evaluation.kinds import recall, regret
from lrrc.evaluation.kinds.fit import Measured, agreement, fit_line, measured_calls, readings_agree
from lrrc.evaluation.kinds.regret import Maker, line_at, measure_regret, network_at
from lrrc.evaluation.kinds.rules import RULES, rule
from lrrc.evaluation.kinds.targets import Reader, all_calls, measure_targets, write_targets
from lrrc.params import KindsConfig, Params
from lrrc.pretrained import language_model, sentence_encoder
from lrrc.pretrained.answers import Answers, read_answers, read_journals, write_answers
from lrrc.pretrained.sentence_encoder import SentenceEncoder
from lrrc.runtime.files import write_json, write_parquet

ARENA = "embedded"  # what the embedded arena is called; the coordinator is trained on it, so is not met there

WITH_LINE = "lrrc-line"  # the coordinator whose prior is the line, as the package has it


class Inputs(NamedTuple):
    """The embedded arena, the folders of vectors and language model, and the coordinator trained on the arena."""

    arena: Path
    encoder: Path
    model: Path
    checkpoint: Path


def evaluate_kinds(inputs: Inputs, params: Params, out: Path, work: Path) -> None:
    """Measure and write to `out`; what the model answered is kept in `work` as it comes. Raises ValueError.

    answers.parquet   what the language model said, by content
    targets.parquet   what digests of every call are worth
    line.json         the additive line fitted on every kind, and its figures where a kind was left out
    rows.parquet      surprise under every policy, by weights that never saw the kind
    recall.parquet    whether digests hold the message answered, where files say which that is
    """
    import pyarrow as pa

    settings = params.kinds
    if not settings.files:
        raise ValueError("params: kinds.files = []: allowed is a list of data sets beside the embedded arena")
    kinds = {ARENA: inputs.arena, **{Path(file).stem: Path(file) for file in settings.files}}
    encoder = sentence_encoder.load(str(inputs.encoder))
    stored = out / "answers.parquet"
    known = read_journals(work) | (read_answers(stored) if stored.is_file() else {})
    answers = Answers(language_model.load(str(inputs.model)), known, work / "answers.jsonl")
    reader, seldom = (
        Reader(answers, params.fidelity.reply_tokens, count) for count in (settings.read, settings.read_elsewhere)
    )
    calls = all_calls(kinds, settings, params.budget, settings.calls)
    rows = measure_targets(calls, encoder, reader, settings, params.budget)
    write_targets(out / "targets.parquet", rows)
    measured = measured_calls(rows, calls, encoder, params.budget)
    lines = left_out(measured, settings)
    write_json(out / "line.json", line_file(measured, lines, settings))
    makers = {kind: makers_of(kind, lines[kind], encoder, inputs.checkpoint) for kind in calls}
    linked = measure_links(kinds, makers, encoder, params)
    write_parquet(out / "recall.parquet", pa.Table.from_pylist(linked, schema=recall.schema()))
    met = []
    for budget in settings.budgets:
        own = budget == params.budget
        some = calls if own else all_calls(kinds, settings, budget, settings.met_elsewhere)
        some = {kind: of_kind for kind, of_kind in some.items() if len(of_kind) > 1}
        met += measure_regret(some, makers, encoder, reader if own else seldom, budget)
        write_parquet(out / "rows.parquet", pa.Table.from_pylist(met, schema=regret.schema()))
    write_answers(stored, answers.handed_over()[0])


def left_out(measured: Sequence[Measured], settings: KindsConfig) -> dict[str, Line]:
    """Kind -> the line of all other kinds."""
    kinds = dict.fromkeys(one.kind for one in measured)
    return {kind: fit_line([one for one in measured if one.kind != kind], settings.ridge) for kind in kinds}


def line_file(measured: Sequence[Measured], lines: Mapping[str, Line], settings: KindsConfig) -> dict:
    """The line of all kinds, as the package has it; `left_out` says how the others' lines agree with each kind."""
    of_kind = {kind: [one for one in measured if one.kind == kind] for kind in lines}
    return {
        "weights": fit_line(measured, settings.ridge).weights,
        "left_out": {
            kind: {
                "calls": len(of_kind[kind]),
                "read": sum(one.nats_D is not None for one in of_kind[kind]),
                "agreement": agreement(line, of_kind[kind]),
                "agreement_by_words": agreement(line, of_kind[kind], words=True),
            }
            for kind, line in lines.items()
        },
        "words_agree_with_nats": readings_agree(measured),
    }


def makers_of(kind: str, line: Line, encoder: SentenceEncoder, checkpoint: Path) -> dict[str, Maker]:
    """What is met on a kind beside the rules."""
    made: dict[str, Maker] = {"additive": partial(line_at, line, encoder)}
    if kind == ARENA:
        return made
    return made | {"lrrc": network_at(checkpoint, encoder), WITH_LINE: network_at(checkpoint, encoder, line)}


def measure_links(
    kinds: Mapping[str, Path], makers: Mapping[str, Mapping[str, Maker]], encoder: SentenceEncoder, params: Params
) -> list[dict]:
    """Rows of recall for every file that says which message a reply answers."""
    rows, rules = [], {name: partial(rule, name, encoder) for name in RULES}
    for kind, path in kinds.items():
        linked = list(recall.linked_calls(kind, path, 2 * params.budget, params.kinds.links, params.kinds.seed))
        if linked:
            rows += recall.measure_recall(linked, rules | makers[kind], encoder, params.budget)
    return rows
