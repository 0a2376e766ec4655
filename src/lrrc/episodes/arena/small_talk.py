"""Ordinary talk: a combinatorial grammar of small talk whose names, towns and numbers are confusable with the facts.

A sentence is [opener] core [ending]; cores belong to topics, and every slot is drawn from a pool. Openers are shared
with the sentences that state facts, so that no phrase marks a fact.
"""

from __future__ import annotations

import random
import re

from lrrc.episodes.arena.vocabulary import COLOURS, DAYS, FOODS, KIN, NAMES, THINGS, TIMES, TOWNS, phrases

OPENERS = phrases(
    """
    by the way,; oh, and; before I forget,; as far as I know,; to be fair,; for the record,; as it
    happens,; anyway,; on another note,; I should add that; it turns out that; just so you know,; the
    other thing is that; as usual,; I only heard yesterday that; you may laugh, but; in case it matters,;
    somebody reminded me that; from what I gather,; it says on the list that; I nearly forgot that; in the
    meantime,; honestly,; it seems that; the short version is that; we found out that; for what it is
    worth,; at this point; as of this week,; so
    """
)
ENDINGS = phrases(
    """
    which suits me fine; or so I was told; as you can imagine; much to my surprise; at long last; and
    nobody minds; which took some persuading; if I read the note correctly; and I am glad of it; believe
    it or not; after a fair amount of talk; for better or worse; and that was that; I think; which
    explains a lot; and the others agree; so there is one worry less; and I wrote it on the calendar;
    though it may sound odd; as the whole street knows; and it made me smile; to everybody's relief
    """
)
TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "garden": (
        (
            "the tomatoes by the south wall have finally started to turn",
            "I planted {n} rows of carrots and the slugs took {few} of them",
            "{name} says the old pear tree should come down before winter",
            "the hose split near the tap and soaked my shoes",
            "we spread {n} bags of compost before the rain came",
            "the hedge on the {town} road side has grown past the window",
            "a hedgehog has moved in under the {thing} we left outside",
            "my {kin} gave me a bucket of seed potatoes on {day}",
        ),
        (
            "What would you plant next to the tomatoes?",
            "How would you keep the slugs away?",
            "Any thoughts on the hedge?",
        ),
    ),
    "travel": (
        (
            "the night train from {town} was {n} minutes late again",
            "I shared a compartment with a couple from {town} who sell clocks",
            "{name} lost a glove somewhere between {town} and {town2}",
            "the hotel had {n} steps and no lift",
            "they stamped the ticket twice and then argued about it",
            "we walked along the river until {time}",
            "my suitcase came back with a dent and a {colour} ribbon",
            "the guide told the same joke in {town} and in {town2}",
        ),
        (
            "What makes a train journey pleasant, do you think?",
            "What should one pack for a short trip?",
            "Do you prefer trains or ferries?",
        ),
    ),
    "kitchen": (
        (
            "I burnt the first batch of {food} because the phone rang",
            "{name} swears by a pinch of nutmeg in {food}",
            "the oven door only closes if you kick it gently",
            "we have {n} jars of plum jam and no bread",
            "the kettle has started to whistle in two keys",
            "my {kin} came for {food} and stayed until {time}",
            "the recipe from {town} asks for more butter than we own",
            "somebody put the {colour} bowl in the dishwasher and it cracked",
        ),
        ("How do you rescue a dry cake?", "What goes well with plum jam?", "What would you cook for a large group?"),
    ),
    "work": (
        (
            "the meeting on {day} ran {n} minutes over for no good reason",
            "{name} has moved to the {town} office and sends postcards",
            "the printer on the second floor eats every third page",
            "I answered {n} letters before lunch and lost the pen twice",
            "{name} and {name2} still disagree about the seating plan",
            "our new calendar shows two different Thursdays",
            "the report came back with {few} comments in {colour} ink",
            "my {kin} thinks I should ask for a quieter desk",
        ),
        ("How do you keep a meeting short?", "Any tips for a tidy desk?", "How should I answer a difficult letter?"),
    ),
    "house": (
        (
            "the bathroom tap drips in a rhythm that {name} finds musical",
            "we carried the {thing} up {n} stairs and down again",
            "the plumber from {town} promised to come on {day} and did not",
            "the {colour} paint looked different in daylight",
            "the front door sticks whenever it rains",
            "I found {n} old coins behind the radiator",
            "our landlord wants the {thing} out of the corridor",
            "{name} measured the window twice and got two numbers",
        ),
        (
            "How would you fix a sticking door?",
            "What colour suits a narrow corridor?",
            "What would you do first in an old house?",
        ),
    ),
    "music": (
        (
            "the rehearsal on {day} lost {few} singers to a cold",
            "{name} plays the cello as if it owed her money",
            "we tried the slow movement at {time} and nobody slept",
            "the accordion from {town} needs {n} new reeds",
            "my {kin} hums the same waltz while washing up",
            "a record by a band from {town} has been on all week",
            "the {thing} squeaks exactly in the quiet bars",
            "{name} and {name2} sang a duet in the stairwell",
        ),
        ("What music helps you concentrate?", "How should a beginner practise?", "Which instrument would you learn?"),
    ),
    "weather": (
        (
            "it rained for {n} hours and the gutter gave up",
            "the fog in {town} was so thick that {name} missed the stop",
            "the forecast for {day} has changed {few} times since breakfast",
            "a gust took the {colour} umbrella over the fence",
            "the first frost came earlier than the almanac said",
            "we sat outside until {time} wrapped in blankets",
            "{name} keeps a diary of the clouds",
            "my {kin} blames every headache on the wind",
        ),
        (
            "How do you spend a rainy day?",
            "Is it worth keeping a weather diary?",
            "What do you do when the power fails?",
        ),
    ),
    "sport": (
        (
            "our team lost by {n} points to the people from {town}",
            "{name} ran {n} kilometres and then took the bus home",
            "the swimming pool closes at {time} now",
            "I pulled a muscle reaching for the {thing}",
            "the referee was {name}'s {kin}, which did not help",
            "we practise on {day} when the field is dry",
            "somebody stole {few} of the {colour} jerseys",
            "the climbing wall in {town} is being repaired",
        ),
        (
            "How do you start running again after a break?",
            "What is a good warm-up?",
            "How would you cheer up a losing team?",
        ),
    ),
    "books": (
        (
            "I am on page {n} and the murderer is still at large",
            "{name} lent me a novel set in {town} and wants it back by {day}",
            "the library charged me for a book that {name2} had lost",
            "the cover shows a {colour} lighthouse for no reason",
            "my {kin} reads the last chapter first",
            "there were {n} people at the reading and {few} chairs",
            "the author moved from {town} to {town2} to finish the sequel",
            "I use an old bus ticket as a bookmark",
        ),
        ("Which book would you read twice?", "How do you choose the next novel?", "What makes a good detective story?"),
    ),
    "animals": (
        (
            "the cat from number {n} has adopted us",
            "{name}'s dog learned to open the {thing}",
            "a heron stood by the pond until {time}",
            "we counted {n} swallows on the wire",
            "the vet in {town} has a parrot that answers the phone",
            "my {kin} keeps bees and talks to them",
            "the hens laid {few} eggs, one of them nearly {colour}",
            "somebody on {name}'s street lost a tortoise on {day}",
        ),
        (
            "How do you get a shy cat to trust you?",
            "Would you keep hens in a small yard?",
            "What should one know about bees?",
        ),
    ),
    "city": (
        (
            "the tram to {town} Street is diverted until {day}",
            "they have dug up the square {few} times since spring",
            "the bakery on the corner sells out of {food} by {time}",
            "{name} found a flat with {n} windows and no heating",
            "the new lamp posts are painted {colour}",
            "there was a market with {n} stalls and one very loud fiddler",
            "my {kin} collects bicycle bells from {town}",
            "the museum lent its best {thing} to {town2}",
        ),
        (
            "What makes a street pleasant to live in?",
            "How would you spend a free afternoon in town?",
            "Are markets better than shops?",
        ),
    ),
    "family": (
        (
            "my {kin} turns {n} this year and wants no presents",
            "{name} and {name2} are getting married in {town}",
            "the twins painted the fence {colour} while nobody looked",
            "we had {n} guests and {few} clean forks",
            "{name} phoned at {time} to talk about nothing in particular",
            "grandmother still writes letters from {town} every {day}",
            "the photograph shows my {kin} holding a very large pumpkin",
            "everybody brought {food}, so we ate it for a week",
        ),
        (
            "What would be a kind thing to do for a grandmother?",
            "How do you remember birthdays?",
            "What makes a family dinner go well?",
        ),
    ),
    "repairs": (
        (
            "the chain on the {thing} came off {few} times",
            "I ordered {n} screws and got twice as many",
            "{name} repaired the clock with a paper clip",
            "the mechanic in {town} only works until {time}",
            "the spare part is {colour} instead of {colour2}",
            "my {kin} soldered the wire and blew the fuse",
            "we tested it on {day} and it ran for {n} minutes",
            "the manual was printed in {town} and explains nothing",
        ),
        ("Is it worth repairing old things?", "What belongs in a basic tool kit?", "How would you find the fault?"),
    ),
    "school": (
        (
            "the evening class has {n} students and one radiator",
            "{name} asked about the same verb {few} times",
            "our teacher grew up near {town}",
            "the exam was moved to {day} at {time}",
            "I wrote {n} words and crossed out most of them",
            "my {kin} helps me with the pronunciation",
            "the {colour} workbook is better than the {colour2} one",
            "{name} and {name2} passed notes like children",
        ),
        ("How do you learn new words?", "What makes a good teacher?", "How would you prepare for an exam?"),
    ),
    "sea": (
        (
            "the ferry from {town} carried {n} cyclists",
            "{name} caught {few} mackerel and a boot",
            "we rowed the {colour} boat out at {time}",
            "the harbour master retired on {day} after {n} years",
            "my {kin} gets seasick on a bridge",
            "someone had left a {thing} on the beach",
            "the lighthouse near {town} is open on {day}",
            "we ate {food} on the pier with {name}",
        ),
        ("Do you like the sea in winter?", "How do you avoid being seasick?", "What would you take to the beach?"),
    ),
    "theatre": (
        (
            "the second act was {n} minutes too long",
            "{name} forgot a line and invented {few} others",
            "the curtain is {colour} and smells of dust",
            "the company toured from {town} to {town2} in a van",
            "our seats were behind a pillar, like last {day}",
            "my {kin} painted the backdrop in one night",
            "the {thing} on stage was borrowed from {name}",
            "the applause lasted until {time}",
        ),
        (
            "What makes a play worth seeing?",
            "Would you rather act or paint the scenery?",
            "How do you learn lines by heart?",
        ),
    ),
}


def fill(frame: str, rng: random.Random) -> str:
    """`frame` with every general slot drawn; a slot and its numbered twin never get the same value."""
    name, name2 = rng.sample(NAMES, 2)
    town, town2 = rng.sample(TOWNS, 2)
    colour, colour2 = rng.sample(COLOURS, 2)
    return frame.format(
        name=name,
        name2=name2,
        town=town,
        town2=town2,
        colour=colour,
        colour2=colour2,
        n=rng.randint(11, 96),
        few=rng.randint(3, 9),
        day=rng.choice(DAYS),
        time=rng.choice(TIMES),
        thing=rng.choice(THINGS),
        food=rng.choice(FOODS),
        kin=rng.choice(KIN),
    )


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text.strip())
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."


def dress(core: str, rng: random.Random, chance: float = 0.35) -> str:
    """A core clause as a sentence, with an opener and an ending by chance; the same for facts and for small talk."""
    text = core
    if rng.random() < chance:
        text = f"{rng.choice(OPENERS)} {text}"
    if rng.random() < chance and not re.search(r"[.!?:;]", core):
        text = f"{text}, {rng.choice(ENDINGS)}"
    return sentence(text)


class SmallTalk:
    """Small talk of one episode: wanders over a few topics, repeats no core before all of them are used."""

    def __init__(self, rng: random.Random, topics: int = 7):
        self.rng = rng
        self.topics = rng.sample(sorted(TOPICS), topics)
        self._refill()

    def _refill(self) -> None:
        self.left = {topic: self.rng.sample(TOPICS[topic][0], len(TOPICS[topic][0])) for topic in self.topics}

    def topic(self) -> str:
        """A topic with something left to say."""
        open_topics = [topic for topic in self.topics if self.left[topic]]
        if not open_topics:
            self._refill()
        return self.rng.choice(open_topics or self.topics)

    def line(self, topic: str) -> tuple[str, str]:
        """(topic, sentence): of `topic`, or of another one where it is exhausted."""
        if not self.left[topic]:
            topic = self.topic()
        return topic, dress(fill(self.left[topic].pop(), self.rng), self.rng)

    def invitation(self, topic: str) -> str:
        return self.rng.choice(TOPICS[topic][1])
