"""A way back to what a digest leaves out: the hint at it, and the answer to who asks.

Where `Settings.recall` is on and a request has the tool TOOL (from `lrrc mcp`, under whatever prefix its client gives
it), a digest ends with a hint that names the tool and the conversation. The answer is a digest of its own, of the whole
conversation, made for the question by BM25.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lrrc.episodes.episode import Message
from lrrc.middleware.chat_messages import ReadMessage
from lrrc.policies.base import split_turns
from lrrc.policies.serving import serving_policy
from lrrc.policies.spec import PolicySpec

TOOL = "lrrc_recall"
HINT = "\n[More was said than stands here: "
ENOUGH = 1000  # tokens of an answer
NOTHING = "Nothing that was said has to do with it."


def recall_tool(tools: Any) -> str | None:
    """The name by which a request's tools have it, in the form of whatever API."""
    return next((name for name in _names(tools) if name.endswith(TOOL)), None)


def _names(tools: Any) -> Iterator[str]:
    for tool in tools if isinstance(tools, Sequence) and not isinstance(tools, str) else ():
        if isinstance(tool, Mapping):
            for holder in (tool, tool.get("function")):
                if isinstance(holder, Mapping) and isinstance(name := holder.get("name"), str):
                    yield name
            yield from _names(tool.get("tools"))  # of a namespace


def hint(tool: str, conversation: str) -> str:
    """What stands at the end of a digest."""
    return f'{HINT}ask {tool} for it, with conversation "{conversation}"]'


def recalled(body: Sequence[ReadMessage], query: str, budget: int = ENOUGH) -> str:
    """What of a conversation has to do with the query, in its own words, in at most `budget` tokens."""
    policy = serving_policy(PolicySpec("bm25", budget))
    speakers = dict.fromkeys(item.name or "assistant" for item in body if item.role == "assistant")
    session = policy.session([*speakers] or ["assistant"])
    session.observe_all([[body[i].spoken for i in turn] for turn in split_turns(range(len(body)), body)])
    return session.propose([Message("user", query)], next(iter(speakers), "assistant"), budget).text or NOTHING
