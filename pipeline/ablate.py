"""Stage ablate: the coordinator at the operating rank with one part changed, every seed (paper section 3.4).

python pipeline/ablate.py top_k-2 models/ablate-top_k-2
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse
import dataclasses
from pathlib import Path

from lrrc.dataset.inputs import INPUTS, OWN_SPLITS, StageInputs
from lrrc.episodes.episode_file import read_episodes
from lrrc.episodes.split import family_folds
from lrrc.params import FAMILY_FOLDS, load_params, parse_variant
from lrrc.policies.spec import PolicySpec
from lrrc.runtime.files import write_json
from lrrc.training.fit_spec import FitSpec
from lrrc.training.stage import fit_and_log


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "variant", help="KEY-VALUE of the section model, such as top_k-2, targets-KIND, or folds-family"
    )
    parser.add_argument("out", type=Path, help="folder to write, one below it for each seed of ablate.seeds")
    args = parser.parse_args()
    params = load_params()
    model = dataclasses.replace(params.model, **parse_variant(args.variant))
    kind = args.variant.removeprefix("targets-") if args.variant.startswith("targets-") else params.gains.source
    spec = PolicySpec.of(params, "lrrc", params.rank)
    items = {f"s{seed}": FitSpec(spec, seed, model, params.train, kind) for seed in params.ablate.seeds}
    inputs = StageInputs(*map(Path, INPUTS))
    if args.variant == FAMILY_FOLDS:
        split = params.split
        try:
            folds = family_folds(read_episodes(inputs.episodes), train=split.train, val=split.val, seed=split.seed)
        except ValueError as error:  # other data may have no families
            print(f"ablate: {args.variant}: the folds of the run, as no others can be made ({error})")
        else:
            write_json(args.out / OWN_SPLITS, {"folds": folds})
        inputs = inputs.of(args.out)
    fit_and_log("ablate", items, False, args.out, inputs)


if __name__ == "__main__":
    run_script(main)
