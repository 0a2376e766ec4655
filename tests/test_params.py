"""A wrong parameter stops with one line that names it; every committed parameter file loads."""

import copy
import dataclasses

import pytest
import yaml
from helpers.parameters import VALUES
from helpers.paths import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.params import ModelConfig, Params, load_params, parse_params, parse_variant

PATHS = [(key,) for key in VALUES] + [
    (key, inner) for key, section in VALUES.items() if isinstance(section, dict) for inner in section
]


def changed(path, value):
    values = copy.deepcopy(VALUES)
    section = values
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return values


def one_line(values):
    with pytest.raises(ValueError) as caught:
        parse_params(values)
    message = str(caught.value)
    assert message.startswith("params: ") and "\n" not in message
    return message


@pytest.mark.parametrize("path", sorted(ROOT.glob("params*.yaml")) + sorted(ROOT.glob("params/*.yaml")), ids=str)
def test_every_committed_file_loads(path):
    assert isinstance(load_params(path), Params)


def test_the_default_file_is_read_as_it_stands():
    params = load_params(ROOT / "params.yaml")
    assert params.ranks == tuple(VALUES["ranks"]) and params.model.d == VALUES["model"]["d"]
    assert params.train.lr == float(VALUES["train"]["lr"]) and params.data.languages == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.budget = 1


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_each_key_is_needed_and_typed(path):
    name = ".".join(path)
    values = changed(path, None)
    section = values if len(path) == 1 else values[path[0]]
    del section[path[-1]]
    assert one_line(values) == f"params: {name} is missing"
    assert name in one_line(changed(path, object()))
    section[path[-1] + "s_"] = 1
    assert "no such key" in one_line(values)


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(PATHS), yaml_values)
def test_any_value_is_taken_or_refused_by_name(path, value):
    try:
        parse_params(changed(path, value))
    except ValueError as error:
        message = str(error)
        assert message.startswith("params: ") and "\n" not in message
        assert path[-1] in message or path[0] in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ranks", []),
        ("ranks", [4, 4, 8]),
        ("ranks", [0, 8]),
        ("ranks", [8, 100_000]),
        ("ranks", 8),
        ("rank", 5),
        ("seeds", []),
        ("seeds", [-1]),
        ("seeds", [2**70]),
        ("seeds", [0.5]),
        ("budget", 0),
        ("budget", True),
        ("budget", "128"),
        ("data.source", "hub"),
        ("data.source", "files"),
        ("data.path", None),
        ("data.path", ""),
        ("data.min_turns", 0),
        ("data.max_turns", 1),
        ("data.seed", -1),
        ("split.seed", -3),
        ("stats.seed", -1),
        ("curate.seed", -1),
        ("split.train", 0.8),
        ("split.folds", 1),
        ("encoder.width", 4),
        ("embed.max_segment_tokens", 1),
        ("model.rho_max", 1),
        ("model.rho_max", 0),
        ("model.rho_max", float("nan")),
        ("model.update_bound", 0),
        ("model.update_bound", float("inf")),
        ("model.activity_threshold", 1),
        ("model.top_k", 0),
        ("model.gate", 1),
        ("train.lr", 0),
        ("train.lr", "fast"),
        ("train.weight_decay", float("inf")),
        ("train.max_epochs", 0),
        ("train.trainer", {"max_epochs": 3}),
        ("train.trainer", {"acelerator": "cpu"}),
        ("train.trainer", []),
        ("ablate.variants", ["top_k"]),
        ("ablate.variants", ["rank-4"]),
        ("ablate.variants", ["top_k-0"]),
        ("ablate.variants", ["top_k-two"]),
        ("ablate.variants", ["gate-no"]),
        ("ablate.variants", ["d-4"]),
        ("votes.variants", ["folds-family"]),
        ("votes.variants", ["targets-lexical"]),
        ("baseline.policies", ["lrrc2"]),
        ("baseline.truncated_turns", 0),
        ("digest.max_overlap", 0),
        ("digest.top", -1),
        ("tune.top", [1, 1]),
        ("tune.top", []),
        ("tune.least_share", [1.0]),
        ("tune.truncated_turns", [0]),
        ("tune.budget", [4]),
        ("replay.gate_margin", -0.1),
        ("stats.alpha", 0.5),
        ("stats.margin", 5),
        ("annotate.per_message_overhead", -1),
        ("gains.source", "words"),
        ("gains.candidates", 1),
        ("gains.reply_tokens", 0),
        ("gains.calls", -1),
        ("gains.seed", -1),
        ("model.noop", "on"),
        ("train.w_worth", -0.1),
        ("train.w_rule", -0.1),
        ("digest.standing", -0.1),
        ("digest.standing", 0.6),
        ("digest.prior", -0.1),
        ("digest.prior", 1.1),
        ("transfer.prior", -1),
        ("digest.least_gain", -0.01),
        ("digest.least_gain", 11),
        ("digest.least_gain", float("nan")),
        ("live.agent", "remote"),
        ("live.agent", "endpoint"),  # without address and model
        ("live.budgets", [64, 7]),
        ("live.budgets", [0.5]),
        ("live.episodes", -1),
        ("live.episodes_elsewhere", -1),
        ("live.policies", ["lrrc", "oracle"]),
        ("live.policies_elsewhere", ["lrrc2"]),
        ("live.seed", 2**32),
        ("fidelity.calls", 1),
        ("fidelity.reply_tokens", 0),
        ("fidelity.policies", ["oracle"]),
        ("fidelity.files", "a.jsonl"),
        ("fidelity.files", [1]),
        ("fidelity.seed", -1),
        ("ablate.variants", ["targets-words"]),
        ("ablate.variants", ["noop-no"]),
        ("ablate.seeds", [-1]),
        ("ablate.seeds", [0, 0]),
        ("ablate.seeds", []),
        ("train.loader_workers", -1),
        ("train.trainer", {"a\nb": 1}),
        ("annotate", {"per_message_overhead": 0, "a\nb": 1}),
    ],
)
def test_impossible_values(path, value):
    message = one_line(changed(path.split("."), value))
    key = path.split(".")[-1].removesuffix("s")
    assert (key if value != "endpoint" else "live.base_url") in message


def test_an_endpoint_needs_an_address_and_a_model():
    values = changed(("live", "agent"), "endpoint")
    values["live"] |= {"base_url": "http://127.0.0.1:1/v1", "model": None}
    assert "live.model = None: allowed is a text where agent is endpoint" in one_line(values)
    values["live"]["model"] = "m"
    assert parse_params(values).live.base_url == "http://127.0.0.1:1/v1"


def test_parameters_are_keys_of_caches():
    params, same, other = (parse_params(changed(("seeds",), seeds)) for seeds in ([0, 1], [0, 1], [1]))
    assert {params: "found"}[same] == "found" and params != other
    assert params != parse_params(changed(("train", "trainer"), {"accelerator": "gpu"}))


def test_numbers_in_any_yaml_spelling():
    for text in ("1e-4", "1.0e-4", 1e-4):
        assert parse_params(changed(("train", "lr"), text)).train.lr == 1e-4
    assert parse_params(changed(("model", "update_bound"), 2)).model.update_bound == 2.0


def test_variants():
    assert parse_variant("top_k-2") == {"top_k": 2}
    assert parse_variant("rho_max-0.5") == {"rho_max": 0.5}
    assert parse_variant("targets-lexical") == parse_variant("targets-model") == {}
    for field in dataclasses.fields(ModelConfig):
        if field.type == "bool":
            assert parse_variant(f"{field.name}-off") == {field.name: False}
            assert parse_variant(f"{field.name}-on") == {field.name: True}


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "just text", "\tx: 1"])
def test_files_that_hold_no_parameters(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="^params: [^\n]*$"):
        load_params(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        load_params(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["logs (1).jsonl", "a=b,c.jsonl", "[x]~.jsonl", "Größe 2.jsonl"])
def test_a_path_quoted_once_more_passes_through_dvc(name, tmp_path):
    """As docs/own_logs.md has it for `dvc exp run -S`."""
    from dvc.utils.hydra import apply_overrides

    target = tmp_path / "params.yaml"
    target.write_text("data:\n  path: logs.jsonl\n")
    apply_overrides(target, [f'data.path="{name}"'])
    assert yaml.safe_load(target.read_text(encoding="utf-8")) == {"data": {"path": name}}
