"""What of a reply stands in a digest: the cheap reading of its worth, which needs no language model.

Each word of the reply that is not in what is asked counts by its weight, once. Within calls this goes with what a
language model makes of the digests (docs/log.md has the figure), so it stands in where none has read a call.
"""

from __future__ import annotations

from lrrc.digest.selection import Selection
from lrrc.digest.words import word_weight, words_of
from lrrc.episodes.episode import Message
from lrrc.evaluation.fidelity.replies import LoggedReply

REPLY = 400  # characters of a reply that count, about as much as a language model is shown


def new_words(logged: LoggedReply) -> dict[str, float]:
    """The weights of the reply's words that nobody asks in."""
    asked = {word for message in logged.inputs for word in words_of(message.content)}
    return {word: word_weight(word) for word in words_of(logged.reply.content[:REPLY]) if word not in asked}


def share_held(wanted: dict[str, float], digest: Selection, heard: list[Message]) -> float:
    """How much of those words a digest holds, from 0 to 1; 0 where there are none."""
    held = {word for s in digest.spans for word in words_of(heard[s.message].content[s.start : s.end])}
    whole = sum(wanted.values())
    return sum(weight for word, weight in wanted.items() if word in held) / whole if whole else 0.0
