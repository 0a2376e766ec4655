"""Renew requirements.lock: exact versions with hashes of everything that `make setup` installs, for every Python.

python tools/lock.py                     within what pyproject.toml allows, as they are today
python tools/lock.py --keep VERSIONS     those of a `pip freeze` where they are allowed

torch is named by version alone in requirements-torch.txt, since its builds for CPU and GPU come from different indexes
with different hashes; what only its GPU builds need is left to pip. Neither file holds an address.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK, TORCH = ROOT / "requirements.lock", ROOT / "requirements-torch.txt"
OF_TORCH = re.compile(r"(torch|triton|nvidia-[\w-]+|cuda-[\w-]+)==(\S+)")
HEAD = "# Written by tools/lock.py (make lock): do not edit.\n"


def resolved(keep: Path | None, work: Path) -> str:
    """What uv finds for the project with its extra `dev`, on every platform."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--extra", "dev", "--no-annotate", "--no-header", "--no-emit-index-url"]
    command += ["--python-version", "3.11", "--output-file", str(work / "found"), str(ROOT / "pyproject.toml")]
    if keep:
        plain = [line for line in keep.read_text().splitlines() if re.match(r"[\w.-]+==", line)]
        (work / "keep").write_text("\n".join(line.partition("+")[0] for line in plain))
        command += ["--constraints", str(work / "keep")]
    subprocess.run(command, check=True)
    return (work / "found").read_text()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        requirements = re.findall(r"^\S.*(?:\n +.*)*\n", resolved(args.keep, Path(work)), re.MULTILINE)
    torch = next(found[2] for one in requirements if (found := OF_TORCH.match(one)) and found[1] == "torch")
    locked = [one for one in requirements if not OF_TORCH.match(one)]
    LOCK.write_text(HEAD + "".join(locked))
    TORCH.write_text(f"{HEAD}torch=={torch}\n")
    print(f"{LOCK.name}: {len(locked)} packages; {TORCH.name}: torch {torch}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
