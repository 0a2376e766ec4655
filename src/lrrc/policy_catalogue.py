"""Every policy: a row each, with what the tables call it and of which kind it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PolicyRow:
    """`label` in tables and figures; "style": the published method needs the agents' weights.

    whole     sends whole messages, so has no budget
    trained   has a network
    stateful  that network has a recurrent state, which its outcome head reads; elsewhere the head sees what is kept
    sends     False of what only picks an answer: a floor
    knows     the answer, so it is no policy anybody could use: what the budget could hold
    """

    label: str
    whole: bool = False
    trained: bool = False
    stateful: bool = False
    sends: bool = True
    knows: bool = False


# in the order shown
CATALOGUE = {
    "full-context": PolicyRow("Full-Context", whole=True),
    "no-history": PolicyRow("No history", whole=True),
    "truncated-history": PolicyRow("Truncated-History", whole=True),
    "recency": PolicyRow("Recency"),
    "first-sentences": PolicyRow("First sentences"),
    "lead": PolicyRow("Lead"),
    "bm25": PolicyRow("BM25"),
    "embedding": PolicyRow("Embedding retrieval"),
    "rims-only": PolicyRow("RIMs-only", trained=True, stateful=True),
    "ccf-only": PolicyRow("CCF-only (style)", trained=True, stateful=True),
    "tokensqueeze-only": PolicyRow("TokenSqueeze-only (style)", trained=True),
    "lrrc": PolicyRow("LRRC", trained=True, stateful=True),
    "oracle": PolicyRow("Oracle (knows the answer)", knows=True),
    "longer-answer": PolicyRow("Longer answer (floor)", sends=False),
    "random-pick": PolicyRow("Random pick (floor)", sends=False),
}
POLICIES = {name: row.label for name, row in CATALOGUE.items()}
LIVE = tuple(name for name, row in CATALOGUE.items() if row.sends and not row.knows)  # what an agent can be given
WHOLE = tuple(name for name in LIVE if CATALOGUE[name].whole)
UNTRAINED = tuple(name for name in LIVE if not CATALOGUE[name].trained)
STATELESS = tuple(name for name in LIVE if not CATALOGUE[name].stateful)
LEARNED = tuple(name for name in LIVE if CATALOGUE[name].trained and name != "lrrc")
REFERENCE, ORACLE = "full-context", "oracle"
FLOORS = ("random-pick", "longer-answer")
REFERENCES = (REFERENCE, "no-history", ORACLE)  # they do not compress
