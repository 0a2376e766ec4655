"""The Croissant metadata of the embedded arenas names the files, columns and hashes that are there.

`make croissant` writes it and reads every record through it.
"""

import hashlib
import json

import pyarrow.parquet as pq
import pytest
from helpers.paths import ROOT

FOLDER = ROOT / "data/embedded"
METADATA = json.loads((FOLDER / "croissant.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", METADATA["distribution"], ids=lambda file: file["@id"])
def test_files_are_those_that_are_committed(file):
    content = (FOLDER / file["contentUrl"]).read_bytes()
    assert file["sha256"] == hashlib.sha256(content).hexdigest(), "run `make croissant`"


@pytest.mark.parametrize("records", METADATA["recordSet"], ids=lambda records: records["@id"])
def test_fields_are_columns(records):
    columns = set(pq.read_schema(FOLDER / f"{records['@id']}.parquet").names)
    named = {field["source"]["extract"]["column"] for field in records["field"]}
    assert named and named <= columns


def test_it_has_a_licence_and_the_version_of_the_project():
    assert METADATA["license"].endswith("LICENSE-2.0") and METADATA["conformsTo"].startswith("http://mlcommons.org/")
    assert f'version = "{METADATA["version"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
