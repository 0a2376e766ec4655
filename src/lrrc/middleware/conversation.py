"""One conversation: what has been observed of it, the digest in force for every agent, and the next payload."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from lrrc.digest.rendering import label_of
from lrrc.digest.selection import Span
from lrrc.middleware.body import Body
from lrrc.middleware.chat_messages import ROOT, ReadMessage, read_message
from lrrc.middleware.payload import DigestInForce, Payload, Request, arrange, odd_pair, settled
from lrrc.middleware.prompt import Prompt
from lrrc.middleware.prompt_cache import Bill, bill, worth_writing
from lrrc.middleware.recall import HINT, hint
from lrrc.middleware.settings import Settings
from lrrc.middleware.tariff import Tariff
from lrrc.pretrained import tokens

if TYPE_CHECKING:
    from lrrc.policies.base import Policy, Session


LEFT_ALONE = "a provider refused this conversation shortened"
HELD_OUT = "held out, to compare with"
THINKING = "thoughts of the turn under way are bound to what stands before them"


@dataclass
class AgentMemory:
    """What is remembered for an agent: its digest, fingerprints of its last payload and of the list it was for, and
    when that was (seconds since the epoch)."""

    digest: Annotated[DigestInForce, Field(alias="standing")] = field(default_factory=DigestInForce)  # alias: on disk
    sent: Sequence[bytes] = ()
    given: Sequence[bytes] = ()
    at: float = 0.0

    def forget_after(self, lifetime: float, now: float) -> None:
        """What was sent longer ago than that is in no provider's cache any more."""
        if self.at and now - self.at > lifetime:
            self.sent, self.given = (), ()


@dataclass(frozen=True)
class Composed:
    """A payload, and what the receipt says of it. Span.message is an index of the list given."""

    payload: Payload
    digest_tokens: int
    sources: tuple[Span, ...]
    standing: tuple[Span, ...]
    action: str
    reason: str
    bill: Bill
    whole: Bill
    ends: tuple[bytes, ...]


class Conversation:
    """Use under `lock`. `name` is None where the application gave none; `key` is then one that cannot be guessed."""

    def __init__(self, name: str | None, policy: Policy, settings: Settings):
        self.name, self.policy, self.settings = name, policy, settings
        self.key = secrets.token_hex(6) if name is None else name
        self.lock = threading.RLock()
        self.body: list[ReadMessage] = []
        self.ends: tuple[bytes, ...] = ()  # chains by which Conversations recognises it
        self._known: dict[bytes, ReadMessage] = {}
        self._made: dict[bytes, ReadMessage] = {}  # messages of the last payload that the coordinator wrote
        self.agents: dict[str, AgentMemory] = {}
        self.left_alone = False  # are its messages passed as they are?
        self.held_out = drawn(self.key, settings.holdout)
        self.speakers: list[str] = []
        self._forget()

    def leave_alone(self) -> None:
        """Pass messages as they are from now on; payloads that were refused are in no provider's cache."""
        self.left_alone = True
        self.agents = {}

    def _forget(self) -> None:
        """Observe from the beginning again."""
        self._session: Session | None = None
        self._turns, self._observed, self._link = 0, 0, ROOT

    def read(self, prompt: Prompt) -> list[ReadMessage]:
        """The items of a list; those that the last list had too are not read again. Raises ValueError."""
        items = [
            self._known.get(mark) or prompt.form.read(message, mark, f"messages[{i}]")
            for i, (message, mark) in enumerate(zip(prompt.messages, prompt.marks, strict=True))
        ]
        self._known = dict(zip(prompt.marks, items, strict=True))
        return items

    def update(self, body: Sequence[ReadMessage], links: Sequence[bytes] | None = None) -> Body:
        """The body as it is now, and its chain where it is known. What is observed of it stays where its beginning is
        the same."""
        view = Body(body, self.settings, links)
        self.body = list(body)
        if self._observed > len(body) or view.links[self._observed] != self._link:
            self._forget()
        return view

    def update_one(self, message: Mapping[str, Any], mark: bytes) -> None:
        """Take in one message after the body as it is known; what is over is observed. Raises ValueError."""
        item = read_message(message, mark, "messages[0]")
        if item.role != "system":
            self._known[mark] = item
            self.observe(self.update([*self.body, item]))

    def observe(self, view: Body, speaker: str | None = None) -> Session:
        """Let the policy take in the turns that are over, and new. It wants to know all agents beforehand, so a new
        one makes it start again."""
        body = view.body
        turns = view.turns[self._turns : view.over]
        said = [body[i].name or "assistant" for turn in turns for i in turn if body[i].role == "assistant"]
        if new := dict.fromkeys(name for name in [*said, speaker] if name and name not in self.speakers):
            self.speakers += new
            self._forget()
            turns = view.turns[: view.over]
        if self._session is None:
            self._session = self.policy.session(self.speakers or ["assistant"])
        if turns:
            self._session.observe_all([[body[i].spoken for i in turn] for turn in turns])
            self._turns, self._observed = self._turns + len(turns), turns[-1][-1] + 1
        self._link = view.links[self._observed]
        return self._session

    def compose(self, prompt: Prompt, agent: str | None, budget: int | None, prices: Tariff) -> Composed:
        """The payload that follows the agent's last one. Raises ValueError for what cannot be read."""
        items = self.read(prompt)
        settings, mine = self.settings, self.agents.setdefault(agent or "", AgentMemory())
        now = time.time()
        mine.forget_after(prices.cache_lifetime, now)
        dialect = prompt.form.dialect(items, settings.dialect)
        if mine.digest.cut:  # what the request shows by now allows more; the digest in force stays as it is
            dialect = replace(
                dialect, merged=dialect.merged or mine.digest.merged, named=dialect.named and mine.digest.named
            )
        request = Request(prompt, items, dialect, self._made)
        place, whole = request.place, Payload(request)
        view = self.update([items[i] for i in place], prompt.links)

        def billed(payload: Payload) -> Bill:
            return bill(mine.sent, payload.marks, payload.sizes, prices.cache_minimum)

        why_not = LEFT_ALONE if self.left_alone else HELD_OUT if self.held_out else "below min_tokens"
        brief = self.left_alone or self.held_out or whole.tokens < settings.min_tokens
        speaker = speaker_of(view.body, agent)
        if not brief:
            self.observe(view, speaker)  # also where no digest is due: no call then pays for many turns
        old = mine.digest
        too_long = budget is not None and old.tokens > budget and not view.thinking
        if too_long or not self._holds(old, view, request):
            old = DigestInForce(regret=0.0 if old.cut else old.regret)
        keeping = Payload(request, old)
        digest, payload, action = old, keeping, "kept"
        due, reason = (False, why_not) if brief else self._due(view, old)
        if due and view.thinking:
            due, reason = False, THINKING
            if settings.rewrite == "auto":  # what it costs to wait counts, so that the turn's end is not waited past
                bare = billed(Payload(request, _settled(view, request, ())))
                short = replace(bare, fresh=bare.fresh + (budget or 0))
                digest = replace(old, regret=worth_writing(billed(keeping), short, old.regret, prices)[1])
        if due:
            new = self._write(view, speaker, budget, request)
            written = Payload(request, new)
            if written.tokens >= (whole if old.cut == view.cut else keeping).tokens:
                due, reason = False, "a digest would not be shorter"
            elif settings.rewrite == "auto":
                due, regret = worth_writing(billed(keeping), billed(written), old.regret, prices)
                reason = "cheaper than the cached prefix" if due else "the cached prefix is cheaper"
                reason = "the cache has forgotten the prefix" if due and mine.at and not mine.sent else reason
                digest = replace(old, regret=regret)
        if due:
            digest, payload, action = new, written, "rewritten"
        elif brief or keeping.tokens >= whole.tokens:
            digest, payload, action = DigestInForce(regret=digest.regret), whole, "passed"

        def given(spans: Sequence[Span]) -> tuple[Span, ...]:
            return tuple(Span(place[s.message], s.start, s.end) for s in spans) if digest.tokens else ()

        composed = Composed(
            payload,
            digest.tokens,
            given(digest.spans),
            given(digest.standing),
            action,
            reason,
            billed(payload),
            bill(mine.given, whole.marks, whole.sizes, prices.cache_minimum),
            (view.links[-1], view.links[view.cut]),
        )
        mine.digest, mine.sent, mine.given, self._made = digest, payload.marks, whole.marks, payload.made
        mine.at = now
        return composed

    def _holds(self, digest: DigestInForce, view: Body, request: Request) -> bool:
        """Does the digest still stand for the beginning of this body, in the request's dialect, and leave no late
        result without its call or apart from it, and no role or word amiss?"""
        same = digest.cut <= view.cut and view.links[digest.cut] == digest.link
        same = same and digest.merged == request.dialect.merged and not view.splits(digest.cut, digest.kept)
        positions, fixed = request.saying
        if positions and not fixed and not any(p >= digest.cut or p in digest.kept for p in positions):
            same = same and request.prompt.beside.word in digest.text.lower()
        same = same and (HINT not in digest.text or request.prompt.beside.recall is not None)
        same = same and digest.place == view.gap(digest.cut, digest.kept)
        return same and odd_pair(request, arrange(request, digest)) is None

    def _due(self, view: Body, old: DigestInForce) -> tuple[bool, str]:
        """Whether to write a new digest, if it turns out to be worth it, and why (not)."""
        rule = self.settings.rewrite
        if not view.over:
            return False, "nothing to digest yet"
        if rule == "always":
            return True, "at every call"
        if view.cut == old.cut:
            return False, "no turn is over since the last digest"
        if rule == "auto":
            return True, ""
        if view.over - old.turns >= rule:
            return True, f"{rule} turns since the last digest"
        stale = sum(item.tokens for item in view.body[old.cut : view.cut]) > self.settings.stale_tokens
        return stale, "stale" if stale else f"fewer than {rule} turns since the last digest"

    def _write(self, view: Body, speaker: str, budget: int | None, request: Request) -> DigestInForce:
        """A new digest of the turns before the cut. What is sent as it stands is not quoted too. Counts of parts do
        not quite add up: what comes out too long is written anew with less room."""
        session, dialect, inputs = self.observe(view, speaker), request.dialect, view.inputs()
        tool = request.prompt.beside.recall if self.settings.recall else None
        hinted = hint(tool, self.key) if tool else ""
        room = None if budget is None else max(0, budget - dialect.frame_tokens - tokens.count(hinted))
        also = () if request.saying[1] else view.witness(dialect.merged, request.saying[0])
        best = _settled(view, request, also)
        heard = len(session.history.messages)
        sent = [i for i in (*best.kept, *range(view.cut, heard)) if i < heard]
        for _ in range(3):
            chosen = session.select(inputs, speaker, room, sent)
            if chosen.text is None and sum(view.body[i].tokens for i in chosen.messages) > chosen.tokens:
                # whole messages bring their thoughts, unseen by it
                chosen = session.propose(inputs, speaker, room, sent)
            if chosen.text is None and {*best.kept, *chosen.messages}.issuperset(range(view.cut)):
                return DigestInForce()  # the whole history, with all thoughts
            if chosen.text is None:
                return _settled(view, request, [*also, *(i for i in chosen.messages if i < view.cut)])
            text = dialect.frame(chosen.text + hinted)
            count = tokens.count(text) if dialect.merged or hinted else chosen.tokens
            if budget is None or count <= budget:
                spans = tuple(chosen.spans)
                new = replace(best, text=text, tokens=count, spans=spans, standing=chosen.standing)
                return settled(request, new)
            room = max(0, budget + chosen.tokens - count)
        return best


def _settled(view: Body, request: Request, also: Sequence[int]) -> DigestInForce:
    """What is to stay before the cut, with or without a digest beside it: more than must, where roles would follow each
    other as they do nowhere in the request. Nothing is digested where all of it would have to stay."""
    merged, also = request.dialect.merged, list(also)
    while True:
        kept = view.kept(merged, also)
        found = DigestInForce(
            view.cut,
            view.over,
            view.links[view.cut],
            kept,
            view.gap(view.cut, kept),
            None,
            merged,
            request.dialect.named,
        )
        odd = [odd_pair(request, arrange(request, replace(found, tokens=n))) for n in (0, 1)]
        behind = next((end for end in odd if end is not None), None)
        if behind is None:
            return found
        left_out = (p for p in range(view.cut) if request.place[p] > behind and p not in kept)
        if (next_one := next(left_out, None)) is None:
            return DigestInForce()
        also.append(next_one)


def drawn(key: str, share: float) -> bool:
    """Does a conversation belong to a `share` of all? The same one always does."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()) < share * 2**64


def speaker_of(body: Sequence[ReadMessage], agent: str | None) -> str:
    """The agent's name as the messages have it: in many lists an agent's own replies carry no name."""
    spoken = [item.name or "assistant" for item in body if item.role == "assistant"]
    if agent is None:
        return spoken[-1] if spoken else "assistant"
    agent = label_of(agent, "assistant")
    return agent if agent in spoken or "assistant" not in spoken else "assistant"
