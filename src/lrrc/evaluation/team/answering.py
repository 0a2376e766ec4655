"""Agents of the team arena: two local models, asked only what is not known yet.

An agent's answer to a request is the option of highest likelihood per token; its confidence is what that likelihood
gains over the same option after the bare question (pointwise mutual information, in nats a token). Answers are
kept by content, as in lrrc.pretrained.answers; but a key is made of texts, so that remembered ones need no model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lrrc.pretrained.answers import UNIT, Kept, write_down
from lrrc.pretrained.language_model import LanguageModel, ScoringRequest
from lrrc.runtime.arithmetic import processor

SCORER = 1  # raise it where the same models would score the same texts differently
Chat = tuple[tuple[str, str], ...]  # role and content of every message


class Opinion(NamedTuple):
    """What an agent would answer, and how sure it is, in nats a token."""

    choice: int
    confidence: float


class TeamAgents:
    """Models by name, loaded by `load` where something is asked for that is not known."""

    def __init__(
        self,
        load: Callable[[], Mapping[str, LanguageModel]],
        known: Mapping[int, Kept] | None = None,
        journal: Path | None = None,
    ):
        self.load, self.known, self.journal = load, dict(known or {}), journal
        self.used: dict[int, Kept] = {}
        self.new = 0
        self._models: Mapping[str, LanguageModel] | None = None

    def opinion(self, model: str, chat: Chat, question: str, options: tuple[str, ...]) -> Opinion:
        """What a model makes of a chat whose last message ends in a question, to which one of the options is right."""
        here = self.scores(model, chat, options)
        alone = self.scores(model, (("user", question),), options)
        choice = int(np.argmax(here))
        return Opinion(choice, float(here[choice] - alone[choice]))

    def scores(self, model: str, chat: Chat, options: tuple[str, ...]) -> np.ndarray:
        """Mean log-likelihood per token of every option, in nats."""
        key = _key(model, chat, options)
        kept = self.used.get(key) or self.known.get(key) or self._ask(key, model, chat, options)
        self.used[key] = kept
        return np.array(kept.scores) * UNIT

    def _ask(self, key: int, name: str, chat: Chat, options: tuple[str, ...]) -> Kept:
        if self._models is None:
            self._models = self.load()
        model = self._models[name]
        prompt = [*model.begin, *(token for message in chat for token in model.message(*message))]
        answers = tuple((*model.encode(model.lead + option), model.chatml_marks[1]) for option in options)
        ((scored,),) = model.score([[ScoringRequest((*prompt, *model.reply_prefix()), answers)]])
        kept = Kept(tuple(round(float(each.mean()) / UNIT) for each in scored), processor())
        self.new += 1
        if self.journal:
            write_down(self.journal, key, kept)
        return kept


def _key(model: str, chat: Chat, options: tuple[str, ...]) -> int:
    """64 bits that name a request to a model."""
    text = json.dumps([SCORER, model, chat, options], ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
