"""Agents that answer a check from a payload: the packaged model, or any OpenAI-compatible server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.episodes.episode import Check
from lrrc.policies.payload import Pairs, as_chat
from lrrc.pretrained import language_model, tokens
from lrrc.pretrained.answers import Answers
from lrrc.runtime.secrets import redact


@dataclass(frozen=True)
class Question:
    """A check as one agent meets it under one policy."""

    episode_id: str
    agent: str
    payload: Pairs
    digest_tokens: int
    check: Check

    @property
    def prompt_tokens(self) -> int:
        return tokens.payload_tokens(content for _, content in self.payload)


@dataclass(frozen=True)
class Answer:
    """The option chosen, and the tokens that a provider reported, where it did."""

    choice: int
    reported_prompt_tokens: int | None = None
    reported_completion_tokens: int | None = None


class LocalAgent:
    """The packaged model: the option of highest mean log-likelihood per token is its answer."""

    def __init__(self, answers: Answers):
        self.answers = answers

    def answer(self, asked: Sequence[Question]) -> list[Answer]:
        scores = self.answers.score([self._request(q.agent, q.payload, q.check.options) for q in asked])
        return [Answer(int(np.argmax(options))) for options in scores]

    def _request(self, agent: str, pairs: Pairs, options: Sequence[str]) -> language_model.ScoringRequest:
        model = self.answers.model
        prompt = [token for pair in pairs for token in model.message(*as_chat(pair, agent))]
        answers = tuple((*model.encode(option), model.chatml_marks[1]) for option in options)
        return language_model.ScoringRequest((*prompt, *model.reply_prefix()), answers)


@dataclass
class EndpointAgent:
    """Any OpenAI-compatible server: it is asked for the number of an option.

    The key comes from OPENAI_API_KEY; every request and the usage that came back are appended to `log` (JSON lines,
    never the key). The client retries with backoff. A reply without a number is no answer. Raises ValueError where the
    server stays silent, refuses, or sends something else than a chat completion.
    """

    base_url: str
    model: str
    log: Path | None = None
    retries: int = 5
    client: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            import openai
        except ImportError:
            raise ValueError("live.agent = 'endpoint': needs the package openai: pip install 'lrrc[openai]'") from None
        self.errors = openai.OpenAIError
        key = os.environ.get("OPENAI_API_KEY") or "none"
        self.client = self.client or openai.OpenAI(base_url=self.base_url, api_key=key, max_retries=self.retries)

    def answer(self, asked: Sequence[Question]) -> list[Answer]:
        return [self._ask(question) for question in asked]

    def _ask(self, question: Question) -> Answer:
        messages = [dict(zip(("role", "content"), as_chat(p, question.agent), strict=True)) for p in question.payload]
        options = "\n".join(f"{i}. {option}" for i, option in enumerate(question.check.options, 1))
        messages[-1]["content"] += f"\n\nReply with the number of the right answer alone:\n{options}"
        request = {"model": self.model, "messages": messages, "max_tokens": 8, "temperature": 0}
        try:
            reply = self.client.chat.completions.create(**request)
        except self.errors as error:
            raise self._refusal(f"{type(error).__name__}: {error}") from None
        if not getattr(reply, "choices", None):  # a page, or JSON of another kind
            raise self._refusal("what came back is no chat completion")
        said, usage = reply.choices[0].message.content or "", reply.usage
        if self.log:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            entry = {"request": request, "reply": said, "usage": usage.model_dump() if usage else None}
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(redact(json.dumps(entry, ensure_ascii=False)) + "\n")
        numbers = [int(n) for n in re.findall(r"\d+", said) if 1 <= int(n) <= len(question.check.options)]
        return Answer(
            numbers[0] - 1 if numbers else -1,  # no option named: no answer is right
            usage.prompt_tokens if usage else None,
            usage.completion_tokens if usage else None,
        )

    def _refusal(self, reason: str) -> ValueError:
        return ValueError(redact(f"live.base_url = {self.base_url!r}: {' '.join(reason.split())[:200]}"))
