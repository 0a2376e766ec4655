"""Notebooks run from top to bottom on results of the real schema, and are stored clean."""

import re
from pathlib import Path

import nbclient
import nbformat
import pytest
import synthetic

from lrrc.files import write_json
from lrrc.summary import value

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_without_outputs_or_machine_paths(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""["' (](/[\w.-]+){2,}""", text), "an absolute path"


# jupyter_client and zmq warn about things that are theirs
@pytest.mark.filterwarnings("default")
def test_results_runs_and_shows_the_summary(tmp_path, monkeypatch):
    write_json(tmp_path / "results/summary.json", synthetic.summary())
    monkeypatch.setenv("LRRC_RESULTS", str(tmp_path / "results"))
    notebook = nbformat.read(FOLDER / "01_results.ipynb", as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    shown = "".join(
        str(output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    )
    saved = value(synthetic.summary(), "token_reduction_vs_full", policy="lrrc", rank=8)
    assert str(saved) in shown and "judged by a program" in shown
    assert f"{saved:.1f} [" in shown  # the table for people
