"""Seeded scripts of the team arena: who holds which notes, what is said when, what is asked and where the answer is.

A script is a pure function of (seed, index). It fixes everything but the ordinary talk of the agents, which comes from
two local language models (lrrc.episodes.team.talk), and their answers, which depend on who is called with what.

Which agent holds a fact is dealt at random, and a request names its subject alone: the question says nothing of who
knows. What does is what agents said of it: that they have it, that they have not, that another has it, that it changed
hands (`Knowing`).
"""

from __future__ import annotations

import contextlib
import itertools
import random
from dataclasses import dataclass, field
from typing import NamedTuple

from lrrc.episodes.arena.curate import MODELS
from lrrc.episodes.arena.fact_kinds import Kind
from lrrc.episodes.arena.small_talk import SmallTalk, dress, sentence
from lrrc.episodes.team import wording
from lrrc.episodes.team.episode import USER, Agent, Request, Source
from lrrc.episodes.team.wording import GROUPS, KINDS, Pair

TURNS = {6: 3, 7: 3, 8: 4, 9: 4, 10: 5}  # user turns, equally likely, and how many of them are requests
AGENTS = (3, 4, 5)
REQUESTS = {"private": 0.38, "said": 0.15, "joint": 0.18, "changed": 0.15, "talk": 0.14}
KNOWING = {"claim": 0.47, "takeover": 0.25, "redirect": 0.14, "silent": 0.14}
SUBJECTS = (2, 3)  # of the notes of an agent
GROUPS_AT_ONCE = 2  # of subjects in an episode, so that notes have look-alikes
DENIED = 0.5  # share of the subjects asked for that somebody without notes on them speaks of
OPTIONS = (4, 4, 5)
TALK = (2, 4)  # sentences of ordinary talk in a user message without a request
CHATTY = 0.25  # share of the replies with lines that have words of the agent's own as well


@dataclass(frozen=True)
class Reply:
    """What an agent says in a turn without a request: the lines of the script, and words of its own where `own`."""

    agent: str
    lines: tuple[str, ...]
    own: bool


@dataclass(frozen=True)
class TeamTurn:
    """`question` ends the message."""

    message: str
    question: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class TeamScript:
    index: int
    agents: tuple[Agent, ...]
    turns: tuple[TeamTurn, ...]
    requests: tuple[Request, ...]


@dataclass
class Writer:
    """The episode while it is written: lines by turn and speaker, notes by agent, and what has been used."""

    rng: random.Random
    names: tuple[str, ...]
    n_turns: int
    asked: tuple[int, ...]
    groups: tuple[str, ...]
    lines: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    subjects: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # of every agent: (group, subject)
    used: set[tuple[str, str]] = field(default_factory=set)
    noted: dict[tuple[str, str], tuple[str, Source]] = field(default_factory=dict)  # (kind, subject): value, where
    spoke: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # of every subject: who spoke on it, and when

    def talk_turns(self, before: int) -> list[int]:
        return [t for t in range(before) if t not in self.asked]

    def say(self, turn: int, speaker: str, text: str) -> None:
        self.lines.setdefault((turn, speaker), []).append(text)

    def speak_of(self, turn: int, speaker: str, frames: tuple[str, ...], subject: str, other: str = "") -> None:
        """An agent says something about who has the notes on a subject."""
        self.say(turn, speaker, dress(self.rng.choice(frames).format(s=subject, o=other), self.rng, 0.25))
        self.spoke.setdefault(subject, []).append((turn, speaker))

    def nothing_joint(self, group: str, subject: str) -> bool:
        """Whether a subject has no two facts that could be asked for together, or its facts stand in notes already."""
        return not GROUPS[group].pairs or any((kind, subject) in self.noted for kind in GROUPS[group].kinds)

    def subject(self, group: str) -> str:
        """One that the episode has not had."""
        while True:
            subject = GROUPS[group].subject(self.rng)
            if ("subject", subject) not in self.used:
                self.used.add(("subject", subject))
                return subject

    def value(self, kind: Kind, fresh: bool = True) -> str:
        """One that the episode has not had; any, where not `fresh`."""
        for _ in range(500):
            (value,) = kind.values(self.rng, 1)
            if not fresh or (kind.name, value) not in self.used:
                self.used.add((kind.name, value))
                return value
        raise NoneLeft(f"{kind.name}: the episode has had all of its values")

    def state(self, kind: Kind, subject: str, value: str, old: str = "") -> str:
        """The plain sentence that a fact has a value, or has changed from another."""
        frames = kind.changes if old else kind.says
        return self.rng.choice(frames).format(s=subject, v=value, old=old)

    def note(self, agent: str, kind: Kind, subject: str, fresh: bool = True) -> tuple[str, Source]:
        """A fact of somebody's notes, added where it is not there yet: its value, and where it stands."""
        if (kind.name, subject) not in self.noted:
            value = self.value(kind, fresh)
            text = sentence(self.state(kind, subject, value))
            self.notes[agent].append(text)
            self.noted[kind.name, subject] = value, Source(agent, -1, text)
        return self.noted[kind.name, subject]

    def mention(self, turn: int, speaker: str, kind: Kind, subject: str, old: str = "") -> tuple[str, Source]:
        """Have somebody say a fact, or that it has changed."""
        value = self.value(kind)
        text = dress(self.state(kind, subject, value, old), self.rng)
        self.say(turn, speaker, text)
        return value, Source(speaker, turn, text)


class NoneLeft(Exception):
    """An episode needs more values of a kind than there are."""


def make_script(seed: int, index: int) -> TeamScript:
    """The script of episode `index`; one that runs out of values is begun anew."""
    for attempt in itertools.count():
        with contextlib.suppress(NoneLeft):
            return _script(random.Random(f"team-{seed}-{index}" + "-again" * attempt), index)
    raise AssertionError


def _script(rng: random.Random, index: int) -> TeamScript:
    names = tuple(rng.sample(wording.AGENTS, rng.choice(AGENTS)))
    n_turns = rng.choice(tuple(TURNS))
    asked = (*sorted(rng.sample(range(2, n_turns - 1), TURNS[n_turns] - 1)), n_turns - 1)
    pairs = [name for name, group in GROUPS.items() if group.pairs]
    first = rng.choice(pairs)
    groups = (first, rng.choice([name for name in GROUPS if name != first]))
    writer = Writer(rng, names, n_turns, asked, groups, notes={name: [] for name in names})
    for name in names:
        writer.subjects[name] = [
            (group, writer.subject(group)) for group in rng.choices(groups, k=rng.choice(SUBJECTS))
        ]
    kinds = rng.choices(tuple(REQUESTS), tuple(REQUESTS.values()), k=len(asked))
    drafts = [DRAFTS[kind](writer, turn) for kind, turn in zip(kinds, asked, strict=True)]
    _fill_notes(writer)
    for name in rng.sample(names, rng.randint(1, 2)):  # claims that nobody will need
        _, subject = rng.choice(writer.subjects[name])
        writer.speak_of(rng.choice(writer.talk_turns(n_turns)), name, wording.CLAIMS, subject)
    return TeamScript(
        index,
        tuple(
            Agent(name, rng.choice(MODELS), tuple(rng.sample(notes, len(notes))))
            for name, notes in writer.notes.items()
        ),
        tuple(_turns(writer, {draft.turn: draft for draft in drafts})),
        tuple(drafts),
    )


def _holding(writer: Writer, paired: bool = False) -> tuple[str, str, str]:
    """An agent, and (group, subject) of its notes that has not been asked about; `paired`: nothing noted of it yet."""
    able = [
        (name, group, subject)
        for name, held in writer.subjects.items()
        for group, subject in held
        if ("asked", subject) not in writer.used and not (paired and writer.nothing_joint(group, subject))
    ]
    if not able:  # many requests, few notes: one more subject
        name = writer.rng.choice(writer.names)
        group = writer.groups[0] if paired else writer.rng.choice(writer.groups)
        able = [(name, group, writer.subject(group))]
        writer.subjects[name].append(able[0][1:])
    found = writer.rng.choice(able)
    writer.used.add(("asked", found[2]))
    return found


def _knowing(writer: Writer, turn: int, holder: str, subject: str) -> str:
    """Have the team say who has the notes on a subject, before a turn. Returns how."""
    rng, before = writer.rng, writer.talk_turns(turn)
    others = [name for name in writer.names if name != holder]
    how = rng.choices(tuple(KNOWING), tuple(KNOWING.values()))[0]
    if how == "takeover" and len(before) < 2:
        how = "claim"
    if how == "claim":
        writer.speak_of(rng.choice(before), holder, wording.CLAIMS, subject)
    elif how == "takeover":
        former, (first, second) = rng.choice(others), sorted(rng.sample(before, 2))
        writer.speak_of(first, former, wording.CLAIMS, subject)
        if rng.random() < 0.5:
            writer.speak_of(second, former, wording.GIVEAWAYS, subject, holder)
            if rng.random() < 0.6:
                writer.speak_of(second, holder, wording.CLAIMS, subject)
        else:
            writer.speak_of(second, holder, wording.TAKEOVERS, subject, former)
    elif how == "redirect":
        writer.speak_of(rng.choice(before), rng.choice(others), wording.REDIRECTS, subject, holder)
    if rng.random() < DENIED:
        spoke = {name for _, name in writer.spoke.get(subject, ())}
        silent = [name for name in others if name not in spoke]
        if silent:
            writer.speak_of(rng.choice(before), rng.choice(silent), wording.DENIALS, subject)
    return how


def _look_alike(writer: Writer, kind: Kind, group: str, not_of: str) -> str:
    """The value of another note of the same kind, of another agent as a rule."""
    rng = writer.rng
    name = rng.choice([name for name in writer.names if name != not_of] if rng.random() < 0.7 else writer.names)
    same = [subject for where, subject in writer.subjects[name] if where == group]
    free = [s for s in same if ("asked", s) not in writer.used and (kind.name, s) not in writer.noted]
    return writer.note(name, kind, rng.choice(free))[0] if free else writer.value(kind)


def _speaker(writer: Writer, but: str = "") -> str:
    """Who says a fact: the user, or an agent."""
    if writer.rng.random() < 0.5:
        return USER
    return writer.rng.choice([name for name in writer.names if name != but])


def _private(writer: Writer, turn: int) -> Request:
    holder, group, subject = _holding(writer)
    kind = KINDS[writer.rng.choice(GROUPS[group].kinds)]
    value, source = writer.note(holder, kind, subject)
    how = _knowing(writer, turn, holder, subject)
    wrong = [_look_alike(writer, kind, group, holder) for _ in range(writer.rng.randint(1, 2))]
    return _request(writer, Asked(turn, "private", kind, subject, how), [value, *wrong], (source,))


def _said(writer: Writer, turn: int) -> Request:
    rng, group = writer.rng, writer.rng.choice(writer.groups)
    subject, kind = writer.subject(group), KINDS[rng.choice(GROUPS[group].kinds)]
    value, source = writer.mention(rng.choice(writer.talk_turns(turn)), _speaker(writer), kind, subject)
    wrong, _ = writer.mention(rng.choice(writer.talk_turns(turn)), _speaker(writer), kind, writer.subject(group))
    return _request(writer, Asked(turn, "said", kind, subject), [value, wrong], (source,))


def _joint(writer: Writer, turn: int) -> Request:
    """One fact stands in a note, the other was said by the user or by somebody without the note."""
    rng = writer.rng
    holder, group, subject = _holding(writer, paired=True)
    pair, noted = rng.choice(GROUPS[group].pairs), rng.randrange(2)
    kinds = [KINDS[name] for name in pair.kinds]
    facts = {noted: writer.note(holder, kinds[noted], subject)}
    when = rng.choice(writer.talk_turns(turn))
    facts[1 - noted] = writer.mention(when, _speaker(writer, holder), kinds[1 - noted], subject)
    how = _knowing(writer, turn, holder, subject)
    others = [_look_alike(writer, kind, group, holder) for kind in kinds]
    frame, values = rng.choice(pair.answers), [facts[i][0] for i in range(2)]
    # every value stands in as many options as its rival, so that no option is the middle one
    options = [frame.format(s=subject, v=v, w=w) for v in (values[0], others[0]) for w in (values[1], others[1])]
    asked = Asked(turn, "joint", pair, subject, how)
    return _finished(writer, asked, options, tuple(source for _, source in facts.values()))


def _changed(writer: Writer, turn: int) -> Request:
    rng = writer.rng
    holder, group, subject = _holding(writer)
    kind = KINDS[rng.choice(GROUPS[group].kinds)]
    old, _ = writer.note(holder, kind, subject)
    when = rng.choice(writer.talk_turns(turn))
    value, said = writer.mention(when, _speaker(writer, holder), kind, subject, old)
    if rng.random() < 0.5:
        writer.speak_of(rng.choice(writer.talk_turns(turn)), holder, wording.CLAIMS, subject)
    wrong = [old, _look_alike(writer, kind, group, holder)]
    return _request(writer, Asked(turn, "changed", kind, subject, overruled=holder), [value, *wrong], (said,))


def _talk(writer: Writer, turn: int) -> Request:
    """What the message itself says: any agent can answer, with neither notes nor history."""
    rng, group = writer.rng, writer.rng.choice(writer.groups)
    subject, kind = writer.subject(group), KINDS[rng.choice(GROUPS[group].kinds)]
    value, source = writer.mention(turn, USER, kind, subject)
    return _request(writer, Asked(turn, "talk", kind, subject), [value], (source,))


DRAFTS = {"private": _private, "said": _said, "joint": _joint, "changed": _changed, "talk": _talk}


class Asked(NamedTuple):
    """What a request is about, before it has options."""

    turn: int
    kind: str
    fact: Kind | Pair
    subject: str
    knowing: str = ""
    overruled: str = ""

    @property
    def family(self) -> str:
        return self.fact.name if isinstance(self.fact, Kind) else "+".join(self.fact.kinds)


def _request(writer: Writer, asked: Asked, values: list[str], sources: tuple[Source, ...]) -> Request:
    """The request whose right answer is `values[0]`; the others are wrong, and more of those are made up."""
    rng, count = writer.rng, writer.rng.choice(OPTIONS)
    values = values[:]
    while len(values) < count:
        if (value := writer.value(asked.fact, fresh=False)) not in values:
            values.append(value)
    frame = rng.choice(asked.fact.answers)
    return _finished(writer, asked, [frame.format(s=asked.subject, v=value) for value in values], sources)


def _finished(writer: Writer, asked: Asked, options: list[str], sources: tuple[Source, ...]) -> Request:
    """The request whose right answer is `options[0]`, its options shuffled."""
    rng = writer.rng
    options = [sentence(option) for option in options]
    right, question = options[0], sentence(rng.choice(asked.fact.asks).format(s=asked.subject))
    rng.shuffle(options)
    needed = asked.kind in ("private", "joint")
    holders = tuple(source.speaker for source in sources if source.turn < 0) if needed else ()
    spoken = any(who in holders and when < asked.turn for when, who in writer.spoke.get(asked.subject, ()))
    return Request(
        asked.turn,
        asked.kind,
        asked.family,
        question,
        tuple(options),
        options.index(right),
        sources,
        holders,
        asked.overruled,
        asked.knowing,
        spoken,
    )


def _fill_notes(writer: Writer) -> None:
    """Facts that nobody asks for, where a subject of an agent has none."""
    for name, held in writer.subjects.items():
        for group, subject in held:
            kinds = [KINDS[kind] for kind in GROUPS[group].kinds]
            if not any((kind.name, subject) in writer.noted for kind in kinds):
                writer.note(name, writer.rng.choice(kinds), subject, fresh=False)


def _turns(writer: Writer, requests: dict[int, Request]) -> list[TeamTurn]:
    """Messages and replies: what was said in a turn, at random places of ordinary talk."""
    rng, talk, turns = writer.rng, SmallTalk(writer.rng), []
    for turn in range(writer.n_turns):
        topic, chat = talk.topic(), []
        for _ in range(rng.randint(0, 1) if turn in requests else rng.randint(*TALK)):
            topic, line = talk.line(topic)
            chat.append(line)
        last = requests[turn].question if turn in requests else talk.invitation(topic)
        said = writer.lines.get((turn, USER), [])
        for line in said:
            chat.insert(rng.randint(0, len(chat)), line)
        speakers = [name for name in writer.names if (turn, name) in writer.lines]
        if turn not in requests and not speakers:
            speakers = [rng.choice(writer.names)]
        own = rng.choice(speakers) if speakers else ""  # one at least
        replies = [
            Reply(name, tuple(writer.lines.get((turn, name), ())), name == own or rng.random() < CHATTY)
            for name in rng.sample(speakers, len(speakers))
        ]
        turns.append(TeamTurn(" ".join([*chat, last]), last, tuple(replies)))
    return turns
