"""Standing rules: which sentences are rules, which of them hold, and that every digest has them whatever is asked."""

import dataclasses

import numpy as np
import pytest
from helpers import labelled_rules
from helpers.paths import ROOT
from helpers.policies import digest_of, made_policy
from helpers.random_episodes import AGENTS, LIMIT, WIDTH, compose, history_of
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.dataset.standing_labels import NO_RULE, RULE, TELLING_GAIN, UNKNOWN, standing_labels
from lrrc.digest import standing_rules
from lrrc.digest.history import History
from lrrc.digest.rendering import head_tokens
from lrrc.digest.standing_rules import recognise, rules_in_force
from lrrc.digest.writer import LABEL_TOKENS
from lrrc.episodes.episode import Check, Episode, Message, Turn
from lrrc.model.network import build_network
from lrrc.params import load_params
from lrrc.policy_catalogue import LIVE, WHOLE
from lrrc.pretrained import tokens
from lrrc.pretrained.sentence_encoder import NO_VECTORS


def turn(said, *replies):
    return Turn(
        (Message("user", said),), tuple(Message("assistant", r, a) for r, a in zip(replies, AGENTS, strict=False))
    )


def rule_episode():
    turns = (
        turn("Call me Skipper from here on. The kettle sings. Tomas is greeted as Doc.", "Aye, Skipper.", "Fine."),
        turn("Rain again today.", "Yes.", "So it is."),
        turn("Say hello to me properly, will you?", "Good evening.", "Hello."),
    )
    options = ("Good evening, Doc.", "Good evening, Skipper.", "Good evening, Ace.")
    check = Check(2, "rule", "Say hello to me properly, will you?", options, 1, 0, (1, 1))
    return Episode("x", AGENTS, AGENTS, (), turns, "tie", None, "x", None, None, (check,))


def test_a_rule_is_what_the_user_said_that_tells_the_answers_apart():
    made = rule_episode()
    history = history_of(dataclasses.replace(made))
    labels = standing_labels(made, history, {})
    texts = [history.segments[i].text for i in np.flatnonzero(labels == RULE)]
    assert texts == ["Call me Skipper from here on."]  # not what the agent said, nor the wrong options' words
    assert (labels >= 0).all()

    gains = np.zeros(len(labels), np.float32)
    gains[0] = TELLING_GAIN + 1
    assert (standing_labels(made, history, {(2, 0): gains}) == labels).all()
    gains[0] = TELLING_GAIN - 1  # says the word, but not as a rule
    assert not (standing_labels(made, history, {(2, 0): gains}) == RULE).any()
    gains[0] = 9.0

    nothing_known = standing_labels(dataclasses.replace(made, checks=()), history, {})
    assert (nothing_known == UNKNOWN).all()
    facts_only = dataclasses.replace(made, checks=(dataclasses.replace(made.checks[0], family="recall"),))
    assert (standing_labels(facts_only, history, {(2, 0): gains}) == NO_RULE).all()


def said(text):
    """The rules that a message gives, as they stand in it."""
    return [text[rule.start : rule.end] for rule in recognise(text) if not rule.lifts]


@pytest.mark.parametrize(
    "rule",
    [
        "Please keep your replies under 100 words.",
        "No bullet points please, I hate them.",
        "Ask me before you delete anything.",
        "If you don't know, just say so.",
        "My mother can't have salt.",
        "Could you please always include the source link from now on?",
        "Ich möchte ab sofort gesiezt werden.",
        "Frag mich, bevor du etwas löschst.",
        "Alle Beträge bitte in Schweizer Franken.",
        "No uses emojis, por favor.",
        "Soy celíaca, así que nada de trigo.",
        "Réponds en trois phrases maximum.",
        "Ne communiquez jamais d'adresse personnelle.",
        "D'ora in poi chiamami Capitano.",
        "Non tradurre mai i nomi delle vie.",
        "Me chame de doutora.",
        "Cada resposta deve ter no máximo quatro linhas.",
        "所有金额都用人民币表示。",
        "删除文件之前先问我。",
        "これからは英語で答えてください。",
        "私は卵アレルギーです。",
    ],
)
def test_a_rule_in_the_users_own_voice(rule):
    assert said(rule) == [rule]
    assert said(f"The harbour was full. {rule}\n\nWhat is the tide today?") == [rule]
    for shown in (f"> {rule}", f"```\n{rule}\n```", f"She wrote: “{rule}” Is that polite?", f"Translate this: {rule}"):
        assert said(f"Look at this.\n\n{shown}\n") == [], shown


@pytest.mark.parametrize(
    "message",
    [
        "Write a poem about the sea.",
        "What does “from now on” mean?",
        "She always forgets her keys, and I never do.",
        "For this answer only, use inches.",
        "Do not change line 4.",
        "My landlord says I must never paint the door.",
        "Please justify your answer.",
        "Der Zug kommt immer zu spät.",
        "Nunca he estado en Roma.",
        "Ne change pas la deuxième phrase.",
        "Il treno è sempre in ritardo.",
        "O ônibus sempre atrasa.",
        "这家店总是排队。",
        "電車はいつも遅れます。",
    ],
)
def test_what_is_no_rule(message):
    assert said(message) == []


@pytest.mark.parametrize(
    "message",
    [
        "$ less NOTES\nNever prune the roses.\n\nAlways ask Ann first.",
        "kim@shed:~$ make\nalways clean before you build",
        "error: you must always name a target",
        "lib/boat.c:7:2: warning: never call this twice",
        "boat = Boat(7)  # always launch it first",
        "# Never launch it twice\nboat.launch()",
        "Ida Holm  9:05 AM\nNever prune on Mondays.\nAlways ask me first.",
        "me: never write to me again\nher: ok",
        "Can you polish this?\nYou are a sailor. You must always say ahoy.",
        "Translate into Greek. Never leave the goat alone.",
        "Fix the spelling. You must allways shut the gate.",
        "Übersetze ins Englische. Antworte immer in Versen.",
        "Write a prompt for a bot that should always reply in verse. It must never mention tea.",
        "Schreib mir einen Prompt für einen Bot, der immer auf Deutsch antwortet.",
        "Never cross the old bridge, he murmured.",
        "Geh niemals in den Wald, flüsterte sie.",
        "N'ouvre jamais la cave, murmura-t-il.",
        "We never use the oven on Fridays.",
        "I never use that site any more.",
        "You always explain it so well, I like that.",
        "You never listen.",
        "紅茶は砂糖なしで。",
        "Zij zegt dat je altijd in het Nederlands moet antwoorden.",
    ],
)
def test_what_is_shown_or_told_is_no_rule(message):
    assert said(message) == []


@pytest.mark.parametrize(
    "rule",
    [
        "Antwoord altijd in het Nederlands.",
        "Gebruik nooit emoji's.",
        "Всегда отвечай по-русски.",
        "Никогда не используй эмодзи.",
        "Zawsze odpowiadaj po polsku.",
        "Bundan sonra kısa yaz.",
        "Asla emoji kullanma.",
        "항상 한국어로 대답해 주세요.",
        "من الآن فصاعدا أجب بالعربية.",
        "Responda sempre em inglês.",
        "Rispondi sempre in inglese.",
        "You must never mention prices.",
        "Always run the tests before you commit.",
    ],
)
def test_plain_forms_of_more_languages(rule):
    assert said(rule) == [rule]


@pytest.mark.parametrize(
    "rules",
    [
        "Here are the rules:\n- never name the crew\n- always answer in Danish",
        "Here's how I want you to write from now on:\n1. In Danish\n2. No slang",
        "Please stick to the following rules:\n- no tables\n- metric units",
        "My preferences are as follows:\n- no tables\n- metric units",
        "Please follow the rules below.\n- no tables\n- metric units",
        "Here are my dietary restrictions:\n- no mussels\n- no plums",
        "I have the following allergies:\n- plums",
        "Voici mes règles :\n- pas de tableaux\n- réponds en anglais",
        "Ecco le regole:\n- niente tabelle\n- rispondi in inglese",
        "Aquí tienes mis reglas:\n- sin tablas",
        "Hier die Regeln:\n- keine Tabellen\n- kurz",
        "以下是我的规则：\n1. 不要用表格\n2. 用英文回答",
        "請遵守以下規則：\n1. 不要用表格",
        "以下のルールを守ってください：\n・表は使わない\n・英語で答える",
        "My rules:\n・no slang\n・metric units",
    ],
)
def test_a_list_of_ones_own_rules_is_announced_like_any(rules):
    assert said(rules) == [rules]
    assert said(f"Hello.\n{rules}\n\nWhat is the tide today?") == [rules]


@pytest.mark.parametrize(
    "message",
    [
        "Here are the rules of the rowing club:\n- never stand up\n- always bow",
        "Here are the rules from the manual:\n- never open the lid",
        "Here are the rules my landlord wrote:\n- never smoke",
        "Here are the instructions:\n- never open the lid\n- always knock",
        "Look at the following rules:\n- never use slang",
        "Rate the rules below.\n- never use slang",
        "Translate the following rules:\n- never use slang",
        "I found the following rules:\n- never use slang",
        "Here's the prompt:\nYou must always answer in verse.",
        "Voici la lettre :\nNe réponds jamais en anglais.",
        "Ecco il regolamento:\n- non usare mai il telefono",
        "以下是他的规则：\n1. 不要用表格",
        "请翻译以下规则：\n1. 不要用表格",
    ],
)
def test_a_list_of_somebody_elses_rules_is_shown(message):
    assert said(message) == []


@pytest.mark.parametrize(
    "rule",
    [
        "Don't touch the fixtures folder.",
        "don't edit poetry.lock",
        "You must not change the public interface.",
        "No modifiques la rama principal.",
        "Fass den Bilderordner nicht an.",
        "Никогда не меняй схему.",
    ],
)
def test_what_is_not_to_be_touched(rule):
    assert said(rule) == [rule]


@pytest.mark.parametrize(
    "message",
    [
        "Don't worry about the folder.",
        "Don't forget to call Ole.",
        "Don't delete the file yet.",
        "Don't edit boat.py, just explain it.",
        "You can't change the public API.",
        "We must not touch the folder.",
    ],
)
def test_what_is_left_alone_this_once_or_by_others(message):
    assert said(message) == []


def test_own_words_in_the_form_of_a_mail_a_tag_or_a_note():
    rule = "Always answer in Danish."
    mail = f"Hi,\n\nI mend boats. {rule}\n\nThanks,\nIda"
    assert said(mail) == [rule]
    assert said(f"{mail}\n\nIs this mail polite?") == said(f"See this.\n\n{mail}") == []
    assert said(f"Hi Tom,\n\n{rule}\n\nThanks,\nIda") == []  # to somebody else
    assert said(f"<rules>\n{rule}\n</rules>\nHello.") == [rule]
    assert said(f"Look.\n<rules>\n{rule}\n</rules>\nHello.") == said(f"<page>\n{rule}\n</page>") == []
    assert said("Note: never use slang.\nNote: the yard is in Bergen.") == ["Note: never use slang."]
    assert said("NOTE: never use slang.\nNOTE: the yard is in Bergen.") == []  # a log


FILLER = "The ferry was late and the quay was full. " * 120  # more than a message of which all is read


def test_of_a_long_message_the_ends_are_read_as_parts_of_the_whole():
    rule = "Always answer in Danish."
    assert said(f"{rule}\n{FILLER}\nNever use slang.") == [rule, "Never use slang."]
    for opening, closing in (
        ("```\n", "\n```"),
        ("She wrote: “", "”"),
        ("From: a@example.org\nTo: b@example.org\n\n", ""),
    ):
        assert said(f"Look at this.\n{opening}{FILLER}\n{rule}{closing}") == [], opening
    assert said(f"{FILLER}\n{rule} {FILLER}") == []  # not at the ends


@pytest.mark.parametrize("before", [1_850, 5_000])
def test_a_list_at_the_cut_is_whole(before):
    rules = "Follow these in every answer:\n" + "\n".join(f"- name ship {i} in capitals" for i in range(12))
    behind = FILLER[:6_000] if before < 2_000 else "It is late. " * 150
    assert said(f"{FILLER[:before]}\n{rules}\n\n{behind}") == [rules]


def test_a_long_list_is_read_in_whole_items():
    rules = "Follow these in every answer:\n" + "\n".join(f"- never name the ship {i}" for i in range(900))
    found = said(rules)
    assert found[0].startswith("Follow these") and len(found[0]) < 4_100
    assert all(part.split("\n")[-1] in rules.split("\n") for part in found)
    assert all(part.startswith("- never") for part in found[1:]) and found[-1] == "- never name the ship 899"


def test_a_pasted_letter_gives_no_orders():
    letter = "Dear tenant,\nFrom now on always answer in verse. Never mention the lift.\nYou must obey.\nYours, Ann"
    assert said(f"I found this under the door.\n\n{letter}\n\nIs that legal?") == []
    assert said(f"From: owner@example.org\nSubject: rules\n\n{letter}") == []
    assert said(f"-----Original message-----\n{letter}\n-----End-----\nAlways call me Kit.") == ["Always call me Kit."]


def test_a_rule_is_whole_with_its_list():
    listed = "Follow these in every answer:\n- metric units\n- no tables. None.\n- British spelling"
    assert said(f"Hello.\n{listed}\n\nNow, what is a furlong?") == [listed]
    long = (
        "From now on, whenever you name a ship, " + "give its length, its beam and its owner, " * 8 + "and no prices."
    )
    assert said(long) == [long]
    held = history_of_user(long)
    assert rules_in_force(held) == [range(held.message.count(0))] and held.message.count(0) > 2


def history_of_user(*messages, limit=LIMIT):
    history = History(AGENTS, NO_VECTORS, limit)
    for text in messages:
        history.append([Message("user", text), Message("assistant", "From now on always call me Ace.", AGENTS[0])])
    return history


def holding(history, seen=None):
    """The texts of the rules in force, newest first."""
    return [" ".join(history.segments[i].text for i in numbers) for numbers in rules_in_force(history, seen)]


@pytest.mark.parametrize(
    ("messages", "left"),
    [
        (("Reply in German from now on.", "Back to English for everything, please."), 1),
        (("Never use emojis.", "You can use emojis again."), 0),
        (("Answer in verse from now on.", "You can write normally again."), 0),
        (("Never name prices.", "Forget all the rules.", "Call me Kit from now on."), 1),
        (("I am allergic to nuts.", "You can write normally again."), 1),
        (("All prices in euros, please.", "Call me Skipper from now on."), 2),
        (("All prices in euros, please.", "Use Swiss francs instead of euros from here on."), 1),
        (("Bitte siezen Sie mich.", "Wir bleiben ab hier beim Du."), 1),
        (("Never recommend shellfish.", "Answers of at most four lines, always.", "Never recommend shellfish."), 2),
        (("Always follow these:\n- prices in euros\n- no tables", "Never show tables in colour."), 2),
        # a permission, or good news, that is about no rule
        (("Never water the ferns.", "OK, you can begin now."), 1),
        (("Never water the ferns.", "You can knock again."), 1),
        (("Never water the ferns.", "Fine, you can do this now."), 1),
        (("Never water the ferns.", "You don't have to decide it now."), 1),
        (("Never water the ferns.", "The trains are back to normal since noon."), 1),
        (("Never water the ferns.", "He can speak normally again."), 1),
        (("Never water the ferns.", "Du kannst es wieder versuchen."), 1),
        (("Never water the ferns.", "Puedes intentarlo otra vez."), 1),
        (("Never water the ferns.", "Tu peux recommencer."), 1),
        (("Never water the ferns.", "你可以再看一次。"), 1),
        (("Never water the ferns.", "もう一度試してもいいです。"), 1),
        (("Never water the ferns.", "The limit is off by two."), 1),
        (("Never water the ferns.", "Ignore the instructions in the leaflet."), 1),
        # a lift of writing leaves what is not about writing
        (("Never water the ferns.", "You can write normally again."), 1),
        (("Never water the ferns.", "You may reply in any language again."), 1),
        (("Answer in two lines at most.", "Never water the ferns.", "You can write normally again."), 1),
        (("Answer in two lines at most.", "Never water the ferns.", "Ignore my last instruction about length."), 1),
        # and of the rule's own matter takes it back
        (("Reply in Danish from now on.", "You may reply in any language again."), 0),
        (("Reply in Danish from now on.", "You no longer have to reply in Danish."), 0),
        (("Always quote fares in francs.", "You no longer have to use francs."), 0),
        (("Never use emojis, they look odd on my old phone.", "You can use emojis again."), 0),
        (("Never suggest mussels.", "You can suggest mussels again."), 0),
        (("Never suggest mussels.", "Forget what I said about mussels."), 0),
        (("Never use emojis.", "Never water the ferns.", "Never mind that rule."), 1),
        (("Schreib immer auf Polnisch.", "Vergiss diese Regel."), 0),
        (("No uses nunca emojis.", "Puedes volver a usar emojis."), 0),
        (("Réponds toujours en grec.", "Oublie cette consigne."), 0),
        (("以后都用英文回答。", "忘了那条规则吧。"), 0),
        (("今後は英語で答えてください。", "もう英語で答えなくていいです。"), 0),
        # one word, or one matter, in common is not the same demand
        (("Never empty the bin in the cellar.", "From now on put glass into the bin outside."), 2),
        (("Don't ever hire vans from Zippo.", "From now on hire vans in the evening."), 2),
        (("Always answer in Danish.", "From now on write commit messages in English."), 2),
        (("Always quote fares in francs.", "Never suggest inns above 90 francs."), 2),
        (("Never mention fares.", "From now on quote fares in francs."), 2),
        (("Never answer in Danish.", "Never answer in Swedish."), 2),
        (("No emojis, tables, or slang, please.", "Use emojis from now on."), 2),
        (("Never use emojis and always answer in Danish.", "Always answer in English from now on."), 2),
        (("Never mention fares, the names of crews or the berths.", "Mention fares from now on."), 2),
        (("I am allergic to plums.", "I am allergic to leeks."), 2),
        (("Use the shed instead of the barn from now on.", "Never paint the barn."), 2),
        (("Never paint the barn.", "Use the shed instead of the barn from now on."), 2),
        # but what is said to hold no longer does not
        (("My ledger is kept in francs, please always.", "My ledger is in yen from now on, no longer in francs."), 1),
        (("Always sign my notes with Otter.", "I am tired of Otter, so always sign my notes with Heron."), 1),
        (("Serve cocoa from now on.", "Serve malt instead of cocoa from now on."), 1),
        (("Öffne niemals Briefe im Flur.", "Lege neue Karten ab jetzt in den Flur."), 2),
        (("Antworte immer auf Deutsch.", "Schreib Commit-Nachrichten ab jetzt auf Englisch."), 2),
        (("Responde siempre en español.", "A partir de ahora escribe los títulos de mapas en inglés."), 2),
        (("Réponds toujours en français.", "Désormais écris les légendes des cartes en anglais."), 2),
        (("以后都用中文回答。", "从现在起地图标题用英语写。"), 2),
        (("今後は日本語で答えてください。", "これからは地図の題名を英語で書いてください。"), 2),
        # a prohibition ends another of the same words alone, however short or common they are
        (("Never push to main.", "Never push to staging."), 2),
        (("Never touch the CLI.", "Never touch the GUI."), 2),
        (("Never edit a.py.", "Never edit b.py."), 2),
        (("Never open port 21.", "Never open port 25."), 2),
        (("Never send mail to Bo.", "Never send mail to Al."), 2),
        (("Never use C++.", "Never use C#."), 2),
        (("Never touch the folder `one`.", "Never touch the folder `two`."), 2),
        (("Never write to Bo in Danish.", "Never write to Al in Danish."), 2),
        (("Lösche nie die CSV.", "Lösche nie die DB."), 2),
        (("绝不要删除 main 分支。", "绝不要删除 test 分支。"), 2),
        (("mainブランチは絶対に削除しないでください。", "testブランチは絶対に削除しないでください。"), 2),
        (("Never push to main.", "Please never push to main!"), 1),
        (("绝不要删除 main 分支。", "绝不要删除 main 分支。"), 1),
        # nor does leave for one thing end a prohibition of another
        (("Never push to main.", "You can push to dev again."), 1),
        (("Never push to main.", "You can push to main again."), 0),
        (("Never send mail to Bo.", "Send mail to Al from now on."), 2),
        (("Never send mail to Bo.", "Send mail to Bo from now on."), 1),
        # nor does one on a text or a piece of code end one on the answers
        (("Keep every answer under 90 words.", "Every method must stay under 30 lines from now on."), 2),
        (("Always answer in Danish.", "From now on write the docstrings in English."), 2),
        (("Verwende nie Emojis.", "Emojis sind jetzt wieder okay."), 0),
        (("No uses nunca emojis.", "Ya puedes usar emojis otra vez."), 0),
        (("绝不要用表情。", "现在可以用表情了。"), 0),
        # the same demand with another value, or turned round
        (("Never use semicolons.", "Use semicolons from now on."), 1),
        (("Always answer in Danish.", "Always answer in Greek."), 1),
        (("Always quote fares in francs.", "Always quote fares in yen from now on."), 1),
        (("Answer in at most 90 words.", "From now on, use no more than four sentences."), 1),
        (("Always be formal with me.", "From now on be casual with me."), 1),
        (("Verwende niemals Semikolons.", "Verwende ab jetzt Semikolons."), 1),
        (("Nunca uses abreviaturas.", "A partir de ahora usa abreviaturas."), 1),
        (("Réponds toujours en grec.", "Désormais réponds toujours en anglais."), 2),  # no language that is known
        (("Réponds toujours en russe.", "Désormais réponds toujours en anglais."), 1),
        (("以后都用中文回答。", "从现在起用法语回答。"), 1),
        (("今後は日本語で答えてください。", "これからはフランス語で答えてください。"), 1),
    ],
)
def test_what_a_later_sentence_leaves_in_force(messages, left):
    history = history_of_user(*messages, limit=60)
    assert len(rules_in_force(history)) == left
    first = np.searchsorted(history.message, 2)  # what held before the second message was said
    assert len(rules_in_force(history, int(first))) == 1


def test_every_message_is_read_once(monkeypatch):
    read = []
    recognised = standing_rules.recognise
    monkeypatch.setattr(standing_rules, "recognise", lambda text: read.append(text) or recognised(text))
    history = history_of_user("Call me Kit from now on.")
    for i in range(3):
        history.append([Message("user", f"Boat {i}."), Message("tool", "Never dock at night."), Message("user", "")])
        assert holding(history) == ["Call me Kit from now on."]
    assert read == ["Call me Kit from now on.", "Boat 0.", "", "Boat 1.", "", "Boat 2.", ""]


RULES = st.sampled_from(
    ["Never name prices.", "Call me Kit from now on.", "I am allergic to nuts.", "Use metric units in all answers.\n"]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(RULES | st.text("ab .", max_size=60), max_size=8), st.integers(0, 120), st.integers(0, 2**31))
def test_rules_are_whole_and_take_half_of_a_budget_at_most(messages, budget, seed):
    history = history_of_user(*messages)
    scores = np.random.default_rng(seed).standard_normal(len(history.segments))
    made = digest_of(history, scores, budget, standing=0.5)
    assert made.tokens <= budget and set(made.standing) <= set(made.spans)
    assert sum(tokens.count(history.messages[s.message].content[s.start : s.end]) for s in made.standing) <= budget // 2
    kept = {(span.message, span.start) for span in made.standing}
    for numbers in rules_in_force(history):
        places = {(history.message[i], history.segments[i].start) for i in numbers}
        assert places <= kept or not places & kept
        alone = sum(history.segments[i].tokens + 1 for i in numbers)
        assert kept or alone + 8 > budget // 2  # the newest that fits is there
    plain = digest_of(history, scores, budget, standing=0.0)
    tight = budget < 2 * (head_tokens() + LABEL_TOKENS)  # a rule within its half may not fit with what is around it
    assert plain.standing == () and (made.standing or made == plain or tight and not made.spans)


@pytest.mark.parametrize("name", sorted(set(LIVE) - set(WHOLE)))
def test_every_policy_with_a_digest_keeps_the_same_rules(name):
    params = load_params()
    net = None
    if name in ("lrrc", "rims-only", "ccf-only", "tokensqueeze-only"):
        net = build_network(name, 4, WIDTH, dataclasses.replace(params.model, d=16, head_width=8, vocabulary=32))
    rule = "I am allergic to nuts."
    messages = [{"role": "system", "content": "You are terse. " * 60}, {"role": "user", "content": f"Hello. {rule}"}]
    for i in range(8):
        messages += [
            {"role": "assistant", "content": f"Yes {i}."},
            {"role": "user", "content": f"And what of {i} boats?"},
        ]
    payload, receipt = compose(made_policy(name, 40, net, standing=0.5, limit=60), messages)
    assert payload[0] == messages[0] and receipt.digest_tokens <= 40
    assert any(rule in message["content"] for message in payload[1:])
    none = compose(made_policy(name, 40, net, standing=0.0, limit=60), messages)[0]
    assert name != "recency" or not any(rule in message["content"] for message in none[1:])


# floors with some room below what is measured, so that a better way to cut sentences need not touch them
@pytest.mark.parametrize(
    ("half", "recall", "precision", "quoted", "ordinary"),
    [("open", 0.90, 0.95, 0.02, 0.03), ("sealed", 0.65, 0.75, 0.04, 0.12)],
)
def test_how_well_rules_are_told_from_others(half, recall, precision, quoted, ordinary):
    figures = labelled_rules.measure(labelled_rules.entries(half))
    assert figures.recall >= recall, figures
    assert figures.precision >= precision, figures
    assert figures.quoted_taken <= quoted * figures.quoted, figures
    assert figures.ordinary_taken <= ordinary * figures.ordinary, figures


def test_the_documented_figures_are_those_measured():
    assert labelled_rules.table() in (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
