"""What facts are about: for every kind its subjects, its values, and many ways to state, change, ask and answer it.

Frames: {s} subject, {v} value, {old} the value before a change, {d} the size of a change. Statements about the subject
asked for and about its look-alikes come from the same frames, so only the subject tells them apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from lrrc.episodes.arena.vocabulary import (
    COINS,
    COLOURS,
    DAYS,
    DOORS,
    EVENTS,
    FEATURES,
    FIRST_WORDS,
    FOODS,
    GIFTS,
    GROUPS,
    HOTELS,
    KEEPSAKES,
    NAMES,
    NICKNAMES,
    PET_NAMES,
    PLACES,
    ROOMS,
    SIGNATURES,
    STOCK,
    STORES,
    TASKS,
    THANKS,
    THINGS,
    TIMES,
    TOWNS,
    TREATS,
    VENUES,
)


@dataclass(frozen=True)
class Kind:
    """One kind of fact. `others` state a look-alike where the frames of `says` only fit the subject asked for."""

    name: str
    subject: Callable[[random.Random], str]
    values: Callable[[random.Random, int], list[str]]  # n distinct ones
    says: tuple[str, ...]
    changes: tuple[str, ...]
    asks: tuple[str, ...]
    answers: tuple[str, ...]
    others: tuple[str, ...] = ()


def _from(pool: tuple[str, ...]) -> Callable[[random.Random, int], list[str]]:
    return lambda rng, n: rng.sample(pool, n)


def _one(*pools: tuple[str, ...], frame: str = "{}") -> Callable[[random.Random], str]:
    return lambda rng: frame.format(*(rng.choice(pool) for pool in pools)).replace("s's ", "s' ")


def _moments(rng: random.Random, n: int) -> list[str]:
    return [f"{day} at {time}" for day, time in zip(rng.sample(DAYS, n), rng.sample(TIMES, n), strict=True)]


def _numbers(low: int, high: int, unit: str = "{}") -> Callable[[random.Random, int], list[str]]:
    return lambda rng, n: [unit.format(i) for i in rng.sample(range(low, high), n)]


FACTS = (
    Kind(
        "town",
        _one(GROUPS, EVENTS, frame="the {}'s {}"),
        _from(TOWNS),
        (
            "{s} will be held in {v}",
            "they are holding {s} in {v}",
            "{s} takes place in {v} this year",
            "{v} was chosen for {s}",
            "everybody is going to {v} for {s}",
            "{v} it is for {s}",
            "for {s} we have to travel to {v}",
            "the poster for {s} names {v}",
        ),
        (
            "{s} has been moved to {v}",
            "they gave up on {old}, and {s} is in {v} now",
            "{s} will be in {v} after all",
            "the new town for {s} is {v}",
            "{old} fell through, so {s} goes to {v}",
            "what I said about {s} is out of date, it is {v}",
        ),
        (
            "Where is {s} being held?",
            "Which town do I have to go to for {s}?",
            "In which town is {s}, as things stand?",
            "Where should I book a room for {s}?",
        ),
        ("{s} is in {v}", "{s} will be held in {v}", "For {s} you go to {v}"),
    ),
    Kind(
        "when",
        _one(GROUPS, EVENTS, frame="the {}'s {}"),
        _moments,
        (
            "{s} is on {v}",
            "they put {s} on {v}",
            "{s} begins on {v}",
            "the calendar has {s} down for {v}",
            "we agreed on {v} for {s}",
            "{s} starts {v}",
        ),
        (
            "{s} was moved to {v}",
            "{s} is on {v} instead of {old}",
            "nobody could make it before, so {s} is now on {v}",
            "they shifted {s} to {v}",
            "scrap the old time, {s} is on {v}",
        ),
        ("When is {s}?", "What day and time should I write down for {s}?", "When does {s} begin, as of now?"),
        ("{s} is on {v}", "{s} begins on {v}", "You should be at {s} on {v}"),
    ),
    Kind(
        "contact",
        _one(VENUES, frame="the {}"),
        _from(NAMES),
        (
            "the person to ask for at {s} is {v}",
            "{v} picks up the phone at {s}",
            "{v} runs {s}",
            "at {s} we deal with {v}",
            "{s} is looked after by {v}",
            "the keys of {s} are with {v}",
        ),
        (
            "{v} has taken over {s} from {old}",
            "{old} has left, and {v} is in charge of {s}",
            "{s} has a new manager called {v}",
            "it is {v} who runs {s} now",
        ),
        ("Whom do I ask for at {s}?", "Who is in charge of {s}?", "Whose name goes on the letter to {s}?"),
        ("The person at {s} is {v}", "At {s} you ask for {v}", "{s} is run by {v}"),
    ),
    Kind(
        "colour",
        _one(THINGS, frame="the {}"),
        _from(COLOURS),
        (
            "we painted {s} {v}",
            "{s} is {v}",
            "they sprayed {s} {v}",
            "{v} is the colour of {s}",
            "somebody has varnished {s} in {v}",
            "{s} came out {v}",
        ),
        (
            "{s} is {v} now, no longer {old}",
            "we repainted {s} and it is {v}",
            "{old} looked awful, so {s} became {v}",
            "{s} got a new coat in {v}",
        ),
        ("What colour is {s}?", "Which colour should I mention when I describe {s}?", "What colour is {s} these days?"),
        ("{s} is {v}", "The colour of {s} is {v}", "You will see that {s} is {v}"),
    ),
    Kind(
        "price",
        _one(THINGS, frame="the {}"),
        _numbers(12, 98, "{} euros"),
        (
            "{s} costs {v}",
            "they want {v} for {s}",
            "the tag on {s} says {v}",
            "{s} is going for {v}",
            "I was quoted {v} for {s}",
            "{v} is the price of {s}",
        ),
        (
            "{s} is down to {v}",
            "the price of {s} has changed to {v}",
            "they now ask {v} for {s}",
            "{s} is {v} now, not {old}",
        ),
        ("How much is {s}?", "What should I put down for {s}?", "What does {s} cost at the moment?"),
        ("{s} costs {v}", "The price of {s} is {v}", "They ask {v} for {s}"),
    ),
    Kind(
        "gift",
        _one(NAMES),
        _from(GIFTS),
        (
            "{s} is getting {v} from us",
            "we bought {v} for {s}",
            "I wrapped {v} for {s}",
            "for {s} there is {v}",
            "{s} has always wanted {v}, so that is the present",
            "the parcel for {s} holds {v}",
        ),
        (
            "we swapped the present, {s} gets {v}",
            "instead of {old} there is {v} for {s}",
            "{s} already has one of those, so it will be {v}",
            "the shop was out, so {s} gets {v}",
        ),
        (
            "What are we giving to {s}?",
            "Which present is meant for {s}?",
            "What do I write on the label of the parcel for {s}?",
        ),
        ("{s} gets {v}", "The present for {s} is {v}", "We are giving {s} {v}"),
    ),
    Kind(
        "code",
        _one(DOORS, frame="the {}"),
        _numbers(1012, 9876),
        (
            "the code for {s} is {v}",
            "{s} opens with {v}",
            "you type {v} to open {s}",
            "{v} is the combination of {s}",
            "the lock on {s} is set to {v}",
        ),
        (
            "the code for {s} was changed to {v}",
            "{old} no longer opens {s}, {v} does",
            "{s} has a new number, {v}",
            "they reset {s} to {v}",
        ),
        ("What is the code for {s}?", "Which number opens {s}?", "What do I type to get through {s}?"),
        ("The code for {s} is {v}", "{s} opens with {v}", "For {s} you type {v}"),
    ),
    Kind(
        "dish",
        _one(NAMES),
        _from(FOODS),
        (
            "{s} is bringing {v}",
            "{s} promised to make {v}",
            "{v} is coming from {s}",
            "{s} is down for {v}",
            "we can count on {s} for {v}",
            "{s} signed up for {v}",
        ),
        (
            "{s} is bringing {v} instead of {old}",
            "{s} changed the plan and makes {v}",
            "{s} now does {v}",
            "{s} ran out of time and will just make {v}",
        ),
        ("What is {s} bringing?", "Which dish is {s} down for?", "What should I put next to {s} on the buffet list?"),
        ("{s} is bringing {v}", "{s} makes {v}", "The dish from {s} is {v}"),
    ),
    Kind(
        "hotel",
        _one(NAMES),
        _from(HOTELS),
        (
            "{s} is staying at {v}",
            "we booked {s} into {v}",
            "{s} has a room at {v}",
            "{s} took a bed at {v}",
            "letters for {s} go to {v}",
        ),
        (
            "{s} has moved to {v}",
            "{s} could not sleep at {old} and is at {v} now",
            "{s} changed over to {v}",
            "we had to rebook {s} into {v}",
        ),
        ("Where is {s} staying?", "At which hotel do we pick up {s}?", "Where do I send the taxi for {s}?"),
        ("{s} is staying at {v}", "You will find {s} at {v}", "The hotel of {s} is {v}"),
    ),
)
MOVES = (
    Kind(
        "whereabouts",
        _one(KEEPSAKES, frame="the {}"),
        _from(PLACES),
        (
            "{s} is in {v}",
            "I put {s} in {v}",
            "you will find {s} in {v}",
            "we keep {s} in {v}",
            "{s} lives in {v}",
            "I left {s} in {v}",
        ),
        (
            "I moved {s} to {v}",
            "{s} went from {old} to {v}",
            "somebody took {s} out of {old} and put it in {v}",
            "{s} is in {v} now",
            "{s} has a new home in {v}",
        ),
        ("Where is {s}?", "Where do I look for {s}?", "If somebody asks for {s}, where is it at present?"),
        ("{s} is in {v}", "You will find {s} in {v}", "Look for {s} in {v}"),
    ),
)
ASSIGNMENTS = (
    Kind(
        "task",
        _one(TASKS),
        _from(NAMES),
        (
            "{v} takes care of {s}",
            "{v} is doing {s}",
            "{s} is in the hands of {v}",
            "{v} volunteered for {s}",
            "{s} went to {v}",
            "we gave {s} to {v}",
            "{v} looks after {s}",
        ),
        (
            "{v} takes {s} over from {old}",
            "{old} is ill, so {v} does {s}",
            "{s} is now with {v}",
            "{old} would rather not, and {v} agreed to do {s}",
            "it is {v} who does {s} after all",
        ),
        (
            "Who takes care of {s}?",
            "Whom should I call about {s}?",
            "Who is doing {s}, as it stands?",
            "Whose job is {s}?",
        ),
        ("{v} takes care of {s}", "The one doing {s} is {v}", "{v} is the one who does {s}"),
    ),
)
QUANTITIES = (
    Kind(
        "stock",
        _one(STOCK, STORES, frame="{} {}"),
        _numbers(14, 90),
        (
            "we have {v} {s}",
            "there are {v} {s}",
            "I counted {v} {s}",
            "the list says {v} {s}",
            "we started with {v} {s}",
        ),
        (
            "{d} more came in, so there are {v} {s}",
            "{d} were given away, which leaves {v} {s}",
            "after a change of {d} we are at {v} {s}",
            "I counted again and there are now {v} {s}",
            "{d} up or down, it makes {v} {s} in total",
        ),
        (
            "How many {s} are there?",
            "What number do I write down for the {s}?",
            "How many {s} do we have at this point?",
        ),
        ("There are {v} {s}", "We have {v} {s}", "The count is {v} {s}"),
    ),
)
ME = _one(("me",))
RULES = (
    Kind(
        "nickname",
        ME,
        _from(NICKNAMES),
        (
            "I would like you to call me {v} from here on",
            "you should always greet me as {v}",
            "my name in these letters is {v}, please use it every time",
            "I insist on being called {v} whenever you say hello",
            "whenever you address me, the word is {v}",
        ),
        (
            "I have had enough of {old}, so you should call me {v}",
            "from today you address me as {v}",
            "the old name is dropped, and I go by {v}",
        ),
        (
            "Would you say good evening to me, the way I like it?",
            "How do you greet me, then?",
            "Say hello to me properly, will you?",
        ),
        ("Good evening, {v}", "Hello, {v}", "Welcome back, {v}"),
        (
            "{o} likes to be called {v}",
            "everybody greets {o} as {v}",
            "{o} is known as {v} in the office",
            "{o} answers only to {v}",
        ),
    ),
    Kind(
        "thanks",
        ME,
        _from(tuple(THANKS)),
        (
            "I would like you to thank people in {v} for me, so {t}",
            "every thank-you that you write for me has to be in {v}, as in {t}",
            "we thank people in {v} here, that is {t}",
            "my rule for your thank-you notes is {v}, like {t}",
        ),
        (
            "I am tired of {old}, so thanks are in {v} from now on, meaning {t}",
            "you should switch your thank-you notes to {v}, which is {t}",
        ),
        (
            "Would you write the thank-you line in the way I asked for?",
            "What is our line of thanks for the helpers?",
            "How do we thank the driver, by my rule?",
        ),
        ("{t}, dear friends", "{t} for everything", "{t} and all the best"),
        (
            "{o} thanks everybody in {v}, always {t}",
            "{o} says {t} because {v} is in fashion there",
            "over at the office of {o} they write thanks in {v}, {t} and so on",
        ),
    ),
    Kind(
        "signature",
        ME,
        _from(SIGNATURES),
        (
            "I want every note that you write for me to end with the words {v}",
            "you close my letters with {v}, please, and with nothing else",
            "the closing line for my mail is {v}",
            "as a rule my notes end on {v}",
        ),
        (
            "the closing line has changed, and you now end my notes with {v}",
            "you drop the old closing and write {v} under my notes",
        ),
        (
            "How does my note end, by the rule we set?",
            "What do you put under my letter as its last line?",
            "Would you add my closing line?",
        ),
        ("The note ends: {v}", "The last line is: {v}", "Under the letter stands: {v}"),
        ("{o} ends every letter with {v}", "the notes from {o} close on {v}", "{o} signs everything with {v}"),
    ),
    Kind(
        "opening",
        ME,
        _from(FIRST_WORDS),
        (
            "I want your messages to me to open with {v}",
            "you begin each announcement for me with {v}, that is a standing order",
            "the first word in my announcements is always {v}",
            "whatever you announce for me starts with {v}",
        ),
        (
            "the opening has changed, and my announcements now start with {v}",
            "you no longer start with {old} but with {v}",
        ),
        (
            "Would you announce that the parcel has arrived, in my usual form?",
            "How do you announce the parcel, by my rule?",
            "Please write my announcement about the parcel.",
        ),
        ("{v}: the parcel has arrived", "{v}! The parcel is here", "{v}, the parcel came today"),
        (
            "{o} starts every announcement with {v}",
            "the announcements of {o} open with {v}",
            "at the desk of {o} each message begins with {v}",
        ),
    ),
    Kind(
        "coin",
        ME,
        _from(COINS),
        (
            "I want all my sums in {v}, whatever the bill says",
            "for me you always reckon in {v}",
            "the rule for my accounts is {v} and nothing else",
            "you give me prices in {v} only",
        ),
        (
            "I have changed my mind about the money, so you reckon in {v} for me",
            "my accounts are in {v} from now on, no longer in {old}",
        ),
        (
            "The dinner came to eighty; how do you enter it in my accounts?",
            "How do you write the sum of eighty for me?",
            "What goes into my book for the eighty we spent?",
        ),
        ("That is eighty {v}", "The sum is eighty {v}", "In your book it is eighty {v}"),
        ("{o} reckons everything in {v}", "the accounts of {o} are kept in {v}", "{o} only wants prices in {v}"),
    ),
    Kind(
        "treat",
        ME,
        _from(TREATS),
        (
            "you should never offer my guests {x}, only {v}",
            "my guests are to be offered {v}, and under no circumstances {x}",
            "I do not want {x} on my table, so please always serve {v}",
            "for my guests the rule is {v} and never {x}",
        ),
        ("the rule for my guests has changed, so it is {v} and no longer {old}", "my guests get {v} from now on"),
        (
            "What do we offer my guests, by the house rule?",
            "A guest of mine is at the door, what do you serve?",
            "What may I promise my guests?",
        ),
        ("Your guests are offered {v}", "We serve {v}", "There will be {v} for your guests"),
        ("{o} always offers visitors {v}", "at the house of {o} one is served {v}", "{o} keeps {v} for visitors"),
    ),
    Kind(
        "petname",
        _one(ROOMS),
        _from(PET_NAMES),
        (
            "between us, {s} is called {v}, so please stick to that name",
            "I want you to say {v} whenever you mean {s}",
            "in my letters {s} goes by the name of {v}",
            "you should write {v} and never {s}",
        ),
        ("{s} gets a new name, which is {v}", "you no longer say {old} for {s} but {v}"),
        (
            "The boxes are in {s}; how do you put that in our language?",
            "How do you tell me that the boxes are in {s}, using our name for it?",
        ),
        ("The boxes are in {v}", "You will find the boxes in {v}", "All boxes went to {v}"),
        (
            "{o} calls the kitchen {v}",
            "at the place of {o} the hallway is known as {v}",
            "{o} speaks of the garage as {v}",
        ),
    ),
)
CONSTRAINTS = (
    Kind(
        "venue",
        _one(GROUPS, EVENTS, frame="the {}'s {}"),
        _from(FEATURES),
        (
            "the place for {s} needs {v}",
            "we cannot do {s} without {v}",
            "for {s} they insist on {v}",
            "{v} is a must for {s}",
            "wherever {s} is, there has to be {v}",
        ),
        ("{s} can do without {old}, but it does need {v}", "never mind {old} for {s}, what it needs is {v}"),
        (
            "What do I look for in a place for {s}?",
            "What must the place for {s} have, all told?",
            "Which wishes does the place for {s} have to meet?",
        ),
        ("The place for {s} needs {v}", "For {s} there must be {v}", "{s} calls for {v}"),
    ),
)
FAMILIES: dict[str, tuple[Kind, ...]] = {
    "recall": FACTS,
    "correction": FACTS,
    "rule": RULES,
    "quantity": QUANTITIES,
    "assignment": ASSIGNMENTS,
    "whereabouts": MOVES,
    "constraint": CONSTRAINTS,
}
