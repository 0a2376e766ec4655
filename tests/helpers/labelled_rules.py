"""How well standing rules are told from what is no rule, on the labelled set tests/data/standing_rules.jsonl."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.paths import ROOT
from lrrc.digest.history import History
from lrrc.digest.standing_rules import recognise, segments_of
from lrrc.episodes.episode import Message
from lrrc.pretrained.sentence_encoder import NO_VECTORS

SET = ROOT / "tests" / "data" / "standing_rules.jsonl"
OWN_VOICE = ("user", "developer")
EXPLICIT = ("rule", "rule-list", "replaced")
LANGUAGES = ("en", "de", "es", "fr", "it", "pt", "ja", "zh")


@dataclass(frozen=True)
class Figures:
    """Counts over labelled entries. A recognised rule is right where its segments cover a labelled string and every
    one of them has a part in it."""

    explicit: int
    explicit_found: int
    implicit: int
    implicit_found: int
    taken: int
    right: int
    quoted: int
    quoted_taken: int
    ordinary: int
    ordinary_taken: int

    @property
    def recall(self) -> float:
        return self.explicit_found / self.explicit

    @property
    def precision(self) -> float:
        return self.right / self.taken


def entries(half: str) -> list[dict]:
    """The open or the sealed half: look at the open one alone while patterns are written."""
    return [
        entry for entry in map(json.loads, SET.read_text(encoding="utf-8").strip().split("\n")) if entry["half"] == half
    ]


def measure(listed: Iterable[dict]) -> Figures:
    found: Counter[str] = Counter()
    for entry in listed:
        taken, labels = _taken(entry), _labels(entry)
        right = {label for spans in taken for label in labels if _matches(spans, label)}
        kind = "explicit" if entry["kind"] in EXPLICIT else entry["kind"].removeprefix("rule-")
        found["taken"] += len(taken)
        found["right"] += sum(any(_matches(spans, label) for label in labels) for spans in taken)
        if labels:
            found[kind] += len(labels)
            found[f"{kind}_found"] += len(right)
        elif kind in ("quoted", "ordinary"):
            found[kind] += 1
            found[f"{kind}_taken"] += bool(taken)
    return Figures(**{name: found[name] for name in Figures.__dataclass_fields__})


def table() -> str:
    """Markdown: both halves, then languages over both."""
    both = [(half, entries(half)) for half in ("open", "sealed")]
    rows = [(f"all, {half} half", listed) for half, listed in both]
    rows += [(code, [e for _, listed in both for e in listed if e["language"] == code]) for code in LANGUAGES]
    lines = [
        "| entries | precision | rules found | facts and hints found | quoted, taken | ordinary, taken |",
        "|---|---|---|---|---|---|",
    ]
    for name, listed in rows:
        f = measure(listed)
        pairs = (
            (f.right, f.taken),
            (f.explicit_found, f.explicit),
            (f.implicit_found, f.implicit),
            (f.quoted_taken, f.quoted),
            (f.ordinary_taken, f.ordinary),
        )
        lines.append(f"| {name} | " + " | ".join(f"{100 * a / b:.0f} % ({a} of {b})" for a, b in pairs) + " |")
    return "\n".join(lines)


def _taken(entry: dict) -> list[list[tuple[int, int]]]:
    """The bounds of the segments of every rule that is recognised."""
    if entry["role"] not in OWN_VOICE:
        return []
    history = History((), NO_VECTORS, 60)
    history.append([Message("user", entry["message"])])
    held = [segments_of(history, 0, rule) for rule in recognise(entry["message"]) if not rule.lifts]
    return [[(history.segments[i].start, history.segments[i].end) for i in numbers] for numbers in held]


def _labels(entry: dict) -> list[tuple[int, int]]:
    starts = [entry["message"].index(rule) for rule in entry["rules"]]
    return [(start, start + len(rule)) for start, rule in zip(starts, entry["rules"], strict=True)]


def _matches(spans: list[tuple[int, int]], label: tuple[int, int]) -> bool:
    start, end = label
    covers = bool(spans) and spans[0][0] <= start and end <= spans[-1][1]
    return covers and all(a < end and start < b for a, b in spans)
