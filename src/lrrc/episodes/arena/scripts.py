"""Seeded task scripts: what the user says in every turn of an episode, and the checks with their true answers.

An episode holds a few threads (fact_threads): facts that the user states, perhaps changes, and asks about in a later
turn. Everything between is small talk (small_talk). A script is a pure function of (seed, index).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from lrrc.episodes.arena.fact_kinds import FAMILIES
from lrrc.episodes.arena.fact_threads import ScriptCheck, interleave, make_thread, stray_fact
from lrrc.episodes.arena.small_talk import SmallTalk
from lrrc.episodes.arena.vocabulary import phrases

TURNS = {3: 0.28, 4: 0.35, 5: 0.25, 6: 0.12}  # shares of episodes; mean 4.2, as in the paper
CHECKS = {3: (2,), 4: (2, 2, 3), 5: (2, 3), 6: (3, 4)}  # by number of turns, equally likely
SIDE_FAMILIES = (
    "recall",
    "rule",
    "correction",
)  # one check of an episode may be of another family than its own
WORDS = (115, 175)  # of a user message
STRAYS = 0.25  # share of the small talk that looks like a fact, so that looks alone do not tell what will be asked
CLOSERS = phrases(
    """I will write it down at once.; I have a pen ready.; Then I can finish the list.; I promise not to ask
    again.; There is no hurry, but I would like to be sure.; The others want to know too.; Just the answer
    will do.
    """
)


@dataclass(frozen=True)
class Script:
    """One episode before any model has spoken: user messages in order, checks in order of their turn."""

    index: int
    family: str
    messages: tuple[str, ...]
    checks: tuple[ScriptCheck, ...]


def make_script(seed: int, index: int) -> Script:
    """The script of episode `index`; families take turns."""
    rng = random.Random(f"arena-{seed}-{index}")
    family = tuple(FAMILIES)[index % len(FAMILIES)]
    n_turns = rng.choices(tuple(TURNS), tuple(TURNS.values()))[0]
    n_checks = rng.choice(CHECKS[n_turns])
    asked = sorted([*rng.sample(range(1, n_turns - 1), n_checks - 1), n_turns - 1])
    families = [family] * n_checks
    if rng.random() < 0.6:
        families[rng.randrange(n_checks)] = rng.choice([side for side in SIDE_FAMILIES if side != family])
    used: set[tuple[str, str]] = set()
    threads = [make_thread(each, rng, turn, used) for each, turn in zip(families, asked, strict=True)]
    checks = {thread.check.turn: thread.check for thread in threads}
    talk, messages = SmallTalk(rng), []
    for turn in range(n_turns):
        said = [[line.text for line in thread.lines if line.turn == turn] for thread in threads]
        messages.append(_message(rng, talk, used, interleave(rng, said), checks.get(turn)))
    return Script(index, family, tuple(messages), tuple(checks.values()))


def _message(
    rng: random.Random,
    talk: SmallTalk,
    used: set[tuple[str, str]],
    lines: list[str],
    check: ScriptCheck | None,
) -> str:
    """One user message: small talk, the lines at random places in it, at the end the question or an invitation."""
    words = rng.randint(*WORDS) - sum(len(line.split()) for line in lines)
    topic, chat = talk.topic(), []
    while len(chat) < 3 or sum(len(line.split()) for line in chat) < words:
        if rng.random() < 0.25:
            topic = talk.topic()
        if rng.random() < STRAYS:
            chat.append(stray_fact(rng, used))
        else:
            topic, line = talk.line(topic)
            chat.append(line)
    places = sorted(rng.randint(0, len(chat)) for _ in lines)
    for shift, (place, line) in enumerate(zip(places, lines, strict=True)):
        chat.insert(place + shift, line)
    if check is None:
        chat.append(talk.invitation(topic))
    else:
        chat.append(check.question)
        if rng.random() < 0.25:
            chat.append(rng.choice(CLOSERS))
    return " ".join(chat)
