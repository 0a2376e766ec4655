"""`make setup` and `make repro` in the folders in which people keep a project; a made-up Python installs nothing."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
INSIDE = """#!/bin/sh
echo "$@" >> pip.log
exit 0
"""
OUTSIDE = f"""#!/bin/sh
# makes a virtual environment: -m venv --clear FOLDER
echo "$@" >> venv.log
rm -rf "$4"
mkdir -p "$4/bin" "$4/lib/python3.11/site-packages"
cat > "$4/bin/python" <<'END'
{INSIDE}END
chmod +x "$4/bin/python"
"""
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


def write_script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "Our Work" / "it's lrrc"
    folder.mkdir(parents=True)
    for path in (ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("requirements*")):
        shutil.copy(path, folder)
    write_script(tmp_path / "bin" / "python", OUTSIDE)
    return folder


def make(folder, goal, *more):
    python = folder.parents[1] / "bin" / "python"
    return subprocess.run(
        ["make", goal, f"PYTHON={python}", *more], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_path_with_a_space_holds_its_own_environment(folder):
    done = make(folder, "setup")
    assert done.returncode == 0, done.stderr
    assert (folder / ".venv" / ".ready").is_file() and sorted(p.name for p in folder.parent.iterdir()) == [folder.name]
    assert "install --no-deps --require-hashes -r requirements.lock" in (folder / "pip.log").read_text()
    make(folder, "setup")
    assert (folder / "venv.log").read_text().count("\n") == 1  # once made, it stays


def test_half_an_environment_is_made_anew(folder):
    write_script(folder / ".venv" / "bin" / "python", "#!/bin/sh\nexit 1\n")  # a Python without pip
    done = make(folder, "setup")
    assert done.returncode == 0, done.stderr
    assert (folder / "venv.log").read_text().split() == ["-m", "venv", "--clear", ".venv"]


def test_a_whole_environment_stays(folder):
    write_script(folder / ".venv" / "bin" / "python", INSIDE)
    (folder / ".venv" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    assert make(folder, "setup").returncode == 0 and not (folder / "venv.log").exists()


def test_without_git_one_line_comes_before_any_installation(folder):
    done = make(folder, "repro")
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode == 2 and len(said) == 1 and "git clone" in said[0] and "git init" in said[0]
    assert not (folder / ".venv").exists() and not (folder / "venv.log").exists()


def test_without_a_python_one_line_says_so(folder):
    done = subprocess.run(
        ["make", "setup", "PYTHON=python3.99"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode == 2 and len(said) == 1 and "No Python 'python3.99' here: install" in said[0]


def test_no_setting_of_git_changes_a_byte(tmp_path):
    """dvc.lock holds hashes of bytes, and core.autocrlf is the habit of Git for Windows."""
    shutil.copy(ROOT / ".gitattributes", tmp_path / ".gitattributes")
    texts = {"a.yaml": b"a: 1\nb: 2\n", "b.py": b"x = 1\n", "c.parquet": b"PAR1\r\n\n\x00", "d.png": b"a\nb\r\n"}
    for name, data in texts.items():
        (tmp_path / name).write_bytes(data)
    for command in (
        "init -q",
        "config core.autocrlf true",
        "add -A",
        "-c user.name=t -c user.email=t@example.org commit -qm start",
    ):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    for name in texts:
        (tmp_path / name).unlink()
    subprocess.run(["git", "checkout", "-q", "."], cwd=tmp_path, check=True)
    assert {name: (tmp_path / name).read_bytes() for name in texts} == texts


def test_newer_versions_are_asked_for(folder):
    assert make(folder, "setup", "UNLOCKED=1").returncode == 0
    said = (folder / "pip.log").read_text()
    assert "-e .[dev]" in said and "requirements.lock" not in said


def test_the_lock_has_what_the_project_asks_for():
    """Every dependency of its own and of the extra `dev`, in a version that is allowed, with hashes and without an
    address. Extras that `dev` leaves out (the MCP server's) are tested in environments of their own."""
    text = (ROOT / "requirements.lock").read_text() + (ROOT / "requirements-torch.txt").read_text()
    blocks = re.findall(r"^([\w.-]+)==([^\s;]+)(.*(?:\n +.*)*)", text, re.MULTILINE)
    locked = {canonicalize_name(name): version for name, version, _ in blocks}
    assert all("--hash=sha256:" in rest for name, _, rest in blocks if name != "torch") and "://" not in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked, names = [Requirement(one) for one in project["dependencies"]], ["dev"]
    for name in names:  # grows while it is read
        found = [Requirement(one) for one in extras[name]]
        asked += found
        names += [extra for one in found if one.name == "lrrc" for extra in sorted(one.extras) if extra not in names]
    wanted = [one for one in asked if one.name != "lrrc"]
    assert {"torch", "openai", "ray"} <= {one.name for one in wanted}
    assert {canonicalize_name(one.name) for one in wanted} <= set(locked)
    assert [str(one) for one in wanted if locked[canonicalize_name(one.name)] not in one.specifier] == []
