"""What one question asks for in several parts is in the digest of the packaged coordinator, each in its own words."""

import pytest
from helpers.chats import call, result, say

from lrrc.middleware import Coordinator, Settings

# facts, each with what is looked for; and a question that asks for all of them
SEVERAL = {
    "two names": (
        {"The tug that comes on Mondays is called Halcyon.": "Halcyon", "The spare rope lies under Ivo's bunk.": "Ivo"},
        "How is the tug called, and where is the spare rope?",
    ),
    "no question mark": (
        {"The green bell was cast by Odile Marchand.": "Odile", "The east sluice opens at 417 turns.": "417"},
        "Write down who cast the green bell and how many turns the east sluice takes.",
    ),
    "three": (
        {
            "Die Schleuse Nord öffnet um Viertel vor sieben.": "Viertel vor sieben",
            "Der Lotse heißt Berengar.": "Berengar",
            "Das Ersatzruder liegt im Schuppen der Gärtnerei.": "Gärtnerei",
        },
        "Wann öffnet die Schleuse Nord, wie heißt der Lotse, und wo liegt das Ersatzruder?",
    ),
    "zh": (
        {"驳船的灯笼放在红色箱子里。": "红色箱子", "备用钥匙挂在气压计后面。": "气压计"},
        "驳船的灯笼放在哪里,备用钥匙挂在哪里?",
    ),
    "ja": (
        {"はしけの提灯は赤い箱にあります。": "赤い箱", "予備の鍵は気圧計の裏です。": "気圧計"},
        "はしけの提灯はどこですか、それと予備の鍵は?",
    ),
    "asked before": (
        {
            "How is the grey tug called, and the Danish harpooner?": "",
            "The grey tug is called Halcyon.": "Halcyon",
            "The Danish harpooner is called Sunniva.": "Sunniva",
        },
        "How is the grey tug called, and the Danish harpooner?",
    ),
}
LINES = {
    "log": lambda i: (
        f"Hour {i % 24}: {i * 31 % 97} sacks moved to the quay, wind westerly, {i * 17 % 640} on the dial."
    ),
    "sheet": lambda i: f"{i:6d}\tvalue_{i} = reading({i * 7 % 991}) + offset  # keeps the {('mean', 'spread')[i % 2]}",
    "talk": lambda i: ("Is it windy at the lake?", "A little, but warm.", "Shall we bake?", "Rye, please.")[i % 4],
}
SHEET = 70  # lines of a tool's result


def read_through(facts, lines, kind, question):
    """An agent has read so many lines, sheet by sheet; the facts stand at the beginning, in as many sheets."""
    said = [LINES[kind](i) for i in range(lines)]
    for n, fact in enumerate(facts):
        said.insert(min(len(said), 3 + n * (SHEET + 2)), fact)
    messages = [say("user", "Read on, sheet by sheet.")]
    for i in range(0, len(said), SHEET):
        messages += [call(f"c{i}"), result(f"c{i}", "\n".join(said[i : i + SHEET]))]
    messages += [say("assistant", "None follows."), say("user", "Thank you."), say("assistant", "Done.")]
    return [*messages, say("user", question)]


@pytest.fixture(scope="module")
def digest_of():
    coordinator = Coordinator(settings=Settings(rewrite="always", keep_goal=False))

    def digest(messages):
        payload, receipt = coordinator.compose(messages)
        assert receipt.action == "rewritten" and receipt.digest_tokens <= 128
        return payload[-1]["content"].removesuffix(messages[-1]["content"])

    return digest


@pytest.mark.parametrize("several", SEVERAL)
@pytest.mark.parametrize(("kind", "lines"), [*((kind, 200) for kind in LINES), ("sheet", 40)])
def test_every_part_is_there(digest_of, several, kind, lines):
    facts, question = SEVERAL[several]
    digest = digest_of(read_through(facts, lines, kind, question))
    assert [key for key in facts.values() if key not in digest] == []


@pytest.mark.parametrize(("several", "kind"), [("two names", "log"), ("zh", "sheet")])
def test_after_five_thousand_lines(digest_of, several, kind):
    facts, question = SEVERAL[several]
    digest = digest_of(read_through(facts, 5_000, kind, question))
    assert all(key in digest for key in facts.values())
