"""What every test shares: no network, no telemetry, no tracking database but the test's own."""

import os
from pathlib import Path

import pytest

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
# scripts of stages that are imported or started here compute as this process does
os.environ["LRRC_ARITHMETIC"] = "native"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks: threads would wait for each other, not work
for key in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME"):
    os.environ.pop(key, None)


@pytest.fixture(autouse=True)
def _no_address_left():
    """MLflow keeps the address that a process told it in the environment, for the tests behind."""
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(scope="session")
def tracked(tmp_path_factory):
    """A repository with an empty MLflow database; made once, because the database takes seconds."""
    from lrrc.tracking import mlflow_runs

    repo = tmp_path_factory.mktemp("tracked")
    (repo / "dvc.yaml").write_text("stages: {}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo)
        mlflow_runs.ensure_experiment()
    return repo


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory):
    """The packaged language model, converted once (ten seconds of computing)."""
    from lrrc.pretrained import language_model
    from lrrc.pretrained.smollm2 import convert

    folder = tmp_path_factory.mktemp("smollm2")
    convert(folder)
    return language_model.LanguageModel(folder)


BROWSERS = ("browser", "page")  # fixtures that are one
SLOW = frozenset((Path(__file__).parent / "slow.txt").read_text().split())  # most of a second or more each


def pytest_collection_modifyitems(items):
    """Mark what needs a browser or Ray by the fixtures and parameters that say so, and what slow.txt lists;
    `make test-fast` leaves it out. The file that takes longest begins, or one worker would wait for the other."""
    items.sort(key=lambda item: item.path.name != "test_pipeline.py")
    for item in items:
        if item.nodeid.split("[")[0] in SLOW:
            item.add_marker(pytest.mark.slow)
        if {*BROWSERS} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.browser)
        if (
            "cluster" in getattr(item, "fixturenames", ())
            or "ray" in getattr(getattr(item, "callspec", None), "params", {}).values()
        ):
            item.add_marker(pytest.mark.ray)
