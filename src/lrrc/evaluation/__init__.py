"""Policies on episodes that their fits never saw.

Writes rows; lrrc.results reads them. May import training and what stands below it, but not proofs and tracking.

replay/        tokens, calls and recorded outcomes
live/          an agent answers checks
fidelity/      surprise of the true reply
kinds/         kinds of conversation left out: targets, two lines, regret
cross_fitting  each episode by the fit that never saw it
trace          one episode call by call; explorer: some of them for the report
cost_estimate  tokens and money on a user's own logs
"""
