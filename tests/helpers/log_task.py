"""A task for coding agents, over several turns of the user, and a model that works on it from what it is told alone.

A repository holds a lighthouse's log, a page to a file. Each page says which comes next, and some hold a fact. Every
turn the user has a trail of pages read, and then a line written into report.txt: a fact from the trail, another from
the trail of an earlier turn. The user's standing rule, given once, says how lines end. `next_step` keeps no memory: a
fact that is not in its prompt is written as "unknown".
"""

import random
import re
import subprocess
from dataclasses import dataclass

RULE = "From now on end every line of the report with a full stop and the word SEEN."
ASKS = "Then answer in one line of report.txt:"
DONE = "Done."
PLACES = ("gallery", "boathouse", "pier", "cellar", "orchard", "kitchen", "north stair", "lantern room", "quay")
THINGS = ("oil cans", "wicks", "charts", "ropes", "shutters", "lenses", "barrels", "gulls", "seals", "sacks of flour")
DOINGS = ("counted", "mended", "painted", "cleaned", "moved", "weighed", "sorted", "dried", "stored", "carried")
WINDS = ("westerly", "easterly", "northerly", "light", "fresh", "strong", "failing", "steady", "shifting")
FACTS = {  # what is asked -> the sentence that answers it
    "keeper's dog": ("Bramble", "The keeper's dog is called {}."),
    "spare key": ("Samphire", "The spare key hangs behind the picture called {}."),
    "supply boat": ("Kittiwake", "The supply boat that comes on Fridays is called {}."),
    "first mate's sister": ("Rosalind", "The first mate's sister is called {}."),
    "fog horn": ("Ulverston", "The fog horn was cast in the foundry called {}."),
    "blue barometer": ("Tolliver", "The blue barometer was made by a man called {}."),
    "drowned chapel": ("Ennismore", "The drowned chapel beyond the reef is called {}."),
    "inspector's ship": ("Perpetua", "The inspector's ship, which comes in autumn, is called {}."),
}


@dataclass(frozen=True)
class Turn:
    """Pages `first` to `last` are read, then `now` (in these pages) and `before` (in earlier ones) asked for."""

    first: int
    last: int
    now: str
    before: str
    rule: str = ""

    @property
    def asked(self):
        lines = [f"Go on at log/{self.first:02}.txt, sheet by sheet, until none follows.", self.rule, ASKS]
        question = f"How is the {self.now} called, and the {self.before}?"
        return "\n".join(filter(None, [*lines, question]))


def turns_of(pages, turns):
    """`turns` turns over `pages` pages. Each asks for a fact near the beginning of its own trail, and for one of the
    trails before (the first: of its own)."""
    names = list(FACTS)
    each = pages // turns
    made = []
    for n in range(turns):
        before = names[2 * n - 1] if n else names[-1]
        made.append(Turn(n * each + 1, (n + 1) * each, names[2 * n % 8], before, RULE if n == 1 else ""))
    return made


def facts_of(turns):
    """{page: [facts]}: the one that its own turn asks for stands on the second page of a trail, the one that the next
    turn asks for on the third."""
    found = {}
    for n, turn in enumerate(turns):
        found.setdefault(turn.first + 1, []).append(turn.now)
        if n == 0:
            found[turn.first + 1].append(turn.before)
        if n + 1 < len(turns):
            found.setdefault(turn.first + 2, []).append(turns[n + 1].before)
    return found


def make_repository(folder, turns, sentences):
    """The log, committed; pages are of so many sentences."""
    draw = random.Random(7)
    facts, ends = facts_of(turns), [turn.last for turn in turns]
    (folder / "log").mkdir(parents=True)
    for page in range(1, ends[-1] + 1):
        lines = [
            f"Hour {draw.randint(1, 24)}: {draw.randint(2, 90)} {draw.choice(THINGS)} {draw.choice(DOINGS)} in the "
            f"{draw.choice(PLACES)}, wind {draw.choice(WINDS)}, {draw.randint(100, 999)} on the dial."
            for _ in range(sentences)
        ]
        for fact in facts.get(page, ()):
            name, sentence = FACTS[fact]
            lines.insert(draw.randrange(len(lines)), sentence.format(name))
        end = "None follows." if page in ends else f"Next: {page + 1:02}."
        (folder / f"log/{page:02}.txt").write_text("\n".join([*lines, end, ""]))
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "The log"]):
        git(folder, *command)


def git(folder, *arguments):
    who = ["-c", "user.name=Keeper", "-c", "user.email=keeper@example.org"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def report_of(turns):
    """What report.txt holds when all went well."""
    rule, lines = "", []
    for turn in turns:
        rule = " SEEN" if turn.rule else rule
        lines.append(f"{FACTS[turn.now][0]}, {FACTS[turn.before][0]}.{rule}\n")
    return "".join(lines)


def next_step(prompt):
    """The next command, or None where the turn is over; `prompt` is [(role, text)]."""
    asked = max(i for i, (role, text) in enumerate(prompt) if role == "user" and ASKS in text)
    task = prompt[asked][1][prompt[asked][1].rindex("Go on at log/") :]
    results = [text for role, text in prompt[asked + 1 :] if role == "tool"]
    if not results:
        return f"cat {re.search('at (log/[0-9]+[.]txt)', task)[1]}"
    if "written" in results[-1]:
        return None
    if following := re.findall("Next: ([0-9]+)[.]", results[-1]):
        return f"cat log/{following[-1]}.txt"
    assert "None follows." in results[-1], results[-1]
    everything = "\n".join(text for _, text in prompt)
    names = [known(everything, fact) for fact in re.search("How is the (.*) called, and the (.*)[?]", task).groups()]
    rule = " SEEN" if "the word SEEN" in everything else ""
    return f"echo '{', '.join(names)}.{rule}' >> report.txt && echo written"


def known(text, fact):
    before, after = FACTS[fact][1].split("{}")
    found = re.search(re.escape(before) + "([A-Z][a-z]+)" + re.escape(after), text)
    return found[1] if found else "unknown"
