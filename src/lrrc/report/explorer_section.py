"""The report's digest explorer: what its page needs of results/explore.json."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any


def last_turn(data: Mapping[str, Any]) -> dict[str, Any]:
    """The first episode's last turn as it opens: tokens per policy, and messages in pieces (text, is it sent?)."""
    turns = data["episodes"][0]["turns"]
    calls = [sent[0] if sent else {"tokens": None, "spans": []} for sent in turns[-1]["sent"]]
    messages = [(t, *said) for t, turn in enumerate(turns) for said in (*turn["inputs"], *turn["replies"])]
    lines = []
    for m, (t, speaker, text) in enumerate(messages):
        cuts = [0, *(place for k, *ends in calls[0]["spans"] if k == m for place in ends), len(text)]
        pieces = [(text[a:b], i % 2 == 1) for i, (a, b) in enumerate(itertools.pairwise(cuts)) if a < b]
        lines.append({"turn": t + 1, "speaker": speaker, "pieces": pieces})
    return {
        "id": data["episodes"][0]["id"],
        "turn": len(turns),
        "lines": lines,
        "tokens": [(name, call["tokens"]) for name, call in zip(data["policies"], calls, strict=True)],
    }
