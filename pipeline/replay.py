"""Stage replay: every trained item over all episodes, cross-fitted -> one table per item.

python pipeline/replay.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    results/replay
"""

import argparse
import shutil

from lrrc.dataset.inputs import StageInputs
from lrrc.evaluation.cross_fitting import data_provenance
from lrrc.evaluation.replay.call_gate_curve import write_curve
from lrrc.evaluation.replay.stage import replay_items, write_floors, write_rows
from lrrc.params import Params, load_params
from lrrc.policies.run_items import item_name
from lrrc.runtime.errors import run_script
from lrrc.runtime.executor import absolute_path
from lrrc.runtime.files import write_json


def items(params: Params) -> dict[str, str]:
    """Folder below models/ -> variant, for everything that the parameters ask for."""
    names = {f"train-r{rank}-s{seed}": "" for rank in params.ranks for seed in params.seeds}
    names |= {f"baseline-{policy}-s{seed}": "" for policy in params.baseline.policies for seed in params.seeds}
    return names | {
        f"ablate-{variant}/s{seed}": variant for variant in params.ablate.variants for seed in params.ablate.seeds
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "episodes", "segments", "encoder", "splits", "out"):
        parser.add_argument(name, type=absolute_path)
    args = parser.parse_args()
    params = load_params()
    inputs = StageInputs(args.episodes, args.segments, args.encoder, args.splits)
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    wanted = {args.models / name: variant for name, variant in items(params).items()}
    for number, (folder, parts) in enumerate(replay_items(wanted, inputs, params), 1):
        item = item_name(folder)
        count = write_rows(args.out / f"{item}.parquet", (row for rows in parts for row in rows))
        print(f"replay {number}/{len(wanted)}: {item}, {count} rows", flush=True)
    full = args.out / f"baseline-full-context-s{params.seeds[0]}.parquet"
    if full.is_file():
        write_floors(full, args.out / "floors.parquet", inputs, params)
    write_curve(args.models, args.out, inputs, params)
    write_json(args.out / "meta.json", data_provenance(inputs, params))


if __name__ == "__main__":
    run_script(main)
