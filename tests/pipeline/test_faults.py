"""Full disks, folders that cannot be written, kills in the wrong moment: one clear line, and nothing is lost."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys

import pytest
from helpers.project_copies import ROOT, hashes, own_files, ran, run

from lrrc.runtime.errors import explain
from lrrc.runtime.files import atomic

pytestmark = pytest.mark.pipeline

LIMITED = """
import resource, sys
import numpy as np, pyarrow as pa
from pathlib import Path
from matplotlib.figure import Figure
from safetensors.numpy import save_file
from lrrc.report.figures import style
from lrrc.runtime import errors, files
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

def weights():
    with files.atomic("weights") as path:
        save_file({"w": np.zeros(9999)}, path)

def folder():
    with files.atomic("folder") as path:
        path.mkdir()
        (path / "small").write_text("fits")
        save_file({"w": np.zeros(9999)}, path / "large")

WRITERS = {
    "numbers": lambda: files.write_json("numbers", [0] * 9999),
    "table": lambda: files.write_parquet("table", pa.table({"n": pa.array(range(100_000))})),
    "weights": weights,
    "folder": folder,
    "picture.png": lambda: style.save_figure(Figure(), Path("picture")),
}
for write in WRITERS.values():
    try:
        write()
    except OSError as error:
        print(errors.explain(error))
"""


def test_a_disk_that_takes_no_more_is_named_and_the_old_stays(tmp_path):
    """Through every library that writes; a limit on the size of files stands for the full disk."""
    names = ["numbers", "table", "weights", "folder", "picture.png"]
    for name in names:
        (tmp_path / name).write_text("old")
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(names) and not done.stderr, done.stderr
    for name, line in zip(names, lines, strict=True):
        assert f"File too large: '{name}': lift the limit" in line
        assert (tmp_path / name).read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_every_refusal_says_what_to_do():
    full = explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "models/x"))
    assert full == "[Errno 28] No space left on device: 'models/x': make room, then run it again"
    closed = explain(OSError(errno.EROFS, os.strerror(errno.EROFS), "results"))
    assert closed.endswith("'results': make that folder writable, then run it again")


def test_a_folder_replaces_a_folder_and_what_killed_writers_left_is_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, mine = tmp_path / f".out.{gone.pid}.tmp", tmp_path / f".out.{os.getppid()}.tmp"
    left.mkdir()
    (left / "half").write_text("half")
    mine.write_text("of a process that lives")
    for text in ("old", "new"):
        with atomic(tmp_path / "out") as folder:
            folder.mkdir()
            (folder / text).write_text(text)
        assert [path.name for path in (tmp_path / "out").iterdir()] == [text]
    assert sorted(path.name for path in tmp_path.iterdir()) == [mine.name, "out"]


@pytest.fixture
def project(tmp_path):
    """A copy that takes its episodes from a file, for the stage download alone."""
    own_files(tmp_path)
    words = random.Random(0)
    chats = [
        [{"role": "user", "content": words.randbytes(2000).hex()}, {"role": "assistant", "content": "Yes."}]
        for _ in range(400)
    ]
    (tmp_path / "logs.jsonl").write_text(
        "\n".join(json.dumps({"id": str(i), "messages": chat}) for i, chat in enumerate(chats))
    )
    run(tmp_path, "dvc", "init", "-q", "--no-scm")
    return tmp_path


def test_a_stage_without_room_or_place_is_one_line_and_goes_on_after(project):
    small = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)); "
    limited = (sys.executable, "-c", f"{small}os.execvp('dvc', ['dvc', 'repro', 'download'])")
    said = run(project, *limited, status=255)
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert line == (
        "error: [Errno 27] File too large: 'data/raw/episodes.parquet': "
        "lift the limit on the size of files (ulimit -f), then run it again"
    )
    assert "Traceback" not in said and not (project / "dvc.lock").exists()
    shutil.rmtree(project / "data")
    (project / "data").write_text("a file where the folder belongs; root may write into a folder of any mode")
    script = (sys.executable, "pipeline/download.py", "data/raw/episodes.parquet", "data/raw/drawn.json")
    assert run(project, *script, status=1).endswith(
        "error: [Errno 20] Not a directory: 'data/raw': "
        "a file lies where a folder belongs: move it away, then run it again\n"
    )
    (project / "data").unlink()
    (project / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    inode = (project / "dvc.lock").stat().st_ino
    assert ran(run(project, "dvc", "repro", "download")) == ["download"]
    assert hashes(project)["download"] and (project / "dvc.lock").stat().st_ino != inode  # renamed, not written over


HALF = """
import os, resource, signal, sys
from lrrc.runtime import dvc_patch
dvc_patch.install()
from dvc.fs import localfs
from dvc.utils.serialize import modify_yaml

if sys.argv[1] == "killed":
    with localfs.open("dvc.lock", "w+", encoding="utf-8") as file:
        file.write("stages:")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
elif sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    with modify_yaml(os.path.abspath("dvc.lock"), fs=localfs) as stages:
        stages["more"] = ["x" * 60] * 9999
else:
    with modify_yaml(os.path.abspath("dvc.lock"), fs=localfs) as stages:
        raise KeyboardInterrupt
"""


@pytest.mark.parametrize("fault", ["killed", "full", "interrupted"])
def test_dvc_never_leaves_half_of_its_lock_file(tmp_path, fault):
    whole = "stages:\n  download:\n    cmd: python\n"
    (tmp_path / "dvc.lock").write_text(whole)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", HALF, fault], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode == -signal.SIGKILL) == (fault == "killed") and done.returncode != 0
    assert (tmp_path / "dvc.lock").read_text() == whole
    if fault == "full":
        assert "File too large" in done.stderr and "dvc.lock" in done.stderr
