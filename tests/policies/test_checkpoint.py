"""Checkpoints give back what was saved, and say in one line what is wrong with them."""

import json
from dataclasses import replace

import pytest
import torch
from helpers.policies import made_policy
from helpers.random_episodes import AGENTS, ENCODER, LIMIT, MODEL, WIDTH, as_messages, compose, episode, model

from lrrc.digest.writer import PLAIN_RULES
from lrrc.model.network import build_network
from lrrc.policies import checkpoint
from lrrc.policies.learned import Learned
from lrrc.policies.pruning import Pruning
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import LEARNED
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.files import write_json


@pytest.fixture(autouse=True)
def vectors(monkeypatch):
    monkeypatch.setattr(sentence_encoder, "load", lambda folder: ENCODER)


def written(folder, kind="lrrc", rank=4, config=MODEL, fit="main"):
    torch.manual_seed(5)
    net = build_network(kind, rank, WIDTH, config)
    checkpoint.save_weights(net, folder / f"{fit}.safetensors")
    write_json(
        folder / "config.json",
        checkpoint.checkpoint_config(PolicySpec(kind, rank=rank, max_segment_tokens=LIMIT), 0, WIDTH, config),
    )
    return net


def one_line(call, *args, **options):
    with pytest.raises(ValueError) as caught:
        call(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["lrrc", *LEARNED])
def test_a_policy_is_given_back(tmp_path, kind):
    net = written(tmp_path, kind, config=model(top_k=1, hierarchy=False), fit="fold-3")
    spec = PolicySpec(kind, 40, replace(PLAIN_RULES, max_overlap=0.9))
    loaded = load_policy(spec, "unused", tmp_path, "fold-3")
    assert type(loaded) is (Pruning if kind == "tokensqueeze-only" else Learned)
    assert loaded.spec == replace(spec, rank=4, max_segment_tokens=LIMIT)
    assert loaded.checkpoint == str(tmp_path) and not loaded.net.training
    for name, value in net.state_dict().items():
        assert torch.equal(loaded.net.state_dict()[name], value)
    listed = as_messages(episode(1, turns=4, agents=AGENTS), 3)
    assert compose(loaded, listed)[0] == compose(made_policy(kind, 40, net, max_overlap=0.9), listed)[0]


def test_the_same_weights_are_the_same_bytes(tmp_path):
    for name in "ab":
        written(tmp_path / name)
    assert (tmp_path / "a/main.safetensors").read_bytes() == (tmp_path / "b/main.safetensors").read_bytes()


def test_missing_files(tmp_path):
    assert "no checkpoint here (config.json is missing)" in one_line(checkpoint.read_config, tmp_path / "none")
    written(tmp_path)
    assert "fold-7.safetensors: no such weights" in one_line(checkpoint.load_net, tmp_path, "fold-7")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"schema": 2}', '{"schema": 2, "model": 3}', "\x00"])
def test_a_broken_config(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert "not a checkpoint's config.json" in one_line(checkpoint.read_config, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 1, "model": {"new": 1}}, "schema 1: this version reads schema 2: train it anew with `dvc repro`"),
        ({"model": {"d": 3}}, "missing"),
        (
            {
                "model": json.loads(json.dumps(checkpoint.checkpoint_config(PolicySpec("lrrc"), 0, 1, MODEL)["model"]))
                | {"rho_max": 2}
            },
            "rho_max",
        ),
        ({"policy": "bm25"}, "bm25: not a learned policy"),
        ({"rank": 5}, "not the weights of this network"),
        ({"encoder_width": WIDTH + 1}, "not the weights of this network"),
    ],
)
def test_a_config_that_does_not_fit(tmp_path, change, message):
    written(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    write_json(tmp_path / "config.json", config | change)
    assert message in one_line(checkpoint.load_net, tmp_path)


@pytest.mark.parametrize("key", checkpoint.KEYS)
def test_a_key_is_missing(tmp_path, key):
    written(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config[key]
    write_json(tmp_path / "config.json", config)
    assert f"{key} missing" in one_line(checkpoint.read_config, tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\xff" * 100])
def test_damaged_weights(tmp_path, damage):
    written(tmp_path)
    path = tmp_path / "main.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert "not the weights of this network" in one_line(checkpoint.load_net, tmp_path)


def test_another_policys_checkpoint_and_other_vectors(tmp_path, monkeypatch):
    written(tmp_path, "rims-only")
    message = one_line(load_policy, PolicySpec("lrrc"), "vectors", tmp_path)
    assert "holds a checkpoint of rims-only, not of lrrc" in message

    class Wider:
        width = 2 * WIDTH

    monkeypatch.setattr(sentence_encoder, "load", lambda folder: Wider())
    message = one_line(load_policy, PolicySpec("rims-only"), "vectors", tmp_path)
    assert f"trained on vectors of width {WIDTH}, but vectors has width {2 * WIDTH}" in message
