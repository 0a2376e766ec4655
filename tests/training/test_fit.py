"""Fits learn, stop, resume to the same bytes, and depend on nothing but data and seed."""

import copy
import dataclasses
import json
import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from helpers.random_episodes import (
    DIGEST,
    ENCODER,
    LIMIT,
    MODEL,
    TRAIN,
    WIDTH,
    checked,
    episode,
    learnable,
    model,
    train,
)
from safetensors.torch import load_file

from lrrc.dataset.array_file import ArrayFile, flatten, write_arrays
from lrrc.dataset.batches import collate, collate_kept, seen_features
from lrrc.dataset.episode_arrays import episode_arrays
from lrrc.dataset.inputs import StageInputs
from lrrc.digest.reply_form import FORM
from lrrc.episodes.episode_file import read_episodes, write_episodes
from lrrc.model.network import build_network
from lrrc.model.outcome import preferred
from lrrc.model.outcome_probe import KeptFeatures, OutcomeProbe
from lrrc.policies.checkpoint import head_beats_majority
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.files import write_json
from lrrc.training import fit as training_fit
from lrrc.training import stage as training_stage
from lrrc.training.fit import FitData, FitModule, SplitData, best_epoch, fit_network, rate
from lrrc.training.fit_report import head_report
from lrrc.training.fit_spec import FitSpec
from lrrc.training.kept_features import KeptFile, kept_features, write_kept_features
from lrrc.training.losses import (
    RARITY,
    WORTH_FLOOR,
    Measured,
    agreement,
    coordinator_objective,
    outcome,
    overlap,
    probe_objective,
    ranking,
    reconstruction,
    rules,
    worth,
)
from lrrc.training.stage import _fit_one, fit_items

RAGGED = [episode_arrays(episode(seed), ENCODER, LIMIT) for seed in range(20)]
pack = partial(collate, vocabulary=MODEL.vocabulary)


def net_of(kind="lrrc", seed=0, **changes):
    torch.manual_seed(seed)
    return build_network(kind, 4, WIDTH, model(**changes))


def fit(net, folder, config=TRAIN, seed=0, objective=coordinator_objective, data=RAGGED, val=None, collate=pack):
    val = data[-4:] if val is None else val
    return fit_network(net, objective, FitData(data[:-4], val, collate), config, seed, folder)


def bytes_of(net):
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


class Killed(Exception):
    pass


def killed_after(steps, objective=coordinator_objective):
    """The objective of a fit that dies in its batch number `steps` (training and validation counted)."""
    left = [steps]

    def dying(net, batch, config):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return objective(net, batch, config)

    return dying


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    net = net_of()
    history = fit(net, tmp_path_factory.mktemp("fit"), train(max_epochs=4))
    return history, bytes_of(net)


@pytest.mark.parametrize("steps", [1, 4, 8, 11])  # two batches to learn from and one to validate make an epoch
def test_a_killed_fit_goes_on_to_the_same_bytes(tmp_path, undisturbed, steps):
    with pytest.raises(Killed):
        fit(net_of(), tmp_path, train(max_epochs=4), objective=killed_after(steps))
    epochs = steps // 3
    assert (tmp_path / "state.json").is_file() == (epochs > 0)
    net = net_of(seed=99 if epochs else 0)  # what it starts from is what was kept
    history = fit(net, tmp_path, train(max_epochs=4))
    assert history == undisturbed[0] and bytes_of(net) == undisturbed[1]


def test_a_fit_killed_while_it_saves_goes_on_to_the_same_bytes(tmp_path, undisturbed, monkeypatch):
    real = write_json

    def dying(path, value):
        if len(value["history"]) == 2:
            raise Killed
        real(path, value)

    monkeypatch.setattr(training_fit, "write_json", dying)
    with pytest.raises(Killed):
        fit(net_of(), tmp_path, train(max_epochs=4))
    monkeypatch.undo()
    net = net_of(seed=99)
    assert fit(net, tmp_path, train(max_epochs=4)) == undisturbed[0] and bytes_of(net) == undisturbed[1]
    assert len(list(tmp_path.glob("epoch-*"))) <= 2  # the last and the best


def test_two_processes_train_together(tmp_path, undisturbed):
    """Each on its share of the batches, and with the same weights at the end whenever they do."""
    together = {"strategy": "ddp_fork", "devices": 2}
    config = dataclasses.replace(TRAIN, max_epochs=2, batch_size=2, trainer={**TRAIN.trainer, **together})
    nets = [net_of(), net_of()]
    first, second = (fit(net, tmp_path / str(i), config) for i, net in enumerate(nets))
    assert first == second and len(first) == 2 and bytes_of(nets[0]) == bytes_of(nets[1]) != bytes_of(net_of())
    state = load_file(tmp_path / "0/epoch-2/optimizer.safetensors")
    batches = -(-len(RAGGED[:-4]) // 2)
    assert state["0.step"] == 2 * (batches // 2)  # epochs times the batches of one of the two


def test_a_finished_fit_has_nothing_left_to_do(tmp_path, undisturbed):
    fit(net_of(), tmp_path, train(max_epochs=4))
    again = net_of(seed=98)
    assert fit(again, tmp_path, train(max_epochs=4), objective=killed_after(0)) == undisturbed[0]
    assert bytes_of(again) == undisturbed[1]


def test_the_learning_rate_rises_and_comes_to_rest(tmp_path, monkeypatch):
    steps = [rate((i + 0.5) / 200) for i in range(200)]
    top = steps.index(max(steps))
    assert steps[:top] == sorted(steps[:top]) and steps[top:] == sorted(steps[top:], reverse=True)
    assert top == pytest.approx(20, abs=1) and max(steps) > 0.99 and 0 < steps[-1] < 1e-3

    seen = []

    def noted(net, batch, config):
        if torch.is_grad_enabled():
            seen.append(module_of[0].trainer.optimizers[0].param_groups[0]["lr"])
        return coordinator_objective(net, batch, config)

    class Noted(FitModule):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            module_of[:] = [self]

    module_of = []
    monkeypatch.setattr(training_fit, "FitModule", Noted)
    fit(net_of(), tmp_path / "whole", train(max_epochs=4), objective=noted)
    whole, seen[:] = seen[:], []
    assert whole == pytest.approx([0.01 * rate((i + 0.5) / 8) for i in range(8)])  # two batches an epoch
    with pytest.raises(Killed):
        fit(net_of(), tmp_path / "broken", train(max_epochs=4), objective=killed_after(7, noted))
    fit(net_of(), tmp_path / "broken", train(max_epochs=4), objective=noted)
    assert seen == pytest.approx([*whole[:5], *whole[4:]])  # epoch 3 began anew


def test_seeds(tmp_path, undisturbed):
    same, other = net_of(), net_of()
    assert fit(same, tmp_path / "same", train(max_epochs=4)) == undisturbed[0] and bytes_of(same) == undisturbed[1]
    fit(other, tmp_path / "other", train(max_epochs=4), seed=1)  # from the same start, in another order
    assert bytes_of(other) != undisturbed[1]


def order(seed, first_epoch, count=10, lengths=None):
    module = FitModule(net_of(), coordinator_objective, train(batch_size=4), seed, first_epoch)
    return list(SplitData(FitData(list(range(count)), [], list, lengths), module).train_dataloader())


def test_the_order_of_an_epoch_is_drawn_from_seed_and_epoch():
    assert order(0, 3) == order(0, 3) != order(0, 4) != order(1, 3)
    assert [len(batch) for batch in order(0, 0)] == [4, 4, 2]
    assert sorted(sum(order(5, 7), [])) == list(range(10))
    assert hash((3, 5)) % 2**63 == 7586885779985432798  # the same in every process: whole numbers alone


def test_batches_hold_episodes_of_like_length():
    lengths = [(i % 7, i) for i in range(70)]

    def padding(batches):
        return sum(max(lengths[i] for i in batch)[0] - lengths[j][0] for batch in batches for j in batch)

    def of_epoch(epoch):
        return order(0, epoch, 70, lengths)

    assert of_epoch(3) == of_epoch(3) != of_epoch(4)
    assert sorted(sum(of_epoch(3), [])) == list(range(70)) and sorted(map(len, of_epoch(3))) == [2, *[4] * 17]
    assert padding(of_epoch(3)) < 0.5 * padding(order(0, 3, 70))
    firsts = [min(lengths[i] for i in batch) for batch in of_epoch(3)]
    assert firsts != sorted(firsts)  # the lengths of one batch tell nothing of the next


def test_a_segment_file_knows_lengths_unread(stage):
    arrays = ArrayFile(stage.segments)
    ids = list(arrays)[::-1]
    assert arrays.lengths(ids) == [(e.turns, len(e.turn_N)) for e in arrays.by_ids(ids)]


def test_batches_made_by_other_processes_give_the_same_bytes(tmp_path, undisturbed):
    net = net_of()
    history = fit(net, tmp_path, train(max_epochs=4, loader_workers=2))
    assert history == undisturbed[0] and bytes_of(net) == undisturbed[1]


def test_the_import_leaves_transformers_alone():
    """It costs seconds in every stage item, and whoever needs it afterwards gets it."""
    code = "import sys, lrrc.training.fit; assert 'transformers' not in sys.modules; import transformers; "
    code += "from torchmetrics.utilities.imports import _TRANSFORMERS_AVAILABLE as there; assert there"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("scores", "patience", "epochs", "best"),
    [([5, 3, 4, 4, 1], 2, 4, 2), ([5, 4, 3], 2, 3, 3), ([5, 5, 1], 1, 2, 1)],
)
def test_the_best_epoch_is_kept_and_patience_ends_the_fit(tmp_path, scores, patience, epochs, best):
    seen, values = [], iter(scores)

    def scripted(net, batch, config):
        measured = coordinator_objective(net, batch, config)
        if torch.is_grad_enabled():
            return measured
        seen.append(bytes_of(copy.deepcopy(net)))
        return Measured(
            measured.loss,
            measured.means | {"agreement": (torch.tensor(0.5), 4.0), "loss": (torch.tensor(float(next(values))), 4)},
        )

    net = net_of()
    history = fit(net, tmp_path, train(max_epochs=len(scores), patience=patience), objective=scripted)
    assert [record["epoch"] for record in history] == list(range(epochs))
    assert bytes_of(net) == seen[best - 1] and best_epoch(history)["epoch"] == best - 1


@pytest.mark.parametrize("kind", ["lrrc", "rims-only", "ccf-only", "tokensqueeze-only"])
def test_the_needed_segment_is_learnt(tmp_path, kind):
    data = [learnable(seed) for seed in range(28)]
    history = fit(net_of(kind, d=16), tmp_path, train(max_epochs=26), data=data)
    uniform = np.mean([math.log(n) for n in (6, 12, 18)])
    assert history[0]["loss_sel"] > 0.5 * uniform
    assert min(record["loss_sel"] for record in history) < 0.25 * uniform
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    if kind != "tokensqueeze-only":  # the outcome shows in the state, and in nothing else
        assert min(record["loss_win"] for record in history) < 0.5 * math.log(2)


def kept(seed, agents=2, outcome=True):
    rng = np.random.default_rng(seed)
    winner = int(rng.integers(2))
    features = rng.standard_normal((int(rng.integers(1, 5)), 3, 5)).astype(np.float32)
    features[:, 1 + winner, 0] += 4
    form = rng.standard_normal((len(features), len(FORM))).astype(np.float32)
    return KeptFeatures(f"k{seed}", features, form, winner if outcome else -1, agents)


def test_a_probe_learns_who_won(tmp_path):
    torch.manual_seed(0)
    data = [kept(seed) for seed in range(36)]
    config = train(max_epochs=12)
    history = fit(OutcomeProbe(5), tmp_path, config, objective=probe_objective, data=data, collate=collate_kept)
    assert history[-1]["val_agreement"] == 1.0 and history[-1]["val_loss"] < 0.5 * history[0]["val_loss"]


@pytest.mark.parametrize("form", [False, True])
def test_probe_batches(form):
    data = [kept(seed) for seed in range(6)]
    batch = collate_kept(data)
    torch.manual_seed(0)
    probe = OutcomeProbe(5, form)
    if form:
        torch.nn.init.normal_(probe.form.weight_F)
    for b, one in enumerate(data):
        T = len(one.features_TPG)
        torch.testing.assert_close(probe(batch)[b, :T], probe(collate_kept([one]))[0])
    everyone = torch.ones(6, dtype=torch.bool)
    swapped = batch.swapped(everyone)
    assert torch.equal(swapped.kept_BTPG[:, :, 1], batch.kept_BTPG[:, :, 2])
    assert torch.equal(swapped.form_BTF, -batch.form_BTF)
    assert torch.equal(swapped.outcome_B, 1 - batch.outcome_B)
    assert torch.equal(swapped.swapped(everyone).kept_BTPG, batch.kept_BTPG)
    assert batch.swappable and not collate_kept([*data, kept(9, agents=1)]).swappable


def test_chat_logs_without_outcome_train_without_trouble(tmp_path):
    data = [episode_arrays(episode(seed, agents=("assistant",)), ENCODER, LIMIT) for seed in range(12)]
    assert not pack(data).swappable and all(e.outcome == -1 for e in data)
    net = net_of()
    history = fit(net, tmp_path / "net", data=data)
    assert all(record["loss_win"] == record["val_agreement"] == 0 for record in history)
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert all(math.isfinite(value) for record in history for value in record.values())
    logs = [kept(seed, agents=1, outcome=False) for seed in range(12)]
    history = fit(OutcomeProbe(5), tmp_path / "probe", objective=probe_objective, data=logs, collate=collate_kept)
    assert all(record["val_loss"] == 0 for record in history)


def test_a_diverged_fit_says_so(tmp_path):
    def diverging(net, batch, config):
        measured = coordinator_objective(net, batch, config)
        return Measured(measured.loss * math.nan, measured.means | {"loss": (measured.loss * math.nan, 1)})

    with pytest.raises(ValueError, match="no longer a number in epoch 0: lower train.lr = 0.01") as caught:
        fit(net_of(), tmp_path, objective=diverging)
    assert "\n" not in str(caught.value)


def test_losses_equal_plain_loops():
    mixed = [*RAGGED[:4], *(episode_arrays(checked(seed), ENCODER, LIMIT) for seed in range(4))]
    net, batch = net_of().eval(), pack(mixed)
    with torch.no_grad():
        output = net(batch)
    rec, sel, amount, rule, win, weights = [], [], [], [], 0.0, 0.0
    for b, e in enumerate(mixed):
        for i in np.flatnonzero((e.standing_N >= 0) & (e.speaker_N == 0)):
            p = float(torch.sigmoid(output.standing_BN[b, i]))
            rule.append(-RARITY * math.log(p) if e.standing_N[i] else -math.log(1 - p))
        for t in range(e.turns):
            logits = output.outcome_BTO[b, t].log_softmax(0)
            win -= float(logits[e.outcome]) * (t + 1) / e.turns
            weights += (t + 1) / e.turns
            for m in range(2):
                if (words := batch.essential_BTMV[b, t, m]).any():
                    rec.append(-float((words * output.essential_BTMV[b, t, m].log_softmax(0)).sum()))
                if (target := torch.from_numpy(e.targets["model"].target[t][m])).any():
                    scores = output.scores_BTMN[b, t, m, : len(target)].log_softmax(0)
                    sel.append(-float((target * scores).sum()))
                if (value := e.targets["model"].worth_TM[t, m]) >= 0:
                    together = output.scores_BTMN[b, t, m, : len(e.features[t])].exp().sum()
                    amount.append((float(together.log()) - math.log(value + WORTH_FLOOR)) ** 2)
    assert float(reconstruction(output, batch)) == pytest.approx(np.mean(rec), rel=1e-4)
    assert float(ranking(output, batch)) == pytest.approx(np.mean(sel), rel=1e-4)
    assert float(worth(output, batch)) == pytest.approx(np.mean(amount), rel=1e-4)
    assert float(outcome(output.outcome_BTO, batch.turns_B, batch.outcome_B)) == pytest.approx(win / weights, rel=1e-4)
    config = train(w_rec=2.0, w_sel=3.0, w_worth=7.0, w_win=5.0, w_rule=11.0, w_apart=13.0)
    alike = float(overlap(net.cell, output.run).detach())
    assert float(rules(output, batch)) == pytest.approx(np.mean(rule), rel=1e-4)
    total = (
        2 * np.mean(rec) + 3 * np.mean(sel) + 7 * np.mean(amount) + 5 * win / weights + 11 * np.mean(rule) + 13 * alike
    )
    assert float(coordinator_objective(net, batch, config).loss.detach()) == pytest.approx(total, rel=1e-4)


def test_preference_and_agreement_by_hand():
    logits = torch.log(
        torch.tensor([[[0.6, 0.2, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1]], [[0.5, 0.3, 0.1, 0.1], [0, 1, 0, 0.0]]])
    )
    torch.testing.assert_close(preferred(logits), torch.tensor([[0.4, -0.6], [0.2, -1.0]]))
    turns = torch.tensor([2, 1])  # the second turn of the second episode is padding
    for outcomes, share, decided in [([1, 0], 1.0, 2), ([0, 0], 0.5, 2), ([1, 2], 1.0, 1), ([3, -1], 0.0, 0)]:
        value, count = agreement(logits, turns, torch.tensor(outcomes))
        assert (float(value), count) == (share, decided)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Files of the stages before, with the small encoder in place of a distilled one."""
    monkeypatch.setattr(sentence_encoder, "load", lambda folder: ENCODER)
    made = [episode(seed) for seed in range(14)]
    write_episodes(tmp_path / "episodes.parquet", made)
    write_arrays(tmp_path / "segments", [flatten([episode_arrays(e, ENCODER, LIMIT) for e in made])])
    write_json(tmp_path / "encoder/config.json", {"hidden_dim": WIDTH})
    ids = [e.episode_id for e in made]
    part = {"train": ids[:8], "val": ids[8:11], "test": ids[11:]}
    write_json(tmp_path / "splits.json", part | {"folds": [part, part]})
    return StageInputs(*(tmp_path / name for name in ("episodes.parquet", "segments", "encoder", "splits.json")))


def item(policy):
    return FitSpec(PolicySpec(policy, 30, DIGEST, 4, max_segment_tokens=LIMIT), 0, MODEL, train(max_epochs=2))


def fit_one(policy, inputs, work):
    return _fit_one(item(policy), inputs, "fold-1", work)


@pytest.mark.parametrize("side_by_side", [True, False])
def test_kept_features_are_read_as_they_were_made(stage, tmp_path, monkeypatch, side_by_side):
    monkeypatch.setattr("lrrc.training.kept_features.EPISODES_AT_ONCE", 4)
    write_kept_features(tmp_path / "kept", item("recency"), stage, side_by_side=side_by_side)
    found = KeptFile(tmp_path / "kept")
    policy = item("recency").load(stage)
    episodes = read_episodes(stage.episodes)
    assert list(found) == [e.episode_id for e in episodes]
    for read, e in zip(found.by_ids(list(found)), episodes, strict=True):
        made = kept_features(e, policy, ENCODER)
        assert (read.outcome, read.agents) == (made.outcome, made.agents)
        np.testing.assert_array_equal(read.features_TPG, made.features_TPG)


def test_a_finished_fit_is_not_repeated_unless_its_data_changed(stage, tmp_path):
    history, report, seconds = fit_one("rims-only", stage, tmp_path / "work")
    assert seconds > 0 and fit_one("rims-only", stage, tmp_path / "work") == (history, report, 0.0)
    arrays = [dataclasses.replace(e, outcome=(e.outcome + 1) % 4) for e in ArrayFile(stage.segments).values()]
    write_arrays(stage.segments, [flatten(arrays)])
    changed, _, seconds = fit_one("rims-only", stage, tmp_path / "work")
    assert seconds > 0 and changed != history


def test_an_item_of_two_networks_resumes_to_the_same_bytes(stage, tmp_path, monkeypatch):
    history, report, _ = fit_one("tokensqueeze-only", stage, tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(training_stage, "coordinator_objective", killed_after(3))
        with pytest.raises(Killed):
            fit_one("tokensqueeze-only", stage, tmp_path / "b")
    assert (tmp_path / "b/net/state.json").is_file()
    assert fit_one("tokensqueeze-only", stage, tmp_path / "b")[:2] == (history, report) and "state" not in report
    written = {path.name for path in (tmp_path / "a").glob("*.safetensors")}
    assert written == {"net.safetensors", "probe-net.safetensors"}  # these go into the item's folder
    for name in written:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "b/done.json").read_text())["history"] == history


def test_an_item_has_a_checkpoint_for_each_of_its_seeds(stage, tmp_path):
    """The numbers of all seeds stand above them, those of each are those of an item with that seed alone."""
    items = {f"s{seed}": dataclasses.replace(item("lrrc"), seed=seed) for seed in (0, 1)}
    fits = ["fold-0", "fold-1"]
    both, one = tmp_path / "ablate-x", tmp_path / "train-x"
    fit_items(items, stage, fits, both, tmp_path / "work")
    fit_items({"": items["s1"]}, stage, fits, one, tmp_path / "work-one")
    weights = {"fold-0.safetensors", "fold-1.safetensors"}
    checkpoint = {"config.json", "certificate.json", "fits.json", *weights}
    assert {path.name for path in one.iterdir()} == checkpoint | {"history.json", "metrics.json"}
    assert {path.name for path in both.iterdir()} == {"s0", "s1", "history.json", "metrics.json"}
    for folder in (both / "s0", both / "s1"):
        assert {path.name for path in folder.iterdir()} == checkpoint
    for name in checkpoint:
        assert (both / "s1" / name).read_bytes() == (one / name).read_bytes()
        assert (both / "s0" / name).read_bytes() != (one / name).read_bytes()
    history, alone = (json.loads((folder / "history.json").read_text()) for folder in (both, one))
    assert list(dict.fromkeys(row["fold"] for row in history)) == ["s0-0", "s0-1", "s1-0", "s1-1"]
    assert [row | {"fold": f"s1-{row['fold']}"} for row in alone] == history[len(history) // 2 :]
    last = [row["val_loss"] for row in history if row["epoch"] == 1]
    metrics = json.loads((both / "metrics.json").read_text())
    assert metrics["val_loss"] == pytest.approx(np.mean(last))
    reports = [json.loads((both / seed / "fits.json").read_text())[fit] for seed in ("s0", "s1") for fit in fits]
    for name, value in reports[0]["state"].items():
        assert metrics[f"state_{name}"] == pytest.approx(np.mean([report["state"][name] for report in reports])), value
    assert metrics["best_epoch"] == np.mean([report["best_epoch"] for report in reports])
    assert {len(report["faults"]) > 0 for report in reports} <= {True, False}


@pytest.mark.parametrize(
    ("agreement", "outcomes", "beats"),
    [
        (1.0, [0, 1] * 5, True),
        (0.6, [0, 1] * 5, False),  # one more than half of ten is luck
        (0.75, [0] * 30 + [1] * 10, False),  # what naming the first always gives
        (0.95, [0] * 30 + [1] * 10, True),
        (1.0, [0] * 10, False),  # nobody can beat a majority that is always right
        (0.0, [2, 3, -1], False),  # nothing decided
    ],
)
def test_a_head_has_to_beat_the_majority_by_more_than_luck(tmp_path, agreement, outcomes, beats):
    found = head_report(agreement, outcomes)
    assert found["beats_majority"] is beats and found["decided"] == sum(o in (0, 1) for o in outcomes)
    write_json(tmp_path / "fits.json", {"fold-0": {"outcome_head": found}})
    assert head_beats_majority(tmp_path, "fold-0") is beats
    assert not head_beats_majority(tmp_path, "fold-1") and not head_beats_majority(tmp_path / "nowhere", "fold-0")


def test_columns_of_an_update_are_to_differ():
    """The loss against a plain loop, and that it falls where it alone is minimised."""
    net = net_of(d=16, max_update_rank=4).train()
    batch = pack(RAGGED)
    run = net(batch).run
    cosines = []
    for before, after, active in zip(
        run.state_BTCD[:, :-1].flatten(0, 1),
        run.state_BTCD[:, 1:].flatten(0, 1),
        run.active_BTC.flatten(0, 1),
        strict=True,
    ):
        u = (after - net.cell.rho_R[:, None] * before)[active]
        cosines += [
            float(torch.cosine_similarity(u[i], u[j], dim=0).detach()) ** 2
            for i in range(len(u))
            for j in range(len(u))
            if i != j
        ]
    start = float(overlap(net.cell, run).detach())
    assert len(cosines) > 20 and start == pytest.approx(np.mean(cosines), rel=1e-3)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        overlap(net.cell, net(batch).run).backward()
        optimizer.step()
    assert float(overlap(net.cell, net(batch).run).detach()) < 0.5 * start
    assert float(overlap(None, run)) == 0


def test_features_are_measured_by_their_spread_in_training():
    """Only rows of segments that could be sent count; a feature that never varies does no harm."""
    net = net_of()
    rows = seen_features(RAGGED)
    assert len(rows) == sum(len(f) for e in RAGGED for f in e.features)
    net.decoder.standardise(rows)
    standard = (rows - net.decoder.feature_mean_F) / net.decoder.feature_sd_F
    varies = rows.std(dim=0) > 1e-3
    torch.testing.assert_close(standard.mean(dim=0), torch.zeros(rows.shape[1]), atol=1e-3, rtol=0)
    torch.testing.assert_close(standard.std(dim=0)[varies], torch.ones(int(varies.sum())), atol=1e-3, rtol=0)
    before = net.decoder.feature_mean_F.clone()
    net.decoder.standardise(seen_features([]))
    assert torch.equal(net.decoder.feature_mean_F, before)


def test_mixed_precision_is_a_flag_of_the_trainer(tmp_path):
    """`train.trainer` reaches Lightning as it stands: the forward pass then runs in bfloat16, weights stay float32."""
    seen = []

    def objective(network, batch, config):
        seen.append(network.embed(batch.embeddings_BNE).dtype)
        return coordinator_objective(network, batch, config)

    for precision, kind in (("bf16-mixed", torch.bfloat16), ("32-true", torch.float32)):
        seen.clear()
        net, config = net_of(), train(max_epochs=1, trainer={"accelerator": "cpu", "precision": precision})
        [record] = fit(net, tmp_path / precision, config, objective=objective)
        assert set(seen) == {kind} and math.isfinite(record["val_loss"])
        assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
