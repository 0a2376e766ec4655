"""The coordinator's networks (paper section 3.1).

Torch only: no Lightning, no files, no parameters of a run. May import the names of outcomes from episodes and of
features from digest.

network        encoder, cell, heads: the whole coordinator
cells          the gated low-rank cell, and those of the component baselines
decoder        scores of segments and of essential words
outcome        outcomes and their exchange: heads that favour no side
state_measures is the state alive?
outcome_probe  the outcome head of policies without a state
batch          what a batch holds
"""

from lrrc.runtime import arithmetic

if arithmetic.fixed():  # before any network computes
    from lrrc.runtime.products import use_openblas

    use_openblas()
