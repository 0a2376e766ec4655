"""A bare environment with the project's wheel and what the wheel asks for, and nothing else that is installed here.

Its packages are links to those of the running environment, so that no registry is asked.
"""

import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.paths import ROOT

BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "src")


def build_wheel(folder: Path) -> Path:
    """The wheel of the project as it stands, built in a copy."""
    copy = folder / "project"
    copy.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(copy)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def bare_environment(folder: Path, wheel: Path) -> Path:
    """The folder of programs of an environment in which the wheel is installed."""
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    install = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "--no-index", str(wheel)], check=True)
    (installed,) = metadata.distributions(name="lrrc", path=[str(packages)])
    for dist in closure(installed):
        for top in {file.parts[0] for file in dist.files or () if file.parts[0] not in ("..", "__pycache__")}:
            source = Path(str(dist.locate_file(top)))
            if source.exists() and not (packages / top).exists():
                (packages / top).symlink_to(source)
    return folder / "bin"


def closure(of: metadata.Distribution) -> list[metadata.Distribution]:
    """What a distribution asks for without extras, and what that asks for."""
    found, todo = {}, list(map(Requirement, of.requires or ()))
    while todo:
        asked = todo.pop()
        name = canonicalize_name(asked.name)
        extras = asked.extras or {""}
        if name in found or (asked.marker and not asked.marker.evaluate({"extra": ""})):
            continue
        found[name] = metadata.distribution(name)
        for more in map(Requirement, found[name].requires or ()):
            if not more.marker or any(more.marker.evaluate({"extra": extra}) for extra in extras):
                more.marker = None
                todo.append(more)
    return list(found.values())
