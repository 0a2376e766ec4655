"""What `lrrc log` prints can be followed where it is printed."""

import pytest

from lrrc.cli import main
from lrrc.commands import log
from lrrc.tracking.mlflow_runs import LoggedStages

SHOWN = LoggedStages(shown=("train-r8-s0", "stats"), absent=("figures",), model="runs:/1/coordinator")


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository whose results MLflow has taken; its path has a space."""
    folder = tmp_path / "our results"
    (folder / ".dvc").mkdir(parents=True)
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(log, "log_locked_stages", lambda repo: SHOWN)
    monkeypatch.setattr(log, "ensure_experiment", lambda: "7")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path))
    return folder


def test_a_database_of_this_machine_is_opened_by_a_command(repo, capsys):
    assert main(["log"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.endswith(f"mlflow ui --backend-store-uri 'sqlite:///{repo}/mlflow.db'")
    assert second == "then open http://127.0.0.1:5000/#/experiments/7/runs?viewStateShareKey=ranks"
    assert f"MLFLOW_TRACKING_URI='sqlite:///{repo}/mlflow.db' mlflow models serve -m runs:/1/coordinator" in third


@pytest.mark.parametrize("given", ["http://tracker:5000", "http://tracker:5000/", "http://ann:pa55word@tracker:5000"])
def test_the_address_of_a_server_is_its_own(repo, given, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    assert main(["log"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].endswith(": http://tracker:5000/#/experiments/7/runs?viewStateShareKey=ranks")
    assert "mlflow ui" not in out and "127.0.0.1" not in out and "pa55word" not in out


def test_pulling_is_advised_where_there_is_somewhere_to_pull_from(repo, capsys):
    main(["log"])
    assert "changed (dvc repro): figures" in capsys.readouterr().err
    with (repo / ".dvc" / "config").open("a") as config:
        config.write("['remote \"shelf\"']\n    url = /mnt/shelf\n")
    main(["log"])
    assert "changed (dvc pull, dvc repro): figures" in capsys.readouterr().err


def test_where_nothing_was_taken_no_page_is_named(repo, monkeypatch, capsys):
    monkeypatch.setattr(log, "log_locked_stages", lambda repo: LoggedStages(refused=("train-r8-s0",)))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert main(["log"]) == 1
    assert capsys.readouterr().out == ""
