"""Live calls as MLflow traces: what was sent, from where, the options, the answer, right or wrong, the tokens.

Each trace has the call's policy and episode as tags, the program's judgment as an assessment `right`, and a tag that
holds the same check against the full history (AGAINST), so that what LRRC lost is one filter away. They are logged once
for every result of stage live, and hang at its run.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from lrrc.tracking import mlflow_runs

REFERENCE = "full-context"
AGAINST = "against_full_context"
LOST, WON, BOTH, NEITHER = "lost", "won", "both right", "both wrong"
CHECKS = "lrrc live checks"  # name of the evaluation data set
OF = "lrrc.live"  # tag of the experiment: which result of stage live its traces show


class Call(Protocol):
    """A live call as lrrc.evaluation.live.shown_calls has it."""

    policy: str
    item: str
    episode_id: str
    turn: int
    agent: str
    messages: Sequence[Mapping[str, str]]
    sources: Sequence[Mapping[str, Any]]
    check: Any
    choice: int
    prompt_tokens: int
    digest_tokens: int
    name: str
    place: tuple
    right: bool
    answer: str


def log_live_calls(run_id: str, result: str, calls: Callable[[], Iterable[Call]]) -> int:
    """Log the calls of the stage live with this run and hash of outputs. Returns how many, 0 where they were there.

    Raises what MLflow raises. `calls` is not asked where nothing is to be logged.
    """
    # MLflow warns about type hints of its own
    with warnings.catch_warnings(action="ignore"), mlflow_runs.open_client() as client:
        experiment = client.get_experiment(mlflow_runs.experiment_id(client))
        if experiment.tags.get(OF) == result:
            return 0
        made = list(calls())
        known = {call.place: call.right for call in made if call.policy == REFERENCE}
        os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
        import mlflow

        mlflow.set_tracking_uri(mlflow_runs.uri())
        for trace in _search(client, experiment.experiment_id, f"tags.result != '{result}'"):
            client.delete_traces(experiment.experiment_id, trace_ids=[trace.info.trace_id])
        there = _names(client, experiment.experiment_id, result)
        for call in made:
            if call.name not in there:
                _log(mlflow, call, known.get(call.place), experiment.experiment_id, run_id, result)
        client.set_experiment_tag(experiment.experiment_id, OF, result)
    publish_checks(made)
    return len(made)


def _names(client: Any, experiment: str, result: str) -> set[str]:
    """Names of the traces of a result that an interrupted attempt logged."""
    return {trace.info.tags["mlflow.traceName"] for trace in _search(client, experiment, f"tags.result = '{result}'")}


def _search(client: Any, experiment: str, query: str) -> list[Any]:
    found, token = [], None
    while True:
        page = client.search_traces(
            locations=[experiment], filter_string=query, max_results=500, page_token=token, include_spans=False
        )
        found += page
        token = page.token
        if not token:
            return found


def _log(mlflow: Any, call: Call, reference: bool | None, experiment: str, run_id: str, result: str) -> None:
    from mlflow.entities import AssessmentSource, SpanType

    judge = AssessmentSource(source_type="CODE", source_id="lrrc.evaluation.live.checks")
    tags = {
        "policy": call.policy,
        "item": call.item,
        "episode": call.episode_id,
        "turn": str(call.turn + 1),
        "kind": call.check.family,
        "result": result,
        **({} if reference is None else {AGAINST: _held_against(call.right, reference)}),
    }
    asked = {"messages": list(call.messages), "options": list(call.check.options)}
    root = mlflow.start_span_no_context(
        call.name,
        SpanType.AGENT,
        inputs=asked,
        tags={key: value for key, value in tags.items() if value},
        metadata={"mlflow.sourceRun": run_id},
        experiment_id=experiment,
    )
    sent = mlflow.start_span_no_context(
        "what is sent", SpanType.RETRIEVER, parent_span=root, inputs=call.check.question
    )
    sent.set_outputs(
        [
            {"page_content": piece["text"], "metadata": {"turn": piece["turn"], "speaker": piece["speaker"]}}
            for piece in call.sources
        ]
        or [{"page_content": m["content"], "metadata": {"role": m["role"]}} for m in call.messages]
    )
    sent.set_attribute("digest_tokens", call.digest_tokens)
    sent.end()
    said = mlflow.start_span_no_context("answer", SpanType.CHAT_MODEL, parent_span=root, inputs=asked)
    usage = {"input_tokens": call.prompt_tokens, "output_tokens": 0, "total_tokens": call.prompt_tokens}
    said.set_attribute("mlflow.chat.tokenUsage", usage)
    said.set_outputs({"role": "assistant", "content": call.answer})
    said.end()
    root.set_outputs({"answer": call.answer, "right": call.right})
    root.end()
    mlflow.log_feedback(trace_id=root.trace_id, name="right", value=call.right, source=judge)
    mlflow.log_expectation(
        trace_id=root.trace_id, name="expected_response", value=call.check.options[call.check.answer], source=judge
    )


def _held_against(right: bool, reference: bool) -> str:
    if right == reference:
        return BOTH if right else NEITHER
    return WON if right else LOST


def publish_checks(calls: Iterable[Call]) -> int:
    """The checks as an evaluation data set of MLflow, each once, with what the full history has and the right answer.

    Returns how many; a second time changes nothing. Raises what MLflow raises.
    """
    import mlflow
    from mlflow.genai import datasets

    rows = [
        {
            "inputs": {"messages": list(call.messages), "options": list(call.check.options)},
            "expectations": {"expected_response": call.check.options[call.check.answer]},
            "tags": {"episode": call.episode_id, "turn": str(call.turn + 1), "kind": call.check.family},
        }
        for call in calls
        if call.policy == REFERENCE
    ]
    mlflow.set_tracking_uri(mlflow_runs.uri())
    with warnings.catch_warnings(action="ignore"), mlflow_runs.open_client() as client:
        experiment = mlflow_runs.experiment_id(client)
        found = [one for one in datasets.search_datasets(experiment_ids=[experiment]) if one.name == CHECKS]
        made = found[0] if found else datasets.create_dataset(name=CHECKS, experiment_id=experiment)
        made.merge_records(rows)
    return len(rows)


def right(outputs: str, expectations: Mapping[str, str]) -> bool:
    """The program's judgment. `mlflow.genai.scorer(right)` makes a scorer of it."""
    return outputs == expectations["expected_response"]
