"""Three models that come inside packages, pinned by hash. May import runtime.

tokens            cl100k, the unit of every budget
sentence_encoder  MiniLM, distilled to static vectors; eight_bits: kept in half the room
language_model    scoring with a small language model; smollm2 unpacks the one that is used
"""
