"""Two different local models solve tasks together, straight and through the proxy, by the same client code.

    python examples/two_agents.py --episodes 6 --policy bm25 --no-keep-goal

SmolLM2-135M and Gemma-3-270m (examples/model_server.py says what to install) answer every turn of conversations of the
embedded arena; where a turn asks a check, they pick one of its options. The client is the plain `openai` package: the
two runs differ in its base_url alone. Prints the token bill as the models' servers report it (cached: in a prefix that
the server still had; read: the rest), and how many checks were answered rightly. What is no option of this script is
one of `lrrc serve`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import openai

from lrrc.episodes.episode import Episode
from lrrc.episodes.episode_file import read_episodes

HERE = Path(__file__).parent
AGENTS = {"smollm2": "SmolLM2-135M-Instruct", "gemma": "gemma-3-270m"}  # name of the agent and of its model
GREEDY = {"temperature": 0, "seed": 0}


def solve(client_of: Callable[[str], openai.OpenAI], episodes: Sequence[Episode]) -> Counter[str]:
    """Play the episodes: every turn is put to both agents, and both replies join the history that all share."""
    bill: Counter[str] = Counter()
    began = time.perf_counter()
    for episode in episodes:
        checks = {check.turn: check for check in episode.checks}
        history: list[dict[str, str]] = []
        for number, turn in enumerate(episode.turns):
            history += [{"role": "user", "content": message.content} for message in turn.inputs]
            check, replies = checks.get(number), []
            options = {"max_tokens": 40, "stop": ["\n"]} if check is None else choice(check.options)
            for agent in AGENTS:
                answer = client_of(agent).chat.completions.create(model=agent, messages=history, **GREEDY, **options)
                said = answer.choices[0].message.content.strip()
                if check is not None:
                    bill["right"] += said == check.options[check.answer]
                    bill["checks"] += 1
                replies.append({"role": "assistant", "name": agent, "content": said or "I see."})
                count(bill, answer.usage)
            history += replies
        print(".", end="", flush=True, file=sys.stderr)
    bill["seconds"] = round(time.perf_counter() - began)
    return bill


def choice(options: Sequence[str]) -> dict[str, object]:
    """How to ask llama.cpp for an answer that is one of `options`."""
    grammar = "root ::= " + " | ".join(json.dumps(option, ensure_ascii=False) for option in options)
    return {"max_tokens": 100, "extra_body": {"grammar": grammar}}


def count(bill: Counter[str], usage: openai.types.CompletionUsage) -> None:
    cached = usage.prompt_tokens_details.cached_tokens or 0
    bill.update(calls=1, prompt=usage.prompt_tokens, cached=cached, completion=usage.completion_tokens)


@contextmanager
def started(*command: str) -> Iterator[str]:
    """A server in a process of its own; the first address that it prints."""
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as server:
        try:
            found = re.search(r"http://\S+/v1", server.stdout.readline())
            if not found:
                raise ValueError(f"{' '.join(command)}: did not start")
            yield found[0]
        finally:
            server.terminate()
            server.wait(30)


def draw(count: int, seed: int, splits: Path) -> list[Episode]:
    """Episodes of the test part where the pipeline has split them, which no trained policy has seen; else of all."""
    episodes = read_episodes("data/embedded/arena.parquet")
    if splits.is_file():
        held_out = set(json.loads(splits.read_text(encoding="utf-8"))["test"])
        episodes = [episode for episode in episodes if episode.episode_id in held_out]
    return random.Random(seed).sample(episodes, count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--episodes", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    args, options = parser.parse_known_args()
    try:
        episodes = draw(args.episodes, args.seed, Path("data/splits.json"))
        with ExitStack() as stack:
            run = stack.enter_context
            servers = {agent: run(started(str(HERE / "model_server.py"), agent)) for agent in AGENTS}
            upstreams = [text for agent, url in servers.items() for text in ("--upstream", f"{agent}={url}")]
            proxy = run(started("-m", "lrrc.cli", "serve", "--port", "0", *options, *upstreams))
            print(f"watch at {proxy.removesuffix('/v1')}", file=sys.stderr)
            direct = {a: run(openai.OpenAI(base_url=url, api_key="none", timeout=600)) for a, url in servers.items()}
            through = run(openai.OpenAI(base_url=proxy, api_key="none", timeout=600))
            bills = {
                "straight": solve(direct.__getitem__, episodes),
                "through the proxy": solve(lambda _: through, episodes),
            }
    except (ValueError, OSError, openai.OpenAIError) as error:
        print(f"\n{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    print(f"\n{len(episodes)} episodes, {' and '.join(AGENTS.values())}; lrrc serve {' '.join(options)}")
    print(f"{'':20}{'calls':>8}{'prompt':>9}{'cached':>9}{'read':>9}{'written':>9}{'seconds':>9}{'right':>10}")
    for name, bill in bills.items():
        read = bill["prompt"] - bill["cached"]
        print(
            f"{name:20}{bill['calls']:8,}{bill['prompt']:9,}{bill['cached']:9,}{read:9,}{bill['completion']:9,}"
            f"{bill['seconds']:9,}{bill['right']:6} / {bill['checks']}"
        )
    before, after = (bill["prompt"] for bill in bills.values())
    print(f"prompt tokens saved: {1 - after / before:.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
