"""`Coordinator`: the middleware's one entry, for synchronous and asynchronous applications alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.episodes.chat_message import repair_surrogates
from lrrc.middleware import persistence
from lrrc.middleware.chat_messages import fingerprint
from lrrc.middleware.client_objects import chat_dict
from lrrc.middleware.conversation import Composed, Conversation
from lrrc.middleware.conversations import Conversations
from lrrc.middleware.prompt import Prompt, chat_prompt
from lrrc.middleware.recall import ENOUGH, recalled
from lrrc.middleware.receipt import Receipt
from lrrc.middleware.resolvers import is_address, resolve
from lrrc.middleware.settings import Settings
from lrrc.middleware.tariff import Tariff, tariff_of
from lrrc.policies.base import Policy
from lrrc.policies.registry import with_settings
from lrrc.policies.serving import PACKAGED_ENCODER, encoder_for, serving_policy
from lrrc.policies.serving import adapted as by_adapted
from lrrc.policies.spec import PolicySpec
from lrrc.runtime.files import invalid_value, shortened

if TYPE_CHECKING:
    from lrrc.policies.caller import Choice

MOST_SCALE = 4.0  # of a tokenizer's tokens for one of ours, and its inverse the least: a server may count nonsense


class Coordinator:
    """Shortens message lists (dicts in the form of OpenAI's chat completions) to a budget.

    `policy` is a name that `lrrc.policies.serving_policy` knows, an address of a registry ("models:/lrrc@champion", see
    lrrc.middleware.resolvers), or a Policy, which then has its own budget; `budget` the most tokens of a digest;
    `checkpoint` and `encoder` the folders of a trained policy, where it is not to be the packaged one; `adapted` what
    `lrrc adapt` wrote; `on_receipt` is called with every receipt. One coordinator serves many conversations, threads
    and tasks at once.
    """

    def __init__(
        self,
        policy: str | Policy = "lrrc",
        budget: int = 128,
        settings: Settings | None = None,
        checkpoint: Path | str | None = None,
        encoder: Path | str | None = None,
        on_receipt: Callable[[Receipt], None] | None = None,
        adapted: Path | str | None = None,
    ):
        _check_budget(budget)
        encoder, checkpoint = (Path(folder) if folder else None for folder in (encoder, checkpoint))
        if isinstance(policy, str) and is_address(policy):
            policy, encoder = resolve(policy, budget)
        elif not isinstance(policy, Policy):
            spec = PolicySpec(policy, budget)
            encoder = encoder_for(spec, encoder, checkpoint)
            policy = serving_policy(spec, encoder, checkpoint)
        if adapted:
            policy = by_adapted(policy, Path(adapted))
        self.encoder = encoder or PACKAGED_ENCODER
        self.settings, self.on_receipt = settings or Settings(), on_receipt
        self.scales: dict[str | None, float] = {}  # tokens that a model's provider counts for one of ours, where known
        share = self.settings.standing
        self.policy = policy if share is None else with_settings(policy, {"standing": share})
        self.sessions = Conversations(
            self.settings.max_sessions, lambda name: Conversation(name, self.policy, self.settings)
        )

    def compose(
        self,
        messages: Sequence[Mapping[str, Any]],
        agent: str | None = None,
        budget: int | None = None,
        conversation: str | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_format: Mapping[str, Any] | None = None,
        prices: Tariff | None = None,
    ) -> tuple[list[Any], Receipt]:
        """The payload to send to `agent` instead of `messages`, and its receipt.

        `messages` is the whole list, every time; neither it nor its messages are changed or copied. `conversation`
        names it where the application has a name for it, else it is recognised by its beginning. `tools` and
        `response_format` are those that go with the call: definitions and a schema are counted, and where JSON is
        wanted, a word of it stays in the messages. `prices` are the model's (`Coordinator.prices`; default:
        those of the settings). Raises ValueError that names the message.
        """
        prompt = chat_prompt(messages, tools, response_format)
        return self.compose_prompt(prompt, agent, budget, conversation, messages, prices)

    def prices(self, model: str | None, request: bytes = b"") -> Tariff:
        """What a call to `model` costs, by the table that the settings name, or by the settings. `request` is its body,
        where there is one, whose marks for the cache count. The least length of a cached prefix is in our tokens."""
        found = tariff_of(self.settings, model, request)
        scale = min(MOST_SCALE, max(1 / MOST_SCALE, self.scales.get(model, 1.0)))
        return replace(found, cache_minimum=round(found.cache_minimum / scale))

    def compose_prompt(
        self,
        prompt: Prompt,
        agent: str | None = None,
        budget: int | None = None,
        conversation: str | None = None,
        originals: Sequence[Any] | None = None,
        prices: Tariff | None = None,
    ) -> tuple[list[Any], Receipt]:
        """As `compose`, of a prompt in whatever form. `originals` are the messages as they were given, where they are
        no mappings. Raises ValueError that names the message."""
        _check_names(agent, conversation)
        agent, conversation = (repair_surrogates(name) if name else name for name in (agent, conversation))
        if budget is not None:
            _check_budget(budget)
        if budget is None or self.policy.spec.budget is None:
            budget = self.policy.spec.budget
        session, prices = self.sessions.find(conversation, prompt.links), prices or tariff_of(self.settings)
        with session.lock:
            composed = session.compose(prompt, agent, budget, prices)
            self.sessions.note(session, composed.ends)
        payload = composed.payload.messages(prompt.messages if originals is None else originals)
        receipt = self._receipt(composed, prompt, prices, agent, budget, session.key)
        if self.on_receipt:
            self.on_receipt(receipt)
        return payload, receipt

    async def acompose(self, *args: Any, **options: Any) -> tuple[list[Any], Receipt]:
        """`compose` in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.compose, *args, **options)

    def choose(
        self, messages: Sequence[Mapping[str, Any]], agents: Sequence[str], gate: Path | str | None = None
    ) -> list[Choice]:
        """Which of several agents to call with the last message: each one's name, the probability that it would be
        right, whether to call it, and why.

        `messages` is the whole list; replies carry the names of their agents. `gate` is the folder of a call gate,
        where it is not to be the packaged one. Raises ValueError that names the message, or what is missing.
        """
        from lrrc.middleware import choosing

        return choosing.choose(messages, agents, gate, self.encoder)

    def pass_on(self, reason: str, agent: str | None = None, conversation: str | None = None) -> Receipt:
        """The receipt of a call whose messages could not be read and were sent as they are: nothing is counted."""
        receipt = Receipt.unread(self.policy.name, self.policy.checkpoint, agent, reason, conversation or "")
        if self.on_receipt:
            self.on_receipt(receipt)
        return receipt

    def observe(self, message: Mapping[str, Any], conversation: str) -> None:
        """Take in a message as it happens, so that the next `compose` finds its work done. Optional.

        Raises ValueError that names the message.
        """
        _check_names(None, conversation)
        read = chat_dict(message, "messages[0]")
        mark = fingerprint(read, "messages[0]")
        session = self.sessions.find(conversation)
        with session.lock:
            session.update_one(read, mark)

    def recall(self, conversation: str, query: str, budget: int = ENOUGH) -> str:
        """What of a conversation, by its name or the one in its receipts, has to do with the query, word by word, in at
        most `budget` tokens. Raises ValueError where it is not known (any more)."""
        _check_budget(budget)
        session = self.sessions.known(conversation)
        if session is None:
            raise ValueError(f"conversation = {shortened(conversation)}: not known here, or forgotten by now")
        with session.lock:
            body = list(session.body)
        return recalled(body, repair_surrogates(query), budget)

    def leave_alone(self, conversation: str) -> None:
        """Pass the messages of that conversation as they are from now on: for one whose provider refused a payload and
        took the original. `conversation` is its name, or the one in its receipts."""
        session = self.sessions.find(conversation)
        with session.lock:
            session.leave_alone()

    def save(self, folder: Path | str) -> None:
        """Write the trained policy (safetensors) and all conversations (JSON) into `folder`, all that `load` needs.

        The texts of the conversations are among it. Raises ValueError where the policy has no checkpoint on disk.
        """
        persistence.save(Path(folder), self.policy, self.encoder, self.settings, self.sessions.all())

    @classmethod
    def load(cls, folder: Path | str, on_receipt: Callable[[Receipt], None] | None = None) -> Coordinator:
        """What `save` wrote. Raises ValueError where the folder is not whole or of another version."""
        folder = Path(folder)
        saved = persistence.read(folder)
        policy, encoder = persistence.load_saved_policy(folder, saved.policy)
        coordinator = cls(policy, settings=saved.settings, encoder=encoder, on_receipt=on_receipt)
        for conversation in saved.conversations:
            session = persistence.restore(conversation, policy, saved.settings)
            coordinator.sessions.note(session, session.ends)
        return coordinator

    def _receipt(
        self,
        composed: Composed,
        prompt: Prompt,
        prices: Tariff,
        agent: str | None,
        budget: int | None,
        conversation: str,
    ) -> Receipt:
        return Receipt(
            policy=self.policy.name,
            checkpoint=self.policy.checkpoint,
            agent=agent,
            budget=budget,
            action=composed.action,
            reason=composed.reason,
            tokens_before=composed.whole.tokens,
            tokens_after=composed.bill.tokens,
            digest_tokens=composed.digest_tokens,
            tools_tokens=prompt.beside.tokens,
            fresh_tokens=composed.bill.fresh,
            reusable_tokens=composed.bill.reusable,
            billed_before=composed.whole.cost(prices),
            billed_after=composed.bill.cost(prices),
            unknown_parts=len(composed.payload.kinds),
            unknown_kinds=composed.payload.kinds,
            kept=prompt.given(composed.payload.kept),
            merged=tuple(map(prompt.given, composed.payload.merged)),
            sources=prompt.spans(composed.sources),
            standing=prompt.spans(composed.standing),
            conversation=conversation,
            prices=prices,
        )


def _check_names(agent: Any, conversation: Any) -> None:
    for field, value in (("agent", agent), ("conversation", conversation)):
        if value is not None and not isinstance(value, str):
            raise invalid_value("compose", field, value, "a text or nothing")


def _check_budget(budget: Any) -> None:
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise invalid_value("compose", "budget", budget, "an integer >= 0 (tokens)")
