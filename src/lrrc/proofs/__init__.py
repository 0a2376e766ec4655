"""The Lean theorems of proofs/ and what they say of a checkpoint.

May import runtime, episodes, dataset, model, policies.

theorems     as recorded
check, lean  checked by the real kernel
certificate  what the theorems suppose, measured on a checkpoint
"""
