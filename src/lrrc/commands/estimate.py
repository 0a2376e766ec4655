"""`lrrc estimate`: tokens, calls and money per policy and budget on a user's own logs."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrrc.commands.arguments import add_checkpoint, tell_whose
from lrrc.commands.pipes import INPUT, LeftOut, check_input, open_input
from lrrc.evaluation.cost_estimate import LIMITS, NAMES, REFERENCE, Estimate, Prices, amount, estimate
from lrrc.policy_catalogue import UNTRAINED

if TYPE_CHECKING:
    from lrrc.episodes.unquoted import NotHeld
    from lrrc.policies.base import Policy


def table(result: Estimate) -> str:
    """The estimate as aligned text."""
    header = ("policy", "budget", "calls", "prompt tokens", "of these cached", "completion", "money", "saved")
    lines = [header]
    for row in result.rows:
        cost = row.cost
        counts = (cost.calls, cost.prompt, cost.reusable, cost.completion)
        budget = "" if row.budget is None else str(row.budget)
        share = "" if row.policy == REFERENCE else f"{result.saved(row):.1%}" + " !" * result.costs_more(row)
        money = amount(result.prices.money(cost))
        lines.append((row.policy, budget, *(f"{n:,}" for n in counts), money, share))
    # the mark hangs out to the right, so that figures stay in line
    widths = [max(len(line[i].removesuffix(" !")) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(_aligned(line, widths)).rstrip() for line in lines)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    mark = " !" * line[-1].endswith(" !")
    cells = [cell.removesuffix(" !").rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
    return [line[0].ljust(widths[0]), *cells[:-1], cells[-1] + mark]


def notes(result: Estimate) -> list[str]:
    """What the figures mean, and a warning where a digest costs more than it saves."""
    prices = result.prices
    said = [
        f"{result.episodes:,} episodes; money for all of them, at {prices.prompt:g} per million prompt "
        f"tokens ({prices.cached:g} where cached) and {prices.completion:g} per million completion tokens."
    ]
    if dearer := [row.label for row in result.rows if result.costs_more(row)]:
        said.append(
            f"! {', '.join(dearer)}: fewer tokens, but more money than Full-Context. History that is sent in "
            "other words with every call leaves the provider's cache less to reuse."
        )
    return [*said, *LIMITS]


def not_counted(lost: NotHeld) -> list[str]:
    """What is sent and billed and not among the figures."""
    said = []
    if lost.tokens:
        kinds = ", ".join(f"{count:,} tokens of {kind}" for kind, count in sorted(lost.tokens.items()))
        said.append(
            f"Not among the figures: {kinds}. They were billed as completion once, and as prompt with every call that "
            "was sent their message again; no digest quotes them."
        )
    if lost.parts:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(lost.parts.items()))
        said.append(f"Unknown, having no text: {kinds}.")
    return said


def load_policies(
    names: Sequence[str] | None,
    budgets: Sequence[int],
    checkpoint: Path | None,
    report: Callable[[str], None],
    encoder: Path | None = None,
) -> list[Policy]:
    """Every policy at every budget; one that has no budget stands once. Without `encoder`, the checkpoint's is found.

    Without `names`: those ready without training, and lrrc; what lacks a file is left out, `report` gets why.
    Raises ValueError for an unknown name, and where a policy asked for by name cannot be loaded.
    """
    from lrrc.policies.serving import encoder_for, serving_policy
    from lrrc.policies.spec import PolicySpec

    found: list[Policy] = []
    for name in dict.fromkeys(names or (*UNTRAINED, "lrrc")):
        folder = checkpoint if name == "lrrc" else None
        try:
            vectors = encoder_for(PolicySpec(name), encoder, checkpoint)
            versions = [serving_policy(PolicySpec(name, budget), vectors, folder) for budget in budgets]
        except ValueError as error:
            if names or folder:
                raise
            report(f"{name} left out: {' '.join(str(error).split())}")
            continue
        found += versions if versions[0].spec.budget is not None else versions[:1]
    return found


def parse_budgets(text: str) -> list[int]:
    """Budgets in a list with commas, smallest first. Raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"--budgets = {text!r}: allowed are integers >= 0, such as 64,128")
    return sorted({int(part) for part in parts})


def check_target(target: Path | None, suffix: str, source: Path) -> None:
    """Raises ValueError where a file to write has another ending, or is the one that was read."""
    if target and (target.suffix != suffix or (target.exists() and source.exists() and target.samefile(source))):
        raise ValueError(f"{target}: must be a file of its own that ends in {suffix}")


def add_logs(parser: argparse.ArgumentParser) -> None:
    """LOGS.jsonl and --agent."""
    parser.add_argument(
        "logs", metavar="LOGS.jsonl", type=Path, help="your own conversations; - for the standard input"
    )
    parser.add_argument(
        "--agent",
        metavar="NAME",
        help="whose replies count, by the names of the messages: those of others are what it is given (default: all "
        "agents', in a group of people alone those of who speaks last)",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
{INPUT}
example:  lrrc estimate logs.jsonl --price-in 2.50 --price-cached 1.25 --price-out 10 --budgets 64,128
exit status:  0 all read, 2 bad lines were reported and left out, 1 nothing estimated

""" + "\n".join(LIMITS)
    add_logs(parser)
    for flag, text in (
        ("--price-in", "price of a million prompt tokens"),
        ("--price-out", "price of a million completion tokens"),
    ):
        parser.add_argument(flag, metavar="P", type=float, help=f"{text} (needed without --model)")
    parser.add_argument(
        "--price-cached",
        metavar="P",
        type=float,
        help="price of a million prompt tokens that the provider's cache holds (default: --price-in)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="prices by the packaged table instead: what no cache has is then charged as written into it, where that "
        "costs more",
    )
    parser.add_argument(
        "--prices", metavar="FILE.yaml", type=Path, help="a table of your own, in the same form and read before it"
    )
    parser.add_argument(
        "--policies",
        metavar="A,B",
        help=f"of {', '.join(NAMES)} (default: lrrc and those without training)",
    )
    parser.add_argument("--budgets", metavar="B,B", default="128", help="most tokens of a digest (default 128)")
    add_checkpoint(parser)
    parser.add_argument("--json", metavar="OUT.json", type=Path, help="write the estimate as JSON too")
    parser.add_argument("--picture", metavar="OUT.png", type=Path, help="and as a picture")


def prices_of(args: argparse.Namespace) -> tuple[Prices, str | None]:
    """The prices to reckon with, and what is to be said of them. Raises ValueError."""
    if args.model is None:
        if args.price_in is None or args.price_out is None:
            raise ValueError("give --price-in and --price-out, or --model")
        if args.price_cached is not None:
            return Prices(args.price_in, args.price_cached, args.price_out), None
        said = "No --price-cached given: cached tokens are priced like fresh ones."
        return Prices(args.price_in, args.price_in, args.price_out), said
    if not args.price_in is args.price_cached is args.price_out is None:
        raise ValueError("give either --model or the prices themselves, not both")
    from lrrc.middleware.tariff import PACKAGED, table

    found = table(str(args.prices) if args.prices else PACKAGED)
    if (row := found.row(args.model)) is None:
        raise ValueError(f"--model = {args.model!r}: not in the table of prices: add it by --prices FILE.yaml")
    price = row.prices
    fresh = price.input if price.write is None else price.write
    said = f"Prices of {row.provider} as entered on {found.date}; check them against {found.sources[row.provider][0]}."
    if fresh > price.input:
        said += f" Prompt tokens that no cache has are priced as written into it ({fresh:g}; without: {price.input:g})."
    return Prices(fresh, price.cached, price.output), said


def run(args: argparse.Namespace) -> int:
    prices, of_prices = prices_of(args)
    check_input(args.logs)
    check_target(args.json, ".json", args.logs)
    check_target(args.picture, ".png", args.logs)
    from tqdm import tqdm

    from lrrc.episodes.logs import Logs

    names = None if args.policies is None else [name.strip() for name in args.policies.split(",")]
    policies = load_policies(
        names, parse_budgets(args.budgets), args.checkpoint, lambda why: print(why, file=sys.stderr), args.encoder
    )
    left_out = LeftOut()
    with open_input(args.logs) as file:
        logs = Logs(file, f"{args.logs}: ", left_out, args.agent, tools=True)
        result = estimate(tqdm(logs, unit=" episodes", delay=5, disable=None), policies, prices)
    status = left_out.check(args.logs, result.episodes)
    tell_whose(policies)
    print(table(result))
    said = [*notes(result), *not_counted(logs.lost)]
    if of_prices:
        said.append(of_prices)
    print("", *(textwrap.fill(line, 100, subsequent_indent="  ") for line in said), sep="\n")
    if args.json:
        from lrrc.runtime.files import rounded, write_json

        apart = {"tokens": dict(logs.lost.tokens), "parts": dict(logs.lost.parts)}
        write_json(args.json, rounded(result.to_dict() | {"not_counted": apart}))
    if args.picture:
        from lrrc.report.figures.cost_estimate import draw_estimate, save_estimate

        save_estimate(draw_estimate(result), args.picture)
    return status
