"""The coordinator as an MLflow model: logged once, composing as the middleware does, served by MLflow too."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from helpers.checkpoints import write_checkpoint
from helpers.http_servers import serve
from helpers.paths import ROOT

from lrrc.digest.writer import DigestRules
from lrrc.middleware import Coordinator
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.tracking import mlflow_runs, stage_outputs

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")  # MLflow about its own type hints
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"rank": 8, "seeds": [0]}
MESSAGES = [
    {"role": "user", "content": "Anna wants the report by Friday. The budget is 1,200 euros."},
    {"role": "assistant", "name": "planner", "content": "The train to Lisbon leaves at nine. " * 12},
    {"role": "assistant", "name": "critic", "content": "Never on Monday! Lentils and green soup, please. " * 12},
    {"role": "user", "content": "Why is Bogdan allergic to peanuts?"},
]


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """A repository whose dvc.lock records a checkpoint at the operating rank, and one at another."""
    repo = tmp_path_factory.mktemp("serving")
    (repo / "dvc.yaml").write_text("stages: {}\n")
    (repo / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    write_checkpoint(repo)
    (repo / "models/train-r4-s0").mkdir()
    (repo / "models/train-r4-s0/metrics.json").write_text("{}")
    params = {"params.yaml": {"budget": 128, "digest": PARAMS["digest"]}}
    stages = {}
    for rank in (4, 8):
        out = f"models/train-r{rank}-s0"
        stages[f"train@{rank}-0"] = {
            "params": params,
            "outs": [{"path": out, "md5": stage_outputs.dvc_md5(repo / out)}],
        }
    (repo / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    return repo


@pytest.fixture(scope="module")
def address(repo):
    """Where two replays say that the model is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo)
        first, second = mlflow_runs.log_locked_stages(), mlflow_runs.log_locked_stages()
    assert first == second and first.shown == ("train-r4-s0", "train-r8-s0") and not first.refused
    return first.model


def composed(repo, request, budget):
    """What the middleware answers; the receipt names the checkpoint's folder instead of its path."""
    spec = PolicySpec("lrrc", budget, DigestRules(**PARAMS["digest"]))
    policy = load_policy(spec, repo / "data/encoder", repo / "models/train-r8-s0")
    payload, receipt = Coordinator(policy).compose(request["messages"], request.get("agent"), conversation="request")
    assert receipt.digest_tokens <= budget and not receipt.full
    expected = {"messages": payload, "receipt": receipt.to_dict() | {"checkpoint": "train-r8-s0"}}
    return as_json(expected)


def as_json(value):
    return json.loads(json.dumps(value))


@pytest.fixture
def model(repo, address, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{repo}/mlflow.db")
    return mlflow.pyfunc.load_model(address)


def test_one_model_is_logged_once_and_pickles_nothing(repo, address, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.chdir(repo)
    client = MlflowClient(tracking_uri=mlflow_runs.uri())
    (logged,) = client.search_logged_models([mlflow_runs.ensure_experiment()])
    run = client.get_run(logged.source_run_id)
    assert (run.info.run_name, logged.status) == ("train-r8-s0", "READY")
    assert address == f"runs:/{run.info.run_id}/{logged.name}"
    assert logged.params["budget"] == "128"
    files = [path for path in (repo / "mlartifacts").rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".ckpt")]
    assert [path.name for path in files if path.parent.name == "checkpoint"] in (
        ["config.json", "main.safetensors"],
        ["main.safetensors", "config.json"],
    )


def test_the_model_composes_as_the_middleware_does(repo, model):
    rows = [{"messages": MESSAGES, "budget": 40}, {"messages": MESSAGES, "budget": 48, "agent": "critic"}]
    expected = [composed(repo, row, row["budget"]) for row in rows]
    assert as_json(model.predict(rows)) == expected
    assert as_json(model.predict(rows[1])) == expected[1:]  # one request, as the server passes it
    mixed = as_json(model.predict([{"messages": MESSAGES}, rows[0]]))
    assert mixed[0]["receipt"]["budget"] == 128 and mixed[1] == expected[0]
    schema = model.metadata.get_input_schema()
    assert schema.input_names() == ["messages", "agent", "budget"] and schema.required_input_names() == ["messages"]
    assert model.predict(model.input_example)[0]["receipt"]["tokens_before"]


def test_tool_calls_go_through_as_the_middleware_has_them(repo, model):
    call = {"id": "a", "type": "function", "function": {"name": "search", "arguments": '{"query": "trains"}'}}
    exchange = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "The train leaves at nine."},
    ]
    for messages in ([*MESSAGES, *exchange], [MESSAGES[0], *exchange, *MESSAGES[1:]]):
        row = {"messages": messages, "budget": 40}
        assert as_json(model.predict([row])) == [composed(repo, row, 40)]


def test_every_field_of_a_message_comes_back(repo, model):
    """Thoughts, sound, pictures, refusals and the beginning of the answer, as the middleware has them."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    messages = [
        *MESSAGES,
        {"role": "assistant", "content": "Peanuts hold Ara h 2.", "reasoning_content": "Which protein?"},
        {"role": "user", "content": [{"type": "text", "text": "And what is this?"}, picture]},
        {"role": "assistant", "content": None, "audio": {"id": "audio_9"}, "refusal": "I cannot tell."},
        {"role": "user", "content": "Name one dish."},
        {"role": "assistant", "content": "Lentil"},
    ]
    row = {"messages": messages, "budget": 48}
    (answer,) = as_json(model.predict([row]))
    assert answer == composed(repo, row, 48)
    assert answer["messages"][-1] == messages[-1] and any(picture in m["content"] for m in answer["messages"])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": MESSAGES, "budget": -1}, "budget = -1"),
        ({"messages": MESSAGES, "budget": 1.5}, "budget = 1.5"),
        ({"messages": MESSAGES, "budget": "many"}, "budget = 'many'"),
        ({"messages": [{"role": "robot", "content": "?"}]}, "role = 'robot'"),
        ({"agent": "planner"}, "missing inputs"),
    ],
)
def test_what_cannot_be_answered_is_named(model, row, reason):
    with pytest.raises(Exception, match=reason):
        model.predict(row)


def test_a_model_left_by_a_killed_process_is_finished(repo, address, monkeypatch):
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModelStatus

    monkeypatch.chdir(repo)
    client = MlflowClient(tracking_uri=mlflow_runs.uri())
    (logged,) = client.search_logged_models([mlflow_runs.ensure_experiment()])
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.PENDING)
    assert mlflow_runs.log_locked_stages().model == address
    (again,) = client.search_logged_models([mlflow_runs.ensure_experiment()])
    assert (again.model_id, again.status) == (logged.model_id, "READY")


def test_mlflow_serves_it(repo, address, tmp_path):
    """`mlflow models serve`, as the last line of `lrrc log` gives it."""

    def ask(row):
        request = urllib.request.Request(
            f"{server}/invocations", json.dumps(row).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    command = ("mlflow", "models", "serve", "-m", address, "--env-manager", "local")
    uri = f"sqlite:///{repo}/mlflow.db"
    with serve(*command, cwd=tmp_path, ready="/ping", MLFLOW_TRACKING_URI=uri) as server:
        row = {"messages": MESSAGES, "agent": "critic", "budget": 48}
        expected = composed(repo, row, 48)
        assert ask(row) == [expected]
        assert ask({"dataframe_records": [row]}) == {"predictions": [expected]}
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            ask(row | {"budget": -1})
        assert "budget = -1" in json.load(refused.value)["message"]


def test_the_registered_champion_is_a_policy_of_the_middleware(repo, address, monkeypatch, tmp_path):
    import lrrc.tracking.registered  # noqa: F401  # registers models:/

    monkeypatch.chdir(repo)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{repo}/mlflow.db")
    for _ in range(2):  # logged twice, it is still one version
        mlflow_runs.log_locked_stages(repo)
    request = {"messages": MESSAGES, "agent": "critic"}
    coordinator = Coordinator("models:/lrrc@champion", budget=48)
    payload, receipt = coordinator.compose(MESSAGES, "critic", conversation="request")
    expected = composed(repo, request, 48)
    assert payload == expected["messages"]
    assert (Path(receipt.checkpoint) / "main.safetensors").is_file()
    coordinator.save(tmp_path / "saved")
    assert Coordinator.load(tmp_path / "saved").compose(MESSAGES, "critic", conversation="other")[0] == payload
    with mlflow_runs.open_client() as client:
        (version,) = client.search_model_versions("name = 'lrrc'")
    assert version.tags["item"] == "train-r8-s0"
    with pytest.raises(ValueError, match="has no such coordinator .*`lrrc log` registers one"):
        Coordinator("models:/lrrc@nobody")
