"""Agents that work for many steps over Anthropic's Messages API, as their clients call it."""

from dataclasses import dataclass

from hypothesis import strategies as st

from helpers.chats import FILLER
from helpers.strict_anthropic import blocks, signature

MARK = {"cache_control": {"type": "ephemeral"}}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Tide table."}}
TOOLS = [
    {"name": name, "description": f"Reads {name}.", "input_schema": {"type": "object", "properties": {}}}
    for name in ("read_log", "rules")
]
SYSTEM = [{"type": "text", "text": "You keep a lighthouse."} | MARK]


def text(said):
    return {"type": "text", "text": said}


def thought(kind, before, words="Hm. "):
    if kind == "redacted_thinking":
        return {"type": kind, "data": signature(before)}
    return {"type": kind, "thinking": words * 9, "signature": signature(before)}


@dataclass
class Step:
    """A reply: calls of tools by name, thoughts of a kind before it, and what the results have more than text."""

    tools: tuple[str, ...] = ()
    thinks: str | None = None
    says: str = ""
    extra: tuple = ()  # blocks in the last result
    put_in: str = ""  # text of the user behind the results
    system: str = ""  # a message of the system behind them
    long: int = 1


steps = st.builds(
    Step,
    tools=st.lists(st.sampled_from(["read_log", "read_log", "rules"]), min_size=1, max_size=3).map(tuple),
    thinks=st.sampled_from([None, "thinking", "thinking", "redacted_thinking"]),
    says=st.sampled_from(["", "Next."]),
    extra=st.sampled_from([(), (), (), (PICTURE,)]),
    put_in=st.sampled_from(["", "", "", "Mind the fog.", "<system-reminder>Be kind.</system-reminder>"]),
    system=st.sampled_from(["", "", "", "Lamp four is out of order."]),
    long=st.integers(0, 4),
)
turns = st.lists(
    st.tuples(
        st.sampled_from(["plain", "blocks", "picture", "document"]),
        st.lists(steps, max_size=6),
        st.sampled_from(["", "", "The fog horn is new."]),
    ),
    min_size=1,
    max_size=4,
)


class Client:
    """`ask(request)` gives what the provider got; the provider signs its thoughts for that, and the history of the
    client has them. Cache marks stand at the end and move from call to call, as clients move them."""

    def __init__(self, ask, thinking=False, marks=2):
        self.ask, self.thinking, self.marks = ask, thinking, marks
        self.history, self.made = [], 0

    def call(self):
        """One call; what the provider got."""
        messages = list(self.history)
        users = [i for i, message in enumerate(messages) if message["role"] == "user"]
        for i in users[len(users) - self.marks :]:
            *before, last = blocks(messages[i])
            messages[i] = {"role": "user", "content": [*before, last | MARK]}
        request = {"model": "m", "max_tokens": 9, "system": SYSTEM, "tools": TOOLS, "messages": messages}
        if self.thinking:
            request["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return self.ask(request)

    def reply(self, got, step, content):
        kind = step.thinks if self.thinking else None
        thoughts = [thought(kind or "thinking", got["messages"])] if self.thinking else []
        self.history.append({"role": "assistant", "content": [*thoughts, *content]})

    def work(self, asked, kind="plain", script=(), system=""):
        """One turn of the user: the steps of the script, and a last reply."""
        said = {
            "plain": asked,
            "blocks": [text(asked), text("Thank you.")],
            "picture": [text(asked), PICTURE],
            "document": [DOCUMENT, text(asked)],
        }[kind]
        self.history.append({"role": "user", "content": said})
        if system:
            self.history.append({"role": "system", "content": system})
        for step in script:
            got = self.call()
            ids = [f"toolu_{self.made + n:04}" for n in range(len(step.tools))]
            self.made += len(ids)
            calls = [
                {"type": "tool_use", "id": key, "name": tool, "input": {"page": key}}
                for key, tool in zip(ids, step.tools, strict=True)
            ]
            self.reply(got, step, [*([text(step.says)] if step.says else []), *calls])
            results = [
                {"type": "tool_result", "tool_use_id": key, "content": f"Page {key}. {FILLER * step.long}"}
                for key in ids
            ]
            if step.extra:
                results[-1]["content"] = [text(results[-1]["content"]), *step.extra]
            put_in = [text(step.put_in)] if step.put_in else []
            self.history.append({"role": "user", "content": [*results, *put_in]})
            if step.system:
                self.history.append({"role": "system", "content": step.system})
        got = self.call()
        self.reply(got, Step(thinks="thinking"), [text(f"So it is, after {asked} {FILLER}")])
