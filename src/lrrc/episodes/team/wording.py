"""What the team arena's notes are about, and how agents say who has them.

Subjects come in groups; the facts of a group are kinds of lrrc.episodes.arena.fact_kinds, so that a statement in a
note, one in the conversation and the look-alikes of both come from the same frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from lrrc.episodes.arena.fact_kinds import FACTS, Kind
from lrrc.episodes.arena.vocabulary import phrases

KINDS = {kind.name: kind for kind in FACTS}


@dataclass(frozen=True)
class Pair:
    """Two facts about one subject that are asked for together; {v} and {w} are their values in the order of `kinds`."""

    kinds: tuple[str, str]
    asks: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Subjects of one sort and what can be known of them; `pairs` are what can be asked for together."""

    kinds: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()

    def subject(self, rng) -> str:
        return self.kind(0).subject(rng)

    def kind(self, i: int) -> Kind:
        return KINDS[self.kinds[i]]


PERSONS = Group(
    ("gift", "dish", "hotel"),
    (
        Pair(
            ("gift", "dish"),
            ("What is {s} bringing, and what do we give in return?", "Which dish and which present go with {s}?"),
            ("{s} gets {v} and is bringing {w}", "The present for {s} is {v}, and the dish from {s} is {w}"),
        ),
        Pair(
            ("gift", "hotel"),
            ("Which present do I leave at which hotel for {s}?", "What do we give to {s}, and where is {s} staying?"),
            ("{s} gets {v} and is staying at {w}", "The present for {s} is {v}, and the hotel is {w}"),
        ),
        Pair(
            ("dish", "hotel"),
            ("Where is {s} staying, and what is {s} bringing?", "At which hotel do I fetch which dish from {s}?"),
            ("{s} is bringing {v} and is staying at {w}", "The dish from {s} is {v}, and the hotel is {w}"),
        ),
    ),
)
EVENTS = Group(
    ("town", "when"),
    (
        Pair(
            ("town", "when"),
            ("Where and when is {s}?", "Which town and what time do I write down for {s}?"),
            ("{s} is in {v} on {w}", "{s} will be held in {v} and begins on {w}"),
        ),
    ),
)
# colours and whereabouts are left out: given the facts, a model was right in less than 85 % of the checks
THINGS, DOORS, VENUES = Group(("price",)), Group(("code",)), Group(("contact",))
GROUPS = {
    "persons": PERSONS,
    "events": EVENTS,
    "things": THINGS,
    "doors": DOORS,
    "venues": VENUES,
}

AGENTS = phrases(
    """
    Alder; Birch; Cedar; Dogwood; Elder; Fir; Gorse; Hazel; Juniper; Laurel; Maple; Oak; Pine; Quince; Rowan; Spruce;
    Teasel; Willow; Yarrow; Bramble; Clover; Fennel; Sorrel; Thistle
    """
)
NOTES = "You are {name}, one of a team. What stands in your notes, nobody else in the team has:\n{notes}"
NOTHING = "I have nothing on this."

# {s} a subject, {o} another agent
CLAIMS = phrases(
    """
    {s} is on my sheet; I have the notes on {s} here; whatever there is on {s}, it lies with me; I keep the file on {s};
    they gave me the papers about {s}; {s} is one of mine; I was told all about {s} this morning; I am the one who wrote
    things down about {s}; my folder has a page on {s}; I looked into {s} for us
    """
)
DENIALS = phrases(
    """
    I have nothing on {s}; nobody has told me about {s}; {s} is not on my sheet; I would have to guess about {s};
    for {s} you need somebody else; I never saw the papers about {s}; my folder has no page on {s};
    I keep hearing about {s} but know nothing of it
    """
)
REDIRECTS = phrases(
    """
    {o} has the notes on {s}; {s} is with {o}; {o} was told about {s} and I was not; for {s} I would turn to {o}; it is
    {o} who keeps the file on {s}
    """
)
TAKEOVERS = phrases(
    """
    I have taken {s} over from {o}; {o} passed the file on {s} to me; {s} is mine now and no longer with {o}; the papers
    about {s} went from {o} to me
    """
)
GIVEAWAYS = phrases(
    """
    I have handed {s} to {o}; {s} is no longer mine and {o} has it; I gave the file on {s} to {o}; {o} took {s} off my
    hands
    """
)
