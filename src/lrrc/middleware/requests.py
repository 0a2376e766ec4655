"""One request with its history shortened: what `lrrc compress` and the served MLflow model do to a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrrc.episodes.chat_message import repair_surrogates
from lrrc.middleware.coordinator import Coordinator
from lrrc.policies.base import Policy
from lrrc.runtime.files import invalid_value


def compress_request(
    row: Mapping[str, Any], policy: Policy, where: str = "request", budget: int | None = None
) -> dict[str, Any]:
    """{"id", "messages", "receipt"} for one request, as `Coordinator.compose` answers it.

    Read of `row` are `messages`, in the form of OpenAI's chat completions, and where they are there `id` (a text or an
    integer, which comes back as it is), `agent` (who is to answer), `tools` (or `functions`) and `response_format`; the
    rest is ignored. Any message may be the last: one to answer, another agent's, a prefill. What is sent as it stands
    is the object that was given, so fields, ids, parts and thoughts stay; only a message of the user that holds a
    digest is new.
    Raises ValueError naming `where`, field and reason.
    """
    name, messages = row.get("id"), row.get("messages")
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise invalid_value(where, "id", name, "a text, an integer or null")
    if not isinstance(messages, list):
        raise invalid_value(where, "messages", messages, "a list of messages")
    try:
        # a coordinator of its own: no answer depends on the requests before it
        payload, receipt = Coordinator(policy).compose(
            messages,
            row.get("agent"),
            budget,
            conversation=None if name is None else str(name),
            tools=row.get("tools") or row.get("functions"),
            response_format=row.get("response_format"),
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return {
        "id": repair_surrogates(name) if isinstance(name, str) else name,
        "messages": payload,
        "receipt": receipt.to_dict(),
    }
