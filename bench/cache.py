"""What prompts cost where the provider caches prefixes: `python bench/cache.py DATA.jsonl ... [--write]`.

Every logged conversation is played once per policy and rule of rewriting (a digest at every call, one kept for some
turns, one written anew where that lowers the bill, which is the default), and by what people do without: the last five
exchanges, and all but the last results of tools cleared, as providers do it on request. Replies are the logged ones.
All is relative to the full context, which has its own cache hits; money is in units of one fresh prompt token.

With --write results go to bench/cache.json as they come (what is there is not played again: delete the file to measure
anew), and as a table to docs/performance.md. What it costs in quality is not measured here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from lrrc.episodes.episode import Episode, Message
from lrrc.episodes.episode_file import iter_episodes
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.chat_messages import fingerprint, read_message
from lrrc.middleware.prompt_cache import bill
from lrrc.middleware.tariff import Tariff, tariff_of
from lrrc.policy_catalogue import LEARNED, UNTRAINED
from lrrc.pretrained import tokens
from lrrc.runtime.errors import run_script
from lrrc.runtime.files import write_json, write_text

MODES = {"digest at every call": "always", "kept for 3 turns": 3, "default (auto)": "auto"}
POLICIES = ("lrrc", "bm25", "embedding", "lead", "recency", "first-sentences")
FULL = "full context"
EXCHANGES, RESULTS = 5, 3  # that are left by what people do without a digest
CLEARED = "[Old tool result content cleared]"
HERE = Path(__file__).resolve().parent
KEPT, PAGE = HERE / "cache.json", HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- bills: written by `python bench/cache.py ... --write`, do not edit -->\n", "<!-- end of bills -->"


@dataclass
class Sum:
    """Over all calls of a data set: tokens and money, of the full context and of the payloads; seconds spent."""

    calls: int = 0
    before: int = 0
    after: int = 0
    billed_before: float = 0.0
    billed_after: float = 0.0
    seconds: float = 0.0


def calls(episode: Episode) -> Iterator[tuple[str, list[dict]]]:
    """(agent, message list) of every call, each agent having its own list, as an application sends it."""
    for agent in episode.agents:
        said = [*episode.system]
        for turn in episode.turns:
            said += turn.inputs
            mine = [reply for reply in turn.replies if (reply.name or agent) == agent]
            if mine:
                yield agent, [as_dict(message) for message in said]
            said += mine


def as_dict(message: Message) -> dict:
    named = {"name": message.name} if message.name and message.role != "assistant" else {}
    return {"role": message.role, "content": message.content, **named}


def play(episodes: Sequence[Episode], policy: str, budget: int, settings: Settings) -> Sum:
    """Compose every call of every episode."""
    coordinator, total = Coordinator(policy, budget, settings), Sum()
    for episode in episodes:
        for agent, messages in calls(episode):
            started = time.perf_counter()
            _, receipt = coordinator.compose(messages, conversation=f"{episode.episode_id} {agent}")
            total.seconds += time.perf_counter() - started
            total.calls += 1
            total.before += receipt.tokens_before
            total.after += receipt.tokens_after
            total.billed_before += receipt.billed_before
            total.billed_after += receipt.billed_after
    return total


def play_rule(episodes: Sequence[Episode], rule: Callable[[list[dict]], list[dict]], prices: Tariff) -> Sum:
    """The same, of what a rule without memory sends."""
    total, counts = Sum(), {}
    for episode in episodes:
        sent: dict[tuple[str, bool], list[bytes]] = {}
        for agent, messages in calls(episode):
            total.calls += 1
            for shortened, listed in ((False, messages), (True, rule(messages))):
                marks = [fingerprint(message, "message") for message in listed]
                for message, mark in zip(listed, marks, strict=True):
                    counts[mark] = counts.get(mark) or read_message(message, mark, "message").tokens
                sizes = [counts[mark] for mark in marks]
                found = bill(sent.get((agent, shortened), ()), marks, sizes, prices.cache_minimum)
                sent[agent, shortened] = marks
                if shortened:
                    total.after += found.tokens
                    total.billed_after += found.cost(prices)
                else:
                    total.before += found.tokens
                    total.billed_before += found.cost(prices)
    return total


def last_exchanges(messages: list[dict]) -> list[dict]:
    """System messages, and everything from the user's fifth last message on."""
    asked = [i for i, message in enumerate(messages) if message["role"] == "user"]
    cut = asked[-EXCHANGES] if len(asked) >= EXCHANGES else 0
    return [message for i, message in enumerate(messages) if i >= cut or message["role"] == "system"]


def clearing(trigger: int) -> Callable[[list[dict]], list[dict]]:
    """Once a prompt has more than `trigger` tokens, all results of tools but the last are cleared."""

    def clear(messages: list[dict]) -> list[dict]:
        results = [i for i, message in enumerate(messages) if message["role"] == "tool"]
        if sum(tokens.count(message["content"] or "") for message in messages) <= trigger:
            return messages
        old = {*results[:-RESULTS]}
        return [message | {"content": CLEARED} if i in old else message for i, message in enumerate(messages)]

    return clear


def ways(args: argparse.Namespace, settings: dict) -> Iterator[tuple[str, str, Callable[[Sequence[Episode]], Sum]]]:
    """(what sends, by which rule, how to play it)"""
    prices = tariff_of(Settings(**settings))
    yield f"last {EXCHANGES} exchanges", "", partial(play_rule, rule=last_exchanges, prices=prices)
    for trigger in args.triggers:
        name = f"results of tools but the last {RESULTS} cleared, above {trigger:,} tokens"
        yield name, "", partial(play_rule, rule=clearing(trigger), prices=prices)
    for policy in args.policy:
        for mode, rewrite in MODES.items():
            chosen = Settings(rewrite=rewrite, **settings)
            yield policy, mode, partial(play, policy=policy, budget=args.budget, settings=chosen)


def table(results: dict) -> str:
    """A table for every price, a row for every way, columns for the data."""
    lines = []
    for prices, data in results.items():
        lines += [f"At {prices}:", "", "| sent | digest | " + " | ".join(data) + " |", "|---|---|" + "---|" * len(data)]
        rows = {(row["sent"], row["rule"]): None for found in data.values() for row in found}
        for sent, rule in rows:
            cells = []
            for found in data.values():
                row = next((r for r in found if (r["sent"], r["rule"]) == (sent, rule)), None)
                cells.append(cell(row) if row else "not played")
            lines.append(f"| {sent} | {rule or 'none'} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def cell(row: dict) -> str:
    """The change of the bill, and in brackets that of tokens."""
    fewer, money = (row[f"{key}after"] / row[f"{key}before"] - 1 for key in ("", "billed_"))
    return f"{money:+.1%} ({fewer:+.1%})".replace("-", "−").replace("%", " %")


def filled(page: str, text: str) -> str:
    """`page` with the text between its marks. Raises ValueError where these are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name}: the marks around the bills are missing")
    return f"{before}{BEGIN}{text}{END}{after}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="logs that lrrc reads: arena rows or chat logs")
    parser.add_argument("--policy", nargs="+", default=POLICIES, choices=("lrrc", *LEARNED, *UNTRAINED))
    parser.add_argument("--budget", type=int, default=128)
    parser.add_argument("--episodes", type=int, default=None, help="only the first so many")
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.1], help="price of a cached token")
    parser.add_argument("--price-write", type=float, default=1.25, help="price of one written into the cache")
    parser.add_argument("--cache-minimum", type=int, default=1024, help="shorter prefixes are not cached")
    parser.add_argument("--triggers", type=int, nargs="+", default=[2000, 4000], help="tokens above which is cleared")
    parser.add_argument("--write", action="store_true", help="the table into docs/performance.md")
    args = parser.parse_args(argv)
    results = json.loads(KEPT.read_text()) if KEPT.is_file() and args.write else {}
    for path in args.data:
        episodes = list(iter_episodes(path))[: args.episodes]
        for ratio in args.ratios:
            settings = {"price_cached": ratio, "price_write": args.price_write, "cache_minimum": args.cache_minimum}
            said = f"{ratio:g} for a token from the cache, {args.price_write:g} for one written into it"
            found = results.setdefault(said, {}).setdefault(f"{path.stem}, {len(episodes)} logs", [])
            print(f"{path.name}, budget {args.budget}, {said}, prefixes from {args.cache_minimum} tokens")
            first = True
            for sent, rule, run in ways(args, settings):
                if any((row["sent"], row["rule"]) == (sent, rule) for row in found):
                    continue  # by an earlier run
                total = run(episodes)
                if first:
                    print(f"  {total.calls} calls; {FULL:42} {total.before:>11,} tokens {total.billed_before:>11,.0f}")
                    first = False
                figures = {key: round(value, 1) for key, value in asdict(total).items() if key != "seconds"}
                found.append({"sent": sent, "rule": rule, **figures})
                print(
                    f"  {f'{sent} {rule}':58} {total.after:>11,} tokens {total.billed_after:>11,.0f}"
                    f"  {total.billed_after / total.billed_before - 1:+7.1%}"
                    f"  {1000 * total.seconds / total.calls:.1f} ms a call",
                    flush=True,
                )
                if args.write:
                    write_json(KEPT, results)
    if args.write:
        write_text(PAGE, filled(PAGE.read_text(encoding="utf-8"), table(results)))


if __name__ == "__main__":
    run_script(main) if len(sys.argv) > 1 else main(["--help"])
