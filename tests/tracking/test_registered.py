"""models:/lrrc@champion: the coordinator that `lrrc log` registers, as a policy of middleware that knows no MLflow."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from helpers.paths import ROOT

from lrrc.middleware import Coordinator, resolvers
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.tracking import registered  # registers the schemes


def test_entry_points_name_what_is_there():
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][resolvers.GROUP]
    assert set(points) == {"models", "runs"}
    for place in points.values():
        module, _, name = place.partition(":")
        assert getattr(import_module(module), name) is registered.resolve


def test_an_address_is_told_from_a_name():
    assert resolvers.is_address("models:/lrrc@champion") and resolvers.is_address("runs:/1/coordinator")
    assert not any(map(resolvers.is_address, ("lrrc", "bm25", "C:/models/x", "models/train-r8-s0")))


def test_an_unknown_scheme_is_one_line():
    with pytest.raises(ValueError, match=r"nothing here reads hub: addresses \(known: .*models"):
        Coordinator("hub:/lrrc")


def test_a_registered_resolver_gives_the_policy(monkeypatch):
    asked = []
    monkeypatch.setattr(resolvers, "_RESOLVERS", {})
    resolvers.register(
        "shelf",
        lambda address, budget: (
            asked.append((address, budget)) or (load_policy(PolicySpec("bm25", budget)), Path("vectors"))
        ),
    )
    coordinator = Coordinator("shelf:/mine@best", budget=40)
    assert asked == [("shelf:/mine@best", 40)] and coordinator.policy.name == "bm25"


def test_the_middleware_imports_no_mlflow():
    code = "import sys, lrrc.middleware.coordinator as c; c.Coordinator('bm25'); sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
