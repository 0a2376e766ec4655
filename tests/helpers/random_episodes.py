"""Generated episodes, a deterministic encoder and small settings for the tests of networks and policies."""

import dataclasses
import zlib

import numpy as np
from hypothesis import strategies as st

from lrrc.dataset.episode_arrays import EpisodeArrays, Targets
from lrrc.digest.features import FEATURES, FIRST_AGENT
from lrrc.digest.history import History
from lrrc.digest.reply_form import FORM
from lrrc.digest.words import words_of
from lrrc.digest.writer import PLAIN_RULES
from lrrc.episodes.episode import ARENA_OUTCOMES, Check, Episode, Message, Turn
from lrrc.middleware import Coordinator, Settings
from lrrc.params import TARGETS, ModelConfig, TrainConfig
from lrrc.policies.base import DIGEST_NAME

WIDTH = 16
LIMIT = 20  # tokens of a segment
AGENTS = ("model_a", "model_b")
MODEL = ModelConfig(
    d=12,
    max_update_rank=2,
    top_k=2,
    activity_threshold=0.05,
    head_width=8,
    rho_max=0.95,
    update_bound=1.0,
    vocabulary=32,
    gate=True,
    noop=True,
    recurrence=True,
    low_rank=True,
    hierarchy=True,
    form=False,
)
DIGEST = PLAIN_RULES
TRAIN = TrainConfig(
    lr=0.01,
    weight_decay=0.0,
    batch_size=8,
    max_epochs=3,
    patience=8,
    w_rec=0.2,
    w_sel=1.0,
    w_worth=0.1,
    w_win=0.5,
    w_rule=0.2,
    w_apart=0.05,
    loader_workers=0,
    trainer={"accelerator": "cpu", "gradient_clip_val": 1.0},
)
VOCABULARY = """
    the user wants a report about Lisbon by Friday and never on Monday please remember budget 1,200 euros blue
    green red Anna Bogdan Chiara lentils soup allergic peanuts train leaves at nine tomorrow why how always
    only
    """.split()  # noqa: SIM905
LANGUAGES = ("naïve café 明日の会議は九時です。", "🙂🙃 emoji👩‍👩‍👧", "Привет, как дела?", "مرحبا بالعالم")


class HashEncoder:
    """Unit-norm sums of one fixed random vector per word: a static encoder that needs no distilling."""

    width = WIDTH

    def encode(self, texts):
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in words_of(text):
                row += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(WIDTH, np.float32)
            row /= max(1e-9, np.linalg.norm(row))
        return vectors


ENCODER = HashEncoder()


def model(**changes):
    return dataclasses.replace(MODEL, **changes)


def train(**changes):
    return dataclasses.replace(TRAIN, **changes)


def sentence(rng):
    words = rng.choice(VOCABULARY, rng.integers(1, 12)).tolist()
    if rng.random() < 0.1:
        words.append(str(rng.choice(LANGUAGES)))
    return " ".join(words).capitalize() + str(rng.choice([".", "!", "?", ""]))


def text(rng, empty=0.1):
    return "" if rng.random() < empty else " ".join(sentence(rng) for _ in range(rng.integers(1, 5)))


def episode(seed, turns=None, agents=AGENTS, empty=0.1, system=True, outcome="any"):
    """An episode with empty messages, turns without any text, and tool results (one agent), by seed."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(turns or rng.integers(1, 7)):
        silent = empty and rng.random() < 0.1
        say = (lambda: " \n") if silent else (lambda: text(rng, empty))
        inputs = [Message("user", say())]
        if len(agents) == 1 and rng.random() < 0.3:
            inputs.append(Message("tool", say(), "search"))
        made.append(Turn(tuple(inputs), tuple(Message("assistant", say(), agent) for agent in agents)))
    if outcome == "any":
        outcome = str(rng.choice(ARENA_OUTCOMES)) if len(agents) > 1 else None
    head = (Message("system", "Answer briefly."),) if system and rng.random() < 0.5 else ()
    name = f"e{seed}"
    return Episode(name, tuple(agents), tuple(agents), head, tuple(made), outcome, "verifier", name, "English", None)


def checked(seed, **options):
    """An episode with a check, of three options, in some of its turns (in one at least)."""
    made = episode(seed, **options)
    rng = np.random.default_rng([seed, 1])
    asked = [t for t in range(len(made.turns)) if rng.random() < 0.5] or [len(made.turns) - 1]
    checks = tuple(
        Check(
            t,
            str(rng.choice(["recall", "rule"])),
            f"Which is it in turn {t}?",
            tuple(f"It is {word} {t}." for word in rng.choice(VOCABULARY, 3, replace=False)),
            int(rng.integers(3)),
            int(rng.integers(t + 1)),
            (0,) * len(made.agents),
        )
        for t in asked
    )
    return dataclasses.replace(made, checks=checks)


def history_of(episode, encoder=ENCODER, limit=LIMIT):
    history = History(episode.agents, encoder, limit)
    for turn in episode.turns:
        history.append([*turn.inputs, *turn.replies])
    return history


def as_messages(episode, turn):
    """The message list that an application holds when turn number `turn` is to be answered."""
    done = [m for t in episode.turns[:turn] for m in (*t.inputs, *t.replies)]
    listed = [*episode.system, *done, *episode.turns[turn].inputs]
    return [{"role": m.role, "content": m.content} | ({"name": m.name} if m.name else {}) for m in listed]


def compose(policy, messages, agent=None):
    """Payload and receipt of the middleware where it has to keep nothing but the question, which is what evaluation
    measures: the digest is a message of its own, and named."""
    settings = Settings(rewrite="always", keep_goal=False, dialect="separate")
    payload, receipt = Coordinator(policy, settings=settings).compose(messages, agent)
    given = {id(message) for message in messages}
    return [m if id(m) in given else {**m, "name": DIGEST_NAME} for m in payload], receipt


def learnable(seed, turns=4, agents=2, outcome=True):
    """Arrays of an episode: the needed segment has axis 0, and the outcome (which tie) shows on axis 1."""
    rng = np.random.default_rng(seed)
    tie = int(rng.integers(2))
    per_turn, rows = 6, []
    for t in range(turns):
        for i in range(per_turn):
            vector = 0.3 * rng.standard_normal(WIDTH)
            vector[:2] = 0
            speaker = FIRST_AGENT + i % agents if i >= 2 else 0
            vector[1] = 4.0 * tie - 2.0
            rows.append((vector, t, speaker))
    needed = int(rng.integers(per_turn))
    rows[needed][0][0] = 3.0
    embeddings = np.array([v / np.linalg.norm(v) for v, _, _ in rows], np.float32)
    before = [t * per_turn for t in range(turns)]
    targets = Targets.empty(agents, before)
    for target in targets.target[1:]:
        target[:, needed] = 1
    targets.worth_TM[1:] = 2.0
    words = (np.array([tie + 7]), np.ones(1, np.float32))
    return EpisodeArrays(
        f"l{seed}",
        2 + tie if outcome else -1,
        embeddings,
        np.array([t for _, t, _ in rows], np.int32),
        np.array([s for _, _, s in rows], np.int32),
        rng.standard_normal((turns, WIDTH)).astype(np.float32),
        [np.zeros((n, len(FEATURES)), np.float32) for n in before],
        dict.fromkeys(TARGETS, targets),
        [[words] * agents] * turns,
        (np.arange(len(rows)) % 2).astype(np.float32),
        np.zeros((turns, len(FORM)), np.float32),
    )


_characters = st.characters(exclude_categories=("Cs",))
texts = st.one_of(
    st.text(_characters, max_size=60),
    st.lists(st.sampled_from([*VOCABULARY, *LANGUAGES, "\n", ". ", "! ", "<|endoftext|>"]), max_size=40).map(" ".join),
    st.sampled_from(
        [
            "",
            " \n\t",
            "x" * 300,
            "https://example.org/" + "a1-" * 80,
            "日本語" * 50,
            "\x00\x1b[0m\u2028\r\n",
            "." * 200,
            "the the the",
            "a " * 150,
        ]
    ),
)
messages = st.builds(
    lambda role, content, name: Message(role, content, name if role == "assistant" else None),
    st.sampled_from(["user", "assistant", "tool"]),
    texts,
    st.sampled_from([*AGENTS, None]),
)
histories = st.lists(st.lists(messages, max_size=4), max_size=5)
