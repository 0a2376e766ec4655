"""From rows to records: what an evaluation wrote is read from files, never from the code that made them.

May import runtime and policy_catalogue alone.

statistics  pure functions: intervals, paired tests, corrections
scores      seeds x episodes of every configuration
replay_records, live_records, fidelity_records, transfer_records, call_gate_records, kinds_records, votes_records,
team_records
            one reader per evaluation
collect     all of them
summary     results/summary.json: finding and naming records
training_curves
            histories of fits
series      the same as points for `dvc plots`, and the headline for `dvc metrics`
"""
