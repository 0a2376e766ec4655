"""`lrrc compress IN.jsonl OUT.jsonl --policy NAME --budget B`: chat logs in, shorter payloads with receipts out.

A conversation in is {"id", "messages": [{role, content, name?, tool_calls?}, ...], optionally "agent", "tools",
"response_format"}, or in a form of docs/own_logs.md; the last message is the one to answer, be it a user's, a tool's,
another agent's, or the beginning of the answer. Each line out is {"id", "messages": payload, "receipt"}, in the same
order: what the middleware would send for that list alone. What cannot be used is reported with line and reason and left
out. Lines pass through one at a time, so the file may be larger than memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.commands.arguments import add_policy, load, tell_whose
from lrrc.commands.pipes import INPUT, LeftOut, check_input, open_input, open_output
from lrrc.episodes.chat_message import repair_surrogates
from lrrc.episodes.forms import read_conversations
from lrrc.episodes.logs import seen_by, speakers

if TYPE_CHECKING:
    from lrrc.policies.base import Policy


@dataclass
class Tally:
    """Conversations written and left out, those of people alone of whom none is to answer, and the prompt tokens of
    those written."""

    written: int = 0
    left_out: int = 0
    unnamed: int = 0
    tokens_before: int = 0
    tokens_after: int = 0


def compress_file(
    source: Path, target: Path, policy: Policy, report: Callable[[str], None], agent: str | None = None
) -> Tally:
    """Compress every conversation of `source` into `target`, which is whole or not there; `report` gets each bad one.

    `-` is the standard input and output; `agent` answers where a conversation does not name who does. Raises ValueError
    where `target` cannot be a file of its own or `source` is broken as a whole, OSError where a file cannot be read or
    written.
    """
    from tqdm import tqdm

    from lrrc.middleware.requests import compress_request

    tally = Tally()

    def refuse(error: ValueError) -> None:
        tally.left_out += 1
        report(str(error))

    with open_input(source) as file, open_output(target, file) as out:
        rows = read_conversations(file, (), "", refuse)
        for where, row in tqdm(rows, unit=" conversations", delay=5, disable=None):
            try:
                request = to_answer(row, agent, where)
                answer = compress_request(request, policy, where)
                text = _as_json(answer, where)
            except ValueError as error:
                refuse(error)
                continue
            out.write(text + "\n")
            tally.written += 1
            tally.unnamed += _people_alone(request["messages"])
            tally.tokens_before += answer["receipt"]["tokens_before"]
            tally.tokens_after += answer["receipt"]["tokens_after"]
    return tally


def to_answer(row: Mapping[str, Any], agent: str | None, where: str) -> dict[str, Any]:
    """The request that a conversation is, as who is to answer has it. Raises ValueError."""
    if "conversation_a" in row:
        raise ValueError(f"{where}: a pair of an arena: allowed is one conversation, with `id` and `messages`")
    agent = row.get("agent") or agent
    messages = row["messages"]
    if not messages:
        raise ValueError(f"{where}: messages = []: allowed is a list that ends in the message to answer")
    if isinstance(agent, str) and not speakers(messages, "assistant") and agent in speakers(messages, "user"):
        messages = seen_by(messages, agent, where)
    return {**row, "messages": messages, "agent": agent}


def _as_json(answer: dict[str, Any], where: str) -> str:
    """Messages go out as they came, but half a surrogate pair has no UTF-8, and NaN no JSON. Raises ValueError."""
    try:
        return repair_surrogates(json.dumps(answer, ensure_ascii=False, allow_nan=False))
    except ValueError:
        raise ValueError(f"{where}: a number in the messages is NaN or infinite, which JSON does not have") from None


def _people_alone(messages: list[Any]) -> bool:
    return not speakers(messages, "assistant") and len(speakers(messages, "user")) > 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
{INPUT}
          the last message of each is the one to be answered
output:   {{"id": "a1", "messages": [what to send instead], "receipt": {{tokens before and after, ...}}}}, a line each
exit status:  0 all written, 2 bad lines were reported and left out, 1 nothing written

example:  lrrc compress logs.jsonl short.jsonl --policy bm25 --budget 128"""
    parser.add_argument("source", metavar="IN.jsonl", type=Path, help="conversations; - for the standard input")
    parser.add_argument(
        "target", metavar="OUT.jsonl", type=Path, help="one answer per good line, in order; - for the standard output"
    )
    add_policy(parser)
    parser.add_argument(
        "--agent",
        metavar="NAME",
        help="who is to answer, where a conversation has no `agent`: by the names of its messages; in a group of "
        "people alone the messages of NAME become those of the assistant",
    )


def run(args: argparse.Namespace) -> int:
    check_input(args.source)
    policy, left_out = load(args), LeftOut()
    tally = compress_file(args.source, args.target, policy, left_out, args.agent)
    status = left_out.tell()
    saved = 1 - tally.tokens_after / tally.tokens_before if tally.tokens_before else 0
    print(
        f"{tally.written} lines written, {tally.left_out} left out; prompt tokens {tally.tokens_before:,} "
        f"to {tally.tokens_after:,} ({saved:.0%} saved)",
        file=sys.stderr,
    )
    tell_whose([policy])
    if tally.unnamed:
        print(f"{tally.unnamed} of people alone sent whole: name by --agent who of them is to answer", file=sys.stderr)
    return status
