"""`lrrc ...`: one line in COMMANDS per subcommand; its module is imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS = {  # name: (module with add_arguments(parser) and run(args) -> exit status, help)
    "compress": (
        "lrrc.commands.compress",
        "shorten the history in chat logs (JSONL) to a token budget, by any policy",
    ),
    "estimate": ("lrrc.commands.estimate", "tokens, calls and money per policy and budget on your own logs"),
    "fidelity": (
        "lrrc.commands.fidelity",
        "how much a digest, instead of the full history, surprises a language model",
    ),
    "adapt": ("lrrc.commands.adapt", "fit a handful of numbers to your own conversations, where that gains anything"),
    "serve": (
        "lrrc.commands.serve",
        "an OpenAI-compatible address that shortens prompts on their way to another",
    ),
    "mcp": (
        "lrrc.commands.mcp",
        "tools for agents behind the proxy (MCP): recall what was left out, compress, stats",
    ),
    "wrap": ("lrrc.commands.wrap", "Codex, Claude Code or opencode behind a proxy of its own, which ends with it"),
    "prove": ("lrrc.commands.prove", "check the Lean proofs of the paper's theorems with the real kernel"),
    "certify": (
        "lrrc.commands.certify",
        "measure on a checkpoint what the theorems suppose, and the bounds that follow",
    ),
    "log": ("lrrc.commands.log", "show every result that dvc.lock records in MLflow"),
}
EPILOG = "`lrrc COMMAND --help` says more. Exit status: 0 done, 1 failed, 2 done but for what is reported."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; a user's mistake (ValueError, OSError) is one line on stderr and status 1."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] != ["wrap"]:  # its client inherits the environment
        # before numpy is there: products of a digest are small, and threads that wait cost more than they save
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _run(argv)
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] == "lrrc":
            raise
        what = f"needs {error.name}, which serving does not: pip install 'lrrc[pipeline]'"
        print(f"lrrc {argv[0]}: {what}", file=sys.stderr)
        return 1


def _run(argv: list[str]) -> int:
    passed_on: list[str] = []
    if argv[:1] == ["wrap"] and "--" in argv:  # argparse would give what is behind to the first that takes several
        argv, passed_on = argv[: argv.index("--")], argv[argv.index("--") + 1 :]
    parser = argparse.ArgumentParser(
        "lrrc",
        description="Short prompt digests for systems of several language-model agents.",
        epilog=EPILOG,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, text) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if argv[:1] == [name]:
            command = importlib.import_module(module)
            command.add_arguments(subparser)
    args = parser.parse_args(argv, argparse.Namespace(passed_on=passed_on))
    try:
        return command.run(args)
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        from lrrc.runtime.errors import explain

        print(f"lrrc {args.command}: {explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
