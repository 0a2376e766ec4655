"""What prompts cost where the provider caches prefixes: `python bench/cache.py DATA.jsonl ... [--policy bm25]`.

Every logged conversation is played once per mode: the full context, a digest written at every call, one kept for some
turns, and one written anew where that lowers the bill (the default). Replies are the logged ones. Costs are relative
to the full context, which has its own cache hits; money is in units of one fresh prompt token.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrrc.episodes.episode import Episode, Message
from lrrc.episodes.episode_file import iter_episodes
from lrrc.middleware import Coordinator, Settings
from lrrc.policy_catalogue import LEARNED, UNTRAINED
from lrrc.runtime.errors import run_script

MODES = {"digest at every call": "always", "kept for 3 turns": 3, "default (auto)": "auto"}


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


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="logs that lrrc reads: arena rows or chat logs")
    parser.add_argument("--policy", default="bm25", choices=("lrrc", *LEARNED, *UNTRAINED))
    parser.add_argument("--budget", type=int, default=128)
    parser.add_argument("--episodes", type=int, default=None, help="only the first so many")
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.1, 0.5], help="price of a cached token")
    parser.add_argument("--cache-minimum", type=int, default=1024, help="shorter prefixes are not cached")
    args = parser.parse_args(argv)
    for path in args.data:
        episodes = list(iter_episodes(path))[: args.episodes]
        print(f"{path.name}: {len(episodes)} episodes, policy {args.policy}, budget {args.budget}")
        for ratio in args.ratios:
            for mode, rewrite in MODES.items():
                settings = Settings(rewrite=rewrite, price_cached=ratio, cache_minimum=args.cache_minimum)
                total = play(episodes, args.policy, args.budget, settings)
                if rewrite == "always":
                    print(f"  cached token at {ratio:g}: {total.calls} calls")
                    print(f"    {'full context':22} {total.before:>11,} tokens  billed {total.billed_before:>11,.0f}")
                print(
                    f"    {mode:22} {total.after:>11,} tokens  billed {total.billed_after:>11,.0f}"
                    f"  {total.billed_after / total.billed_before - 1:+7.1%}"
                    f"  {1000 * total.seconds / total.calls:.1f} ms a call"
                )


if __name__ == "__main__":
    run_script(main) if len(sys.argv) > 1 else main(["--help"])
