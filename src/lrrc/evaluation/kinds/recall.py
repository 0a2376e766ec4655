"""Is the message that a reply answers in the digest? Where a file says which one it is, no language model is needed.

Rows of such a file have `links`: [number of a reply, number of the message that it answers] among their messages. The
message just before the reply is sent anyway, so links to it, and to what comes after, say nothing of a digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.episodes.forms import COLUMNS as FORM_COLUMNS
from lrrc.episodes.forms import conversation_rows
from lrrc.episodes.parsing import COLUMNS, parse_messages
from lrrc.evaluation.kinds.calls import KindCall, log_call
from lrrc.evaluation.kinds.regret import Maker, Met, equal_budget
from lrrc.pretrained.sentence_encoder import SentenceEncoder
from lrrc.runtime.chance import stream
from lrrc.runtime.rows import read_rows

if TYPE_CHECKING:
    import pyarrow as pa


def linked_calls(kind: str, path: Path, least: int, most: int, seed: int) -> Iterator[tuple[KindCall, int]]:
    """Up to `most` replies of every conversation with the number, in the history, of the message that each answers.

    Only replies whose history has at least `least` tokens.
    """
    for where, row in conversation_rows(read_rows(path, (*COLUMNS, *FORM_COLUMNS, "links"))):
        if not row.get("links"):
            continue
        messages = parse_messages(row["messages"], where)
        body = [i for i, message in enumerate(messages) if message.role != "system"]
        place = {number: i for i, number in enumerate(body)}
        links = [(place[a], place[b]) for a, b in row["links"] if a in place and b in place and b < a]
        rng = stream(f"kinds: links of {row['id']}", seed)
        taken = 0
        for i in rng.permutation(len(links)):
            reply, answered = links[i]
            call = log_call(kind, str(row["id"]), [messages[n] for n in body], reply)
            if taken < most and call is not None and answered < len(call.history) and call.history_tokens >= least:
                taken += 1
                yield call, answered


def measure_recall(
    calls: Sequence[tuple[KindCall, int]], makers: Mapping[str, Maker], encoder: SentenceEncoder, budget: int
) -> list[dict[str, Any]]:
    """A row for every reply and policy, at equal mean tokens: is a segment of the message answered in the digest?"""
    met = [(Met(call, encoder), answered) for call, answered in calls]
    wanted = float(np.mean([one.send(makers["recency"](budget), budget).tokens for one, _ in met]))
    rows = []
    for name, maker in makers.items():
        most = budget if name == "recency" else equal_budget([one for one, _ in met], maker, budget, wanted)
        for one, answered in met:
            digest = one.send(maker(most), most)
            rows.append(
                {
                    "kind": one.call.kind,
                    "call": one.call.key,
                    "cluster": one.call.cluster,
                    "policy": name,
                    "budget": budget,
                    "tokens": digest.tokens,
                    "held": any(span.message == answered for span in digest.spans),
                }
            )
        print(f"kinds: recall of {name}", flush=True)
    return rows


def schema() -> pa.Schema:
    """Columns of the rows."""
    import pyarrow as pa

    text = pa.string()
    numbers = {"budget": pa.int32(), "tokens": pa.int32(), "held": pa.bool_()}
    return pa.schema({"kind": text, "call": text, "cluster": text, "policy": text, **numbers})
