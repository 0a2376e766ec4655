"""What goes with the messages of a call: the tools' definitions and the form that the answer is to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrrc.episodes.unquoted import beside_texts
from lrrc.middleware.chat_messages import fingerprint
from lrrc.middleware.recall import recall_tool
from lrrc.pretrained import tokens

JSON_MODES = ("json_object", "json_schema")
WORD = "json"  # OpenAI, DeepSeek and DashScope refuse JSON mode where no message says it, in whatever case


@dataclass(frozen=True)
class Beside:
    """`mark` is the fingerprint of all of it, `tokens` those of definitions and schema. `word` is one that the messages
    have to say, where they do; `recall` the name of the tool that asks for what was left out, where there is one."""

    mark: bytes = b""
    tokens: int = 0
    word: str | None = None
    recall: str | None = None


def beside_of(tools: Sequence[Any] | None, response_format: Mapping[str, Any] | None) -> Beside:
    """Raises ValueError for what no JSON can say."""
    if not tools and not response_format:
        return Beside()
    form = response_format if isinstance(response_format, Mapping) else {}
    mark = fingerprint(tools or None, "tools") + fingerprint(response_format or None, "response_format")
    count = sum(map(tokens.count, beside_texts(tools, response_format)))
    return Beside(mark, count, WORD if form.get("type") in JSON_MODES else None, recall_tool(tools))
