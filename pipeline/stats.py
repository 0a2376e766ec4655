"""Stage stats: what the evaluations measured and training curves -> results/summary.json, the headline of metrics.

python pipeline/stats.py results/replay results/live results/fidelity results/transfer.parquet results/votes \\
    results/kinds results/team results/team_ablations.parquet data/tuned.json data/table1.json models \\
    results/summary.json results/metrics.json
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from lrrc.params import load_params
from lrrc.results.collect import all_records, read_source
from lrrc.results.fidelity_records import read_fidelity
from lrrc.results.kinds_records import read_kinds
from lrrc.results.live_records import read_live
from lrrc.results.scores import Settings
from lrrc.results.summary import Summary
from lrrc.results.team_records import Money
from lrrc.results.team_records import read_records as read_team
from lrrc.results.transfer_records import read_transfer
from lrrc.results.tuning_records import read_tuning
from lrrc.results.votes_records import read_votes
from lrrc.runtime.files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    measured = ("replay", "live", "fidelity", "transfer", "votes", "kinds", "team", "team_ablations")
    for name in (*measured, "tuned", "table1", "models", "summary", "metrics"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    params = load_params()
    tests = params.stats
    settings = Settings(params.rank, params.budget, tests.alpha, tests.margin, params.digest.least_share)
    table1 = json.loads(args.table1.read_text(encoding="utf-8"))
    records = all_records(args.replay, table1, args.models, settings)
    records += [*read_live(args.live, settings), *read_fidelity(args.fidelity, settings)]
    records += read_transfer(args.transfer, settings)
    records += read_votes(args.votes, settings)
    records += read_kinds(args.kinds)
    records += read_team(args.team, args.team_ablations, Money(**asdict(params.team_prices)), tests.alpha)
    records += read_tuning(args.tuned, read_source(args.replay), settings)
    summary = Summary.of(records, params.rank, params.budget)
    write_json(args.summary, summary.content())
    write_json(args.metrics, summary.headline_metrics())


if __name__ == "__main__":
    run_script(main)
