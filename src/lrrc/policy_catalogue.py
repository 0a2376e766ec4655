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
    stop      its own stopping parameter (section tune of params.yaml), over which it is a curve; "" where it has none
    vectors   untrained, and yet compares segments by their vectors
    knows     the answer, so it is no policy anybody could use: what the budget could hold
    """

    label: str
    whole: bool = False
    trained: bool = False
    stateful: bool = False
    sends: bool = True
    vectors: bool = False
    knows: bool = False
    stop: str = ""


# in the order shown
CATALOGUE = {
    "full-context": PolicyRow("Full-Context", whole=True),
    "no-history": PolicyRow("No history", whole=True),
    "truncated-history": PolicyRow("Truncated-History", whole=True, stop="truncated_turns"),
    "recency": PolicyRow("Recency", stop="top"),
    "first-sentences": PolicyRow("First sentences", stop="top"),
    "lead": PolicyRow("Lead", stop="top"),
    "bm25": PolicyRow("BM25", stop="top"),
    "embedding": PolicyRow("Embedding retrieval", vectors=True, stop="top"),
    "additive": PolicyRow("Additive line", vectors=True, stop="top"),
    "rims-only": PolicyRow("RIMs-only", trained=True, stateful=True, stop="least_share"),
    "ccf-only": PolicyRow("CCF-only (style)", trained=True, stateful=True, stop="least_share"),
    "tokensqueeze-only": PolicyRow("TokenSqueeze-only (style)", trained=True, stop="budget"),
    "lrrc": PolicyRow("LRRC", trained=True, stateful=True, stop="least_share"),
    "oracle": PolicyRow("Oracle (knows the answer)", knows=True),
    "longer-answer": PolicyRow("Longer answer (floor)", sends=False),
    "random-pick": PolicyRow("Random pick (floor)", sends=False),
}
POLICIES = {name: row.label for name, row in CATALOGUE.items()}
LIVE = tuple(name for name, row in CATALOGUE.items() if row.sends and not row.knows)  # what an agent can be given
WHOLE = tuple(name for name in LIVE if CATALOGUE[name].whole)
UNTRAINED = tuple(name for name in LIVE if not CATALOGUE[name].trained)
STATELESS = tuple(name for name in LIVE if not CATALOGUE[name].stateful)
WITH_VECTORS = tuple(name for name in LIVE if CATALOGUE[name].vectors)
LEARNED = tuple(name for name in LIVE if CATALOGUE[name].trained and name != "lrrc")
REFERENCE, ORACLE = "full-context", "oracle"
FLOORS = ("random-pick", "longer-answer")
REFERENCES = (REFERENCE, "no-history", ORACLE)  # they do not compress
