"""Hold this run's outputs against those that other processors gave, and add this processor to docs/processors.json.

python tools/processors.py          after `dvc repro`: compares what dvc.lock records with every processor in the file
python tools/processors.py --add    and adds itself (commit the file)

Runs are compared where they are of the same code, parameters and data: entries of another are left out when one is
added. Only stages that ask no language model take part: those must give the same bytes on every x86-64 processor with
AVX2. Exit status 1 where one differs.
"""

import argparse
import hashlib
import importlib.metadata
import json
import platform
import sys
from pathlib import Path

import yaml

from lrrc.runtime.arithmetic import processor
from lrrc.runtime.files import canonical_json, write_json

FILE = Path("docs/processors.json")
STAGES = ("encoder", "embed", "train", "ablate", "baseline", "replay", "explore")
PACKAGES = ("torch", "numpy", "scipy", "model2vec", "lightning")


def this_run(lock: dict) -> dict:
    """What the file keeps of a run: the code that made it, packages, hash by output."""
    items = {name: item for name, item in lock["stages"].items() if name.split("@")[0] in STAGES}
    outputs = {out["path"]: out["md5"] for item in items.values() for out in item["outs"]}
    asked = {
        name: [
            item["cmd"],
            item.get("params"),
            {dep["path"]: dep["md5"] for dep in item["deps"] if dep["path"] not in outputs and dep["path"] != "models"},
        ]
        for name, item in items.items()
    }
    return {
        "of": hashlib.sha256(canonical_json(asked).encode()).hexdigest()[:16],
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "outputs": outputs,
    }


def differing(mine: dict, theirs: dict) -> list[str]:
    """Outputs of two runs of one code that are not the same bytes."""
    return sorted(path for path in mine["outputs"] if mine["outputs"][path] != theirs["outputs"].get(path))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", action="store_true")
    args = parser.parse_args()
    if not Path("dvc.lock").is_file():
        print("error: no dvc.lock here: `dvc repro` makes one", file=sys.stderr)
        return 2
    mine, me = this_run(yaml.safe_load(Path("dvc.lock").read_text())), processor()
    known = json.loads(FILE.read_text()) if FILE.is_file() else {}
    same = {name: run for name, run in known.items() if run["of"] == mine["of"]}
    print(f"{me}: {len(mine['outputs'])} outputs; {len(same)} of {len(known)} runs in {FILE} are of this code")
    found = {name: differing(mine, run) for name, run in same.items()}
    for name, paths in found.items():
        print(f"  {name}: " + (f"{len(paths)} differ, {', '.join(paths)}" if paths else "all equal"))
    if args.add:
        write_json(FILE, same | {me: mine})
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
