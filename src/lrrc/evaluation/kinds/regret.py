"""Policies on kinds that no weight of theirs has seen, at equal mean tokens.

The line that is met on a kind was fitted on all other kinds; a coordinator is met where it was not trained. Rules fill
the budget, to within a segment. What the others are allowed on a kind is set so that they send on average what recency
sends there: from lengths alone, over the calls that are met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.digest.additive import Line
from lrrc.evaluation.kinds.calls import KindCall
from lrrc.evaluation.kinds.rules import RULES, rule
from lrrc.evaluation.kinds.targets import Reader, rounds, session_of
from lrrc.evaluation.kinds.words import new_words, share_held
from lrrc.policies.base import Policy, Session
from lrrc.policies.registry import build_policy
from lrrc.policies.spec import FOREIGN_RULES, PolicySpec
from lrrc.policies.untrained import Additive
from lrrc.pretrained.sentence_encoder import SentenceEncoder

if TYPE_CHECKING:
    import pyarrow as pa

    from lrrc.digest.selection import Selection

Maker = Callable[[int], Policy]  # the policy at a budget


def line_at(line: Line, encoder: SentenceEncoder, budget: int) -> Policy:
    """The additive policy with weights of its own."""
    made = Additive(replace(rule("recency", encoder, budget).spec, name="additive"), encoder)
    made.line = line
    return made


def network_at(checkpoint: Path, encoder: SentenceEncoder, name: str = "lrrc", line: Line | None = None) -> Maker:
    """A trained policy of that name, with the rules that conversations unlike those it learnt from get, filling its
    budget; with a line, in place of place alone."""
    from lrrc.policies.checkpoint import load_net, read_config

    net, rank = load_net(checkpoint), read_config(checkpoint)["rank"]

    def made(budget: int) -> Policy:
        spec = PolicySpec(name, budget, replace(FOREIGN_RULES, least_share=0.0), rank)
        policy = build_policy(spec, encoder, net, str(checkpoint))
        return policy.with_line(line) if line else policy

    return made


class Met:
    """A call with a session for each maker, made when first needed."""

    def __init__(self, call: KindCall, encoder: SentenceEncoder):
        self.call, self.encoder = call, encoder
        self._plain: Session | None = None
        self._own: dict[int, Session] = {}

    def send(self, policy: Policy, budget: int) -> Selection:
        """What the policy sends in place of the history, as a digest."""
        logged = self.call.logged
        if policy.spec.trained:
            session = self._own.get(id(getattr(policy, "net", None)))
            if session is None:
                session = policy.session(logged.episode.agents)
                session.observe_all([[*t.inputs, *t.replies] for t in logged.episode.turns[: logged.turn]])
                self._own[id(getattr(policy, "net", None))] = session
            return session.under(policy).propose(logged.inputs, logged.agent, budget)
        if self._plain is None:
            self._plain = session_of(self.call, self.encoder, budget)
        under = policy.session_type(policy, logged.episode.agents)
        under.history, under.tokens_before = self._plain.history, self._plain.tokens_before
        return under.propose(logged.inputs, logged.agent, budget)


def equal_budget(met: Sequence[Met], maker: Maker, budget: int, wanted: float, corrections: int = 2) -> int:
    """The budget at which a policy sends `wanted` tokens on average, about."""
    found = budget
    for _ in range(corrections):
        sent = float(np.mean([one.send(maker(found), found).tokens for one in met]))
        if not sent or abs(sent - wanted) < 0.5:
            break
        found = max(1, round(found + min(budget, wanted - sent)))
    return found


def measure_regret(
    calls: Mapping[str, Sequence[KindCall]],
    makers: Mapping[str, Mapping[str, Maker]],
    encoder: SentenceEncoder,
    reader: Reader,
    budget: int,
) -> list[dict[str, Any]]:
    """A row for every call and policy; `makers` by kind and name, beside the rules. `nats` are null where nobody read
    it."""
    rows, allowed = [], {}
    met = {kind: [Met(call, encoder) for call in of_kind] for kind, of_kind in calls.items()}
    by_kind: dict[str, dict[str, Maker]] = {}
    for kind, of_kind in met.items():
        own = {name: partial(rule, name, encoder) for name in RULES}
        by_kind[kind] = {**own, **makers.get(kind, {})}
        allowed |= {(kind, name): budget for name in own}  # they fill it
        wanted = float(np.mean([one.send(own["recency"](budget), budget).tokens for one in of_kind]))
        for name, maker in makers.get(kind, {}).items():
            allowed[kind, name] = equal_budget(of_kind, maker, budget, wanted)
    for number, call in rounds({kind: list(of_kind) for kind, of_kind in calls.items()}):
        one, wanted_words = met[call.kind][number], new_words(call.logged)
        digests = {}
        for name, maker in by_kind[call.kind].items():
            most = allowed[call.kind, name]
            digests[name] = one.send(maker(most), most)
        nats = reader.nats(number, call, list(digests.values()))
        for (name, digest), value in zip(digests.items(), nats, strict=True):
            rows.append(
                {
                    "kind": call.kind,
                    "call": call.key,
                    "cluster": call.cluster,
                    "policy": name,
                    "budget": budget,
                    "tokens": digest.tokens,
                    "words": share_held(wanted_words, digest, call.history),
                    "nats": value,
                }
            )
    return rows


def schema() -> pa.Schema:
    """Columns of the rows: names, hashes and numbers, no texts."""
    import pyarrow as pa

    text = pa.string()
    numbers = {"budget": pa.int32(), "tokens": pa.int32(), "words": pa.float32(), "nats": pa.float32()}
    return pa.schema({"kind": text, "call": text, "cluster": text, "policy": text, **numbers})
