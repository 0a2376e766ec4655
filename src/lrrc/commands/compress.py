"""`lrrc compress IN.jsonl OUT.jsonl --policy NAME --budget B`: chat logs in, shorter payloads with receipts out.

Each input line is {"id", "messages": [{role, content, name?, tool_calls?}, ...], optionally "agent"}; the last message
is the one to answer. Each output line is {"id", "messages": payload, "receipt"}, in the same order: what the middleware
would send for that list alone. A line that cannot be used is reported by number and reason and left out. Lines pass
through one at a time, so the file may be larger than memory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.commands.folders_and_pipes import add_encoder, check_input, load, open_input, open_output
from lrrc.episodes.chat_message import repair_surrogates
from lrrc.policy_catalogue import LEARNED, UNTRAINED
from lrrc.runtime.files import parse_json

if TYPE_CHECKING:
    from lrrc.policies.base import Policy


@dataclass
class Tally:
    """Lines written and left out, and the prompt tokens of those written."""

    written: int = 0
    left_out: int = 0
    tokens_before: int = 0
    tokens_after: int = 0


def compress_file(source: Path, target: Path, policy: Policy, report: Callable[[str], None]) -> Tally:
    """Compress every line of `source` into `target`, which is whole or not there. `report` gets each bad line.

    `-` is the standard input and output. Raises ValueError where `target` cannot be a file of its own, OSError where a
    file cannot be read or written.
    """
    from tqdm import tqdm

    from lrrc.middleware.requests import compress_request

    tally = Tally()
    with (
        open_input(source) as lines,
        open_output(target, lines) as out,
        # a pipe has no size
        tqdm(total=os.fstat(lines.fileno()).st_size or None, unit="B", unit_scale=True, delay=5, disable=None) as bar,
    ):
        for number, line in enumerate(lines, 1):
            bar.update(len(line))
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not line.strip():
                continue
            try:
                answer = compress_request(parse_json(line, f"line {number}"), policy, f"line {number}")
            except ValueError as error:
                tally.left_out += 1
                report(str(error))
                continue
            # messages go out as they came, and half a surrogate pair has no UTF-8
            out.write(repair_surrogates(json.dumps(answer, ensure_ascii=False, allow_nan=False)) + "\n")
            tally.written += 1
            tally.tokens_before += answer["receipt"]["tokens_before"]
            tally.tokens_after += answer["receipt"]["tokens_after"]
    return tally


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
input line:   {"id": "a1", "messages": [{"role": "user", "content": "..."}, ...]}, the last one to be answered
output line:  {"id": "a1", "messages": [what to send instead], "receipt": {tokens before and after, sources}}
exit status:  0 all lines written, 2 bad lines were reported and left out, 1 nothing written

example:      lrrc compress logs.jsonl short.jsonl --policy bm25 --budget 128"""
    parser.add_argument("source", metavar="IN.jsonl", type=Path, help="one request per line; - for the standard input")
    parser.add_argument(
        "target", metavar="OUT.jsonl", type=Path, help="one answer per good line, in order; - for the standard output"
    )
    parser.add_argument(
        "--policy",
        metavar="NAME",
        choices=("lrrc", *LEARNED, *UNTRAINED),
        default="lrrc",
        help=f"trained: lrrc (default), {', '.join(LEARNED)}; ready without training: {', '.join(UNTRAINED)}",
    )
    parser.add_argument("--budget", metavar="B", type=int, default=128, help="most tokens of a digest (default 128)")
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        type=Path,
        help="a trained model's folder (default: the one `dvc repro` made)",
    )
    add_encoder(parser)


def run(args: argparse.Namespace) -> int:
    check_input(args.source)
    if args.budget < 0:
        raise ValueError(f"--budget = {args.budget}: allowed is an integer >= 0")
    from lrrc.policies.spec import PolicySpec

    policy = load(PolicySpec(args.policy, args.budget), args.encoder, args.checkpoint)
    tally = compress_file(args.source, args.target, policy, lambda reason: print(reason, file=sys.stderr))
    saved = 1 - tally.tokens_after / tally.tokens_before if tally.tokens_before else 0
    print(
        f"{tally.written} lines written, {tally.left_out} left out; prompt tokens {tally.tokens_before:,} "
        f"to {tally.tokens_after:,} ({saved:.0%} saved)",
        file=sys.stderr,
    )
    return 2 if tally.left_out else 0
