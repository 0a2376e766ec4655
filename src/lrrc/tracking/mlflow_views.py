"""Saved views of MLflow's table of runs, kept as tags of the experiment: which runs, and which columns.

MLflow's page lists them under *Views*; `?viewStateShareKey=KEY` opens one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

PREFIX = "mlflow.sharedViewState."
LEARNT = ("val_agreement", "val_loss", "loss_sel", "loss_rec", "state_norm", "active_channels", "epochs")
CHANGED = (
    "seed",
    "model.top_k",
    "model.head_width",
    "model.gate",
    "model.recurrence",
    "model.low_rank",
    "model.hierarchy",
)


def _view(
    name: str, order: int, query: str, params: Sequence[str], metrics: Sequence[str], group_by: str | None = None
) -> str:
    columns = [*(f"params.`{key}`" for key in params), *(f"metrics.`{key}`" for key in metrics)]
    state = {
        "searchFilter": query,
        "orderByKey": "attributes.`run_name`",
        "orderByAsc": True,
        "selectedColumns": columns,
        "columnOrder": columns,
    }
    if group_by:
        keys = [{"mode": "tag", "groupByData": group_by}]
        state["groupBy"] = {"aggregateFunction": "average", "groupByKeys": keys}
    return json.dumps({"name": name, "createdAt": order, "updatedAt": order, "state": json.dumps(state)})


VIEWS = {  # key -> content of the tag; the newest comes first in the list
    "stages": _view("By stage", 4, "", ("rank", "seed", "policy"), ("val_loss", "epochs"), "stage"),
    "ranks": _view("Ranks and seeds", 3, "tags.stage = 'train'", ("rank", "seed"), LEARNT),
    "ablations": _view("Ablations", 2, "tags.stage = 'ablate'", CHANGED, LEARNT),
    "policies": _view(
        "Policies", 1, "tags.stage = 'baseline'", ("policy", "seed", "budget"), ("val_agreement", "val_loss", "epochs")
    ),
}
TAGS = {PREFIX + key: view for key, view in VIEWS.items()}
