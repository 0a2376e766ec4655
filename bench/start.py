"""How long `lrrc` takes to start: `python bench/start.py`.

Importing the package and `lrrc --help`, each in processes of their own, against a bare interpreter, in processor time.
The help of the command line must not import torch. Prints JSON; exit status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from ratio import Target, least, verdict

# a virtual environment that `make setup` made has imported a part of the package when Python starts
IMPORT = """
import sys, time
for name in [name for name in sys.modules if name.partition(".")[0] == "lrrc"]:
    del sys.modules[name]
began = time.process_time()
import lrrc
print(time.process_time() - began)
"""
HELP = """
import contextlib, io, json, sys
from lrrc.cli import main
with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
    main(["--help"])
print(json.dumps({"said": said.getvalue(), "modules": sorted(sys.modules)}))
"""
HEAVY = ("torch", "lightning", "mlflow", "transformers", "pandas", "pyarrow", "numpy")


def children() -> float:
    """Processor seconds of the processes that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system


def python(code: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def modules_of_help() -> list[str]:
    """The modules that `lrrc --help` has imported when it is done."""
    return json.loads(python(HELP))["modules"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    importing = min(float(python(IMPORT)) for _ in range(args.rounds))
    rivals = {"bare interpreter": lambda: python("pass"), "lrrc --help": lambda: python(HELP)}
    seconds = least(rivals, args.rounds, children)
    heavy = [name for name in HEAVY if name in modules_of_help()]
    return verdict(
        [
            Target("seconds to import lrrc", importing, at_most=0.3),
            Target(
                "seconds of `lrrc --help` beyond a bare interpreter",
                seconds["lrrc --help"] - seconds["bare interpreter"],
                at_most=0.3,
            ),
            Target("heavy modules that `lrrc --help` imports", len(heavy), at_most=0),
        ],
        heavy=heavy,
        seconds={name: round(s, 4) for name, s in seconds.items()},
    )


if __name__ == "__main__":
    sys.exit(main())
