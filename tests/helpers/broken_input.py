"""Good input made bad, by seed: rows with values of other kinds, files with damaged bytes."""

import copy
import json

JUNK = (
    None,
    True,
    False,
    0,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "model_c",
    "\ud800",
    "\x00",
    "\u202e\x1b[2J",
    [],
    {},
    [[]],
    [None],
    {"role": "user"},
    {"role": ["a"], "content": "x"},
    [{"role": "assistant", "content": "a"}],
    {"a": {"b": [1]}},
    "a" * 10_000,
    "DEEP",
)


def places(value, path=()):
    """The path of every value inside."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def mutated(rng, row):
    """`row` with one to three values replaced by junk, deleted, doubled or renamed."""
    row = copy.deepcopy(row)
    for _ in range(rng.choice([1, 1, 2, 3])):
        *path, key = rng.choice(list(places(row)) or [("id",)])
        target = row
        for step in path:
            target = target[step]
        kind = rng.random()
        if kind < 0.7 or key not in target and isinstance(target, dict):
            target[key] = copy.deepcopy(rng.choice(JUNK))
        elif kind < 0.85:
            del target[key]
        elif isinstance(target, list):
            target.insert(key, target[key])
        else:
            target[rng.choice(["junk", "messages", "winner", "reward"])] = target.pop(key)
    return row


def as_line(rng, row):
    """The row as JSON; where it holds DEEP, half of the time lists in lists stand there."""
    line = json.dumps(row)
    return line.replace('"DEEP"', "[" * 5000 + "]" * 5000) if rng.random() < 0.5 else line


def damaged(rng, data):
    """Bytes cut off, or some of them changed."""
    data = bytearray(data)
    if rng.random() < 0.4:
        del data[rng.randrange(len(data)) :]
    else:
        for _ in range(rng.choice([1, 4, 50])):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)
