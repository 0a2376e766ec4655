"""How much the true reply surprises a language model given each of many digests of a call, on every kind.

Calls are met in rounds, one of each kind, so that a run that is stopped leaves as many of each. What the model said is
kept by the content of what it was asked (lrrc.pretrained.answers): a run goes on where the last one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.evaluation.fidelity.equal_tokens import sessions
from lrrc.evaluation.fidelity.surprise import request, surprise
from lrrc.evaluation.kinds.calls import Bounds, KindCall, draw_calls
from lrrc.evaluation.kinds.draws import held, random_digests
from lrrc.evaluation.kinds.rules import RULES, rule
from lrrc.policies.base import Session
from lrrc.pretrained.sentence_encoder import SentenceEncoder
from lrrc.runtime.files import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from lrrc.digest.selection import Selection
    from lrrc.params import KindsConfig
    from lrrc.pretrained.answers import Answers

DRAWN = "drawn"  # what rows call random digests


def all_calls(kinds: Mapping[str, Path], settings: KindsConfig, budget: int, count: int) -> dict[str, list[KindCall]]:
    """Kind -> up to `count` calls whose history is at least twice the budget, in the order drawn."""
    bounds = Bounds(2 * budget, settings.history_tokens, settings.input_characters)
    return {kind: draw_calls(kind, path, bounds, count, settings.seed) for kind, path in kinds.items()}


def rounds(calls: dict[str, list[KindCall]]) -> Iterator[tuple[int, KindCall]]:
    """(round, call): the first call of every kind, the second of every kind, and so on."""
    for number in range(max(map(len, calls.values()))):
        yield from ((number, of_kind[number]) for of_kind in calls.values() if number < len(of_kind))


def session_of(call: KindCall, encoder: SentenceEncoder, budget: int) -> Session:
    """A session that has heard what was said before the call."""
    ((_, session),) = sessions(rule("embedding", encoder, budget), [call.logged])
    return session


def measure_targets(
    calls: dict[str, list[KindCall]],
    encoder: SentenceEncoder,
    answers: Answers,
    settings: KindsConfig,
    budget: int,
    reply_tokens: int,
) -> list[dict[str, Any]]:
    """A row for every call and digest, of random ones and of every rule's; whole rounds, until the deadline."""
    started, rows, finished = time.monotonic(), [], -1
    for number, call in rounds(calls):
        if time.monotonic() - started > 60 * settings.deadline_min:
            finished = number - 1
            break
        session = session_of(call, encoder, budget)
        told: list[tuple[str, int, Selection]] = [
            (DRAWN, i, digest)
            for i, digest in enumerate(random_digests(call, session, budget, settings.digests, settings.seed))
        ]
        for name in RULES:
            under = session.under(rule(name, encoder, budget))
            told.append((name, 0, under.propose(call.logged.inputs, call.logged.agent, budget)))
        asked = [request(answers.model, call.logged, digest.text or "", (), reply_tokens) for _, _, digest in told]
        for (name, i, digest), nats in zip(told, surprise(answers, asked), strict=True):
            rows.append(
                {
                    "kind": call.kind,
                    "call": call.key,
                    "cluster": call.cluster,
                    "round": number,
                    "digest": name,
                    "number": i,
                    "tokens": digest.tokens,
                    "segments": held(session, digest),
                    "nats": float(nats),
                }
            )
        print(f"kinds: round {number}, {call.kind}: {answers.new} new answers", flush=True)
    else:
        finished = max(map(len, calls.values()))
    return [row for row in rows if row["round"] <= finished]


def schema() -> pa.Schema:
    """Columns of the file of targets: names, hashes and numbers, no texts."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int32()
    return pa.schema(
        {
            "kind": text,
            "call": text,
            "cluster": text,
            "round": whole,
            "digest": text,
            "number": whole,
            "tokens": whole,
            "segments": pa.list_(pa.int32()),
            "nats": pa.float32(),
        }
    )


def write_targets(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    import pyarrow as pa

    write_parquet(path, pa.Table.from_pylist(list(rows), schema=schema()))
