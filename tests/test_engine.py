"""Both engines give the same bytes, in bounded memory; a killed Ray worker and a lost node change none."""

import importlib
import itertools
import json
import os
import signal
import sys
import threading
import time

import numpy as np
import psutil
import pytest
import torch
import yaml
from generated import LIMIT, WIDTH, episode, model
from hypothesis import given, settings
from hypothesis import strategies as st
from test_config import ROOT, VALUES

from lrrc import annotate, crossfit, engine, segment_file, tensor_file
from lrrc.checkpoint import describe, save_weights
from lrrc.config import parse_params
from lrrc.engine import chunks, in_order
from lrrc.episode_file import EpisodeFile
from lrrc.episodes import write_episodes
from lrrc.files import atomic, write_json, write_parquet
from lrrc.fitting import Inputs
from lrrc.gate_curve import write_curve
from lrrc.model.coordinator import build
from lrrc.model.probe import Probe

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets and files of Ray's own processes
EPISODES = 150  # three chunks of the stage embed


@pytest.fixture(scope="module")
def cluster():
    """Two nodes of one core each on this machine; RAY_ADDRESS names them, as it would name a team's."""
    from ray.cluster_utils import Cluster

    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "tests"), *sys.path]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 2**27})
        nodes.add_node(num_cpus=1, object_store_memory=2**27)
        patch.setenv("RAY_ADDRESS", nodes.address)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Episodes, splits, an encoder, and a learned and an untrained item, where the pipeline would have put them."""
    from checkpoints import write_encoder

    root = tmp_path_factory.mktemp("data")
    made = [episode(seed, turns=1 + seed % 4, outcome=("tie", "model_a", None)[seed % 3]) for seed in range(EPISODES)]
    write_episodes(root / "episodes.parquet", made)
    write_encoder(root / "encoder")
    ids = [e.episode_id for e in made]
    folds = [{"train": [], "val": ids[k::5], "test": [i for i in ids[1 - k :: 2] if i not in ids[k::5]]} for k in (0, 1)]
    write_json(root / "splits.json", {"folds": folds})
    write_parquet(root / "gains.parquet", _no_gains())
    torch.manual_seed(0)
    for name, rank in (("train-r4-s0", 4), ("baseline-recency-s0", None)):
        folder = root / "models" / name
        folder.mkdir(parents=True)
        policy = "lrrc" if rank else "recency"
        write_json(folder / "config.json", describe(policy, rank, 0, WIDTH, LIMIT, model()))
        for fold in (0, 1):
            net = build("lrrc", 4, WIDTH, model()) if rank else Probe(WIDTH + 1)
            save_weights(net, folder / (f"fold-{fold}.safetensors" if rank else f"probe-fold-{fold}.safetensors"))
    return root


def _no_gains():
    import pyarrow as pa

    return pa.table({"key": pa.array([], pa.string()), "gains": pa.array([], pa.list_(pa.float32()))})


def params(kind):
    changes = {"engine": kind, "ranks": [4], "rank": 4, "seeds": [0], "budget": 24}
    return parse_params({**VALUES, **changes, "embed": {"max_segment_tokens": LIMIT}})


def stages(root, out, kind):
    """What annotate, embed and replay write, as bytes by name."""
    out.mkdir()
    write_parquet(out / "tokens", annotate.annotate(root / "episodes.parquet", 3, kind), annotate.schema())
    write_segments(root, out / "segments", kind)
    inputs = Inputs(root / "episodes.parquet", out / "segments", root / "encoder", root / "splits.json")
    items = {root / "models" / name: "" for name in ("train-r4-s0", "baseline-recency-s0")}
    for folder, parts in crossfit.replay(items, inputs, params(kind)):
        crossfit.write_rows(out / folder.name, itertools.chain.from_iterable(parts))
    crossfit.write_floors(out / "baseline-recency-s0", out / "floors", inputs, params(kind))
    write_curve(root / "models", out, inputs, params(kind))
    return {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def write_segments(root, out, kind):
    parts = segment_file.made(root / "episodes.parquet", root / "encoder", LIMIT, root / "gains.parquet", kind)
    with atomic(out) as temporary:
        segment_file.write(temporary, parts)


def test_engines_give_the_same_bytes(cluster, data, tmp_path):
    local, ray = (stages(data, tmp_path / kind, kind) for kind in ("local", "ray"))
    assert set(local) == {"tokens", "segments", "train-r4-s0", "baseline-recency-s0", "floors", "curve.parquet"}
    assert local == ray and all(local.values())


def slow_square(number, folder):
    """Leaves its worker's process id where a killer finds it, once."""
    if not (mine := folder / str(number)).exists():
        mine.write_text(str(os.getpid()))
        time.sleep(0.5)
    return number**2


def killer(pids, killed):
    """SIGKILL the first worker of this test's cluster that `pids()` names."""
    while not killed:
        for pid in pids():
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return
        time.sleep(0.005)


def workers(session):
    """Processes of Ray workers that are at work on a task of this session."""
    for process in psutil.process_iter():
        try:
            if process.name().startswith("ray::_alone") and any(session in word for word in process.environ().values()):
                yield process.pid
        except (psutil.Error, OSError):
            continue


def test_a_worker_killed_in_the_middle_of_a_stage_changes_no_byte(cluster, data, tmp_path):
    write_segments(data, tmp_path / "local", "local")
    descendants = {p.pid for p in psutil.Process().children(recursive=True)}
    killed = []

    def busy():
        found = [p for p in psutil.process_iter(["name"]) if (p.info["name"] or "").startswith("ray::_alone")]
        return [p.pid for p in found if p.pid in descendants or _ours(p)]

    thread = threading.Thread(target=killer, args=(busy, killed), daemon=True)
    thread.start()
    write_segments(data, tmp_path / "ray", "ray")
    thread.join(5)
    assert killed and not psutil.pid_exists(killed[0])
    assert (tmp_path / "ray").read_bytes() == (tmp_path / "local").read_bytes()


def _ours(process):
    try:
        return os.getpid() in [parent.pid for parent in process.parents()]
    except psutil.Error:
        return False
