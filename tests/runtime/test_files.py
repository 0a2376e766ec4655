"""Files are whole or absent, their bytes depend on content only, and damage is found on reading."""

import json
import os
import random
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrrc.runtime.errors import run_script
from lrrc.runtime.files import atomic, canonical_json, write_json, write_parquet, write_text

TABLE = pa.table({"name": ["a", "b", None], "n": [1, 2, 3]})


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_table_that_fails_half_way_leaves_nothing(tmp_path):
    def tables():
        yield TABLE
        raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"):
        write_parquet(tmp_path / "out.parquet", tables(), TABLE.schema)
    assert os.listdir(tmp_path) == []


def test_until_the_rename_the_reader_sees_the_old_file(tmp_path):
    path = tmp_path / "folder" / "out.txt"
    write_text(path, "old")
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent and temporary.suffix == ".tmp"
    assert path.read_text() == "new"


WRITER = """
import sys
from lrrc.runtime.files import write_json
for n in range(10**9):
    write_json(sys.argv[1], [n] * 50_000)
"""


def test_a_killed_writer_never_leaves_half_a_file(tmp_path):
    path, rng = tmp_path / "out.json", random.Random(0)
    for _ in range(5):
        path.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-c", WRITER, path])
        try:
            deadline = time.monotonic() + 60
            while not path.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(rng.random() / 5)
        finally:
            process.kill()
            process.wait()
        values = json.loads(path.read_text())
        assert len(values) == 50_000 and len(set(values)) == 1


FULL_DISK = """
import resource
from lrrc.runtime.errors import run_script
from lrrc.runtime.files import {call}
import pyarrow as pa
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
table = pa.table({{"n": pa.array(range(100_000))}})
run_script(lambda: {call})
"""


@pytest.mark.parametrize("call", ["write_json('out', [0] * 9999)", "write_parquet('out', table)"])
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, call):
    (tmp_path / "out").write_text("old")
    code = FULL_DISK.replace("import {call}", f"import {call.partition('(')[0]}").format(call=call)
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1 and ran.stderr.startswith("error: ") and ran.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["out"] and (tmp_path / "out").read_text() == "old"


def test_json_is_canonical(tmp_path):
    assert canonical_json({"b": [1, 0.1], "a": "é"}) == '{\n "a": "é",\n "b": [\n  1,\n  0.1\n ]\n}\n'
    write_json(tmp_path / "x.json", {"b": 1, "a": 2})
    write_json(tmp_path / "y.json", {"a": 2, "b": 1})
    assert (tmp_path / "x.json").read_bytes() == (tmp_path / "y.json").read_bytes()
    with pytest.raises(ValueError):
        canonical_json(float("nan"))


def test_parquet_bytes_depend_on_content_only(tmp_path):
    write_parquet(tmp_path / "x.parquet", TABLE)
    write_parquet(tmp_path / "y.parquet", iter([TABLE.to_pandas().pipe(pa.Table.from_pandas)]), TABLE.schema)
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "y.parquet").read_bytes()
    assert pq.read_table(tmp_path / "x.parquet").equals(TABLE)


@pytest.mark.parametrize("error", [ValueError("two\nlines"), OSError(28, "No space left on device", "data/x")])
def test_a_users_mistake_is_one_line_and_status_1(capsys, error):
    def main():
        raise error

    with pytest.raises(SystemExit) as stop:
        run_script(main)
    assert stop.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1 and "Traceback" not in printed


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_script(lambda: 1 / 0)
