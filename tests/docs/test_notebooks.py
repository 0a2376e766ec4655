"""Notebooks run from top to bottom on results of the real schema, and are stored clean."""

import re
import shutil

import nbclient
import nbformat
import pytest
from helpers import checkpoints
from helpers import made_up_results as synthetic
from helpers import random_episodes as generated
from helpers.paths import ROOT

from lrrc.episodes.episode_file import write_episodes
from lrrc.runtime.files import write_json

FOLDER = ROOT / "notebooks"
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
    write_json(tmp_path / "results/summary.json", synthetic.summary().content())
    monkeypatch.setenv("LRRC_RESULTS", str(tmp_path / "results"))
    notebook = nbformat.read(FOLDER / "01_results.ipynb", as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    shown = "".join(str(output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)
    saved = synthetic.summary().value("token_reduction_vs_full", evaluation="replay", policy="lrrc", rank=8)
    assert str(saved) in shown and "judged by a program" in shown
    assert f"{saved:.1f} [" in shown  # the table for people
    assert "Live, SmolLM2-135M-Instruct answers 54.0 %" in shown and "54.0 [51.0, 57.0]" in shown
    assert "nothing was recorded" not in shown


@pytest.mark.filterwarnings("default")
def test_results_without_outcomes_or_live_checks(tmp_path, monkeypatch):
    write_json(tmp_path / "results/summary.json", synthetic.without("success", "live", "live-ablation").content())
    monkeypatch.setenv("LRRC_RESULTS", str(tmp_path / "results"))
    shown = run("01_results.ipynb", FOLDER)
    assert "live: nothing was recorded" in shown and "tests: nothing was recorded" in shown
    assert "Preference success is left out" in shown and "Tokens saved, %" in shown


def run(name, folder):
    """Everything that a notebook shows when it is run in `folder`."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return "".join(str(c.outputs) for c in notebook.cells if c.cell_type == "code")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A repository after `dvc repro`, as far as notebooks read it: a small checkpoint of random weights."""
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(FOLDER.parent / name, root / name)
    checkpoints.write_checkpoint(root)
    episodes = [generated.episode(seed, turns=3 + seed) for seed in range(4)]
    write_episodes(root / "data/raw/episodes.parquet", episodes)
    write_json(root / "data/splits.json", {"test": ["e1", "e2"]})
    return root


@pytest.mark.filterwarnings("default")
def test_inspect_shows_digest_scores_and_gates(project):
    shown = run("02_inspect_a_digest.ipynb", project / "notebooks")
    assert "models/train-r8-s0: rank 8" in shown
    assert "e2: 5 turns" in shown  # the longest of those held out
    assert "sent to model_a in place of" in shown and "channel 3" in shown and "image/png" in shown
    assert "Warning" not in shown
    last = generated.episode(2, turns=5).turns[-1]
    assert all(message.content in shown.replace("\\n", "\n") for message in last.inputs)


@pytest.mark.filterwarnings("default")
def test_a_bare_clone_inspects_what_the_package_has(tmp_path):
    for name in ("dvc.yaml", "params.yaml", "data/embedded/arena.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    shown = run("02_inspect_a_digest.ipynb", tmp_path)
    assert "packaged: rank 8" in shown and "arena-0-" in shown and "image/png" in shown and "Warning" not in shown


@pytest.mark.filterwarnings("default")
def test_own_logs_are_estimated(project):
    shown = run("03_your_own_logs.ipynb", project)
    assert all(name in shown for name in ("full-context", "bm25", "embedding", "lrrc", "image/png"))
    assert (
        "left out" not in shown
        and "Warning" not in shown
        and "6 episodes" in shown
        and "Success is not estimated" in shown
    )
