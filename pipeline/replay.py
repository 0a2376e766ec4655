"""Stage replay: every trained item over all episodes, cross-fitted -> one table per item.

python pipeline/replay.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    results/replay
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
import shutil

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.cross_fitting import data_provenance
from lrrc.evaluation.replay.call_gate_curve import write_curve
from lrrc.evaluation.replay.stage import replay_items, write_floors, write_rows
from lrrc.params import load_params
from lrrc.policies.run_items import all_items, baseline_name, item_name
from lrrc.policy_catalogue import REFERENCE
from lrrc.runtime.executor import absolute_path
from lrrc.runtime.files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "out"):
        parser.add_argument(name, type=absolute_path)
    args = parser.parse_args()
    params = load_params()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    wanted = {args.models / name: variant for name, variant in all_items(params).items()}
    for number, (folder, parts) in enumerate(replay_items(wanted, inputs, params), 1):
        item = item_name(folder)
        count = write_rows(args.out / f"{item}.parquet", (row for rows in parts for row in rows))
        print(f"replay {number}/{len(wanted)}: {item}, {count} rows", flush=True)
    full = args.out / f"{baseline_name(REFERENCE, params.seeds[0])}.parquet"
    if full.is_file():
        write_floors(full, args.out / "floors.parquet", inputs, params)
    write_curve(args.models, args.out, inputs, params)
    write_json(args.out / "meta.json", data_provenance(inputs, params))


if __name__ == "__main__":
    run_script(main)
