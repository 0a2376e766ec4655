"""The stage kinds: targets of every kind, the line, and every policy on kinds that none of its weights has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lrrc.digest.additive import Line
from lrrc.evaluation.kinds import recall, regret
from lrrc.evaluation.kinds.fit import Measured, agreement, fit_line, measured_calls, readings_agree
from lrrc.evaluation.kinds.ordering import Sight, best_rule, fit_order, sight
from lrrc.evaluation.kinds.regret import Maker, line_at, measure_regret, network_at
from lrrc.evaluation.kinds.rules import RULES, rule
from lrrc.evaluation.kinds.targets import Reader, all_calls, measure_targets, write_targets
from lrrc.params import KindsConfig, Params
from lrrc.pretrained import language_model, sentence_encoder
from lrrc.pretrained.answers import Answers, read_answers, read_journals, write_answers
from lrrc.pretrained.sentence_encoder import SentenceEncoder
from lrrc.runtime.executor import map_in_order
from lrrc.runtime.files import write_json, write_parquet

ARENA = "embedded"  # what the embedded arena is called; the coordinator is trained on it, so is not met there

VALUES = "values-line"  # the line of values per token
PRUNED = "tokensqueeze-only"  # words of every message, by what the same network finds essential
WITH_LINE = "lrrc-line"  # the coordinator whose prior is the ordered line, as the package has it


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
    line.json         the ordered line fitted on every kind, and those fitted without one
    values.json       the line of values per token, and how it agrees with the kind that it was not fitted on
    rows.parquet      surprise under every policy, by weights that never saw the kind
    recall.parquet    whether digests hold the message answered, where files say which that is
    """
    import pyarrow as pa

    settings = params.kinds
    if len(settings.files) < 2:
        raise ValueError(
            f"params: kinds.files = {list(settings.files)}: allowed is a list of two data sets or more beside the "
            "embedded arena"
        )
    kinds = {ARENA: inputs.arena, **{Path(file).stem: Path(file) for file in settings.files}}
    encoder = sentence_encoder.load(str(inputs.encoder))
    stored = out / "answers.parquet"
    known = read_journals(work) | (read_answers(stored) if stored.is_file() else {})
    answers = Answers(language_model.load(str(inputs.model)), known, work / "answers.jsonl")
    reader, often, seldom = (
        Reader(answers, params.fidelity.reply_tokens, count)
        for count in (settings.read, settings.read_policies, settings.read_elsewhere)
    )
    calls = all_calls(kinds, settings, params.budget, settings.calls)
    rows = measure_targets(calls, encoder, reader, settings, params.budget)
    write_targets(out / "targets.parquet", rows)
    measured = measured_calls(rows, calls, encoder, params.budget)
    values = left_out(measured, settings)
    write_json(out / "values.json", values_file(measured, values, settings))
    orders = fit_orders(kinds, encoder, params)
    write_json(out / "line.json", line_file(orders))
    makers = {kind: makers_of(kind, orders[kind], values[kind], encoder, inputs.checkpoint) for kind in calls}
    linked = measure_links(kinds, makers, encoder, params)
    write_parquet(out / "recall.parquet", pa.Table.from_pylist(linked, schema=recall.schema()))
    met = []
    for budget in settings.budgets:
        own = budget == params.budget
        some = calls if own else all_calls(kinds, settings, budget, settings.met_elsewhere)
        some = {kind: of_kind for kind, of_kind in some.items() if len(of_kind) > 1}
        met += measure_regret(some, makers, encoder, often if own else seldom, budget)
        write_parquet(out / "rows.parquet", pa.Table.from_pylist(met, schema=regret.schema()))
    write_answers(stored, answers.handed_over()[0])


def left_out(measured: Sequence[Measured], settings: KindsConfig) -> dict[str, Line]:
    """Kind -> the line of all other kinds."""
    kinds = dict.fromkeys(one.kind for one in measured)
    return {kind: fit_line([one for one in measured if one.kind != kind], settings.ridge) for kind in kinds}


def values_file(measured: Sequence[Measured], lines: Mapping[str, Line], settings: KindsConfig) -> dict:
    """The line of values of all kinds; `left_out` says how the others' lines agree with each kind."""
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


def fit_orders(kinds: Mapping[str, Path], encoder: SentenceEncoder, params: Params) -> dict[str, Line]:
    """Kind -> the ordered line of all other kinds; of the arena, which no line is fitted on, that of all.

    At each budget it is fitted on calls drawn after as many as the language model reads. The arena's calls ask for
    facts that stand anywhere, so no order by place finds them: that is what the prior's share of what is asked is for.
    """
    settings = params.kinds
    sights: dict[int, dict[str, list[Sight]]] = {}
    others = {kind: path for kind, path in kinds.items() if kind != ARENA}
    best: dict[int, dict[str, float]] = {}
    for budget in settings.order_budgets:
        drawn = all_calls(others, settings, budget, settings.read + settings.order_calls)
        unread = {kind: of_kind[settings.read :] for kind, of_kind in drawn.items() if len(of_kind) > settings.read + 1}
        if len(unread) < 2:
            raise ValueError(
                f"params: kinds.order_budgets has {budget}: {len(unread)} kinds have more than kinds.read = "
                f"{settings.read} calls whose history is long enough; 2 are needed"
            )
        sights[budget] = {kind: [sight(call, encoder, budget) for call in of] for kind, of in unread.items()}
        best[budget] = {kind: best_rule(of, sights[budget][kind], encoder, budget) for kind, of in unread.items()}
    fit = partial(_fit_without, sights, best, settings.seed)
    return {kind: line for (kind,), line in map_in_order(fit, [(kind,) for kind in kinds])}


def _fit_without(
    sights: Mapping[int, Mapping[str, Sequence[Sight]]], best: Mapping[int, Mapping[str, float]], seed: int, kind: str
) -> Line:
    others = {b: {k: of for k, of in of_kinds.items() if k != kind} for b, of_kinds in sights.items()}
    return fit_order(others, best, seed)


def line_file(orders: Mapping[str, Line]) -> dict:
    """The ordered line of all kinds, as the package has it, and of all but each."""
    without = {kind: dict(line.weights) for kind, line in orders.items() if kind != ARENA}
    return {"ordered": True, "weights": dict(orders[ARENA].weights), "without": without}


def makers_of(kind: str, order: Line, values: Line, encoder: SentenceEncoder, checkpoint: Path) -> dict[str, Maker]:
    """What is met on a kind beside the rules."""
    made: dict[str, Maker] = {"additive": partial(line_at, order, encoder), VALUES: partial(line_at, values, encoder)}
    if kind == ARENA:
        return made
    return made | {
        "lrrc": network_at(checkpoint, encoder),
        WITH_LINE: network_at(checkpoint, encoder, line=order),
        PRUNED: network_at(checkpoint, encoder, PRUNED),
    }


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
