"""Chat messages as applications send them."""

from lrrc.middleware.chat_messages import fingerprint, read_message

FILLER = "The quick brown fox jumps over the lazy dog near the old river bank today. " * 3


def say(role, content, **more):
    return {"role": role, "content": content, **more}


def call(*ids, tool="search", content=None):
    calls = [{"id": i, "type": "function", "function": {"name": tool, "arguments": f'{{"query": "{i}"}}'}} for i in ids]
    return say("assistant", content, tool_calls=calls)


def result(key, content=FILLER):
    return say("tool", content, tool_call_id=key)


def chat(turns, words=FILLER):
    """System prompt, `turns` answered turns, and a question."""
    said = [say("system", "Answer briefly.")]
    for t in range(turns):
        said += [say("user", f"Question {t}? {words}"), say("assistant", f"Answer {t}. {words}")]
    return [*said, say("user", f"Question {turns}?")]


def items_of(messages):
    return [read_message(m, fingerprint(m, "m"), "m") for m in messages]


KEY = "sk-planted-4711-secret"


HISTORY = [
    {"role": "system", "content": "You are terse."},
    {
        "role": "user",
        "content": "Remember that the code word for the vault is heliotrope. " + "The sky was grey. " * 40,
    },
    {"role": "assistant", "content": "Noted. " + "The weather report follows tomorrow. " * 40},
    {"role": "user", "content": "Let us talk about lentils for a while. " + "Lentils are green or red. " * 40},
    {"role": "assistant", "content": "Lentils it is. " + "They simmer for twenty minutes. " * 40},
    {"role": "user", "content": "What was the code word for the vault?"},
]
