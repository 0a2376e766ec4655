"""The adapters in their real frameworks: `make test-adapters`, or `python tools/test_adapters.py [NAME ...]`.

Every framework of tests/adapters/frameworks.txt gets an environment of its own, .cache/adapters-NAME/venv, with the
project's packages behind its own on the path. One that cannot be installed is skipped with its reason; with CI=true
that is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "adapters" / "frameworks.txt"
NONE_RAN = 5  # pytest's status where all is skipped


def environment(name: str, package: str) -> Path | None:
    """Its Python, with `package` installed; None where that failed."""
    folder = ROOT / ".cache" / f"adapters-{name}" / "venv"
    python, ready = folder / "bin" / "python", folder / f"{package}.ready"
    if ready.exists():
        return python
    venv.create(folder, clear=True, with_pip=True)
    if subprocess.run([python, "-m", "pip", "install", "-q", package]).returncode:
        return None
    (own,) = folder.glob("lib/python3*/site-packages")
    (own / "zz_project.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    ready.touch()
    return python


def main(names: Sequence[str]) -> int:
    packages = dict(line.split() for line in LIST.read_text().splitlines())
    if unknown := set(names) - packages.keys():
        print(f"{', '.join(sorted(unknown))}: known are {', '.join(packages)}", file=sys.stderr)
        return 1
    env = os.environ | {"LRRC_ADAPTERS": "1", "PYTHONPATH": str(ROOT / "src")}
    failed = []
    for name in names or packages:
        print(f"== {packages[name]}", flush=True)
        python = environment(name, packages[name]) or sys.executable  # where the framework is not: skipped, or failed
        tests = ROOT / "tests" / "adapters" / f"test_{name.replace('-', '_')}.py"
        options = ["-q", "-W", "ignore", "-p", "no:cacheprovider"]  # what frameworks warn of is theirs
        if subprocess.run([python, "-m", "pytest", *options, tests], cwd=ROOT, env=env).returncode not in (0, NONE_RAN):
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
