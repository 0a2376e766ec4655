"""LRRC as it is served: digests of torch's network, the packaged weights where none are named, no torch imported."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.checkpoints import write_checkpoint
from helpers.paths import ROOT, SHARED
from helpers.random_episodes import AGENTS, as_messages, episode, histories
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from lrrc.digest.growing_rows import GrowingRows
from lrrc.episodes.episode_file import iter_episodes
from lrrc.episodes.logs import Logs
from lrrc.middleware import Coordinator, Settings
from lrrc.policies.checkpoint import line_of
from lrrc.policies.packaging import MOST_BYTES, digests, size_of
from lrrc.policies.registry import load_policy, with_settings
from lrrc.policies.serving import PACKAGED, PACKAGED_ENCODER, ServingPolicy, serving_policy
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import sentence_encoder

SPEC = PolicySpec("lrrc")
REAL = ("tau_bench_airline_dev", "mint_feedback", "casino_bargaining", "ubuntu_irc", "autogen_notebooks")
EACH = 8  # conversations of every kind
ALIKE = 0.99  # share of equal digests: where two scores are equal but for rounding, either may come first


@pytest.fixture(scope="module")
def served():
    return serving_policy(SPEC)


@pytest.fixture(scope="module")
def in_torch():
    return load_policy(SPEC, PACKAGED_ENCODER, PACKAGED).with_line(line_of(PACKAGED))


def alike(served, in_torch, episodes):
    pairs = [pair for e in episodes for pair in zip(digests(served, e), digests(in_torch, e), strict=True)]
    written = sum(bool(text) for _, (text, _) in pairs)
    return sum(a == b for a, b in pairs) / len(pairs), written


def test_made_up_conversations_have_the_same_digests(served, in_torch):
    made = [episode(seed, turns=12) for seed in range(30)]
    share, written = alike(served, in_torch, made)
    assert share >= ALIKE and written > 300


def test_those_of_the_arena_too(served, in_torch):
    every = list(iter_episodes(ROOT / "data/embedded/arena.parquet"))
    share, written = alike(served, in_torch, every[::20])
    assert share >= ALIKE and written > 50


@pytest.mark.parametrize("kind", REAL)
def test_real_conversations_too(served, in_torch, kind):
    path = SHARED / f"{kind}.jsonl"
    if not path.is_file():
        pytest.skip(f"../shared/data/{kind}.jsonl is not there (real data for development only)")
    with path.open("rb") as file:
        logs = iter(Logs(file, "", pytest.fail, one_agent=True))
        share, written = alike(served, in_torch, [next(logs) for _ in range(EACH)])
    assert share >= ALIKE and written


@settings(deadline=None, max_examples=15)
@given(turns=histories, cut=st.integers(0, 5))
def test_turns_together_are_turns_one_by_one(turns, cut):
    policy = serving_policy(SPEC)
    apart, together = policy.session(AGENTS), policy.session(AGENTS)
    for turn in turns:
        apart.observe(turn)
    together.observe_all(turns[:cut])
    together.observe_all(turns[cut:])
    for name in ("state_CD", "projected_NH"):
        one, other = (getattr(session, name) for session in (apart, together))
        one, other = (value.rows if isinstance(value, GrowingRows) else value for value in (one, other))
        assert one.tobytes() == other.tobytes()


def test_a_failed_turn_leaves_the_session_as_it_was(served, monkeypatch):
    session, made = served.session(AGENTS), episode(3, turns=4, empty=0)
    turns = [[*turn.inputs, *turn.replies] for turn in made.turns]
    session.observe_all(turns[:2])
    before = session.state_CD.copy()

    def fail(*args):
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(served.net, "take_in", fail)
        with pytest.raises(RuntimeError, match="out of luck"):
            session.observe_all(turns[2:])
    assert np.array_equal(session.state_CD, before) and len(session.history.messages) == 6
    session.observe_all(turns[2:])
    assert not np.array_equal(session.state_CD, before)


def test_other_settings_keep_the_weights(served):
    other = with_settings(served, {"standing": 0.0})
    assert type(other) is ServingPolicy and other.net is served.net and other.spec.rules.standing == 0.0
    assert Coordinator(served, settings=Settings(standing=0.25)).policy.spec.rules.standing == 0.25


def test_what_is_packaged_fits_and_says_what_it_is():
    assert size_of(PACKAGED) <= MOST_BYTES
    card = (PACKAGED / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == (ROOT / "docs/model_card.md").read_text(encoding="utf-8")
    for part in ("What it has learnt from", "licence", "Figures", "Eight bits", "Certificate", "Limits"):
        assert part in card
    checks = json.loads((PACKAGED / "certificate.json").read_text())["fits"]["main"]["checks"]
    assert checks and all(checks.values())


def test_a_coordinator_without_arguments_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = as_messages(episode(5, turns=9, agents=("assistant",), empty=0), 8)
    coordinator = Coordinator()
    assert coordinator.policy.checkpoint == str(PACKAGED) and type(coordinator.policy) is ServingPolicy
    payload, receipt = coordinator.compose(asked, conversation="talk")
    coordinator.save(tmp_path / "kept")
    sentence_encoder.load.cache_clear()
    again = Coordinator.load(tmp_path / "kept")
    assert again.policy.checkpoint == str(tmp_path / "kept/model")
    assert again.compose(asked, conversation="talk")[0] == payload and receipt.digest_tokens > 0


def test_a_folder_of_a_finished_pipeline_may_be_named(tmp_path):
    folder = write_checkpoint(tmp_path)
    coordinator = Coordinator(checkpoint=folder)
    assert coordinator.policy.checkpoint == str(folder) and coordinator.encoder == tmp_path / "data/encoder"
    assert type(coordinator.policy) is ServingPolicy


def damaged(folder: Path, how):
    path = folder / "main.safetensors"
    path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "main.safetensors").unlink(), "no such weights"),
        (lambda folder: damaged(folder, lambda data: data[:200]), "not the weights of this network"),
        (lambda folder: damaged(folder, lambda data: b""), "not the weights of this network"),
        (lambda folder: endless(folder), "head.mix.bias is not made of finite 32-bit numbers"),
        (lambda folder: rewritten(folder, rank=5), "not the weights of this network: "),
        (lambda folder: rewritten(folder, schema=1), "schema 1: this version reads schema 2"),
        (lambda folder: rewritten(folder, policy="rims-only"), "holds a checkpoint of rims-only, not of lrrc"),
        (lambda folder: rewritten(folder, encoder_width=8), "trained on vectors of width 8"),
        (lambda folder: (folder / "config.json").unlink(), "no checkpoint here"),
    ],
)
def test_a_broken_checkpoint_is_one_line(tmp_path, change, says):
    folder = write_checkpoint(tmp_path)
    change(folder)
    with pytest.raises(ValueError) as caught:
        serving_policy(SPEC, tmp_path / "data/encoder", folder)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def endless(folder):
    weights = load_file(folder / "main.safetensors")
    weights["head.mix.bias"][0] = np.inf
    save_file(weights, folder / "main.safetensors")


def rewritten(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_compressing_and_choosing_import_no_torch(tmp_path):
    """Nor anything else that the lean installation leaves out."""
    messages = as_messages(episode(5, turns=9, agents=("assistant",), empty=0), 8)
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "a", "messages": messages}) + "\n")
    code = (
        "import sys\n"
        "for name in [n for n in sys.modules if n.partition('.')[0] in ('lrrc', 'torch')]: del sys.modules[name]\n"
        "from lrrc.cli import main\n"
        "assert main(['compress', 'in.jsonl', 'out.jsonl', '--budget', '40']) == 0\n"
        "from lrrc.middleware import Coordinator\n"
        "talk = [{'role': 'user', 'content': 'Who has the key?'},\n"
        "        {'role': 'assistant', 'name': 'Oak', 'content': 'The key is on my sheet.'},\n"
        "        {'role': 'user', 'content': 'Where is the key?'}]\n"
        "(one,) = [choice.agent for choice in Coordinator().choose(talk, ['Fir', 'Oak']) if choice.called]\n"
        "assert one == 'Oak', one\n"
        "heavy = {'torch', 'pandas', 'pyarrow', 'scipy', 'mlflow', 'model2vec', 'transformers', 'lrrc.model'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n" and "the packaged coordinator" in done.stderr
    assert json.loads((tmp_path / "out.jsonl").read_text())["receipt"]["digest_tokens"] > 0
