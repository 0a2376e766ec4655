"""`lrrc adapt`: choose a handful of numbers for your own conversations, and say whether that gains anything.

lrrc adapt logs.jsonl --out adapted.json
lrrc compress --policy additive --adapted adapted.json logs.jsonl
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.commands.pipes import check_input

if TYPE_CHECKING:
    from lrrc.evaluation.kinds.adapting import Adapted
    from lrrc.results.statistics import Interval


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
Three numbers of the packaged line (what the place within a message, the speaker, and what is asked count) are chosen by
what digests hold of your agents' replies, and tried on the other half of your conversations by a local language model.
Nothing is written where nothing is gained. 100 calls take about two minutes on one core; no label is needed, and
nothing leaves the machine.

example:  lrrc adapt logs.jsonl --out adapted.json
exit status:  0 gained and written, 2 nothing gained: go on as before, 1 failed
needs:    the language model that `dvc repro models` makes
"""
    parser.add_argument("logs", type=Path, help="a file of conversations (docs/own_logs.md has the forms)")
    parser.add_argument("--out", metavar="FILE.json", type=Path, default=Path("adapted.json"), help="the result")
    parser.add_argument("--picture", metavar="FILE.png", type=Path, help="draw every call before and after")
    parser.add_argument("--calls", metavar="N", type=int, default=100, help="replies to read (default 100)")
    parser.add_argument("--budget", metavar="B", type=int, default=128, help="tokens of a digest (default 128)")
    parser.add_argument("--reply-tokens", metavar="N", type=int, default=64, help="of a reply, the first N")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the draw of replies")
    parser.add_argument("--encoder", metavar="DIR", type=Path, default=Path("data/encoder"), help="sentence vectors")
    parser.add_argument("--model", metavar="DIR", type=Path, default=Path("data/lm"), help="the language model")


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from lrrc.digest.additive import Line
    from lrrc.evaluation.kinds.adapting import adapt, by_cluster
    from lrrc.evaluation.kinds.calls import Bounds, draw_calls
    from lrrc.policies.untrained import PACKAGED_LINE
    from lrrc.pretrained import language_model, sentence_encoder
    from lrrc.pretrained.answers import Answers
    from lrrc.results.statistics import t_interval
    from lrrc.runtime.files import rounded, write_json

    for flag, least in (("calls", 12), ("budget", 16), ("reply_tokens", 1), ("seed", 0)):
        if (value := getattr(args, flag)) < least:
            raise ValueError(f"--{flag.replace('_', '-')} = {value}: allowed is an integer >= {least}")
    check_input(args.logs)
    line, encoder = Line.read(PACKAGED_LINE), sentence_encoder.load(str(args.encoder))
    answers = Answers(language_model.load(str(args.model)))
    calls = draw_calls(args.logs.stem, args.logs, Bounds(2 * args.budget, 4096, 800), args.calls, args.seed)
    with tqdm(total=2 * len(calls), unit="call", file=sys.stderr, disable=None) as bar:
        try:
            found = adapt(calls, line, encoder, answers, args.budget, args.reply_tokens, bar.update)
        except ValueError as error:
            raise ValueError(f"{args.logs}: {error}") from None
    gain = t_interval(by_cluster(np.array(found.before) - np.array(found.after), found.clusters))
    print(table(found, gain))
    if args.picture:
        draw(found, args.picture)
    if gain.low <= 0:
        print(f"nothing is gained that could be told from chance: {args.out} is not written; go on without it")
        return 2
    write_json(args.out, rounded(content(found, gain)))
    print(f"{args.out}: give it to compress, serve or Coordinator (--adapted {args.out})")
    return 0


def content(found: Adapted, gain: Interval) -> dict[str, Any]:
    """What the file holds; `weights` and `ordered` are all that is read of it."""
    nats = {"before": float(np.mean(found.before)), "after": float(np.mean(found.after))}
    more = {"chosen": found.chosen, "calls": len(found.before), **nats, "gain": list(gain)}
    return {"schema": 1, "ordered": found.line.ordered, "weights": dict(found.line.weights), **more}


def table(found: Adapted, gain: Interval) -> str:
    """What was chosen, and nats before and after, as text."""
    place, speaker, asked = (found.chosen[name] for name in ("place", "speaker", "asked"))
    chosen = f"place x {place:g}, speaker x {speaker:g}, what is asked + {asked:g}"
    return "\n".join(
        [
            f"the packaged line with: {chosen}",
            f"{'':<26}{'nats a token':>14}  95 % interval",
            f"{'before':<26}{np.mean(found.before):>14.3f}",
            f"{'after':<26}{np.mean(found.after):>14.3f}",
            f"{'gain':<26}{gain.value:>+14.3f}  {gain.low:+.3f} to {gain.high:+.3f}",
            f"{len(found.before)} replies, each by the choice of the other half; lower nats are better",
        ]
    )


def draw(found: Adapted, path: Path) -> None:
    """Every call's nats before and after: points below the line gained."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    ends = [min(found.before + found.after), max(found.before + found.after)]
    axes.plot(ends, ends, color="0.6", linewidth=1)
    axes.scatter(found.before, found.after, s=14)
    axes.set_xlabel("nats a token, packaged line")
    axes.set_ylabel("nats a token, adapted (chosen on the other half)")
    figure.savefig(path, dpi=150)
