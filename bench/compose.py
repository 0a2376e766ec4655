"""Time and memory to compose a payload against the length of the history, and against other ways to shorten it.

    python bench/compose.py [--checkpoint models/train-r8-s0 --encoder data/encoder --lm data/lm]

LRRC is as it is served: its network in numpy, the packaged one unless a checkpoint is named.

A session takes in a new turn of 150 tokens and composes, after histories of 1,000 to 1,000,000 tokens; to re-read is
to compose from the whole list of messages, as at first contact. The pruner works as LLMLingua does: a language model
(SmolLM2) reads the history, and the words that surprise it least are dropped. All have the same budget. Prints JSON;
exit status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from ratio import Target, least, slope, verdict

from lrrc.digest.history import History
from lrrc.digest.selection import Selection, Span
from lrrc.digest.words import word_spans
from lrrc.digest.writer import trim_to_budget
from lrrc.episodes.episode import Message
from lrrc.policies.base import Policy, Session
from lrrc.policies.serving import encoder_for, serving_policy
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import language_model, tokens
from lrrc.pretrained.sentence_encoder import NO_VECTORS
from lrrc.runtime.errors import run_script

AGENT = "assistant"
LENGTHS = (1_000, 4_000, 6_000, 30_000, 100_000, 300_000, 1_000_000)  # tokens of history
LONG = 100_000  # tokens, from which a history is read once only
WEIGHED = 30_000  # tokens of the history whose memory is counted
BLOCK = 256  # tokens that the language model reads at once
VOCABULARY = """train report budget Friday garden lentil soup number river window painter letter contract vault purple
morning engine ticket harbour invoice doctor planet coffee mountain sentence colour always never please remember asks
wants moves opens sells writes brings counts of the a in with about before after under their""".split()  # noqa: SIM905


def said(rng: random.Random, count: int) -> str:
    """About `count` tokens of sentences."""
    sentences, size = [], 0
    while size < count:
        words = [*rng.choices(VOCABULARY, k=rng.randint(6, 14)), str(rng.randint(10, 999))]
        sentences.append(f"{' '.join(words).capitalize()}.")
        size += len(words) + 2
    return " ".join(sentences)


def turn(rng: random.Random) -> list[Message]:
    return [Message("user", said(rng, 75)), Message("assistant", said(rng, 75), AGENT)]


def turns_of(length: int, seed: int = 0) -> list[list[Message]]:
    """Turns of `length` tokens together, or a few more."""
    rng, made, size = random.Random(seed), [], 0
    while size < length:
        made.append(turn(rng))
        size += sum(tokens.count(message.content) for message in made[-1])
    return made


def next_turn(session: Session, rng: random.Random) -> Callable[[], object]:
    """A new turn that is taken in, and the digest for the call after it."""
    new = iter([(turn(rng), [Message("user", said(rng, 20))]) for _ in range(50)])  # written before the clock runs

    def work() -> object:
        messages, inputs = next(new)
        session.observe(messages)
        return session.select(inputs, AGENT, session.policy.spec.budget)

    return work


def reread(policy: Policy, turns: Sequence[Sequence[Message]]) -> Callable[[], object]:
    """The digest from nothing but the list of messages."""

    def work() -> object:
        forget()
        session = policy.session((AGENT,))
        session.observe_all(turns)
        return session.select([Message("user", "What of the budget?")], AGENT, policy.spec.budget)

    return work


def forget() -> None:
    """Messages that were cut before are cut again."""
    from lrrc.digest.history import _remembered
    from lrrc.digest.standing_rules import recognise

    _remembered.cache_clear()
    recognise.cache_clear()


def prune(model: language_model.LanguageModel, messages: Sequence[Message], budget: int) -> Selection:
    """The words [of at most `budget` tokens] that surprise the language model most, in order."""
    history = History((AGENT,), NO_VECTORS, 60)
    history.append(messages)
    found: list[tuple[float, int, int, int]] = []  # surprise, message, start, end
    for index, message in enumerate(messages):
        encoded = model.tokenizer.encode(message.content, add_special_tokens=False)
        nats: list[float] = []
        for first in range(0, len(encoded.ids), BLOCK):
            block = tuple(encoded.ids[first : first + BLOCK])
            (((likelihood,),),) = model.score([[language_model.ScoringRequest((*model.reply_prefix(),), (block,))]])
            nats += (-likelihood).tolist()
        for start, end, _ in word_spans(message.content):
            inside = [n for n, (a, b) in zip(nats, encoded.offsets, strict=True) if a < end and b > start]
            found.append((sum(inside), index, start, end))
    best = sorted(found, reverse=True)[:budget]  # a word is a token at least; `fit` counts, and drops the last of these
    return trim_to_budget(history, [(Span(*word[1:]),) for word in best], budget)


def growth(policies: dict[str, Policy], rounds: int) -> tuple[dict[str, dict[int, dict[str, float]]], set[int]]:
    """Seconds by policy, length and way (next turn, re-read), and the sizes that the state of a trained one had."""
    found: dict[str, dict[int, dict[str, float]]] = {name: {} for name in policies}
    sizes = set()
    for length in LENGTHS:
        turns = turns_of(length)
        ways = {}
        for name, policy in policies.items():
            session = policy.session((AGENT,))
            session.observe_all(turns)
            ways[name, "next turn"] = next_turn(session, random.Random(name))  # what one has cut, none has in its cache
            ways[name, "re-read"] = reread(policy, turns)
            if hasattr(session, "state_CD"):
                sizes.add(session.state_CD.size)
        again = {key: work for key, work in ways.items() if key[1] == "re-read"}
        turn_by_turn = {key: work for key, work in ways.items() if key not in again}
        seconds_of = least(turn_by_turn, 2 * rounds) | least(again, 1 if length >= LONG else rounds)
        for (name, way), seconds in seconds_of.items():
            found[name].setdefault(length, {})[way] = seconds
    return found, sizes


def held(policy: Policy) -> float:
    """Bytes that a session holds for each token of its history, those of its texts not counted."""
    turns = turns_of(WEIGHED)
    forget()
    tracemalloc.start()
    session = policy.session((AGENT,))
    session.observe_all(turns)
    forget()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / session.history_tokens


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--checkpoint", type=Path, help="default: the packaged one")
    parser.add_argument("--encoder", type=Path, help="default: the packaged one, or a named checkpoint's")
    parser.add_argument("--lm", type=Path, default=Path("data/lm"))
    parser.add_argument("--budget", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pruned", type=int, default=2_000, help="tokens of history that the pruner reads")
    args = parser.parse_args()
    torch.set_num_threads(1)  # of the pruner
    encoder = encoder_for(PolicySpec("lrrc"), args.encoder, args.checkpoint)
    names = ("lrrc", "bm25", "embedding")
    policies = {name: serving_policy(PolicySpec(name, args.budget), encoder, args.checkpoint) for name in names}
    found, sizes = growth(policies, args.rounds)
    slopes = {
        way: slope(list(LENGTHS), [found["lrrc"][length][way] for length in LENGTHS])
        for way in ("next turn", "re-read")
    }
    turns, model = turns_of(args.pruned), language_model.load(str(args.lm))
    session = policies["lrrc"].session((AGENT,))
    session.observe_all(turns)
    messages = [message for each in turns for message in each]
    pruner = {"perplexity pruner": lambda: prune(model, messages, args.budget)}
    rivals = {"next turn": next_turn(session, random.Random(2)), "re-read": reread(policies["lrrc"], turns)}
    seconds = least(pruner, 1) | least(rivals, args.rounds)
    longest = {name: found[name][LENGTHS[-1]]["next turn"] for name in policies}
    rate = {length: found["lrrc"][length]["re-read"] / length for length in LENGTHS}
    return verdict(
        [
            Target(
                "slope of a turn's time over history / slope of re-reading",
                slopes["next turn"] / slopes["re-read"],
                at_most=0.1,
            ),
            Target("sizes that the state had", len(sizes), at_most=1),
            Target(
                "perplexity pruner / next turn of LRRC",
                seconds["perplexity pruner"] / seconds["next turn"],
                at_least=100,
            ),
            Target(
                "perplexity pruner / LRRC that re-reads all",
                seconds["perplexity pruner"] / seconds["re-read"],
                at_least=100,
            ),
            *(
                Target(
                    f"next turn of LRRC / BM25, {length:,} tokens of history",
                    found["lrrc"][length]["next turn"] / found["bm25"][length]["next turn"],
                    at_most=2,
                )
                for length in LENGTHS
            ),
            Target(f"re-reading a token of {LENGTHS[-1]:,} / of {LONG:,}", rate[LENGTHS[-1]] / rate[LONG], at_most=1.5),
            Target("bytes that LRRC holds per token of history", held(policies["lrrc"])),
            Target("next turn of LRRC / embedding retrieval, longest history", longest["lrrc"] / longest["embedding"]),
        ],
        budget=args.budget,
        state_numbers=sorted(sizes),
        pruned_history=args.pruned,
        milliseconds={name: round(1e3 * s, 1) for name, s in seconds.items()},
        milliseconds_by_history={
            name: {length: {way: round(1e3 * s, 1) for way, s in ways.items()} for length, ways in lengths.items()}
            for name, lengths in found.items()
        },
    )


if __name__ == "__main__":
    run_script(lambda: sys.exit(main()))
