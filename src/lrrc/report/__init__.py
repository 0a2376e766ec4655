"""What people read. Made of records alone.

figures/, tables/
            one module a family
headline, live_headline
            sentences
claims      the paper's claims and their verdicts
page        report/index.html and report/summary.md
readme_block
            the results in README.md
"""
