"""Episodes: the types everything works on (docs/method.md 1), and the two forms that lrrc.episodes.parsing reads.

Two forms are parsed; others become one of them (lrrc.episodes.forms):

- arena: the columns of lmsys/chatbot_arena_conversations; both conversations repeat the user's messages.
  `group`, `category` and `checks` are extra. Other columns are ignored.
- chat log: `id` and `messages`, one agent; a turn ends at every assistant message. Tool calls count as text
  of the assistant. `success` (true or false) or `reward` (0 to 1) becomes the outcome: `model_a` (the agent
  did it) or `tie (bothbad)` (it did not).

Messages after the last reply are a last turn without replies: no agent is called there. Surrogates that are
no character (half a pair, as broken JSON escapes give) become U+FFFD, as tiktoken counts them; every other
character, control and right-to-left ones included, is kept. Rows and lines are counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass

ARENA_OUTCOMES = ("model_a", "model_b", "tie", "tie (bothbad)")
ARENA_AGENTS = ("model_a", "model_b")
LOG_AGENTS = ("assistant",)
ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


@dataclass(frozen=True)
class Message:
    """One utterance. `name` is the speaker; of a reply, the agent."""

    role: str  # "system" | "user" | "assistant" | "tool"
    content: str
    name: str | None = None


@dataclass(frozen=True)
class Check:
    """A programmatic question stored with an episode of the embedded arena."""

    turn: int  # 0-based turn whose user message asks it
    family: str
    question: str
    options: tuple[str, ...]  # full answer sentences
    answer: int  # index into options
    fact_turn: int  # 0-based turn where the deciding fact was last stated
    choices: tuple[int, ...]  # option each agent (Episode.agents) chose when the episode was made


@dataclass(frozen=True)
class Turn:
    """What the agents are given (in chat logs, tool results too), and the reply of each one called."""

    inputs: tuple[Message, ...]
    replies: tuple[Message, ...]


@dataclass(frozen=True)
class Episode:
    """One prompt-to-outcome conversation of a user with one or two agents."""

    episode_id: str
    agents: tuple[str, ...]  # ("model_a", "model_b") or ("assistant",)
    models: tuple[str, ...]  # model names, same order
    system: tuple[Message, ...]  # never compressed
    turns: tuple[Turn, ...]
    outcome: str | None  # one of ARENA_OUTCOMES
    judge: str | None  # "human", "verifier", ...
    group: str  # episodes of one group stay in one split
    language: str | None
    category: str | None
    checks: tuple[Check, ...] = ()
