"""Threads: one fact each, from its first statement over its changes to the check that asks for it.

A fact's look-alikes are stated, and changed, in the same words about other subjects. They supply the wrong options,
together with the values that no longer hold.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from lrrc.episodes.arena.fact_kinds import FAMILIES, Kind
from lrrc.episodes.arena.small_talk import dress, sentence
from lrrc.episodes.arena.vocabulary import NAMES, THANKS

REMINDED = 0.5  # share of the facts, where time is left, that the user states a second time
LOOK_ALIKES = (1, 2)
SIZES = (4, 4, 4, 5, 6)  # numbers of options, equally likely
STEPS = {  # how many values a fact takes one after the other, equally likely
    "recall": (1,),
    "correction": (2, 2, 3),
    "quantity": (2, 2, 3),
    "assignment": (1, 2, 2),
    "whereabouts": (1, 2, 2),
    "rule": (1, 1, 1, 2),
}


@dataclass(frozen=True)
class ScriptCheck:
    """A check as asked; `facts` are the sentences that decide it, in the order in which they are said."""

    turn: int
    family: str
    kind: str
    question: str
    options: tuple[str, ...]
    answer: int
    fact_turn: int
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A sentence and the turn in which the user says it."""

    turn: int
    text: str


@dataclass(frozen=True)
class Thread:
    """The lines of a fact and its look-alikes (those of one turn in the order to be said), and the check."""

    lines: tuple[Line, ...]
    check: ScriptCheck


def interleave(rng: random.Random, queues: list[list]) -> list:
    """All items in random order, those of one queue in theirs."""
    turns = [i for i, queue in enumerate(queues) for _ in queue]
    rng.shuffle(turns)
    heads = [iter(queue) for queue in queues]
    return [next(heads[i]) for i in turns]


def make_thread(family: str, rng: random.Random, turn: int, used: set[tuple[str, str]]) -> Thread:
    """A thread whose check is asked in `turn`; `used` holds (kind, subject) of the episode so far and is added to."""
    kinds = [kind for kind in FAMILIES[family] if (kind.name, "me") not in used]  # one rule of a kind at most
    kind = rng.choice(kinds)
    make = _constraint if family == "constraint" else _fact
    return make(family, kind, rng, turn, used)


def _fresh(kind: Kind, rng: random.Random, used: set[tuple[str, str]]) -> str:
    for _ in range(200):
        subject = kind.subject(rng)
        if (kind.name, subject) not in used:
            break
    used.add((kind.name, subject))
    return subject


def _turns(rng: random.Random, before: int, count: int) -> list[int]:
    """`count` turns before turn `before` in rising order, the first one early."""
    first = min(rng.randrange(before), rng.randrange(before))
    return sorted([first, *(rng.randrange(before) for _ in range(count - 1))])


def _state(kind: Kind, rng: random.Random, subject: str, value: str, old: str = "", spare: str = "") -> str:
    """The sentence that the fact has `value`, or with `old` that it has changed to `value`."""
    frames, size = kind.changes if old else kind.says, 0
    if old and any("{d}" in frame for frame in frames):
        size = abs(int(value) - int(old))
        wrong_way = "given away" if int(value) > int(old) else "more came in"
        frames = tuple(frame for frame in frames if wrong_way not in frame)
    text = rng.choice(frames).format(s=subject, v=value, old=old, d=size, t=THANKS.get(value, ""), x=spare)
    return dress(text, rng)


def _state_of_others(kind: Kind, rng: random.Random, value: str) -> str:
    text = rng.choice(kind.others).format(o=rng.choice(NAMES), v=value, t=THANKS.get(value, ""))
    return dress(text, rng)


def stray_fact(rng: random.Random, used: set[tuple[str, str]]) -> str:
    """A sentence as facts are stated or changed, about something that is never asked for."""
    kind = rng.choice(FAMILIES[rng.choice(tuple(FAMILIES))])
    value, old = kind.values(rng, 2)
    if kind.others:
        return _state_of_others(kind, rng, value)
    return _state(kind, rng, _fresh(kind, rng, used), value, old if rng.random() < 0.4 else "")


def _history(
    kind: Kind, rng: random.Random, subject: str, values: list[str], before: int, spare: str = ""
) -> list[Line]:
    """The statement of `values[0]` and the changes to the others."""
    steps = zip(_turns(rng, before, len(values)), values, ["", *values], strict=False)
    return [Line(turn, _state(kind, rng, subject, value, old, spare)) for turn, value, old in steps]


def _fact(family: str, kind: Kind, rng: random.Random, turn: int, used: set[tuple[str, str]]) -> Thread:
    subject = _fresh(kind, rng, used)
    values, steps = kind.values(rng, 7), rng.choice(STEPS[family])
    values, rest = values[:steps], values[steps:]
    says = tuple(frame for frame in kind.says if "{x}" not in frame)
    spare = "" if says else rest.pop()  # what the user forbids
    own = _history(kind, rng, subject, values, turn, spare)
    if says and turn - own[-1].turn > 1 and rng.random() < REMINDED:
        own.append(Line(rng.randrange(own[-1].turn + 1, turn), _state(kind, rng, subject, values[-1])))
    wrong = values[:-1] if says else [spare]
    queues = [own]
    for _ in range(rng.randint(*LOOK_ALIKES)):
        taken = [rest.pop()]
        if kind.others:
            queues.append([Line(rng.randrange(turn), _state_of_others(kind, rng, taken[0]))])
        else:
            if len(values) > 1 and rng.random() < 0.6:
                taken.append(rest.pop())
            queues.append(_history(kind, rng, _fresh(kind, rng, used), taken, turn))
        wrong = wrong + taken[::-1]
    options = [values[-1], *wrong, *rest][: rng.choice(SIZES)]
    check = _check(family, kind, rng, turn, subject, options, own)
    return Thread(tuple(interleave(rng, queues)), check)


def _constraint(family: str, kind: Kind, rng: random.Random, turn: int, used: set[tuple[str, str]]) -> Thread:
    """Two wishes that add up, said one after the other; in some threads the second one replaces another."""
    subject, other = _fresh(kind, rng, used), _fresh(kind, rng, used)
    first, second, third, fourth, fifth = kind.values(rng, 5)
    replaced = rng.random() < 0.4
    own = _history(kind, rng, subject, [first], turn)
    later = _history(kind, rng, subject, [third, second] if replaced else [second], turn)
    own = sorted([*own, *later], key=lambda line: line.turn)
    wishes = [fourth] if replaced else [third, fourth]
    alike = [line for wish in wishes for line in _history(kind, rng, other, [wish], turn)]
    # every wish stands in as many options as its rivals, so that the answer is not the middle one
    left, right = [first, fourth], [second, third]
    if rng.random() < 0.4:
        left.append(fifth)
    pairs = [(a, b) for a in left for b in right]
    flip = rng.random() < 0.5
    options = [f"{b} and {a}" if flip else f"{a} and {b}" for a, b in pairs]
    check = _check(family, kind, rng, turn, subject, options, own)
    return Thread(tuple(interleave(rng, [own, alike])), check)


def _check(
    family: str, kind: Kind, rng: random.Random, turn: int, subject: str, values: list[str], own: list[Line]
) -> ScriptCheck:
    """The check whose right answer is `values[0]`."""
    question = sentence(rng.choice(kind.asks).format(s=subject))
    frame = rng.choice(kind.answers)
    options = [sentence(frame.format(s=subject, v=value, t=THANKS.get(value, ""))) for value in values]
    right = options[0]
    rng.shuffle(options)
    facts = tuple(line.text for line in own)
    return ScriptCheck(turn, family, kind.name, question, tuple(options), options.index(right), own[-1].turn, facts)
