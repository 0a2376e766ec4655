"""What agents of the team arena say of their own: what their models said in the embedded arena to the same questions.

The small talk of both arenas comes from one grammar, so its questions recur. Of a logged reply the first sentence is
taken, where it is short and speaks of nobody, no place and no number: facts come from scripts alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from pathlib import Path

from lrrc.episodes.arena.small_talk import TOPICS
from lrrc.episodes.arena.vocabulary import DAYS, EVENTS, GROUPS, NAMES, TOWNS
from lrrc.runtime.rows import read_rows

WORDS = (3, 24)
FACTUAL = re.compile(r"\d|\b(" + "|".join(map(re.escape, (*NAMES, *TOWNS, *DAYS, *GROUPS, *EVENTS))) + r")\b", re.I)
SENTENCE = re.compile(r"[^.!?]+[.!?]+")
Pool = dict[tuple[str, str], list[str]]  # by model and question; the question "" has all of a model's


def read_pool(arena: Path) -> Pool:
    """Replies of either model to every question of the small talk. Raises ValueError where there is no such file."""
    questions = {question for _, asked in TOPICS.values() for question in asked}
    columns = [f"{column}_{side}" for side in "ab" for column in ("model", "conversation")]
    pool: Pool = {}
    for row in read_rows(arena, columns):
        for side in "ab":
            said = [message["content"] for message in row.value[f"conversation_{side}"]]
            for message, reply in zip(said[::2], said[1::2], strict=True):
                question = next((each for each in questions if message.endswith(each)), None)
                if question and (text := ordinary(reply)):
                    for key in (question, ""):
                        pool.setdefault((row.value[f"model_{side}"], key), []).append(text)
    return {key: sorted(set(texts)) for key, texts in pool.items()}


def ordinary(reply: str) -> str:
    """The first sentence of a reply, or nothing where that is no ordinary talk."""
    found = SENTENCE.match(reply.strip("\"'()* "))
    text = found.group().strip() if found else ""
    return text if WORDS[0] <= len(text.split()) <= WORDS[1] and not FACTUAL.search(text) else ""


def draw(pool: Pool, model: str, question: str, rng: random.Random, but: Iterable[str]) -> str:
    """What a model says to a question, none of `but`; what it said to another where the pool has no more."""
    used = set(but)
    left = next(left for key in (question, "") if (left := [t for t in pool.get((model, key), ()) if t not in used]))
    return rng.choice(left)
