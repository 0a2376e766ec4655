"""What each of many digests of a call is worth, on every kind: how little the true reply surprises a language model
that reads it, and how much of the reply's words it holds.

Calls are met in rounds, one of each kind; the model reads those of the first rounds. What it said is kept by the
content of what it was asked (lrrc.pretrained.answers), so a run goes on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.evaluation.fidelity.equal_tokens import sessions
from lrrc.evaluation.fidelity.surprise import request, surprise
from lrrc.evaluation.kinds.calls import Bounds, KindCall, draw_calls
from lrrc.evaluation.kinds.draws import held, random_digests
from lrrc.evaluation.kinds.rules import RULES, rule
from lrrc.evaluation.kinds.words import new_words, share_held
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
    calls: dict[str, list[KindCall]], encoder: SentenceEncoder, reader: Reader, settings: KindsConfig, budget: int
) -> list[dict[str, Any]]:
    """A row for every call and digest, of random ones and of every rule's; `nats` are null where nobody read it."""
    rows = []
    for number, call in rounds(calls):
        session = session_of(call, encoder, budget)
        told: list[tuple[str, int, Selection]] = [
            (DRAWN, i, digest)
            for i, digest in enumerate(random_digests(call, session, budget, settings.digests, settings.seed))
        ]
        for name in RULES:
            under = session.under(rule(name, encoder, budget))
            told.append((name, 0, under.propose(call.logged.inputs, call.logged.agent, budget)))
        nats = reader.nats(number, call, [digest for _, _, digest in told])
        wanted = new_words(call.logged)
        for (name, i, digest), value in zip(told, nats, strict=True):
            rows.append(
                {
                    "kind": call.kind,
                    "call": call.key,
                    "cluster": call.cluster,
                    "digest": name,
                    "number": i,
                    "tokens": digest.tokens,
                    "segments": held(session, digest),
                    "words": share_held(wanted, digest, session.history.messages),
                    "nats": value,
                }
            )
    return rows


class Reader:
    """The language model, which reads the first `rounds` calls of every kind."""

    def __init__(self, answers: Answers, reply_tokens: int, rounds: int):
        self.answers, self.reply_tokens, self.rounds = answers, reply_tokens, rounds

    def nats(self, number: int, call: KindCall, digests: Sequence[Selection]) -> list[float | None]:
        """Surprise of the true reply after each digest; None where the call's round is not read."""
        if number >= self.rounds:
            return [None] * len(digests)
        model = self.answers.model
        asked = [request(model, call.logged, digest.text or "", (), self.reply_tokens) for digest in digests]
        found = [float(value) for value in surprise(self.answers, asked)]
        print(f"kinds: round {number}, {call.kind}: {self.answers.new} new answers", flush=True)
        return found


def schema() -> pa.Schema:
    """Columns of the file of targets: names, hashes and numbers, no texts."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int32()
    return pa.schema(
        {
            "kind": text,
            "call": text,
            "cluster": text,
            "digest": text,
            "number": whole,
            "tokens": whole,
            "segments": pa.list_(pa.int32()),
            "words": pa.float32(),
            "nats": pa.float32(),
        }
    )


def write_targets(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    import pyarrow as pa

    write_parquet(path, pa.Table.from_pylist(list(rows), schema=schema()))
