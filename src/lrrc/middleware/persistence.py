"""A coordinator on disk: coordinator.json, and for trained policies the folders model/ and encoder/ (safetensors).

Conversations are kept as the messages observed; the policy's state follows from them and is made anew at first use.
Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrrc.middleware.chat_messages import ReadMessage
from lrrc.middleware.conversation import AgentMemory, Conversation, DigestInForce
from lrrc.middleware.settings import Settings
from lrrc.policies.base import Policy
from lrrc.policies.registry import load_policy
from lrrc.policy_catalogue import LEARNED, UNTRAINED
from lrrc.runtime.files import atomic, shortened, write_json
from lrrc.runtime.typed import typed

SCHEMA = 1
FILE = "coordinator.json"
# options of policies, as load_policy names them
OPTIONS = {
    "max_overlap": float,
    "squeeze": float,
    "least_share": float,
    "least_gain": float,
    "standing": float,
    "prior": float,
    "turns": int,
    "max_segment_tokens": int,
}


@dataclass(frozen=True)
class Saved:
    """coordinator.json, read and checked."""

    policy: dict[str, Any]
    settings: Settings
    conversations: list[dict[str, Any]]


def save(
    folder: Path, policy: Policy, encoder: Path, settings: Settings, conversations: Sequence[Conversation]
) -> None:
    """Raises ValueError where a trained policy has no checkpoint or encoder on disk."""
    options = {key: getattr(policy, key) for key in OPTIONS if hasattr(policy, key)}
    if trained := policy.name not in UNTRAINED:
        if not policy.checkpoint:
            raise ValueError(f"save: policy {policy.name} has no checkpoint on disk: load it with load_policy")
        _copy(Path(policy.checkpoint), folder / "model", ("config.json", "main.safetensors"))
    if trained or policy.name == "embedding":
        names = sorted(file.name for kind in ("*.json", "*.safetensors") for file in encoder.glob(kind))
        _copy(encoder, folder / "encoder", names or ["model.safetensors"])
    rows = []
    for conversation in conversations:
        with conversation.lock:
            rows.append(_row(conversation))
    write_json(
        folder / FILE,
        {
            "schema": SCHEMA,
            "policy": {"name": policy.name, "budget": policy.budget, "options": options},
            "settings": dataclasses.asdict(settings),
            "conversations": rows,
        },
    )


def read(folder: Path) -> Saved:
    """Raises ValueError."""
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"{folder}: no saved coordinator here ({FILE} is missing)")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}: this version reads schema {SCHEMA}")
        return Saved(found["policy"], Settings(**found["settings"]), list(found["conversations"]))
    except KeyError as error:
        raise ValueError(f"{path}: not a saved coordinator: {error} is missing") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: not a saved coordinator: {' '.join(str(error).split())[:200]}") from None


def load_saved_policy(folder: Path, saved: Saved) -> tuple[Policy, Path]:
    """The policy saved in `folder`, and its encoder's folder. Raises ValueError."""
    try:
        name, budget, options = (saved.policy[key] for key in ("name", "budget", "options"))
        if name not in (*LEARNED, *UNTRAINED, "lrrc"):
            raise ValueError(f"name = {shortened(name)}: no such policy")
        options = {key: typed(value, OPTIONS[key], key) for key, value in options.items()}
        if budget is not None:
            options["budget"] = typed(budget, int, "budget")
        if wrong := [key for key, value in options.items() if value < (key == "max_segment_tokens")]:
            raise ValueError(f"{wrong[0]} = {options[wrong[0]]}: too small")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{folder / FILE}: policy: {str(error).removeprefix('params: ')}") from None
    known = {"checkpoint": folder / "model", "encoder": folder / "encoder"}
    return load_policy(name, **known, **options), folder / "encoder"


def restore(folder: Path, row: dict[str, Any], policy: Policy, settings: Settings) -> Conversation:
    """A conversation as `save` found it. Raises ValueError."""
    try:
        conversation = Conversation(typed(row["name"], str | None, "name"), policy, settings)
        conversation.body = list(typed(row["body"], tuple[ReadMessage, ...], "body"))
        conversation.speakers = list(typed(row["speakers"], tuple[str, ...], "speakers"))
        conversation.ends = typed(row["ends"], tuple[bytes, ...], "ends")
        for name, agent in row["agents"].items():
            standing = typed(agent["standing"], DigestInForce, "standing")
            places = (*standing.kept, *(span.message for span in standing.spans))
            if not (standing.cut <= len(conversation.body) and all(0 <= i < standing.cut for i in places)):
                raise ValueError(f"standing.cut = {standing.cut}: does not fit the messages")
            sent, given = (typed(agent[key], tuple[bytes, ...], key) for key in ("sent", "given"))
            conversation.agents[name] = AgentMemory(standing, sent, given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200].removeprefix("params: ")
        raise ValueError(f"{folder / FILE}: conversations: {reason}") from None
    return conversation


def _row(conversation: Conversation) -> dict[str, Any]:
    return {
        "name": conversation.name,
        "body": [{**dataclasses.asdict(item), "fingerprint": item.fingerprint.hex()} for item in conversation.body],
        "speakers": conversation.speakers,
        "ends": [end.hex() for end in conversation.ends],
        "agents": {
            name: {
                "standing": {**dataclasses.asdict(agent.digest), "link": agent.digest.link.hex()},
                "sent": [mark.hex() for mark in agent.sent],
                "given": [mark.hex() for mark in agent.given],
            }
            for name, agent in conversation.agents.items()
        },
    }


def _copy(source: Path, target: Path, names: Sequence[str]) -> None:
    for name in names:
        if not (source / name).is_file():
            raise ValueError(f"save: {source / name}: no such file")
        if source.resolve() == target.resolve():
            continue
        with atomic(target / name) as temporary:
            shutil.copyfile(source / name, temporary)
