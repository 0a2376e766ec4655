"""What people read.

Made of records: may import results, params, runtime, policy_catalogue, proofs.theorems, and of evaluation what it draws
(traces, cost estimates).

figures/, tables/
            one module a family
verdicts    the questions that matter, answered, each with the way to what its answer rests on
headline, live_headline, votes_headline
            sentences
claims      the paper's claims and their verdicts
page        report/index.html and report/summary.md
explorer_section
            the digest explorer
artifact    docs/artifact.md
readme_block
            the verdict and cards in README.md
"""
