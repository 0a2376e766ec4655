"""Presets are values that params.yaml takes, given to DVC without what a shell would change."""

import runpy
import subprocess
import sys

import pytest
import yaml
from helpers.paths import ROOT

from lrrc.params import parse_params

PRESETS = sorted((ROOT / "presets").glob("*.yaml"))
tool = runpy.run_path(str(ROOT / "tools/preset.py"))


def merged(params, preset):
    return {
        key: merged(value, preset[key]) if isinstance(value, dict) else preset[key]
        for key, value in params.items()
        if key in preset
    } | {key: value for key, value in params.items() if key not in preset}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_the_pipeline_takes_it(path):
    preset = yaml.safe_load(path.read_text(encoding="utf-8"))
    parse_params(merged(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")), preset))
    out = subprocess.run([sys.executable, ROOT / "tools/preset.py", path.stem], capture_output=True, text=True)
    words = out.stdout.split()
    assert out.returncode == 0 and words[::2] == ["-S"] * (len(words) // 2)
    assert not set("'\"\\$ ") & set("".join(words))


def test_a_key_that_params_lack_is_named():
    with pytest.raises(ValueError, match="mine.yaml: train.lrate is not in params.yaml"):
        tool["overrides"]({"train": {"lrate": 1}}, {"train": {"lr": 1}}, "mine.yaml")
