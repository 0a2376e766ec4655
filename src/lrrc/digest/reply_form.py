"""What any reader sees of a reply before weighing what it says: how long it is, how it is laid out, of which words.

Nine plain numbers, of the text alone and in any language. Outcome heads get them as differences between the two agents'
replies of every turn in which both replied: exchanging the agents changes the sign and nothing else.
Shape suffixes: F numbers of a reply (FORM), T turns.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence

import numpy as np

from lrrc.digest.signals import Signal
from lrrc.digest.voice import plain
from lrrc.digest.words import words_of
from lrrc.episodes.episode import Message
from lrrc.pretrained import tokens

FORM = (
    "log_tokens",
    "log_lines",
    "log_list_items",
    "log_code_fences",
    "digits",  # share of the characters
    "log_distinct_words",
    "words_of_question",  # share of the question's words that the reply has, too
    "apology",
    "word_length",  # letters
)
_LIST_ITEM = re.compile(
    r"^[ \t]*(?:[-*+•·‣▪]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)]|[①-⑳]|[\d一二三四五六七八九十]{1,3}[、．])[ \t]*\S",
    re.M,
)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.M)
_APOLOGY = Signal(
    {
        "en": r"sorry|apologies|apologi[sz]e|my apology|forgive me|my mistake",
        "de": r"entschuldig\w*|verzeih\w*|tut mir leid|bedauer\w*",
        "es": r"lo siento|lo lamento|disculp\w+|perdon\w*",
        "fr": r"desole\w*|excuse\w*|pardon\w*|je regrette",
        "it": r"mi dispiace|scus\w+|perdon\w+|mi spiace",
        "pt": r"desculp\w+|sinto muito|lamento|perdao|perdoe\w*",
        "ru": r"извин\w+|прост(?:и|ите)|сожале\w+",
        "zh": r"抱歉|对不起|對不起|很遗憾|很遺憾|不好意思",
        "ja": r"申し訳|すみません|ごめん|お詫び|残念ながら",
        "ko": r"죄송|미안|유감",
    }
)


@functools.lru_cache(maxsize=4096)  # an answer of one agent is compared with those of several others
def _form_of(reply: str, question: str) -> tuple[float, ...]:
    said, asked = words_of(reply), set(words_of(question))
    distinct = set(said)
    return (
        math.log1p(tokens.count(reply)),
        math.log1p(len(reply.strip().splitlines())),
        math.log1p(len(_LIST_ITEM.findall(reply))),
        math.log1p(len(_FENCE.findall(reply))),
        sum(map(str.isdigit, reply)) / max(1, len(reply)),
        math.log1p(len(distinct)),
        len(distinct & asked) / max(1, len(asked)),
        float(_APOLOGY.search(plain(reply).lower())),
        sum(map(len, said)) / max(1, len(said)),
    )


def reply_form(reply: str, question: str = "") -> np.ndarray:
    """The numbers [F] of one reply to a question, in the order of FORM."""
    return np.array(_form_of(reply, question), np.float32)


def form_differences(turns: Sequence[Sequence[Message]], agents: Sequence[str]) -> np.ndarray:
    """By how much the first agent's reply exceeds the second's in every turn, [T, F] in the order of FORM.

    `turns` are the messages of each. Zero where one of the two did not reply, and where there is one agent alone.
    """
    found_TF = np.zeros((len(turns), len(FORM)), np.float32)
    for row_F, messages in zip(found_TF, turns if len(agents) > 1 else (), strict=False):
        question = "\n".join(message.content for message in messages if message.role == "user")
        replies = {m.name: m.content for m in messages if m.role == "assistant"}
        first, second = (replies.get(agent) for agent in agents[:2])
        if first is not None and second is not None:
            row_F[:] = reply_form(first, question) - reply_form(second, question)
    return found_TF
