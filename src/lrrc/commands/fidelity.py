"""`lrrc fidelity`: how much a digest, instead of the full history, surprises a language model.

lrrc fidelity logs.jsonl --policies recency,bm25,lrrc --budgets 128
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.commands.arguments import add_checkpoint
from lrrc.commands.estimate import add_logs, check_target, load_policies, parse_budgets
from lrrc.commands.pipes import INPUT, LeftOut, check_input, open_input
from lrrc.evaluation.fidelity.replies import draw_replies
from lrrc.evaluation.fidelity.surprise import measure_surprise
from lrrc.policy_catalogue import LIVE, REFERENCE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
{INPUT}
example:  lrrc fidelity logs.jsonl --policies recency,bm25,lrrc --budgets 128 --calls 200
exit status:  0 all read, 2 bad lines were reported and left out, 1 nothing measured
needs:    the language model that `dvc repro models` makes, and for lrrc the checkpoint of `dvc repro`
"""
    add_logs(parser)
    parser.add_argument(
        "--policies", metavar="A,B", default="no-history,recency,bm25,embedding,lrrc", help=f"of {', '.join(LIVE)}"
    )
    parser.add_argument("--budgets", metavar="B,B", default="128", help="mean tokens of a digest (default 128)")
    parser.add_argument("--calls", metavar="N", type=int, default=200, help="replies to score (default 200)")
    parser.add_argument("--reply-tokens", metavar="N", type=int, default=64, help="of a reply, the first N")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the draw of replies")
    add_checkpoint(parser)
    parser.add_argument("--model", metavar="DIR", type=Path, default=Path("data/lm"), help="the language model")
    parser.add_argument("--json", metavar="OUT.json", type=Path, help="write the figures as JSON too")


def run(args: argparse.Namespace) -> int:
    from lrrc.episodes.logs import Logs
    from lrrc.policies.registry import build_policy
    from lrrc.policies.spec import PolicySpec
    from lrrc.pretrained import language_model
    from lrrc.pretrained.answers import Answers

    names = [name.strip() for name in args.policies.split(",")]
    if unknown := [name for name in names if name not in LIVE]:
        raise ValueError(f"--policies: {', '.join(unknown)}: allowed is of {', '.join(LIVE)}")
    for flag, least in (("calls", 2), ("reply_tokens", 1), ("seed", 0)):
        if (value := getattr(args, flag)) < least:
            raise ValueError(f"--{flag.replace('_', '-')} = {value}: allowed is an integer >= {least}")
    check_input(args.logs)
    check_target(args.json, ".json", args.logs)
    chosen = load_policies(names, parse_budgets(args.budgets), args.checkpoint, print, args.encoder)
    policies = [build_policy(PolicySpec(REFERENCE)), *(policy for policy in chosen if policy.name != REFERENCE)]
    answers = Answers(language_model.load(str(args.model)))
    left_out = LeftOut()
    with open_input(args.logs) as file:
        logs = Logs(file, f"{args.logs}: ", left_out, args.agent, one_agent=True)
        targets = draw_replies(logs, args.calls, args.seed)
    status = left_out.check(args.logs, logs.count)
    if len(targets) < 2:
        raise ValueError(f"{args.logs}: fewer than two replies have a history; nothing to compare")
    rows = []
    for policy in policies:
        print(
            f"fidelity: {policy.name} {policy.spec.budget or ''}, {len(targets)} replies", file=sys.stderr, flush=True
        )
        rows += measure_surprise(answers, targets, [policy], args.reply_tokens)
    found = summary(rows)
    print(table(found))
    if args.json:
        from lrrc.runtime.files import rounded, write_json

        write_json(args.json, rounded({"data": args.logs.name, "agent": language_model.NAME, "rows": found}))
    return status


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per policy and budget: extra nats a token over Full-Context with a paired 95 % interval, and tokens sent."""
    from lrrc.results import statistics

    whole = {_key(row): row["nats"] for row in rows if row["policy"] == REFERENCE}
    found = []
    for policy, budget in dict.fromkeys((row["policy"], row["budget"]) for row in rows):
        mine = [row for row in rows if (row["policy"], row["budget"]) == (policy, budget)]
        extra = np.array([row["nats"] - whole[_key(row)] for row in mine])
        value, low, high = statistics.t_interval(extra)
        found.append(
            {
                "policy": policy,
                "budget": budget,
                "nats_over_full_context": value,
                "low": low,
                "high": high,
                "tokens_per_call": float(np.mean([row["tokens"] for row in mine])),
                "n": len(mine),
            }
        )
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
