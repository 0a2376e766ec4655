"""Every stage of dvc.yaml names the code that it runs: its deps against what its script imports.

A change in a module that a stage runs and does not name would leave old results in place. The imports are read with
`ast`, nothing is imported: those inside functions count, those for types alone do not, and importing a module runs
the `__init__` of its packages. Files that are no Python (styles, templates) count with their folder.
"""

import ast
import copy
import functools
from pathlib import Path

import pytest
import yaml

ROOT = next(folder for folder in Path(__file__).parents if (folder / "dvc.yaml").is_file())
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
EXEMPT = {  # what a stage may run unnamed, and why; so may it an `__init__` of a docstring alone, which changes no byte
    "src/lrrc/runtime": "files, processes and errors: the tests of a failing disk and of two engines hold bytes alike",
    "src/lrrc/params.py": "reads and checks; the values themselves are named under params",
    "src/lrrc/policy_catalogue.py": "a new name changes no old one; stages that print names in words do name it",
    "src/lrrc/policies/__init__.py": "names that are looked up when they are asked for",
    "src/lrrc/tracking": "writes to MLflow alone; a run without a database gives the same bytes",
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_what_its_script_imports(stage):
    missing = unnamed(STAGES[stage])
    assert not missing, f"dvc.yaml, stage {stage}: add to deps what covers\n  " + "\n  ".join(missing)


@pytest.mark.parametrize("stage", STAGES)
def test_deps_exist(stage):
    assert not (absent := nowhere(STAGES[stage])), f"dvc.yaml, stage {stage}: no such file, nor an output: {absent}"


@pytest.mark.parametrize("stage", STAGES)
def test_without_any_one_of_its_deps_a_stage_is_refused(stage):
    """So no dep is named in vain, and the comparison can fail."""
    for dep in set(code_deps(STAGES[stage])) - set(EXEMPT):
        changed = copy.deepcopy(STAGES[stage])
        changed["deps"].remove(dep)
        assert any(covers(dep, path) for path in unnamed(changed)), f"dvc.yaml, stage {stage}: nothing imports {dep}"


def test_a_dep_that_is_gone_is_seen():
    changed = copy.deepcopy(STAGES["train"])
    changed["deps"] += ["src/lrrc/gone.py", "src/lrrc/gone", "data/gone"]
    assert nowhere(changed) == ["src/lrrc/gone.py", "src/lrrc/gone", "data/gone"]


def test_imports_are_read_as_python_would(tmp_path):
    (tmp_path / "script.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from lrrc.model import cells\nelse:\n    import lrrc.digest.writer\n"
        "def main():\n    from lrrc.policies import bm25, load_policy as load\n    import lrrc.middleware.body\n"
    )
    found = {str(path.relative_to(ROOT / "src/lrrc")) for path in imported(tmp_path / "script.py")}
    packages = {"__init__.py", "digest/__init__.py", "policies/__init__.py", "middleware/__init__.py"}
    assert found == {"digest/writer.py", "policies/bm25.py", "middleware/body.py", *packages}
    assert ROOT / "src/lrrc/middleware/coordinator.py" in reached(tmp_path / "script.py")  # through the __init__


def unnamed(stage):
    """What the script of a stage reaches, itself included, that neither deps nor EXEMPT cover: sorted paths."""
    script = ROOT / stage["cmd"].split()[1]
    files = {script, *(path for path in reached(script) if not inert(path))}
    paths = sorted(str(path.relative_to(ROOT)) for path in files)
    return [path for path in paths if not any(covers(dep, path) for dep in (*stage["deps"], *EXEMPT))]


def nowhere(stage):
    """Deps that are neither files or folders of the project nor made by a stage; `${...}` is a parameter's value."""
    outs = [out if isinstance(out, str) else next(iter(out)) for other in STAGES.values() for out in other["outs"]]
    named = [dep for dep in stage["deps"] if not dep.startswith("${")]
    return [dep for dep in named if not (ROOT / dep).exists() and not any(covers(dep, out) for out in outs)]


def code_deps(stage):
    return [dep for dep in stage["deps"] if dep.startswith("src/") or dep.endswith(".py")]


def covers(dep, path):
    return path == dep or path.startswith(f"{dep}/")


def reached(script):
    """All files of src/ that running a script may import, directly or through others: what changes no byte aside."""
    found, todo = set(), [script]
    while todo:
        new = imported(todo.pop()) - found
        found |= new
        todo += [path for path in new if ROOT / "src/lrrc/tracking" not in path.parents]
    return found


@functools.cache
def imported(path):
    """The files of src/ that one file imports, with the `__init__` of the packages on the way."""
    found, todo = set(), [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import is not understood here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]  # the last may be no module
        else:
            continue
        for name in names:
            found |= files_of(name)
    return frozenset(found)


def files_of(name):
    """`lrrc.a.b` -> lrrc/__init__.py, lrrc/a/__init__.py and lrrc/a/b.py, as far as there are such files."""
    parts = name.split(".")
    stems = [Path(ROOT, "src", *parts[: i + 1]) for i in range(len(parts))]
    return {path for stem in stems for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()}


@functools.cache
def inert(path):
    """Whether a file is an `__init__` with a docstring and nothing else."""
    return path.name == "__init__.py" and not ast.parse(path.read_text()).body[1:]
