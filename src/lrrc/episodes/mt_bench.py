"""MT-Bench human judgments: votes joined into episodes of two agents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

NAME = "lmsys/mt_bench_human_judgments"
MT_BENCH_CATEGORIES = (
    "writing",
    "roleplay",
    "reasoning",
    "math",
    "coding",
    "extraction",
    "stem",
    "humanities",
)
SWAPPED = {"model_a": "model_b", "model_b": "model_a", "tie": "tie"}


def join_votes(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Votes of mt_bench_human_judgments -> one row per question, pair of models and judged turn.

    The pair is put in alphabetical order, whichever side it was shown on. The outcome is the vote of most
    judges; where two lead with as many votes, it is a tie. A vote on turn 1 judges the first answers only, so
    the conversation is cut there. Raises ValueError for rows of another form.
    """
    votes: dict[tuple, Counter[str]] = {}
    first: dict[tuple, tuple[str, Mapping[str, Any]]] = {}
    for where, row in rows:
        try:
            names = str(row["model_a"]), str(row["model_b"])
            winner = row["winner"] if names[0] <= names[1] else SWAPPED[row["winner"]]
            key = (int(row["question_id"]), *sorted(names), int(row["turn"]))
            SWAPPED[winner]
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"{where}: not a vote of {NAME}: it has question_id, model_a, model_b, "
                "winner (model_a, model_b, tie), conversation_a, conversation_b, turn"
            ) from None
        votes.setdefault(key, Counter())[winner] += 1
        first.setdefault(key, (where, row))
    return [(first[key][0], _joined_row(key, votes[key], first[key][1])) for key in sorted(votes)]


def people_agree(rows: Iterable[tuple[str, Mapping[str, Any]]], turn: int = 2) -> dict[str, float]:
    """How often two people agree on the same pair of answers: over all pairs of votes on one, and how many there are.

    Of votes on `turn`; a tie agrees with a tie alone. Empty where nothing was judged twice.
    """
    votes: dict[tuple, Counter[str]] = {}
    for _, row in rows:
        names = str(row["model_a"]), str(row["model_b"])
        if int(row["turn"]) == turn:
            winner = row["winner"] if names[0] <= names[1] else SWAPPED[row["winner"]]
            votes.setdefault((int(row["question_id"]), *sorted(names)), Counter())[winner] += 1
    alike = sum(n * (n - 1) // 2 for counts in votes.values() for n in counts.values())
    total = sum(n * (n - 1) // 2 for n in (sum(counts.values()) for counts in votes.values()))
    return {"people_agree": alike / total, "pairs_of_votes": total} if total else {}


def _joined_row(key: tuple, votes: Counter[str], row: Mapping[str, Any]) -> dict[str, Any]:
    question, model_a, model_b, turn = key
    leaders = [winner for winner, n in votes.items() if n == max(votes.values())]
    sides = [row.get("conversation_a"), row.get("conversation_b")]
    if row["model_a"] != model_a:
        sides.reverse()
    known = 81 <= question <= 160  # ten questions a category, in this order
    return {
        "question_id": f"mtb-{question}-{model_a}-{model_b}-t{turn}",
        "model_a": model_a,
        "model_b": model_b,
        "winner": leaders[0] if len(leaders) == 1 else "tie",
        "conversation_a": _until(sides[0], turn),
        "conversation_b": _until(sides[1], turn),
        "language": "English",
        "group": str(question),
        "prompt_id": question,
        "category": MT_BENCH_CATEGORIES[(question - 81) // 10] if known else None,
    }


def _until(conversation: Any, turn: int) -> Any:
    """The messages up to the reply of `turn` (from 1); what is no conversation is left for the parser."""
    if not isinstance(conversation, list):
        return conversation
    ends = [i for i, m in enumerate(conversation, 1) if isinstance(m, Mapping) and m.get("role") == "assistant"]
    return conversation[: ends[turn - 1]] if 0 < turn <= len(ends) else conversation
