"""Agents that work for many steps over OpenAI's Responses API, as their clients call it."""

from dataclasses import dataclass

from hypothesis import strategies as st

from helpers.anthropic_loops import PNG
from helpers.chats import FILLER

PICTURE = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}
PLACE = "<environment_context>\n  <cwd>/quay</cwd>\n</environment_context>"
TOOLS = [
    {
        "type": "function",
        "name": name,
        "description": f"Reads {name}.",
        "parameters": {"type": "object"},
        "strict": False,
    }
    for name in ("read_log", "rules")
]


def said(role, text, kind=None, **more):
    kind = kind or ("output_text" if role == "assistant" else "input_text")
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text, **more}]}


@dataclass
class Step:
    """A reply: calls of tools by name, whether it was thought out, and what else is in it."""

    tools: tuple[str, ...] = ()
    thinks: bool = False
    says: str = ""
    picture: bool = False  # in the last result
    odd: dict | None = None  # an item of another kind, in the reply
    long: int = 1


ODD = (
    None,
    None,
    None,
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "tide"}},
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="},
    {"type": "compaction", "encrypted_content": "sealed"},
    {"type": "configuration_update", "reasoning": {"effort": "low"}},
)
steps = st.builds(
    Step,
    tools=st.lists(st.sampled_from(["read_log", "read_log", "rules"]), min_size=1, max_size=3).map(tuple),
    thinks=st.booleans(),
    says=st.sampled_from(["", "Next."]),
    picture=st.sampled_from([False, False, False, True]),
    odd=st.sampled_from(ODD),
    long=st.integers(0, 4),
)
turns = st.lists(
    st.tuples(st.sampled_from(["plain", "easy", "picture", "developer"]), st.lists(steps, max_size=6)),
    min_size=1,
    max_size=4,
)


class Client:
    """`ask(request)` is told every call; `history` is what the client holds, with ids that the server gave."""

    def __init__(self, ask, place=True, **more):
        self.ask, self.more, self.made = ask, more, 0
        self.history = [said("developer", "You keep a lighthouse.")]
        if place:
            self.history.append(said("user", PLACE))

    def call(self):
        request = {"model": "m", "instructions": "Be brief.", "tools": TOOLS, "input": list(self.history)}
        return self.ask(request | {"store": False, "include": ["reasoning.encrypted_content"]} | self.more)

    def think(self):
        self.made += 1
        key = f"rs_{self.made:04}"
        self.history.append({"type": "reasoning", "id": key, "summary": [], "encrypted_content": f"sealed {key}"})
        return key

    def work(self, asked, kind="plain", script=()):
        """One turn of the user: the steps of the script, and a last reply."""
        if kind == "developer":
            self.history.append(said("developer", f"Mind the fog of {asked[-9:]}"))
        message = said("user", asked)
        if kind == "easy":
            message = {"role": "user", "content": asked}
        if kind == "picture":
            message["content"].append(PICTURE)
        self.history.append(message)
        for step in script:
            self.call()
            thought = self.think() if step.thinks else ""
            if step.odd:
                self.history.append(dict(step.odd))
            if step.says:
                self.history.append(said("assistant", step.says))
            if thought and (step.odd or step.says):
                thought = ""
            keys = [f"call_{self.made}_{n}{f'_of_{thought}' if thought else ''}" for n in range(len(step.tools))]
            self.made += 1
            for key, tool in zip(keys, step.tools, strict=True):
                call = {"type": "function_call", "id": f"fc_{key}", "call_id": key, "name": tool, "arguments": "{}"}
                if tool == "rules":
                    call = {"type": "custom_tool_call", "call_id": key, "name": tool, "input": "*** all"}
                self.history.append(call)
            for n, (key, tool) in enumerate(zip(keys, step.tools, strict=True)):
                output = f"Page {key}. {FILLER * step.long}"
                if step.picture and n == len(keys) - 1:
                    output = [{"type": "input_text", "text": output}, PICTURE]
                kind = "custom_tool_call_output" if tool == "rules" else "function_call_output"
                self.history.append({"type": kind, "call_id": key, "output": output})
        self.call()
        self.history.append(said("assistant", f"So it is, after {asked} {FILLER}"))
