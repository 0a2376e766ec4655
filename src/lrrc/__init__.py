"""Low-Rank Recurrent Coordinator, in four storeys (docs/architecture.md).

ground      runtime, pretrained, episodes
method      digest, model, inference, policies
experiment  dataset, training, evaluation, results, report, proofs, tracking
product     middleware, commands

Imports run one way, as the contracts in pyproject.toml say.
"""
