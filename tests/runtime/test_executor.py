"""Both engines give the same bytes, a few tasks at a time; a killed Ray worker changes none."""

import contextlib
import itertools
import os
import sys
import threading
import time

import numpy as np
import psutil
import pytest
import torch
from helpers.parameters import VALUES
from helpers.random_episodes import LIMIT, WIDTH, episode, model
from helpers.tiny_language_model import write_lm
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.dataset.array_file import array_parts, write_arrays
from lrrc.dataset.inputs import StageInputs
from lrrc.dataset.segment_gains import write_gains
from lrrc.episodes.episode_file import EpisodeFile, read_episodes, write_episodes
from lrrc.episodes.token_counts import count_tokens, schema
from lrrc.evaluation.fidelity.stage import evaluate_fidelity
from lrrc.evaluation.replay.call_gate_curve import write_curve
from lrrc.evaluation.replay.stage import replay_items, write_floors, write_rows
from lrrc.model.network import build_network
from lrrc.model.outcome_probe import OutcomeProbe
from lrrc.params import ENGINES, GainsConfig, parse_params
from lrrc.policies.checkpoint import checkpoint_config, save_weights
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained.answers import LanguageModelFiles, write_answers
from lrrc.runtime.executor import AHEAD, chunks, map_in_order
from lrrc.runtime.files import atomic, write_json, write_parquet
from lrrc.runtime.tensor_stream import TensorReader, write_tensors

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets and files of Ray's own processes
EPISODES = 150  # three chunks of the stage embed


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Episodes, splits, an encoder, and a learned and an untrained item, where the pipeline would have put them."""
    from helpers.checkpoints import write_encoder

    root = tmp_path_factory.mktemp("data")
    made = [episode(seed, turns=1 + seed % 4, outcome=("tie", "model_a", None)[seed % 3]) for seed in range(EPISODES)]
    write_episodes(root / "episodes.parquet", made)
    write_encoder(root / "encoder")
    ids = [e.episode_id for e in made]
    folds = [
        {"train": [], "val": ids[k::5], "test": [i for i in ids[1 - k :: 2] if i not in ids[k::5]]} for k in (0, 1)
    ]
    write_json(root / "splits.json", {"folds": folds})
    write_parquet(root / "gains.parquet", _no_gains())
    write_lm(root / "lm")
    write_answers(root / "answers.parquet", {})
    torch.manual_seed(0)
    for name, rank in (("train-r4-s0", 4), ("baseline-recency-s0", None)):
        folder = root / "models" / name
        folder.mkdir(parents=True)
        policy = "lrrc" if rank else "recency"
        write_json(
            folder / "config.json",
            checkpoint_config(PolicySpec(policy, rank=rank, max_segment_tokens=LIMIT), 0, WIDTH, model()),
        )
        for fold in (0, 1):
            net = build_network("lrrc", 4, WIDTH, model()) if rank else OutcomeProbe(WIDTH + 1)
            save_weights(net, folder / (f"fold-{fold}.safetensors" if rank else f"probe-fold-{fold}.safetensors"))
    return root


def _no_gains():
    import pyarrow as pa

    return pa.table({"key": pa.array([], pa.string()), "gains": pa.array([], pa.list_(pa.float32()))})


def params(kind):
    changes = {"engine": kind, "ranks": [4], "rank": 4, "seeds": [0], "budget": 24}
    few = VALUES["fidelity"] | {"calls": 4, "policies": ["recency"]}
    return parse_params({**VALUES, **changes, "embed": {"max_segment_tokens": LIMIT}, "fidelity": few})


def stages(root, out, kind):
    """What annotate, gains, embed, replay and fidelity write, as bytes by name."""
    out.mkdir()
    write_parquet(out / "tokens", count_tokens(root / "episodes.parquet", 3, kind), schema())
    write_segments(root, out / "segments", kind)
    few = GainsConfig("model", candidates=2, reply_tokens=4, calls=4, seed=0)
    write_gains(root / "episodes.parquet", root / "lm", root / "none", out / "gains", few, LIMIT, kind)
    inputs = StageInputs(root / "episodes.parquet", out / "segments", root / "encoder", root / "splits.json")
    items = {root / "models" / name: "" for name in ("train-r4-s0", "baseline-recency-s0")}
    for folder, parts in replay_items(items, inputs, params(kind)):
        write_rows(out / folder.name, itertools.chain.from_iterable(parts))
    write_floors(out / "baseline-recency-s0", out / "floors", inputs, params(kind))
    write_curve(root / "models", out, inputs, params(kind))
    write_json(out / "tuned", {"trials": [], "chosen": [{}] * len(inputs.folds())})
    lm = LanguageModelFiles(root / "lm", root / "answers.parquet", root / f"journals-{kind}")
    evaluate_fidelity(root / "models", inputs, out / "tuned", lm, params(kind), out)
    return {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def write_segments(root, out, kind):
    parts = array_parts(root / "episodes.parquet", root / "encoder", LIMIT, root / "gains.parquet", kind)
    with atomic(out) as temporary:
        write_arrays(temporary, parts)


@pytest.fixture(scope="module")
def local(data, tmp_path_factory):
    """What the stages write on the cores of this machine."""
    return stages(data, tmp_path_factory.mktemp("local") / "out", "local")


@pytest.fixture(scope="module")
def cluster(local):
    """Two nodes of one core each on this machine; RAY_ADDRESS names them, as it would name a team's.

    It comes after `local`: a process that talks to Ray has threads, and should not be forked any more.
    """
    import ray
    from ray.cluster_utils import Cluster

    one = {"num_cpus": 1, "object_store_memory": 2**27}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        for last in (False, False, True):
            nodes = Cluster()
            try:
                nodes.add_node(**one, include_dashboard=False)
                nodes.add_node(**one)
                break
            except Exception:  # Ray waits 30 s for a node, which a busy machine may exceed
                nodes.shutdown()
                if last:
                    raise
        patch.setenv("RAY_ADDRESS", nodes.address)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@given(st.integers(0, 500), st.integers(1, 70))
def test_chunks_cover_everything_once(count, size):
    assert [i for a, b in chunks(count, size) for i in range(a, b)] == list(range(count))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=5), st.text(max_size=5))
def test_streamed_tensors_are_the_bytes_of_the_library(tmp_path_factory, sizes, note):
    from safetensors.numpy import save

    rng = np.random.default_rng(0)
    empty = {"b": np.zeros((0, 3), np.float32), "a": np.zeros(0, np.int64), "c": np.zeros(0, np.int32)}
    parts = [
        {"b": rng.random((n, 3), np.float32), "a": rng.integers(0, 9, m), "c": np.arange(n + m, dtype=np.int32)}
        for n, m in sizes
    ]
    path = tmp_path_factory.mktemp("tensors") / "x"
    write_tensors(path, parts, empty, {"note": note})
    whole = {name: np.concatenate([empty[name], *(part[name] for part in parts)]) for name in empty}
    assert path.read_bytes() == save(whole, {"note": note})
    read = TensorReader(path)
    for name, array in whole.items():
        for start, stop in ((0, None), (1, 3)):
            stop = min(stop or len(array), len(array))
            np.testing.assert_array_equal(read.read(name, min(start, stop), stop), array[start:stop])
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        TensorReader(path)


def test_episodes_by_row_and_by_id(data):
    whole, file = read_episodes(data / "episodes.parquet"), EpisodeFile(data / "episodes.parquet")
    assert file.rows(60, 70) == whole[60:70] and file.rows(0, 10**6) == whole and len(file) == len(whole)
    order = np.random.default_rng(0).permutation(EPISODES)[:70]
    assert file.by_ids([whole[i].episode_id for i in order]) == [whole[i] for i in order]
    assert list(file.each([whole[i].episode_id for i in order])) == [whole[i] for i in order]
    assert file.judged == {e.episode_id: e.outcome for e in whole if e.outcome}
    with pytest.raises(ValueError, match="no such file"):
        EpisodeFile(data / "none.parquet")


def test_tasks_are_drawn_as_results_are_taken():
    drawn = []
    tasks = ((drawn.append(i) or i, 2) for i in range(10**6))
    results = map_in_order(pow, tasks)
    found = [next(results) for _ in range(5)]
    assert found == [((i, 2), i**2) for i in range(5)]
    assert len(drawn) <= AHEAD * os.cpu_count() + 5
    results.close()
    assert list(map_in_order(pow, [])) == []


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install -e '\.\[scale\]'"):
        list(map_in_order(pow, [(2, 3)], "ray"))


@pytest.mark.parametrize("kind", ENGINES)
def test_errors_come_as_they_were_raised(request, data, tmp_path, kind):
    if kind == "ray":
        request.getfixturevalue("cluster")
    (tmp_path / "broken.parquet").write_bytes((data / "episodes.parquet").read_bytes()[:-9])
    with pytest.raises(ValueError, match="broken.parquet: not a whole parquet file") as caught:
        list(map_in_order(EpisodeFile, [(tmp_path / "broken.parquet",)], kind))
    assert "\n" not in str(caught.value)


def test_engines_give_the_same_bytes(cluster, local, data, tmp_path):
    names = {"tokens", "gains", "segments", "train-r4-s0", "baseline-recency-s0", "floors", "curve.parquet"}
    assert set(local) == names | {"tuned", "rows.parquet", "answers.parquet", "meta.json"}
    assert all(local.values()) and stages(data, tmp_path / "ray", "ray") == local


def test_a_worker_killed_in_the_middle_of_a_stage_changes_no_byte(cluster, local, data, tmp_path):
    killed = []

    def kill_one():
        while not killed:  # the first worker of the cluster above that is at work on a task
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if process.name().startswith("ray::_alone"):
                        process.kill()
                        killed.append(process.pid)
                        return
            time.sleep(0.002)

    thread = threading.Thread(target=kill_one, daemon=True)
    thread.start()
    write_segments(data, tmp_path / "ray", "ray")
    thread.join(5)
    assert killed and not psutil.pid_exists(killed[0])
    assert (tmp_path / "ray").read_bytes() == local["segments"]
