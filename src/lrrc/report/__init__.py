"""What people read.

Made of records: may import results, params, runtime, policy_catalogue, proofs.theorems, and of evaluation what it draws
(traces, cost estimates).

figures/, tables/
            one module a family
headline, live_headline
            sentences
claims      the paper's claims and their verdicts
page        report/index.html and report/summary.md
explorer_section
            the digest explorer
readme_block
            the results in README.md
"""
