"""An arena row and a chat log."""


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


ARENA = {
    "question_id": "q1",
    "model_a": "x",
    "model_b": "y",
    "winner": "tie",
    "judge": "human",
    "language": "English",
    "group": "g",
    "category": "c",
    "conversation_a": [user("hi"), assistant("a0"), user("again"), assistant("")],
    "conversation_b": [user("hi"), assistant("b0"), user("again"), assistant("b1")],
    "checks": [
        {
            "turn": 1,
            "family": "f",
            "question": "again",
            "options": ["s", "t"],
            "answer": 0,
            "fact_turn": 0,
            "choices": [0, 1],
        }
    ],
}


LOG = {
    "id": "l1",
    "messages": [
        {"role": "system", "content": "rules"},
        user("book it"),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "find", "arguments": "{}"}}],
        },
        {"role": "tool", "name": "find", "content": "found"},
        {"role": "assistant", "content": [{"type": "text", "text": "done"}]},
        user("bye"),
    ],
    "reward": 1.0,
}
