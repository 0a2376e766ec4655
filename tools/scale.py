"""Speed and memory of the data stages on an arena of the real one's size: the table of docs/scale.md.

python tools/scale.py WORK docs/scale.json docs/scale.md --encoder data/encoder --lm data/lm [--episodes 33000]

The arena is synthetic: the number of conversations and the mean lengths are those published for Chatbot Arena
Conversations (LMSYS-Chat-1M, table 1: 33,000 conversations, 1.2 turns, 52.3 tokens a prompt, 189.5 a reply; here two
replies a turn), drawn from geometric and log-normal distributions; the words are those of the embedded arena, shuffled.
So it weighs what the real one would, and no quality can be read off it. WORK keeps what is done: run again to go on.
"""

import argparse
import json
import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import yaml

from lrrc.episodes.episode import ARENA_AGENTS, ARENA_OUTCOMES, Episode, Message, Turn
from lrrc.episodes.episode_file import iter_episodes, write_episodes
from lrrc.params import load_params, parse_params
from lrrc.runtime.files import write_json, write_text

ROOT = Path(__file__).resolve().parents[1]
TURNS, PROMPT, REPLY = 1.2, 52.3, 189.5  # means, as published
SPREAD = 1.0  # standard deviation of the logarithm of a length; not published, chosen for a long tail
WORDS_PER_TOKEN = 0.72  # of the embedded arena's shuffled words, so that means in tokens come out
PROBED = 1000  # episodes that the untrained policy's outcome head is fitted on
MILLION = 1_000_000
PRICE = 0.05  # US dollars for an hour of one core, an assumption to replace by your own
STAGES = ("annotate", "split", "embed", "train", "replay", "fidelity")


def arena(count: int, seed: int) -> Iterator[Episode]:
    """Synthetic episodes, one at a time."""
    said = [
        m.content
        for e in iter_episodes(ROOT / "data/embedded/arena.parquet")
        for t in e.turns
        for m in (*t.inputs, *t.replies)
    ]
    sentences = [piece.split() for text in said for piece in re.split(r"(?<=[.!?])\s+", text) if piece.strip()]
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        text = partial(shuffled, sentences, rng)
        turns = tuple(
            Turn((Message("user", text(PROMPT)),), tuple(Message("assistant", text(REPLY), a) for a in ARENA_AGENTS))
            for _ in range(min(60, rng.geometric(1 / TURNS)))
        )
        outcome = str(rng.choice(ARENA_OUTCOMES))
        name = f"s{number:07d}"
        yield Episode(name, ARENA_AGENTS, ARENA_AGENTS, (), turns, outcome, "random", name, "English", None)


def shuffled(sentences: list[list[str]], rng: np.random.Generator, mean: float) -> str:
    """Sentences of shuffled words with `mean` tokens together, on average."""
    words = max(1, round(WORDS_PER_TOKEN * mean * rng.lognormal(-(SPREAD**2) / 2, SPREAD)))
    found: list[str] = []
    while words > 0:
        drawn = sentences[rng.integers(len(sentences))][:words]
        found.append(" ".join(drawn[i] for i in rng.permutation(len(drawn))).capitalize())
        words -= len(drawn)
    return ". ".join(found) + "."


def settings(args: argparse.Namespace) -> dict:
    """params.yaml for the run: the default one, but for what it would take weeks to do."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"engine": args.engine, "ranks": [8], "rank": 8, "seeds": [0]}
    params["split"]["folds"] = 2
    params["train"]["max_epochs"] = 1
    params["ablate"]["variants"] = []
    params["baseline"]["policies"] = ["recency"]
    params["fidelity"] |= {"calls": 20, "policies": ["no-history", "recency"]}
    return params


def commands(encoder: Path, lm: Path) -> dict[str, list[str]]:
    """Stage -> script and arguments, as in dvc.yaml."""
    data = ["data/raw/episodes.parquet", "data/segments.safetensors", str(encoder), "data/splits.json"]
    return {
        "annotate": ["pipeline/annotate.py", data[0], "data/annotated/tokens.parquet"],
        "split": ["pipeline/split.py", data[0], "data/annotated/tokens.parquet", data[3], "data/table1.json"],
        "embed": ["pipeline/embed.py", data[0], data[2], "data/gains.parquet", data[1]],
        "train": ["tools/scale.py", "--fit", str(encoder), "models"],
        "replay": ["pipeline/replay.py", "models", *data, "results/replay"],
        "fidelity": ["pipeline/fidelity.py", "models", *data, str(lm), "results/fidelity"],
    }


def fit(encoder: Path, out: Path) -> None:
    """One epoch of the coordinator on the training episodes of the main split; an outcome head for `recency`."""
    import torch

    from lrrc.dataset.array_file import ArrayFile
    from lrrc.dataset.batches import collate, collate_kept
    from lrrc.dataset.inputs import INPUTS, StageInputs
    from lrrc.episodes.episode_file import open_episodes
    from lrrc.model.network import build_network
    from lrrc.model.outcome_probe import OutcomeProbe
    from lrrc.policies import checkpoint
    from lrrc.policies.spec import PolicySpec
    from lrrc.pretrained import sentence_encoder
    from lrrc.training.fit import FitData, fit_network
    from lrrc.training.fit_spec import FitSpec, encoder_width
    from lrrc.training.kept_features import kept_features
    from lrrc.training.losses import coordinator_objective, probe_objective

    torch.set_num_threads(1)
    params = load_params()
    inputs = StageInputs(Path(INPUTS[0]), Path(INPUTS[1]), encoder, Path(INPUTS[3]))
    splits, arrays = inputs.ids("main"), ArrayFile(inputs.segments)
    width = encoder_width(inputs)
    net = build_network("lrrc", 8, width, params.model)
    batches = partial(collate, vocabulary=params.model.vocabulary, targets=params.gains.source)
    train, val = arrays.by_ids(splits["train"]), arrays.by_ids(splits["val"])
    fit_network(
        net,
        coordinator_objective,
        FitData(train, val, batches, arrays.lengths(splits["train"])),
        params.train,
        0,
        out / "work-net",
    )
    item = FitSpec(PolicySpec.of(params, "recency"), 0, params.model, params.train)
    policy, vectors = item.load(inputs), sentence_encoder.load(str(encoder))
    probed = [kept_features(e, policy, vectors) for e in open_episodes(inputs.episodes).each(splits["train"][:PROBED])]
    probe = OutcomeProbe(probed[0].features_TPG.shape[2])
    short = replace(params.train, max_epochs=1)
    fit_network(probe, probe_objective, FitData(probed, probed[:100], collate_kept), short, 0, out / "work-probe")
    for name, kind, rank, weights, file in (
        ("train-r8-s0", "lrrc", 8, net, "fold"),
        ("baseline-recency-s0", "recency", None, probe, "probe-fold"),
    ):
        spec = PolicySpec.of(params, kind, rank)
        write_json(out / name / "config.json", checkpoint.checkpoint_config(spec, 0, width, params.model))
        for fold in range(len(splits["folds"])):
            checkpoint.save_weights(weights, out / name / f"{file}-{fold}.safetensors")
    shutil.rmtree(out / "work-net")
    shutil.rmtree(out / "work-probe")


def measured(command: list[str], work: Path) -> dict[str, float]:
    """Run a script in `work`: seconds, seconds of computing, and the most memory that any one process held."""
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{os.environ.get('PYTHONPATH', '')}", "OMP_NUM_THREADS": "1"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = psutil.Popen([sys.executable, str(ROOT / command[0]), *command[1:]], cwd=work, env=env)
    peak = workers = 0
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            peak = max(peak, *(member.memory_info().rss for member in family))
            workers = max(workers, len(family) - 1)
        except psutil.Error:
            pass  # one has just ended
        time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"scale: {' '.join(command)}: exit status {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(cpu, 1),
        "workers": workers,
        "peak_mib_of_a_process": round(peak / 2**20),
    }


def run(args: argparse.Namespace) -> dict:
    """Everything that WORK does not have yet."""
    work, found = args.work.absolute(), {}
    for folder in ("data/raw", "data/annotated", "models", "results"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    parse_params(settings(args))
    (work / "params.yaml").write_text(yaml.safe_dump(settings(args), sort_keys=False))
    source = work / "data/raw/episodes.parquet"
    if not source.is_file():
        write_episodes(source, arena(args.episodes, 0))
        from lrrc.dataset.segment_gains import save_gains

        save_gains(work / "data/gains.parquet", [])
    for name, command in commands(args.encoder.absolute(), args.lm.absolute()).items():
        kept = work / f"{name}.json"
        if not kept.is_file():
            write_json(kept, measured(command, work))
        found[name] = json.loads(kept.read_text())
        print(name, found[name], flush=True)
    total = next(
        r
        for r in json.loads((work / "data/table1.json").read_text())
        if (r["accounting"], r["split"]) == ("joint", "total")
    )
    return {
        "episodes": args.episodes,
        "engine": args.engine,
        "cores": os.cpu_count(),
        "stages": found,
        "turns_per_episode": total["turns_per_episode"] / 2,
        "tokens_per_episode": total["tokens_per_episode"],
        "segments_bytes": (work / "data/segments.safetensors").stat().st_size,
        "fidelity_calls": settings(args)["fidelity"]["calls"],
        "replayed_items": 2,
    }


def table(found: dict) -> str:
    """What docs/scale.md says between its marks."""
    count, hours = found["episodes"], 0.0
    lines = [
        f"{count:,} episodes, {found['turns_per_episode']:.2f} turns and {found['tokens_per_episode']:,.0f} tokens "
        f"each (both sides), engine `{found['engine']}`, {found['cores']} cores; "
        f"segments.safetensors {found['segments_bytes'] / 2**30:.2f} GiB.",
        "",
        "| stage | seconds | seconds of computing | episodes per second and core | most memory of a process, MiB | "
        f"core hours for {MILLION:,} |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, row in found["stages"].items():
        cpu, memory = row["cpu_seconds"], row["peak_mib_of_a_process"]
        if name == "fidelity":  # a sample whatever the size of the data
            lines.append(
                f"| fidelity, {found['fidelity_calls']} calls | {row['seconds']:,.0f} | {cpu:,.0f} | | "
                f"{memory:,} | {cpu / 3600:.2f}, whatever the size |"
            )
            continue
        items = found["replayed_items"] if name == "replay" else 1
        share = cpu / count * MILLION / 3600
        hours += share / items
        label = {"replay": f"replay, {items} items", "train": "train, one epoch, rank 8"}.get(name, name)
        lines.append(
            f"| {label} | {row['seconds']:,.0f} | {cpu:,.0f} | {count * items / cpu:,.0f} | {memory:,} | {share:,.2f} |"
        )
    through = ", ".join(name for name in found["stages"] if name != "fidelity")
    lines += [
        "",
        f"For {MILLION:,} conversations of these lengths through {through} (one epoch; of replay, one item): "
        f"{hours:,.1f} core hours, {hours * PRICE:,.2f} US dollars at {PRICE:.2f} for an hour of a core (an "
        "assumption: put your price in).",
    ]
    return "\n".join(lines)


def main() -> None:
    if sys.argv[1:2] == ["--fit"]:
        return fit(*map(Path, sys.argv[2:]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("work", "json", "page"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--encoder", type=Path, default=Path("data/encoder"))
    parser.add_argument("--lm", type=Path, default=Path("data/lm"))
    parser.add_argument("--episodes", type=int, default=33_000)
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: to compare bytes; the computing of its workers is not counted",
    )
    args = parser.parse_args()
    found = run(args)
    write_json(args.json, found)
    before, _, after = args.page.read_text().partition("<!-- measured -->\n")
    _, mark, after = after.partition("<!-- end of measured -->\n")
    write_text(args.page, f"{before}<!-- measured -->\n{table(found)}\n{mark}{after}")


if __name__ == "__main__":
    main()
