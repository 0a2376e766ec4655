"""A preset of presets/ as options of `dvc exp run`, checked against params.yaml.

dvc exp run $(python tools/preset.py paper)
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import yaml

from lrrc.runtime.errors import run_script
from lrrc.tracking.stage_outputs import flat

ROOT = Path(__file__).resolve().parents[1]


def overrides(preset: dict, params: dict, where: str) -> list[str]:
    """`key=value` for DVC. Raises ValueError where params.yaml has no such key."""
    known = dict(flat(params))
    for key, _ in flat(preset):
        if key not in known:
            raise ValueError(f"{where}: {key} is not in params.yaml")
    return [f"{key}={shown(value)}" for key, value in flat(preset)]


def shown(value: object) -> str:
    """As DVC reads it, without spaces or quotes: a shell splits what $( ) gives at spaces, and keeps its quotes."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(path.stem for path in (ROOT / "presets").glob("*.yaml")))
    path = ROOT / f"presets/{parser.parse_args().name}.yaml"
    preset, params = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in (path, ROOT / "params.yaml"))
    print(" ".join(f"-S {line}" for line in overrides(preset, params, path.name)))


if __name__ == "__main__":
    run_script(main)
