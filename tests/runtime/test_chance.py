"""Every draw of the project has a stream of its own."""

import ast

import numpy as np
import pytest
from helpers.paths import ROOT

from lrrc.runtime.chance import PLAIN, stream

HOME = ROOT / "src/lrrc/runtime/chance.py"
SOURCES = [path for folder in ("src/lrrc", "pipeline") for path in sorted((ROOT / folder).rglob("*.py"))]
GENERATORS = {"default_rng", "RandomState", "SeedSequence", "PCG64"}


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node, getattr(node.func, "attr", None) or getattr(node.func, "id", None)


def purposes():
    return {
        node.args[0].value
        for path in SOURCES
        for node, name in calls(path)
        if name == "stream" and node.args and isinstance(node.args[0], ast.Constant)
    }


def test_nobody_seeds_a_generator_without_saying_what_for():
    bare = [
        f"{path}:{node.lineno}" for path in SOURCES if path != HOME for node, name in calls(path) if name in GENERATORS
    ]
    assert not bare
    assert any(name in GENERATORS for _, name in calls(HOME))  # the search finds what there is


def test_no_two_purposes_draw_the_same():
    assert len(purposes()) > 6 and PLAIN in purposes()
    drawn = {tuple(stream(purpose, *seeds).integers(2**62, size=2)) for purpose in purposes() for seeds in ((0,), (1,))}
    assert len(drawn) == 2 * len(purposes())
    for seeds in ((0, 0), (0, 1), (0, 2), (0, 0, 0)):
        plain = tuple(stream(PLAIN, *seeds).integers(2**62, size=2))
        assert plain not in {tuple(stream(purpose, 0).integers(2**62, size=2)) for purpose in purposes() - {PLAIN}}


@pytest.mark.parametrize("other", [("live: episodes", 1), ("live: episode", 0), ("live: episodes", 0, 1)])
def test_a_stream_is_its_purpose_and_its_seeds(other):
    first = stream("live: episodes", 0).random(4)
    assert np.array_equal(first, stream("live: episodes", 0).random(4))
    assert not np.isin(first, stream(*other).random(1000)).any()


def test_the_split_draws_as_it_always_did():
    assert np.array_equal(stream(PLAIN, 3, 1).permutation(20), np.random.default_rng((3, 1)).permutation(20))
