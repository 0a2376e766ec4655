"""tools/processors.py: a run is held against the same code's on other processors, and put beside them."""

import json
import os
import subprocess
import sys

import yaml
from helpers.paths import ROOT

from lrrc.runtime.arithmetic import processor


def lock(vectors="a", code="c", answers="l"):
    deps = [{"path": "src/lrrc/x.py", "md5": code}]
    encoder = {"cmd": "python x", "deps": deps, "outs": [{"path": "data/encoder", "md5": vectors}]}
    live = {"cmd": "python y", "deps": deps, "outs": [{"path": "results/live", "md5": answers}]}
    train = {
        "cmd": "python z",
        "deps": [{"path": "data/encoder", "md5": vectors}],
        "outs": [{"path": "models/train-r8-s0", "md5": f"of {vectors}"}],
    }
    return {"stages": {"encoder": encoder, "live": live, "train@8-0": train}}


def test_runs_of_one_code_are_compared(tmp_path):
    (tmp_path / "docs").mkdir()
    file = tmp_path / "docs/processors.json"

    def run(made, *options):
        (tmp_path / "dvc.lock").write_text(yaml.safe_dump(made))
        command = [sys.executable, str(ROOT / "tools/processors.py"), *options]
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    status, said = run(lock(), "--add")
    assert status == 0 and "0 of 0 runs" in said
    (mine,) = json.loads(file.read_text()).values()
    assert len(mine["kernels"]) > 30
    assert mine["outputs"] == {"data/encoder": "a", "models/train-r8-s0": "of a"}  # no language model's
    file.write_text(json.dumps({"another processor": mine}))
    status, said = run(lock(answers="other"), "--add")
    assert status == 0 and "another processor: all equal" in said
    assert set(json.loads(file.read_text())) == {"another processor", processor()}
    status, said = run(lock(vectors="b"))
    assert status == 1 and "another processor: 2 differ, data/encoder, models/train-r8-s0" in said
    status, said = run(lock(code="new"), "--add")
    assert status == 0 and "0 of 2 runs" in said and "another processor, of other code: 2 of 2 outputs equal" in said
    assert json.loads(file.read_text())["another processor"] == mine  # what was seen there stays seen
    (tmp_path / "dvc.lock").unlink()
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/processors.py")], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2 and done.stderr.startswith("error: no dvc.lock here")
