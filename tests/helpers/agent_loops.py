"""Generated requests of agents that work for many steps, as sent to strict and to lenient providers."""

from hypothesis import strategies as st

from helpers.chats import FILLER, call, result, say

PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
PICTURE = {"type": "image_url", "image_url": {"url": PNG}}
MARK = {"cache_control": {"type": "ephemeral"}}


@st.composite
def agent_loops(draw):
    """A message list. Most take turns and have every result directly behind its call; some are of a looser kind: names,
    two of the user in a row, system messages on the way, results that come late, ids that are missing or alike."""
    chat_alone, loose = draw(st.booleans()), draw(st.integers(0, 3)) == 0
    odd = draw(st.sampled_from(["name", "in a row", "system", "late", "same ids", "no ids"])) if loose else None
    user = {"name": "anna"} if odd == "name" else {}
    listed = [say("system", "You look after a heating plant.")] if draw(st.booleans()) else []
    made = 0
    for turn in range(draw(st.integers(1, 4))):
        asked = f"Which valve sticks in house {turn}? {FILLER * draw(st.integers(0, 1))}"
        asked += "Answer in JSON." * (draw(st.integers(0, 5)) == 0)
        parts = [{"type": "text", "text": asked} | (MARK if draw(st.booleans()) else {}), PICTURE]
        listed.append(say("user", parts if draw(st.integers(0, 5)) == 0 else asked, **user))
        if odd == "in a row":
            listed.append(say("user", f"The house with {turn} floors.", **user))
        for step in range(0 if chat_alone else draw(st.integers(0, 5))):
            ids = [f"call{made + n:05}" for n in range(draw(st.integers(1, 3)))]
            made += len(ids)
            tool = draw(st.sampled_from(["read_log", "read_log", "rules"]))
            thoughts = {"reasoning_content": "Hm. " * draw(st.integers(1, 40))} if draw(st.booleans()) else {}
            listed.append(call(*ids, tool=tool, content=draw(st.sampled_from([None, "Next."]))) | thoughts)
            order = draw(st.permutations(ids))
            found = [result(i, f"House {turn}, log {step}. {FILLER * draw(st.integers(0, 3))}") for i in order]
            if odd == "late":
                listed += [say("assistant", "Please wait."), say("user", "I do.")]
            listed += [with_ids(message, odd) for message in found]
            listed[-len(found) - 1] = with_ids(listed[-len(found) - 1], odd)
        if odd == "system":
            listed.append(say("system", f"House {turn} is done."))
        listed.append(say("assistant", f"Valve {turn} does. {FILLER}"))
    return listed[: len(listed) - draw(st.integers(0, 1))]


def with_ids(message, odd):
    """The message, with the ids of its calls or answer as some servers have them."""
    if odd not in ("same ids", "no ids"):
        return message
    key = "" if odd == "no ids" else "call00000"
    if message.get("tool_calls"):
        return message | {"tool_calls": [each | {"id": key} for each in message["tool_calls"]]}
    return message | {"tool_call_id": key} if message["role"] == "tool" else message


def requests_of(messages):
    """The lists that a provider is sent on the way: those that end where a reply is due, or in a reply begun."""
    waiting = 0
    for end, message in enumerate(messages, 1):
        waiting += len(message.get("tool_calls") or []) - (message["role"] == "tool")
        if not waiting and not message.get("tool_calls") and message["role"] != "system":
            yield messages[:end]
