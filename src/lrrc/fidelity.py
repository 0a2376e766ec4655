"""Fidelity: how much more the true next reply surprises a language model that reads a payload (method section 5.3).

    lrrc fidelity logs.jsonl --policies recency,bm25,lrrc --budgets 128

Mean negative log-likelihood per token of the logged reply (its first tokens), minus that after the full history: nats a
token, lower is better, no labels needed. Policies are compared at equal mean tokens: fixed ones fill their budget in
every call, a learned one may spend little here and up to `REACH` budgets there. Every token of a segment must hold a
least share of what the history promises, set so that the mean over these calls is what recency spends (which looks at
lengths alone, never at replies).
System messages are the same in every payload and left out.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.config import LIVE

if TYPE_CHECKING:
    from lrrc.digest import Digest
    from lrrc.episodes import Episode, Message
    from lrrc.lm import LanguageModel, Request
    from lrrc.policies.base import Kept, Policy, Session

REACH = 4  # an adaptive digest may hold so many budgets
MOST_TOKENS = 6000  # of a prompt; longer ones lose their oldest tokens (the model was trained on 8,192)
STEPS = 24  # halvings in the search for the least gain
REFERENCE = "full-context"


@dataclass(frozen=True)
class Target:
    """One logged reply that has a history."""

    episode: Episode
    turn: int
    reply: Message

    @property
    def inputs(self) -> tuple[Message, ...]:
        return self.episode.turns[self.turn].inputs

    @property
    def agent(self) -> str:
        return self.reply.name or self.episode.agents[0]


def draw(episodes: Iterable[Episode], most: int, seed: int) -> list[Target]:
    """A seeded draw of different replies (pairs of an arena share answers), one of every episode before a second."""
    rng = np.random.default_rng(seed)
    drawn = heapq.nsmallest(most, _rounds(episodes, rng), key=lambda entry: entry[:2])  # holds no more than it returns
    return sorted((target for _, _, target in drawn), key=lambda t: (t.episode.episode_id, t.turn, t.agent))


def _rounds(episodes: Iterable[Episode], rng: np.random.Generator) -> Iterator[tuple[int, float, Target]]:
    """Every different reply that can be scored with its round and its place in it."""
    known: set[bytes] = set()
    for episode in episodes:
        able = []
        for t, turn in enumerate(episode.turns):
            for reply in turn.replies if t and turn.inputs else ():
                said = "\0".join([*(message.content for message in turn.inputs), reply.content])
                key = hashlib.sha256(said.encode("utf-8")).digest()
                if reply.content.strip() and key not in known:
                    known.add(key)
                    able.append(Target(episode, t, reply))
        for place, i in enumerate(rng.permutation(len(able))):
            yield place, rng.random(), able[i]


def sessions(policy: Policy, targets: Sequence[Target]) -> Iterable[tuple[Target, Session]]:
    """Every target with a session that has observed the turns before it."""
    session, current = None, None
    for target in targets:
        if session is None or target.episode is not current or session.history.turns > target.turn:
            session, current = policy.session(target.episode.agents), target.episode
        for turn in current.turns[session.history.turns : target.turn]:
            session.observe([*turn.inputs, *turn.replies])
        yield target, session


def sent_by(policy: Policy, targets: Sequence[Target]) -> list[tuple[str, list[Message], int]]:
    """What a policy sends of the history for every target: digest, whole messages, tokens."""
    if policy.name in ("lrrc", "rims-only", "ccf-only"):
        return adaptive(policy, targets)
    return [_sent(session, session.choose(t.inputs, t.agent)) for t, session in sessions(policy, targets)]


def _sent(session: Session, what: Digest | Kept) -> tuple[str, list[Message], int]:
    from lrrc.digest import Digest

    if isinstance(what, Digest):
        return what.text, [], what.tokens
    messages = [session.history.messages[i] for i in what.messages]
    return "", messages, sum(session.message_tokens[i] for i in what.messages)


def adaptive(policy: Any, targets: Sequence[Target]) -> list[tuple[str, list[Message], int]]:
    """Digests of a learned policy that cost together what recency's do (or less, where nothing more is worth it)."""
    kept = policy.budget, policy.least_share, policy.least_gain
    budget, allowed = policy.budget, allowance(policy, targets)
    held = []
    for target, session in sessions(policy, targets):
        scores_N, logits_V = session.scores(target.inputs, target.agent)
        scores_N = scores_N - np.logaddexp.reduce(scores_N)  # shares: how much is promised in all is known least
        whole = sum(session.message_tokens)
        messages = list(session.history.messages)
        held.append(((session.history, scores_N, logits_V, session.standing_N.rows), whole, messages))

    def digests(gain: float) -> list[Digest]:
        policy.budget, policy.least_share, policy.least_gain = REACH * budget, 0.0, gain
        return [policy.write(*known) for known, *_ in held]

    low, high = -12.0, 4.0  # logarithms of shares a token
    try:
        for _ in range(STEPS):
            middle = (low + high) / 2
            mean = np.mean([d.tokens for d in digests(float(np.exp(middle)))])
            low, high = (middle, high) if mean > allowed else (low, middle)
        made = digests(float(np.exp(high)))
    finally:
        policy.budget, policy.least_share, policy.least_gain = kept
    return [
        ("", messages, whole) if whole <= d.tokens else (d.text, [], d.tokens)
        for d, (_, whole, messages) in zip(made, held, strict=True)
    ]


def allowance(policy: Policy, targets: Sequence[Target]) -> float:
    """Mean tokens that a rule which fills the budget in every call sends for these targets: segments seldom fill it."""
    from lrrc.policies import load_policy

    plain = load_policy("recency", policy.budget, max_segment_tokens=policy.max_segment_tokens)
    return float(np.mean([tokens for *_, tokens in sent_by(plain, targets)]))


def request(model: LanguageModel, target: Target, text: str, messages: Sequence[Message], most: int) -> Request:
    """The prompt that the target's agent gets, and the first tokens of what it truly said."""
    from lrrc import lm
    from lrrc.live import as_chat

    pairs = [(m.name or m.role, m.content) for m in messages]
    if text:
        pairs.append(("digest", text))
    pairs += [(m.name or m.role, m.content) for m in target.inputs]
    prompt = [token for pair in pairs for token in model.message(*as_chat(pair, target.agent))]
    prompt += model.opening()
    return lm.Request(tuple(prompt[-MOST_TOKENS:]), (model.encode(target.reply.content)[:most],))


def surprise(model: LanguageModel, requests: Sequence[Request]) -> np.ndarray:
    """Mean nats per token of every request's answer; equal requests are read once."""
    each = list(dict.fromkeys(requests))
    scores = model.score([[one] for one in each])
    known = {one: -float(score[0][0].mean()) for one, score in zip(each, scores, strict=True)}
    return np.array([known[one] for one in requests])


def measure(
    model: LanguageModel, targets: Sequence[Target], policies: Sequence[Policy], reply_tokens: int,
    labels: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for every policy and target: nats per token, and tokens of history sent."""
    rows = []
    for policy in policies:
        sent = sent_by(policy, targets)
        nats = surprise(model, [request(model, t, *s[:2], reply_tokens) for t, s in zip(targets, sent, strict=True)])
        for target, (_, _, count), value in zip(targets, sent, nats, strict=True):
            rows.append(
                {
                    "policy": policy.name, "budget": policy.budget, "episode_id": target.episode.episode_id,
                    "turn": target.turn, "agent": target.agent, "nats": float(value), "tokens": int(count),
                    **(labels or {}).get(policy.name, {}),
                }
            )  # fmt: skip
    return rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
input:    chat logs {"id", "messages": [...]} or arena rows, JSONL or parquet
example:  lrrc fidelity logs.jsonl --policies recency,bm25,lrrc --budgets 128 --calls 200
needs:    the language model that `dvc repro models` makes, and for lrrc the checkpoint of `dvc repro`
"""
    parser.add_argument("logs", metavar="LOGS.jsonl", type=Path, help="your own conversations")
    parser.add_argument("--policies", metavar="A,B", default="no-history,recency,bm25,embedding,lrrc",
                        help=f"of {', '.join(LIVE)}")  # fmt: skip
    parser.add_argument("--budgets", metavar="B,B", default="128", help="mean tokens of a digest (default 128)")
    parser.add_argument("--calls", metavar="N", type=int, default=200, help="replies to score (default 200)")
    parser.add_argument("--reply-tokens", metavar="N", type=int, default=64, help="of a reply, the first N")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the draw of replies")
    parser.add_argument("--checkpoint", metavar="DIR", type=Path, help="a trained lrrc (default: of `dvc repro`)")
    parser.add_argument("--model", metavar="DIR", type=Path, default=Path("data/lm"), help="the language model")
    parser.add_argument("--json", metavar="OUT.json", type=Path, help="write the figures as JSON too")


def run(args: argparse.Namespace) -> int:
    from lrrc import lm
    from lrrc.episodes import iter_episodes
    from lrrc.estimate import check_target, load_policies, parse_budgets
    from lrrc.policies import load_policy

    names = [name.strip() for name in args.policies.split(",")]
    if unknown := [name for name in names if name not in LIVE]:
        raise ValueError(f"--policies: {', '.join(unknown)}: allowed is of {', '.join(LIVE)}")
    for flag, least in (("calls", 2), ("reply_tokens", 1), ("seed", 0)):
        if (value := getattr(args, flag)) < least:
            raise ValueError(f"--{flag.replace('_', '-')} = {value}: allowed is an integer >= {least}")
    if not args.logs.is_file():
        raise ValueError(f"{args.logs}: no such file")
    check_target(args.json, ".json", args.logs)
    chosen = load_policies(names, parse_budgets(args.budgets), args.checkpoint, print)
    policies = [load_policy(REFERENCE), *(policy for policy in chosen if policy.name != REFERENCE)]
    model = lm.load(str(args.model))
    targets = draw(iter_episodes(args.logs), args.calls, args.seed)
    if len(targets) < 2:
        raise ValueError(f"{args.logs}: fewer than two replies have a history; nothing to compare")
    rows = []
    for policy in policies:
        print(f"fidelity: {policy.name} {policy.budget or ''}, {len(targets)} replies", file=sys.stderr, flush=True)
        rows += measure(model, targets, [policy], args.reply_tokens)
    found = summary(rows)
    print(table(found))
    if args.json:
        from lrrc.files import write_json
        from lrrc.summary import rounded

        write_json(args.json, rounded({"data": args.logs.name, "agent": lm.NAME, "rows": found}))
    return 0


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per policy and budget: extra nats a token over Full-Context with a paired 95 % interval, and tokens sent."""
    from lrrc import stats

    whole = {_key(row): row["nats"] for row in rows if row["policy"] == REFERENCE}
    found = []
    for policy, budget in dict.fromkeys((row["policy"], row["budget"]) for row in rows):
        mine = [row for row in rows if (row["policy"], row["budget"]) == (policy, budget)]
        extra = np.array([row["nats"] - whole[_key(row)] for row in mine])
        value, low, high = stats.t_interval(extra)
        found.append({"policy": policy, "budget": budget, "nats_over_full_context": value, "low": low, "high": high,
                      "tokens_per_call": float(np.mean([row["tokens"] for row in mine])), "n": len(mine)})  # fmt: skip
    return found


def _key(row: Mapping[str, Any]) -> tuple:
    return row["episode_id"], row["turn"], row["agent"]


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """The same as text."""
    lines = [f"{'policy':<20}{'budget':>7}{'tokens':>8}{'nats over full':>16}  95 % interval"]
    for row in found:
        lines.append(
            f"{row['policy']:<20}{row['budget'] or '':>7}{row['tokens_per_call']:>8.0f}"
            f"{row['nats_over_full_context']:>+16.3f}  {row['low']:+.3f} to {row['high']:+.3f}"
        )
    return "\n".join([*lines, f"{found[0]['n']} replies; lower is better"])
