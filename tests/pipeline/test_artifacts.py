"""What dvc.yaml offers under `artifacts` can be had by the command of docs/vary.md."""

import filecmp
import shutil

import pytest
import yaml
from helpers.paths import ROOT
from helpers.project_copies import commit, run

pytestmark = pytest.mark.pipeline


def test_the_packaged_coordinator_comes_from_git(tmp_path):
    offered = yaml.safe_load((ROOT / "dvc.yaml").read_text())["artifacts"]
    assert all(one["type"] == "model" and one["desc"] and one["labels"] for one in offered.values())
    source, packaged = tmp_path / "source", offered["coordinator"]["path"]
    for name in (".dvc/config", "dvc.yaml", "params.yaml"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    shutil.copytree(ROOT / packaged, source / packaged)
    run(source, "git", "init", "-q")
    for key in ("name", "email"):
        run(source, "git", "config", f"user.{key}", "test@example.org")
    commit(source)
    run(source, "git", "tag", "-a", "coordinator@v0.2.0", "-m", "as packaged")
    run(tmp_path, "dvc", "artifacts", "get", "source", "coordinator", "--rev", "v0.2.0", "-o", "mine")
    compared = filecmp.dircmp(tmp_path / "mine", ROOT / packaged)
    assert (tmp_path / "mine/certificate.json").is_file()
    assert not compared.diff_files and not compared.left_only and not compared.right_only
