"""A digest says what was said: no policy but tokensqueeze-only takes anything out of a segment."""

from pathlib import Path

import pytest
from helpers.all_policies import NAMES, policy_of
from helpers.assertions import check
from helpers.paths import ROOT
from helpers.random_episodes import AGENTS

from lrrc.digest.rendering import HEAD, MARK
from lrrc.digest.segments import split_segments
from lrrc.episodes.episode import Message
from lrrc.episodes.episode_file import open_episodes
from lrrc.policy_catalogue import WHOLE

EXTRACTIVE = [name for name in NAMES if name not in WHOLE and name != "tokensqueeze-only"]
ARENA = Path(ROOT) / "data/embedded/arena.parquet"

# what loses its meaning with one word: negations, exceptions, quantities, states
TEN_LANGUAGES = [
    "Do not lend the ladder to the neighbour unless he returns the saw. Only two of the nine keys still fit.",
    "Gib dem Hund nicht die roten Tabletten. Das Tor ist nie vor sieben offen, außer am Markttag.",
    "Ne donnez pas le code au livreur. Personne n'entre sans casque, sauf la plus jeune des sœurs.",
    "No vendas el barco antes de marzo. Nadie paga más de doce euros, salvo los dos primos.",
    "Non aprire la valvola sotto nove bar. Il forno non è più caldo, nemmeno dopo tre ore.",
    "Não mandes a carta para Faro. Só uma das quatro caixas está vazia, exceto às quintas.",
    "Не давайте кошке молоко. Мост закрыт для машин тяжелее семи тонн, кроме вторника.",
    "कुत्ते को नीली गोली मत दीजिए। नौ में से केवल दो चाबियाँ लगती हैं।",
    "不要把梯子借给邻居，除非他还了锯子。九把钥匙只有两把能用。",
    "犬に青い錠剤を飲ませないでください。九本の鍵のうち二本しか合いません。",
    "لا تعط القط الحليب أبدا. الجسر مغلق أمام الشاحنات إلا يوم الثلاثاء.",
    "อย่าให้สุนัขกินยาสีฟ้า ประตูไม่เปิดก่อนเจ็ดโมง ยกเว้นวันตลาด",
]  # fmt: skip


def whole_segments(history, made):
    cut = {(m, s.start, s.end) for m, s in zip(history.message, history.segments, strict=True)}
    return all((span.message, span.start, span.end) in cut for span in made.spans)


@pytest.mark.parametrize("name", EXTRACTIVE)
def test_sentences_of_many_languages_survive_whole(name):
    session = policy_of(name, 256).session(AGENTS)
    for text in TEN_LANGUAGES:
        session.observe([Message("user", text), Message("assistant", "Noted.", "model_a")])
    sentences = {piece.text for text in TEN_LANGUAGES for piece in split_segments(text, 20)} | {"Noted."}
    digests = 0
    for budget in range(8, 300, 12):
        made = session.propose([Message("user", "梯子 keys Hund valvola?")], "model_a", budget)
        check(session.history, made, budget)
        assert whole_segments(session.history, made)
        for span in made.spans:
            assert session.history.messages[span.message].content[span.start : span.end] in sentences
        digests += bool(made.spans)
    assert digests > 15


@pytest.mark.parametrize("name", EXTRACTIVE)
def test_real_conversations_survive_whole(name):
    for episode in open_episodes(ARENA).rows(0, 12):
        session = policy_of(name, 128, max_overlap=0.8).session(episode.agents)
        for turn in episode.turns:
            made = session.propose(turn.inputs, episode.agents[0], 64)
            assert made.text is not None and whole_segments(session.history, made)
            check(session.history, made, 64)
            session.observe([*turn.inputs, *turn.replies])


def test_word_level_pruning_marks_every_gap():
    session = policy_of("tokensqueeze-only", 40).session(AGENTS)
    session.observe([Message("user", TEN_LANGUAGES[0])])
    made = session.propose([], "model_a", 24)
    check(session.history, made, 24)
    assert len(made.spans) > 1 and made.text.count(MARK) >= len(made.spans) - 1


def test_a_row_is_paid_for_with_its_head():
    table = "| Part | Price |\n|---|---|\n" + "\n".join(f"| bolt {i} | {i * 7} |" for i in range(2, 40))
    session = policy_of("bm25", 64).session(AGENTS)
    session.observe([Message("user", table), Message("assistant", "Noted.", "model_a")])
    ask = [Message("user", "price of bolt 31")]
    assert session.propose(ask, "model_a", 40).text.startswith(
        HEAD + "user: | Part | Price |\n|---|---| …\n| bolt 31 | 217 |"
    )
    assert "bolt" not in session.propose(ask, "model_a", 14).text  # no room for both: neither
