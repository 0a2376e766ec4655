"""The registered coordinator as a policy: Coordinator("models:/lrrc@champion"). Importing this registers the scheme.

`lrrc log` registers the coordinator of the operating rank under the alias champion; MLFLOW_TRACKING_URI says where.
"""

from __future__ import annotations

from pathlib import Path

from lrrc.middleware.resolvers import register
from lrrc.policies.base import Policy
from lrrc.policies.registry import load_policy, with_settings
from lrrc.policies.spec import PolicySpec
from lrrc.tracking import mlflow_runs


def resolve(address: str, budget: int) -> tuple[Policy, Path]:
    """The policy of a registered model, with its own rules, and its encoder's folder.

    Raises ValueError where the registry has none such.
    """
    import yaml
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    place = mlflow_runs.uri()
    try:
        folder = Path(download_artifacts(address, tracking_uri=place))
        flavor = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]["python_function"]
        settings = dict(flavor["config"])
    except (MlflowException, OSError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise ValueError(
            f"policy: {address}: {place} has no such coordinator ({reason}); `lrrc log` registers one"
        ) from None
    settings = {key: value for key, value in settings.items() if key not in ("checkpoint", "budget")}
    folders = {key: folder / "artifacts" / key for key in ("checkpoint", "encoder")}
    policy = with_settings(load_policy(PolicySpec("lrrc", budget), **folders), settings)
    return policy, folders["encoder"]


register("models", resolve)
register("runs", resolve)
