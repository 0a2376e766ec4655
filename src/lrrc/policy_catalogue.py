"""Every policy by name: what the tables call it, and of which kind it is."""

from __future__ import annotations

LEARNED = ("rims-only", "ccf-only", "tokensqueeze-only")
WHOLE = ("no-history", "full-context", "truncated-history")  # they send whole messages, so have no budget
UNTRAINED = (*WHOLE, "recency", "first-sentences", "lead", "bm25", "embedding")
LIVE = (*UNTRAINED, *LEARNED, "lrrc")  # what an agent can be given
REFERENCE = "full-context"
STATELESS = (*UNTRAINED, "tokensqueeze-only")  # their outcome head sees what they keep, there being no state
ORACLE = "oracle"  # a digest chosen with knowledge of the answer: what the budget could hold
# policy -> name in tables and figures, in the order shown; "style": the published method needs agent weights
POLICIES = {
    "full-context": "Full-Context",
    "no-history": "No history",
    "truncated-history": "Truncated-History",
    "recency": "Recency",
    "first-sentences": "First sentences",
    "lead": "Lead",
    "bm25": "BM25",
    "embedding": "Embedding retrieval",
    "rims-only": "RIMs-only",
    "ccf-only": "CCF-only (style)",
    "tokensqueeze-only": "TokenSqueeze-only (style)",
    "lrrc": "LRRC",
    "oracle": "Oracle (knows the answer)",
    "longer-answer": "Longer answer (floor)",
    "random-pick": "Random pick (floor)",
}
FLOORS = ("random-pick", "longer-answer")  # they pick an answer and send nothing
REFERENCES = ("full-context", "no-history", "oracle")  # they do not compress; oracle knows the answer
