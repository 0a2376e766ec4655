"""Rows of files, however they were written, with the places where they stand."""

import os

import pyarrow as pa
import pytest

from lrrc.runtime.files import write_parquet
from lrrc.runtime.rows import read_rows

TABLE = pa.table({"name": ["a", "b", None], "n": [1, 2, 3]})


def test_rows_come_with_their_places(tmp_path):
    write_parquet(tmp_path / "x.parquet", TABLE)
    rows = list(read_rows(tmp_path / "x.parquet", ["n", "absent"]))
    assert rows == [(f"{tmp_path}/x.parquet: row {n}", n, {"n": n, "name": None}) for n in (1, 2, 3)]
    (tmp_path / "x.jsonl").write_bytes(b'\xef\xbb\xbf{"n": 1}\r\n\r\n{"n": 2}')
    rows = list(read_rows(tmp_path / "x.jsonl", ["n"]))
    assert rows == [(f"{tmp_path}/x.jsonl: line 1", 1, {"n": 1}), (f"{tmp_path}/x.jsonl: line 3", 3, {"n": 2})]


def test_a_flipped_bit_in_the_data_is_found(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(path, pa.table({"text": [os.urandom(50).hex() for _ in range(100)]}))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="x.parquet: not a whole parquet file"):
        list(read_rows(path, ["text"]))


@pytest.mark.parametrize("path", ["absent.jsonl", "."])
def test_what_is_no_file_is_named(tmp_path, path):
    with pytest.raises(ValueError, match="no such file"):
        list(read_rows(tmp_path / path, []))
