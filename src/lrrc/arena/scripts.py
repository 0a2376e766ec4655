"""Seeded task scripts: what the user says in every turn of an episode, and the checks with their true answers.

An episode holds a few threads. A thread is one fact (a town, a count, a rule, ...) that the user states, perhaps
changes, and asks about in a later turn; its look-alikes, stated in the same words about other subjects, supply the
wrong options together with the values that no longer hold. Everything between is small talk (`filler`). A script is a
pure function of (seed, index).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import filler
from .filler import NAMES, SmallTalk, dress, sentence
from .kinds import FAMILIES, THANKS, Kind

TURNS = ((3, 0.28), (4, 0.35), (5, 0.25), (6, 0.12))  # mean 4.2, as in the paper
CHECKS = {3: (2,), 4: (2, 2, 3), 5: (2, 3), 6: (3, 4)}
SIDE_FAMILIES = ("recall", "rule", "correction")
REMINDED = 0.5  # share of the facts with time enough that the user states a second time
CLOSERS = ("I will write it down at once.", "I have a pen ready.", "Then I can finish the list.", "I promise not to ask again.",
           "There is no hurry, but I would like to be sure.", "The others want to know too.", "Just the answer will do.")
LINKS = (", while {}", ", and {}", "; {}", ", whereas {}")


@dataclass(frozen=True)
class ScriptCheck:
    """A check as asked: `facts` are the sentences that decide it, in the order in which the user said them."""

    turn: int
    family: str
    kind: str
    question: str
    options: tuple[str, ...]
    answer: int
    fact_turn: int
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """One episode before any model has spoken: user messages in order, checks in order of their turn."""

    index: int
    family: str
    messages: tuple[str, ...]
    invitations: tuple[bool, ...]  # whether the turn ends with an invitation to talk
    checks: tuple[ScriptCheck, ...]


@dataclass(frozen=True)
class Line:
    turn: int
    text: str


def _say(kind: Kind, frames: tuple[str, ...], rng: random.Random, subject: str, value: str, old: str = "", delta: int = 0, spare: str = "") -> str:
    thanks = THANKS.get(value, "")
    return rng.choice(frames).format(s=subject, v=value, old=old, d=delta, t=thanks, x=spare, o=subject)


def _places(rng: random.Random, check: int, count: int) -> list[int]:
    """`count` turns before `check` in rising order, the first one early."""
    return sorted([min(rng.randrange(check), rng.randrange(check)), *(rng.randrange(check) for _ in range(count - 1))])


class Thread:
    """One fact with its look-alikes, its lines by turn, and the check that asks for it."""

    def __init__(self, family: str, rng: random.Random, check_turn: int, used: set[str], noise: tuple[int, int]):
        self.family, self.rng, self.check_turn = family, rng, check_turn
        kinds = [kind for kind in FAMILIES[family] if (kind.name, "me") not in used]  # the user sets a rule of a kind once
        self.kind = rng.choice(kinds)
        self.subject = self._fresh_subject(used)
        pool = self.kind.values(rng, 7)
        if family == "constraint":
            self._constraint(pool, used, noise)
        else:
            self._single(pool, used, noise)

    def _fresh_subject(self, used: set[str]) -> str:
        for _ in range(200):
            subject = self.kind.subject(self.rng)
            if (self.kind.name, subject) not in used:
                break
        used.add((self.kind.name, subject))
        return subject

    def _steps(self) -> int:
        """How many values the fact takes."""
        if self.family in ("correction", "quantity"):
            return self.rng.choice((2, 2, 3))
        if self.family in ("assignment", "whereabouts"):
            return self.rng.choice((1, 2, 2))
        if self.family == "rule":
            return self.rng.choice((1, 1, 1, 2))
        return 1

    def _single(self, pool: list[str], used: set[str], noise: tuple[int, int]) -> None:
        rng, kind = self.rng, self.kind
        steps = self._steps()
        values, rest = pool[:steps], pool[steps:]
        if self.family == "quantity":
            values = self._counts(steps)
            rest = [v for v in pool if v not in values]
        turns = _places(rng, self.check_turn, steps)
        texts, wrong = [], list(values[:-1])
        for i, value in enumerate(values):
            old = values[i - 1] if i else ""
            delta = abs(int(value) - int(old)) if i and self.family == "quantity" else 0
            frames = kind.changes if i else kind.says
            if i and self.family == "quantity":
                frames = _growth(frames, int(value) > int(old))
            texts.append(_say(kind, frames, rng, self.subject, value, old, delta, rest[-1]))
        if "{x}" in "".join(kind.says):
            wrong.append(rest.pop())
        alike = []
        for _ in range(min(rng.randint(*noise), len(rest))):
            value = rest.pop()
            wrong.append(value)
            other = rng.choice(NAMES) if kind.others else self._fresh_subject(used)
            text = _say(kind, kind.others or kind.says, rng, other, value)
            alike.append(Line(rng.randrange(self.check_turn), dress(text, rng)))
        texts = [dress(text, rng) for text in texts]
        own = [Line(turn, text) for turn, text in zip(turns, texts, strict=True)]
        if self.check_turn - turns[-1] > 1 and rng.random() < REMINDED:  # said once more, in other words
            frames = tuple(frame for frame in kind.says if "{x}" not in frame)
            if frames:
                again = dress(_say(kind, frames, rng, self.subject, values[-1]), rng)
                own.append(Line(rng.randrange(turns[-1] + 1, self.check_turn), again))
                texts.append(again)
        self.lines = _interleave(rng, [own, alike])
        rng.shuffle(wrong)
        while len(wrong) < 3 and rest:
            wrong.append(rest.pop())
        size = rng.choice((4, 4, 4, 5, 6))
        stale = [v for v in wrong if v in values]
        wrong = (stale + [v for v in wrong if v not in values] + rest)[: size - 1]
        self._ask([values[-1], *wrong], own[-1].turn, texts)

    def _counts(self, steps: int) -> list[str]:
        counts = [self.rng.randint(20, 80)]
        while len(counts) < steps:
            new = counts[-1] + self.rng.choice((-1, 1)) * self.rng.randint(3, 17)
            if new not in counts and new > 5:
                counts.append(new)
        return [str(count) for count in counts]

    def _constraint(self, pool: list[str], used: set[str], noise: tuple[int, int]) -> None:
        rng, kind = self.rng, self.kind
        first, second, x, y, z = pool[:5]
        dropped = rng.random() < 0.4
        turns = _places(rng, self.check_turn, 3 if dropped else 2)
        texts = [_say(kind, kind.says, rng, self.subject, value) for value in ((first, x) if dropped else (first, second))]
        if dropped:
            texts.append(_say(kind, kind.changes, rng, self.subject, second, x))
        texts = [dress(text, rng) for text in texts]
        own = [Line(turn, text) for turn, text in zip(turns, texts, strict=True)]
        alike, other = [], self._fresh_subject(used)
        for value in (y, z) if dropped else (x, y):
            text = _say(kind, kind.says, rng, other, value)
            alike.append(Line(rng.randrange(self.check_turn), dress(text, rng)))
        self.lines = _interleave(rng, [own, alike])
        # every feature stands in as many options as its rivals, so that no option is the middle one
        left, right = ([first, y], [second, x]) if dropped else ([first, x], [second, y])
        if rng.random() < 0.4:
            left.append(z if not dropped else pool[5])
        pairs = [(a, b) for a in left for b in right]
        flip = rng.random() < 0.5
        self._ask([f"{b} and {a}" if flip else f"{a} and {b}" for a, b in pairs], turns[-1], texts)

    def _ask(self, values: list[str], fact_turn: int, facts: list[str]) -> None:
        """`values[0]` is right."""
        rng = self.rng
        question = sentence(rng.choice(self.kind.asks).format(s=self.subject))
        frame = rng.choice(self.kind.answers)
        options = [sentence(frame.format(s=self.subject, v=v, t=THANKS.get(v, ""))) for v in values]
        right = options[0]
        rng.shuffle(options)
        self.check = ScriptCheck(
            self.check_turn, self.family, self.kind.name, question, tuple(options), options.index(right), fact_turn, tuple(facts)
        )


def _growth(frames: tuple[str, ...], up: bool) -> tuple[str, ...]:
    """The frames of a change that do not contradict its direction."""
    banned = "given away" if up else "more came in"
    return tuple(frame for frame in frames if banned not in frame)


def make_script(seed: int, index: int, words: tuple[int, int] = (115, 175), noise: tuple[int, int] = (1, 2)) -> Script:
    """The script of episode `index`.

    `words`: range of the number of words of a user message. `noise`: range of the number of look-alikes of a fact.
    """
    rng = random.Random(f"arena-{seed}-{index}")
    family = tuple(FAMILIES)[index % len(FAMILIES)]
    n_turns = rng.choices([n for n, _ in TURNS], [w for _, w in TURNS])[0]
    n_checks = rng.choice(CHECKS[n_turns])
    asked = sorted([*rng.sample(range(1, n_turns - 1), n_checks - 1), n_turns - 1])
    side = rng.randrange(n_checks) if rng.random() < 0.6 else None
    used: set = set()
    threads = []
    for i, turn in enumerate(asked):
        own = rng.choice([f for f in SIDE_FAMILIES if f != family]) if i == side else family
        threads.append(Thread(own, rng, turn, used, noise))
    talk = SmallTalk(rng)
    messages, invitations = [], []
    for turn in range(n_turns):
        check = next((thread.check for thread in threads if thread.check_turn == turn), None)
        lines = _interleave(rng, [[line.text for line in thread.lines if line.turn == turn] for thread in threads])
        message, invited = _message(rng, talk, lines, check, rng.randint(*words))
        messages.append(message)
        invitations.append(invited)
    return Script(index, family, tuple(messages), tuple(invitations), tuple(thread.check for thread in threads))


def _interleave(rng: random.Random, threads: list[list]) -> list:
    """The lines of all threads in random order, each thread's own in the order in which they came about."""
    turns = [i for i, lines in enumerate(threads) for _ in lines]
    rng.shuffle(turns)
    queues = [iter(lines) for lines in threads]
    return [next(queues[i]) for i in turns]


def _message(rng: random.Random, talk: SmallTalk, lines: list[str], check: ScriptCheck | None, words: int) -> tuple[str, bool]:
    topic = talk.topic()
    chat: list[str] = []
    budget = words - sum(len(line.split()) for line in lines)
    while sum(len(line.split()) for line in chat) < budget or len(chat) < 3:
        if rng.random() < 0.25:
            topic = talk.topic()
        topic, line = talk.line(topic)
        chat.append(line)
    places = sorted(rng.randint(0, len(chat)) for _ in lines)
    for shift, (place, line) in enumerate(zip(places, lines, strict=True)):
        chat.insert(place + shift, line)
    if check is None:
        chat.append(talk.invitation(topic))
        return " ".join(chat), True
    chat.append(check.question)
    if rng.random() < 0.25:
        chat.append(rng.choice(CLOSERS))
    return " ".join(chat), False
