"""One version, in every place that names it; hooks and targets that are spoken of are there."""

import re
import tomllib

import yaml
from helpers.paths import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_every_place_names_the_same_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$", changes, re.M)
    assert (VERSION, str(citation["date-released"])) == releases[0]
    assert citation["version"] == VERSION and len(dict(releases)) == len(releases)


def test_hooks_run_what_the_environment_has():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]  # nothing is fetched
    for hook in hooks[0]["hooks"]:
        assert hook["entry"].startswith(".venv/bin/") and hook["language"] == "system"
        assert all((ROOT / path).exists() for path in re.findall(r"tests/\S+", hook["entry"]))


def test_contributing_names_targets_that_make_has():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert named and named <= targets
