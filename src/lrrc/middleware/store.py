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

from lrrc import policies
from lrrc.config import UNTRAINED
from lrrc.digest import Span
from lrrc.files import atomic, write_json
from lrrc.middleware.conversation import Agent, Conversation, Standing
from lrrc.middleware.messages import Item
from lrrc.middleware.settings import Settings
from lrrc.policies import Policy

SCHEMA = 1
FILE = "coordinator.json"
# options of policies, as load_policy names them
OPTIONS = ("max_overlap", "squeeze", "least_share", "least_gain", "turns", "max_segment_tokens")


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
    write_json(folder / FILE, {
        "schema": SCHEMA,
        "policy": {"name": policy.name, "budget": policy.budget, "options": options},
        "settings": dataclasses.asdict(settings),
        "conversations": rows,
    })  # fmt: skip


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


def load_policy(folder: Path, saved: Saved) -> tuple[Policy, Path]:
    """The policy saved in `folder`, and its encoder's folder. Raises ValueError."""
    try:
        name, budget, options = (saved.policy[key] for key in ("name", "budget", "options"))
        if budget is not None:
            options = {**options, "budget": budget}
        known = {"checkpoint": folder / "model", "encoder": folder / "encoder"}
        return policies.load_policy(name, **known, **options), folder / "encoder"
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / FILE}: policy: {error}") from None


def restore(folder: Path, row: dict[str, Any], policy: Policy, settings: Settings) -> Conversation:
    """A conversation as `save` found it. Raises ValueError."""
    try:
        conversation = Conversation(row["name"], policy, settings)
        conversation.body = [
            Item(**{**item, "calls": tuple(map(tuple, item["calls"])), "fingerprint": _hash(item["fingerprint"])})
            for item in row["body"]
        ]
        conversation.speakers = list(row["speakers"])
        conversation.ends = tuple(map(_hash, row["ends"]))
        for name, agent in row["agents"].items():
            standing = {**agent["standing"], "link": _hash(agent["standing"]["link"])}
            standing["kept"] = tuple(standing["kept"])
            standing["spans"] = tuple(Span(**span) for span in standing["spans"])
            sent, given = ([_hash(mark) for mark in agent[key]] for key in ("sent", "given"))
            conversation.agents[name] = Agent(Standing(**standing), sent, given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{folder / FILE}: conversations: {' '.join(str(error).split())[:200]}") from None
    return conversation


def _row(conversation: Conversation) -> dict[str, Any]:
    return {
        "name": conversation.name,
        "body": [{**dataclasses.asdict(item), "fingerprint": item.fingerprint.hex()} for item in conversation.body],
        "speakers": conversation.speakers,
        "ends": [end.hex() for end in conversation.ends],
        "agents": {
            name: {
                "standing": {**dataclasses.asdict(agent.standing), "link": agent.standing.link.hex()},
                "sent": [mark.hex() for mark in agent.sent],
                "given": [mark.hex() for mark in agent.given],
            }
            for name, agent in conversation.agents.items()
        },
    }


def _hash(text: str) -> bytes:
    return bytes.fromhex(text)


def _copy(source: Path, target: Path, names: Sequence[str]) -> None:
    for name in names:
        if not (source / name).is_file():
            raise ValueError(f"save: {source / name}: no such file")
        if source.resolve() == target.resolve():
            continue
        with atomic(target / name) as temporary:
            shutil.copyfile(source / name, temporary)
