"""`Coordinator`: the middleware's one entry, for synchronous and asynchronous applications alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lrrc import tokens
from lrrc.middleware.receipt import Receipt
from lrrc.middleware.settings import Settings


class Coordinator:
    """Shortens message lists (dicts in the form of OpenAI's chat completions) to a budget.

    `policy` is a name that `lrrc.policies.load_policy` knows, or a Policy; `budget` the most tokens of a digest;
    `checkpoint` and `encoder` the folders of a trained policy; `on_receipt` is called with every receipt.
    One coordinator serves many conversations, threads and tasks at once.
    """

    def __init__(
        self,
        policy: str = "lrrc",
        budget: int = 128,
        settings: Settings | None = None,
        checkpoint: Path | str | None = None,
        encoder: Path | str | None = None,
        on_receipt: Callable[[Receipt], None] | None = None,
    ):
        from lrrc.policies import Policy, load_policy

        paths = {"checkpoint": checkpoint and Path(checkpoint), "encoder": encoder and Path(encoder)}
        self.policy = policy if isinstance(policy, Policy) else load_policy(policy, budget, **paths)
        self.budget, self.settings, self.on_receipt = budget, settings or Settings(), on_receipt

    def compose(
        self,
        messages: Sequence[Mapping[str, Any]],
        agent: str | None = None,
        budget: int | None = None,
        conversation: str | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> tuple[list[dict[str, Any]], Receipt]:
        """The payload to send to `agent` instead of `messages`, and its receipt.

        `messages` is the whole list, every time; it is not changed. `conversation` names it where the application has
        a name for it, else it is recognised by its beginning. `tools` are the definitions that go with the call; they
        are counted. Raises ValueError that names the message.
        """
        payload, old = self.policy.compose(messages, agent)
        counted = tokens.count(str(tools)) if tools else 0
        before, after = old.tokens_before + counted, old.tokens_after + counted
        receipt = Receipt(
            self.policy.name, self.policy.checkpoint, agent, self.budget, "passed" if old.full else "rewritten", "",
            before, after, old.digest_tokens, counted, after, 0, before, after, 0, (), old.sources,
        )  # fmt: skip
        if self.on_receipt:
            self.on_receipt(receipt)
        return payload, receipt

    async def acompose(self, *args: Any, **options: Any) -> tuple[list[dict[str, Any]], Receipt]:
        """`compose` in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.compose, *args, **options)

    def observe(self, message: Mapping[str, Any], conversation: str) -> None:
        """Take in a message as it happens, so that the next `compose` finds its work done. Optional."""

    def save(self, folder: Path | str) -> None:
        """Write weights (safetensors) and conversations (JSON) into `folder`, which `load` reads without the rest."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path | str, on_receipt: Callable[[Receipt], None] | None = None) -> Coordinator:
        """What `save` wrote. Raises ValueError where the folder is not whole or of another version."""
        raise NotImplementedError
