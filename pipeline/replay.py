"""Stage replay: every trained item over all episodes, cross-fitted -> one table per item.

python pipeline/replay.py models data/raw/episodes.parquet data/segments.safetensors data/encoder data/splits.json \\
    results/replay
"""

import argparse
import shutil

from lrrc import crossfit
from lrrc.checkpoint import item_name
from lrrc.config import Params, load_params
from lrrc.engine import shared
from lrrc.errors import one_line
from lrrc.files import write_json
from lrrc.fitting import Inputs
from lrrc.gate_curve import write_curve


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
        parser.add_argument(name, type=shared)
    args = parser.parse_args()
    params = load_params()
    inputs = Inputs(args.episodes, args.segments, args.encoder, args.splits)
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    wanted = {args.models / name: variant for name, variant in items(params).items()}
    for number, (folder, parts) in enumerate(crossfit.replay(wanted, inputs, params), 1):
        item = item_name(folder)
        count = crossfit.write_rows(args.out / f"{item}.parquet", (row for rows in parts for row in rows))
        print(f"replay {number}/{len(wanted)}: {item}, {count} rows", flush=True)
    full = args.out / f"baseline-full-context-s{params.seeds[0]}.parquet"
    if full.is_file():
        crossfit.write_floors(full, args.out / "floors.parquet", inputs, params)
    write_curve(args.models, args.out, inputs, params)
    write_json(args.out / "meta.json", crossfit.meta(inputs, params))


if __name__ == "__main__":
    one_line(main)
