"""`lrrc compress IN.jsonl OUT.jsonl --policy NAME --budget B`: chat logs in, shorter payloads with receipts out.

A conversation in is {"id", "messages": [{role, content, name?, tool_calls?}, ...], optionally "agent", "tools",
"response_format"}, or in a form of docs/own_logs.md; the last message is the one to answer, be it a user's, a tool's,
another agent's, or the beginning of the answer. Each line out is {"id", "messages": payload, "receipt"}, in the same
order: what the middleware would send for that list alone. A request of Anthropic's Messages API goes out as one, with
its `system` beside the messages. What cannot be used is reported with line and reason and left out; where nothing can,
no file is written. Lines pass through one at a time, so the file may be larger than memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """Conversations written, those of people alone that were sent whole as none of them was named to answer, what is to
    be said where the one who was named is none of them, and the prompt tokens of those written."""

    written: int = 0
    unnamed: int = 0
    strangers: LeftOut = field(default_factory=LeftOut)
    tokens_before: int = 0
    tokens_after: int = 0

    def count(self, answer: Mapping[str, Any]) -> None:
        self.written += 1
        self.tokens_before += answer["receipt"]["tokens_before"]
        self.tokens_after += answer["receipt"]["tokens_after"]

    def note_people(self, request: Mapping[str, Any], where: str) -> None:
        """Where people alone speak, who are sent whole."""
        people = speakers(request["messages"], "user")
        if speakers(request["messages"], "assistant") or len(people) < 2:
            return
        if agent := request["agent"]:
            who = ", ".join(str(name) for name in people if name)
            self.strangers(
                f"{where}: of people alone, sent whole: nobody is called {agent!r} there: who speaks is {who}"
            )
        else:
            self.unnamed += 1


def compress_file(source: Path, target: Path, policy: Policy, left_out: LeftOut, agent: str | None = None) -> Tally:
    """Compress every conversation of `source` into `target`, which is whole or as it was; `left_out` gets each bad one.

    `-` is the standard input and output; `agent` answers where a conversation does not name who does. Raises ValueError
    where `target` cannot be a file of its own, `source` is broken as a whole or nothing of it can be used, OSError
    where a file cannot be read or written.
    """
    from tqdm import tqdm

    tally = Tally()
    with open_input(source) as file, open_output(target, file) as out:
        rows = read_conversations(file, (), f"{source}: ", left_out)
        for where, row in tqdm(rows, unit=" conversations", delay=5, disable=None):
            try:
                request = to_answer(row, agent, where)
                answer = compressed(request, policy, where)
                text = _as_json(answer, where)
            except ValueError as error:
                left_out(error)
                continue
            out.write(text + "\n")
            tally.count(answer)
            tally.note_people(request, where)
        left_out.check_any(source, tally.written)  # before a file takes the place of an older one
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


def compressed(request: Mapping[str, Any], policy: Policy, where: str) -> dict[str, Any]:
    """What goes out for a request of `to_answer`. Raises ValueError."""
    from lrrc.middleware import anthropic_messages
    from lrrc.middleware.coordinator import Coordinator
    from lrrc.middleware.requests import compress_request

    sent = request["anthropic"]
    if sent is None:
        return compress_request(request, policy, where)
    name = request["id"]
    try:
        payload, receipt = anthropic_messages.compose(
            Coordinator(policy), sent, agent=request["agent"], conversation=str(name)
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    system = {"system": sent["system"]} if sent["system"] else {}
    return {"id": name, **system, "messages": payload, "receipt": receipt.to_dict()}


def _as_json(answer: dict[str, Any], where: str) -> str:
    """Messages go out as they came, but half a surrogate pair has no UTF-8, and NaN no JSON. Raises ValueError."""
    try:
        return repair_surrogates(json.dumps(answer, ensure_ascii=False, allow_nan=False))
    except ValueError:
        raise ValueError(f"{where}: a number in the messages is NaN or infinite, which JSON does not have") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
{INPUT}
          the last message of each is the one to be answered
output:   {{"id": "a1", "messages": [what to send instead], "receipt": {{tokens before and after, ...}}}}, a line each
          (a request to Anthropic: as such, with its "system" beside "messages")
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
        f"{tally.written} lines written, {left_out.count} left out; prompt tokens {tally.tokens_before:,} "
        f"to {tally.tokens_after:,} ({saved:.0%} saved)",
        file=sys.stderr,
    )
    tell_whose([policy])
    if tally.unnamed:
        print(f"{tally.unnamed} of people alone sent whole: name by --agent who of them is to answer", file=sys.stderr)
    tally.strangers.tell()
    return status
