"""How many digests differ because a segment is compared with its neighbours alone (lrrc.digest.history.NEIGHBOURS).

    python bench/neighbours.py LOG.jsonl ... [--every 1 --joined 1]

Of conversations with more segments than NEIGHBOURS it writes a digest for every `--every`-th call from there on, under
each policy, bounded as it is and with every segment compared with all after it; `--joined` reads so many lines of a
file as one conversation. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from unittest.mock import patch

import torch

from lrrc.digest import history
from lrrc.episodes.episode import Message
from lrrc.policies.base import Policy, split_turns
from lrrc.policies.registry import DEFAULT_CHECKPOINT, DEFAULT_ENCODER, load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.runtime.errors import run_script

POLICIES = ("lead", "bm25", "lrrc")
NEIGHBOURS = history.NEIGHBOURS
SHORTEST = 8  # characters of a segment on average, at least: shorter conversations need not be cut to be passed over


def conversations(file: Path) -> list[list[Message]]:
    """The messages of each line that a digest may quote."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        said = [m for m in json.loads(line).get("messages", ()) if isinstance(m.get("content"), str)]
        found.append([Message(m["role"], m["content"], m.get("name")) for m in said if m["role"] != "system"])
    return found


def digests(policy: Policy, messages: list[Message], every: int) -> dict[int, tuple[str | None, int]]:
    """By the number of its turn, the digest of a call beyond NEIGHBOURS segments, and the segments before it."""
    turns = [[messages[i] for i in turn] for turn in split_turns(range(len(messages)), messages)]
    agents = list(dict.fromkeys(m.name or "assistant" for m in messages if m.role == "assistant")) or ["assistant"]
    session, found = policy.session(agents), {}
    for number, turn in enumerate(turns):
        if len(session.history.segments) > NEIGHBOURS and number % every == 0:
            inputs = [m for m in turn if m.role != "assistant"] or turn[:1]
            text = session.select(inputs, agents[0], policy.spec.budget).text
            found[number] = text, len(session.history.segments)
        session.observe(turn)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("logs", nargs="+", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--encoder", type=Path, default=DEFAULT_ENCODER)
    parser.add_argument("--budget", type=int, default=128)
    parser.add_argument("--every", type=int, default=1, help="one call in so many")
    parser.add_argument("--joined", type=int, default=1, help="conversations of a file that are read as one")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folders = {"checkpoint": args.checkpoint, "encoder": args.encoder}
    policies = {name: load_policy(PolicySpec(name, args.budget), **folders) for name in POLICIES}
    calls, differ, longest, long = 0, dict.fromkeys(POLICIES, 0), 0, 0
    for file in args.logs:
        each = conversations(file)
        for first in range(0, len(each), args.joined):
            messages = [message for one in each[first : first + args.joined] for message in one]
            if sum(len(message.content) for message in messages) < SHORTEST * NEIGHBOURS:
                continue
            for name, policy in policies.items():
                bounded = digests(policy, messages, args.every)
                if not bounded:
                    break
                with patch.object(history, "NEIGHBOURS", 10**9):
                    free = digests(policy, messages, args.every)
                differ[name] += sum(bounded[call] != free[call] for call in bounded)
                longest = max(longest, *(count for _, count in bounded.values()))
            calls, long = calls + len(bounded), long + bool(bounded)
    counts = {"conversations": long, "calls": calls, "most_segments": longest, "digests_that_differ": differ}
    print(json.dumps(counts, indent=1))


if __name__ == "__main__":
    run_script(main)
