"""One chat log with its history shortened: what `lrrc compress` and the served MLflow model do to a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrrc.episodes.parsing import parse_messages, repair_surrogates
from lrrc.runtime.files import invalid_value

if TYPE_CHECKING:
    from lrrc.policies.base import Policy


def compress_request(
    row: dict[str, Any], policy: Policy, budget: int | None = None, where: str = "request"
) -> dict[str, Any]:
    """{"id", "messages", "receipt"} for one request; `budget`: another than the policy's.

    Raises ValueError naming `where`, field and reason.
    """
    name, agent = row.get("id"), row.get("agent")
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise invalid_value(where, "id", name, "a text or an integer")
    if agent is not None and not isinstance(agent, str):
        raise invalid_value(where, "agent", agent, "a text or nothing")
    messages = parse_messages(row.get("messages"), where)
    last = messages[-1].role if messages else None
    if last not in ("user", "tool"):
        raise invalid_value(where, "last role", last, "user or tool: the last message is the one to answer")
    history = [{"role": m.role, "content": m.content} | ({"name": m.name} if m.name else {}) for m in messages]
    try:
        payload, receipt = policy.compose(history, agent, budget)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return {
        "id": repair_surrogates(name) if isinstance(name, str) else name,
        "messages": payload,
        "receipt": receipt.to_dict(),
    }
