"""A coordinator on disk: coordinator.json, and for trained policies the folders model/ and encoder/ (safetensors).

Conversations are kept as the messages observed; the policy's state follows from them and is made anew at first use.
Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lrrc.middleware.chat_messages import ReadMessage
from lrrc.middleware.conversation import AgentMemory, Conversation
from lrrc.middleware.settings import Settings
from lrrc.policies.base import Policy
from lrrc.policies.checkpoint import LINE
from lrrc.policies.serving import adapted, serving_policy
from lrrc.policies.spec import FOREIGN_RULES, QUERIES, SPEAKERS, PolicySpec
from lrrc.policy_catalogue import LEARNED, UNTRAINED, WITH_VECTORS
from lrrc.runtime.checked import allowed, checked, refused, require
from lrrc.runtime.files import atomic, write_json

SCHEMA = 1
FILE = "coordinator.json"
Amount = Annotated[float, Ge(0), allowed("a number >= 0")]
Count = Annotated[int, Ge(0), allowed("an integer >= 0")]


class Options(TypedDict, total=False):
    """Of policies, as PolicySpec names them."""

    max_overlap: Amount
    least_share: Amount
    least_gain: Amount
    standing: Amount
    prior: Amount
    top: Count
    query: Literal[QUERIES]
    speakers: Literal[SPEAKERS]
    turns: Count
    max_segment_tokens: Annotated[int, Ge(1), allowed("an integer >= 1")]


@checked
class SavedPolicy:
    """What serving_policy needs beside the folders."""

    name: Literal[("lrrc", *LEARNED, *UNTRAINED)]
    budget: Count | None
    options: Options


@checked
class SavedConversation:
    """A conversation as it was, its policy's state aside."""

    name: str | None
    body: list[ReadMessage]
    speakers: list[str]
    ends: tuple[bytes, ...]
    agents: dict[str, AgentMemory]
    left_alone: bool = False
    held_out: bool = False

    def __post_init__(self) -> None:
        for agent in self.agents.values():
            cut, place = agent.digest.cut, agent.digest.place
            places = (*agent.digest.kept, *(span.message for span in agent.digest.spans))
            fits = 0 <= place <= cut <= len(self.body) and all(0 <= i < cut for i in places)
            require(fits, "standing.cut", cut, "a place in the messages, after those that the digest stands for")


@checked
class Saved:
    """coordinator.json."""

    schema: int
    policy: SavedPolicy
    settings: Settings
    conversations: list[SavedConversation]


def save(
    folder: Path, policy: Policy, encoder: Path, settings: Settings, conversations: Sequence[Conversation]
) -> None:
    """Raises ValueError where a trained policy has no checkpoint or encoder on disk."""
    spec = policy.spec
    options = {
        **dataclasses.asdict(spec.rules),
        "turns": spec.truncated_turns,
        "max_segment_tokens": spec.max_segment_tokens,
        "query": spec.query,
        "speakers": spec.speakers,
    }
    if trained := policy.name not in UNTRAINED:
        if not policy.checkpoint:
            raise ValueError(f"save: policy {policy.name} has no checkpoint on disk: load it with serving_policy")
        _copy(Path(policy.checkpoint), folder / "model", ("config.json", "main.safetensors"))
    if trained or policy.name in WITH_VECTORS:
        names = sorted(file.name for kind in ("*.json", "*.safetensors") for file in encoder.glob(kind))
        _copy(encoder, folder / "encoder", names or ["model.safetensors"])
    if line := getattr(policy, "line", None):
        (folder / "model").mkdir(exist_ok=True)
        write_json(folder / "model" / LINE, {"weights": dict(line.weights)})
    rows = []
    for conversation in conversations:
        with conversation.lock:
            rows.append(_row(conversation))
    write_json(
        folder / FILE,
        {
            "schema": SCHEMA,
            "policy": {"name": policy.name, "budget": spec.budget, "options": options},
            "settings": dataclasses.asdict(settings),
            "conversations": rows,
        },
    )
    (folder / FILE).chmod(0o600)  # texts of conversations


def read(folder: Path) -> Saved:
    """Raises ValueError."""
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"{folder}: no saved coordinator here ({FILE} is missing)")
    try:
        text = path.read_bytes()
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}: this version reads schema {SCHEMA}")
        return TypeAdapter(Saved).validate_json(text)
    except ValidationError as error:
        (*keys, last), what = refused(error, Saved)
        reason = ": ".join([*keys, f"{last!r}{what}" if what else last])
    except KeyError as error:
        reason = f"{error} is missing"
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error)
    raise ValueError(f"{path}: not a saved coordinator: {' '.join(reason.split())[:300]}")


def load_saved_policy(folder: Path, saved: SavedPolicy) -> tuple[Policy, Path]:
    """The policy saved in `folder`, and its encoder's folder. Raises ValueError."""
    options = {key: value for key, value in saved.options.items() if key in dataclasses.asdict(FOREIGN_RULES)}
    spec = PolicySpec(
        saved.name,
        saved.budget,
        dataclasses.replace(FOREIGN_RULES, **options),
        truncated_turns=saved.options.get("turns", PolicySpec.truncated_turns),
        max_segment_tokens=saved.options.get("max_segment_tokens", PolicySpec.max_segment_tokens),
        query=saved.options.get("query", PolicySpec.query),
        speakers=saved.options.get("speakers", PolicySpec.speakers),
    )
    policy = serving_policy(spec, folder / "encoder", folder / "model")
    kept = folder / "model" / LINE  # a trained policy has read it already
    return (adapted(policy, kept) if kept.is_file() and not spec.trained else policy), folder / "encoder"


def restore(saved: SavedConversation, policy: Policy, settings: Settings) -> Conversation:
    """A conversation as `save` found it."""
    conversation = Conversation(saved.name, policy, settings)
    for key in ("body", "speakers", "ends", "agents", "left_alone", "held_out"):
        setattr(conversation, key, getattr(saved, key))
    return conversation


def _row(conversation: Conversation) -> dict[str, Any]:
    return {
        "name": conversation.name,
        "body": [{**dataclasses.asdict(item), "fingerprint": item.fingerprint.hex()} for item in conversation.body],
        "speakers": conversation.speakers,
        "ends": [end.hex() for end in conversation.ends],
        "left_alone": conversation.left_alone,
        "held_out": conversation.held_out,
        "agents": {
            name: {
                "standing": {**dataclasses.asdict(agent.digest), "link": agent.digest.link.hex()},
                "sent": [mark.hex() for mark in agent.sent],
                "given": [mark.hex() for mark in agent.given],
                "at": agent.at,
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
