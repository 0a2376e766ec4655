"""What is asked for in its own words is in the digest, whatever it was said in: any script, JSON, traces, a contract.

LRRC by the rules of the middleware, with a network to which all segments are alike, so that nothing is found by chance.
"""

import json

import pytest
from helpers.chats import call, result, say
from helpers.random_episodes import ENCODER
from helpers.untaught_network import untaught_network

from lrrc.middleware import Coordinator, Settings
from lrrc.policies.registry import build_policy
from lrrc.policies.spec import PolicySpec


@pytest.fixture(scope="module")
def net():
    return untaught_network()


@pytest.fixture(params=["lrrc", "bm25"])
def digest_of(request, net):
    """The digest of a list of messages, at a budget."""

    def digest(messages, budget=128):
        spec = PolicySpec(request.param, budget)
        policy = build_policy(spec, ENCODER, net) if spec.trained else build_policy(spec)
        coordinator = Coordinator(policy, settings=Settings(rewrite="always", keep_goal=False))
        payload, receipt = coordinator.compose(messages)
        assert receipt.action == "rewritten" and receipt.digest_tokens <= budget
        return payload[0]["content"].removesuffix(messages[-1]["content"])

    return digest


# a fact, five other matters with what was answered, and the question
SIX_TURNS_AGO = {
    "en": (
        ("The lantern of the barge is kept in the red chest.", "Where is the lantern of the barge kept?", "red chest"),
        ("The oats are sown in April.", "Our goose has a lame foot, says the vet.", "Uncle Rolf repaired the well."),
        ("The cellar smells of apples again.", "Two tiles fell from the roof."),
        "Noted.",
    ),
    "zh": (
        ("驳船的灯笼放在红色箱子里。", "驳船的灯笼放在哪里?", "红色箱子"),
        ("燕麦四月播种。", "我们的鹅脚跛了。", "罗叔修好了水井。"),
        ("地窖又有苹果味。", "屋顶掉了两片瓦。"),
        "记下了。",
    ),
    "ja": (
        ("はしけの提灯は赤い箱にあります。", "はしけの提灯はどこにありますか?", "赤い箱"),
        ("燕麦は四月に蒔きます。", "ガチョウの足が悪いです。", "叔父が井戸を直しました。"),
        ("地下室は林檎の匂いがします。", "瓦が二枚落ちました。"),
        "了解です。",
    ),
}


@pytest.mark.parametrize("budget", [48, 96])
@pytest.mark.parametrize("language", SIX_TURNS_AGO)
def test_six_turns_ago_in_any_script(digest_of, language, budget):
    (fact, question, key), first, then, yes = SIX_TURNS_AGO[language]
    messages = []
    for text in (fact, *first, *then, *first, *then):
        messages += [say("user", text), say("assistant", yes)]
    assert key in digest_of([*messages, say("user", question)], budget)


BLOB = "QmFyZ2UgbGFudGVybnMgYXJlIHJlZA" * 40
BOATS = [{"hull": f"H{i}", "owner": f"skipper {i % 7}", "draught": 90 + i, "moored": bool(i % 2)} for i in range(90)]
BOATS[41] |= {"owner": "Gudrun Vass", "draught": 777}
SETTINGS = {f"pump{i}": {"litres": i * 3, "on": True} for i in range(40)} | {"bilge": {"alarmLevel": 64, "on": False}}
STATUS = [{"at": 1_900_000_000 + i, "level": "info", "said": f"lock {i} is open"} for i in range(80)]
STATUS[30] = {"at": 1_900_000_030, "level": "error", "said": "sluice jammed by a beech trunk"}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


FRAMES = "".join(
    f'  File "/opt/lock/step{i}.py", line {7 * i}, in turn{i}\n    return turn{i + 1}(gate)\n' for i in range(9)
)
IN_A_TOOLS_RESULT = {
    "a list of records": (compact({"boats": BOATS}), "What draught has the boat of Gudrun Vass?", "777"),
    "settings": (compact(SETTINGS), "What is the alarmLevel of the bilge?", '"alarmLevel":64'),
    "among blobs": (
        compact({"scan": BLOB, "surveyor": "Ottilie Brandt", "thumbnail": BLOB[:700], "more": SETTINGS}),
        "Who was the surveyor?",
        "Ottilie Brandt",
    ),
    "lines": ("\n".join(map(compact, STATUS)), "Which trunk jammed the sluice?", "beech"),
    "a page": (
        f"<html><style>{'b{margin:0}' * 90}</style><body>{'<div><b>Oar</b><i>9</i></div>' * 60}"
        f"<p>The lock keeper's holiday begins on the second of June.</p>{'<div><b>Rope</b></div>' * 60}</body></html>",
        "When does the holiday of the lock keeper begin?",
        "second of June",
    ),
    "a trace": (
        f"$ turn gate\nTraceback (most recent call last):\n{FRAMES}TimeoutError: gate 5 did not close, chain slipped",
        "Why did gate 5 not close?",
        "TimeoutError: gate 5 did not close, chain slipped",
    ),
}


@pytest.mark.parametrize("kind", IN_A_TOOLS_RESULT)
def test_in_a_tools_result(digest_of, kind):
    content, question, key = IN_A_TOOLS_RESULT[kind]
    messages = [
        say("user", "Look it up."),
        call("c1"),
        result("c1", content),
        say("assistant", "I have it. Shall I go on?"),
        say("user", "First bring in the ropes."),
        say("assistant", "The ropes are in."),
        say("user", question),
    ]
    digest = digest_of(messages)
    assert key in digest and BLOB[:30] not in digest


def test_a_clause_of_a_long_contract_in_the_first_message(digest_of):
    things = ("mast", "keel", "rudder", "anchor", "galley", "winch", "sail", "hatch")
    clauses = [
        f"{i}. The {things[i % 8]} number {i} is looked after by the {('owner', 'tenant')[i % 2]} at all times, and "
        f"each repair above {i * 10} crowns is agreed in writing before any work on it begins."
        for i in range(1, 200)
    ]
    clauses[130] = "131. Fireworks on deck are forbidden between sunset and breakfast, whoever lights them."
    said = [
        "\n".join(clauses),
        "I have read it.",
        "Good.",
        "What shall I look up?",
        "When are fireworks on deck forbidden?",
    ]
    messages = [say(("user", "assistant")[i % 2], content) for i, content in enumerate(said)]
    assert clauses[130] in digest_of(messages)
