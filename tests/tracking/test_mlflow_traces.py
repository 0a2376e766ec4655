"""Live calls as traces: what was sent and judged can be read there, once, and found by how the full history did."""

import shutil
from dataclasses import dataclass, field

import pytest

from lrrc.episodes.episode import Check
from lrrc.tracking import mlflow_runs, mlflow_traces

CHECK = Check(1, "recall", "Where is the ledger?", ("In the drawer.", "In the loft."), 0, 0, (0, 1))


@dataclass(frozen=True)
class Met:
    policy: str
    choice: int
    turn: int = 1
    item: str = "train-r8-s0"
    episode_id: str = "made-up-1"
    agent: str = "model_a"
    messages: tuple = ({"role": "user", "content": "digest: ledger, drawer"}, {"role": "user", "content": "Where?"})
    sources: tuple = ({"turn": 1, "speaker": "user", "text": "The ledger is in the drawer."},)
    check: Check = CHECK
    prompt_tokens: int = 31
    digest_tokens: int = 9
    place: tuple = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "place", (self.episode_id, self.turn, 0))

    name = property(lambda self: f"{self.policy} {self.episode_id} turn {self.turn}")
    right = property(lambda self: self.choice == self.check.answer)
    answer = property(lambda self: self.check.options[self.choice])


CALLS = [Met("full-context", 0), Met("lrrc", 1), Met("bm25", 0), Met("full-context", 1, 2), Met("lrrc", 0, 2)]


@pytest.fixture
def run_id(tracked, tmp_path, monkeypatch):
    for name in ("dvc.yaml", "mlflow.db"):
        shutil.copyfile(tracked / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    (tmp_path / "metrics.json").write_text("{}")
    return mlflow_runs.log_stage("live", stage="live", params={}, artifacts=[tmp_path / "metrics.json"])


def traces(query=None):
    with mlflow_runs.open_client() as client:
        return client.search_traces(locations=[mlflow_runs.experiment_id(client)], filter_string=query)


def test_what_was_sent_and_judged_stands_in_the_trace(run_id):
    assert mlflow_traces.log_live_calls(run_id, "one", lambda: CALLS) == len(CALLS)
    (lost,) = traces("tags.policy = 'lrrc' AND tags.against_full_context = 'lost'")
    assert lost.info.tags["mlflow.traceName"] == "lrrc made-up-1 turn 1"
    assert lost.info.trace_metadata["mlflow.sourceRun"] == run_id
    spans = {span.name: span for span in lost.data.spans}
    root = spans["lrrc made-up-1 turn 1"]
    assert root.inputs["options"] == list(CHECK.options) and root.outputs == {"answer": "In the loft.", "right": False}
    (piece,) = spans["what is sent"].outputs
    assert piece == {"page_content": "The ledger is in the drawer.", "metadata": {"turn": 1, "speaker": "user"}}
    assert lost.info.token_usage["input_tokens"] == 31
    judged = {one.name: one for one in lost.info.assessments}
    assert judged["right"].feedback.value is False and judged["right"].source.source_type == "CODE"
    assert judged["expected_response"].expectation.value == "In the drawer."
    assert [trace.info.tags["turn"] for trace in traces("tags.against_full_context = 'won'")] == ["3"]


def test_they_are_logged_once_and_those_of_an_older_result_go(run_id):
    mlflow_traces.log_live_calls(run_id, "one", lambda: CALLS)

    def unasked():
        raise AssertionError("composed again")

    assert mlflow_traces.log_live_calls(run_id, "one", unasked) == 0
    assert mlflow_traces.log_live_calls(run_id, "two", lambda: CALLS[:3]) == 3
    assert len(traces()) == 3 and {trace.info.tags["result"] for trace in traces()} == {"two"}


def test_an_interrupted_attempt_is_completed(run_id, monkeypatch):
    log, logged = mlflow_traces._log, []

    def dies(*args):
        if len(logged) == 2:
            raise OSError("killed here")
        logged.append(log(*args))

    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(mlflow_traces, "_log", dies)
        mlflow_traces.log_live_calls(run_id, "one", lambda: CALLS)
    assert len(traces()) == 2
    mlflow_traces.log_live_calls(run_id, "one", lambda: CALLS)
    assert sorted(trace.info.tags["mlflow.traceName"] for trace in traces()) == sorted(call.name for call in CALLS)


def test_checks_are_a_data_set_that_the_program_can_judge(run_id):
    import mlflow
    from mlflow.genai import datasets, scorer

    mlflow_traces.log_live_calls(run_id, "one", lambda: CALLS)
    mlflow_traces.publish_checks(CALLS)
    (made,) = datasets.search_datasets(experiment_ids=[mlflow_runs.ensure_experiment()])
    rows = made.to_df()
    assert made.name == mlflow_traces.CHECKS and len(rows) == 1  # the same messages and options: one record
    assert rows.iloc[0]["expectations"] == {"expected_response": "In the drawer."}
    assert mlflow_traces.right("In the drawer.", {"expected_response": "In the drawer."})
    assert not mlflow_traces.right("In the loft.", {"expected_response": "In the drawer."})
    assert callable(scorer(mlflow_traces.right)) and mlflow.get_tracking_uri() == mlflow_runs.uri()
