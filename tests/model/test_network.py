"""The networks against plain loops: batches, gate, low-rank update, bounds, switches, exchanged sides."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from helpers.random_episodes import ENCODER, LIMIT, TRAIN, WIDTH, episode, model

from lrrc.dataset.batches import collate
from lrrc.dataset.episode_arrays import Targets, episode_arrays
from lrrc.episodes.episode import Message, Turn
from lrrc.model import network
from lrrc.model.cells import KEY_NORM, SHARPNESS, CellShape, LowRankCell, RimCell, SummaryCell, most_active
from lrrc.model.decoder import StateReader, turn_means
from lrrc.model.network import build_network
from lrrc.policy_catalogue import LEARNED
from lrrc.training.losses import coordinator_objective

KINDS = ("lrrc", *LEARNED)
EPISODES = [episode(seed) for seed in range(12)] + [episode(20, turns=9), episode(21, turns=1, empty=1.0)]
ARRAYS = [episode_arrays(e, ENCODER, LIMIT) for e in EPISODES]
Z, R, D = 10, 6, 12
Z_NET = network.Z + network.SEEN


def net_of(kind, seed=0, **changes):
    torch.manual_seed(seed)
    net = build_network(kind, 4, WIDTH, model(**changes)).eval()
    with torch.no_grad():
        for parameter in net.parameters():  # far from the start, where much would vanish
            parameter.add_(0.3 * torch.randn_like(parameter))
    return net


def cell_of(kind=LowRankCell, seed=0, **options):
    torch.manual_seed(seed)
    settings = {"max_update_rank": 2, "top_k": 3, "threshold": 0.05, "rho_max": 0.9, "bound": 0.7} | options
    return kind(CellShape(D, R, Z, **settings))


def turn_of(seed, n=5, batch=1, scale=1.0):
    torch.manual_seed(seed)
    return scale * torch.randn(batch, n, Z), torch.ones(batch, n, dtype=torch.bool)


def run(cell, state, z, mask):
    return cell(state, *cell.project(z), mask)


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_a_batch_equals_its_episodes_one_by_one(kind):
    net = net_of(kind)
    together = net(collate(ARRAYS, 32))
    for b, e in enumerate(ARRAYS):
        alone = net(collate([e], 32))
        T, N = e.turns, len(e.turn_N)
        pairs = [
            (together.scores_BTMN[b, :T, :, :N], alone.scores_BTMN[0, :, :, :N]),
            (together.essential_BTMV[b, :T], alone.essential_BTMV[0]),
            (together.outcome_BTO[b, :T], alone.outcome_BTO[0]),
            (together.active_BT[b, :T], alone.active_BT[0]),
            (together.state_BTCD[b, : T + 1, : alone.state_BTCD.shape[2]], alone.state_BTCD[0]),
        ]
        for left, right in pairs:
            size = right[right.isfinite()].abs().max() if right.isfinite().any() else 1  # nothing bounds rims-only
            torch.testing.assert_close(left, right, atol=float(1e-4 * max(1, size)), rtol=1e-4)
        assert together.scores_BTMN[b, :, :, N:].isneginf().all()  # nothing is ever chosen from padding
        for t in range(T):
            assert torch.equal(together.scores_BTMN[b, t, 0, :N].isfinite(), torch.from_numpy(e.turn_N < t))


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_neither_loss_nor_gradient(kind):
    def gradients(groups):
        net = net_of(kind)
        total = sum(coordinator_objective(net, collate(g, 32), TRAIN).means["loss_sel"][0] * len(g) for g in groups)
        total.backward()
        return total.detach(), [p.grad for p in net.parameters() if p.grad is not None]

    same = [e for e in ARRAYS if any(target.any() for target in e.targets["model"].target)][:2]
    long = max(ARRAYS, key=lambda e: e.turns)
    silent = dataclasses.replace(
        long, targets={"model": Targets.empty(long.agents, [len(rows) for rows in long.features])}
    )
    alone, padded = gradients([same]), gradients([[*same, silent]])
    torch.testing.assert_close(alone[0] / 2, padded[0] / 3, atol=1e-5, rtol=1e-5)
    for left, right in zip(alone[1], padded[1], strict=True):
        torch.testing.assert_close(left / 2, right / 3, atol=1e-4, rtol=1e-4)


def softmax(values):
    values = np.exp(np.array(values) - max(values))
    return values / values.sum()


def unit(vector):
    return vector / np.linalg.norm(vector)


def plain_cell(cell, state, z):
    """One turn of LowRankCell in the paper's own words, channel by channel, in float64."""
    w = {name: value.detach().double().numpy() for name, value in cell.state_dict().items()}
    keys = [KEY_NORM * unit(w["gate.key.weight"] @ segment) for segment in z]
    values = [w["gate.value.weight"] @ segment for segment in z]
    reads, g = [], []
    for c in range(R):
        query = SHARPNESS * unit(w["gate.channel_RK"][c] + w["gate.from_state.weight"] @ state[c])
        alpha = softmax([*(query @ key for key in keys), w["gate.null_R"][c]])
        g.append(1 - alpha[-1])
        reads.append(sum(a * value for a, value in zip(alpha, values, strict=False)) / g[-1])
    active = [c for c in sorted(range(R), key=lambda c: -g[c])[: cell.gate.top_k] if g[c] > cell.gate.threshold]
    after = state.copy()
    if not active:
        return after, active
    a = []  # columns of A
    for slot in w["slot_UK"]:
        shares = softmax([slot @ reads[c] for c in active])
        hidden = sum(share * reads[c] for share, c in zip(shares, active, strict=True))
        a.append(np.tanh(w["to_a.weight"] @ hidden))
    for c in active:
        b = np.tanh(w["to_b.weight"] @ reads[c] + w["state_to_b.weight"] @ state[c])
        u = sum(b_u * a_u for b_u, a_u in zip(b, a, strict=True))
        u *= g[c] * min(1, cell.bound / max(np.linalg.norm(u), 1e-6))
        rho = cell.rho_max / (1 + np.exp(-w["rho_logit_R"][c]))
        after[c] = rho * state[c] + u
    return after, active


@pytest.mark.parametrize("seed", range(8))
@torch.no_grad()
def test_the_cell_equals_a_plain_loop(seed):
    cell = cell_of(seed=seed)
    cell.gate.null_R.add_(torch.randn(R) - 1)
    state = torch.randn(1, R, D)
    for t in range(4):
        z, mask = turn_of(100 * seed + t, n=1 + t * 3, scale=2.0)
        expected, active = plain_cell(cell, state[0].double().numpy(), z[0].double().numpy())
        state, (_, active_BR) = run(cell, state, z, mask)
        assert active_BR[0].nonzero().flatten().tolist() == sorted(active)
        np.testing.assert_allclose(state[0].numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("kind", [LowRankCell, RimCell])
@pytest.mark.parametrize("seed", range(4))
def test_inactive_channels_keep_every_bit_and_get_no_gradient(kind, seed):
    torch.manual_seed(seed)
    cell = cell_of(seed=seed) if kind is LowRankCell else RimCell(D, R, Z, top_k=3, threshold=0.05)
    state = torch.randn(4, R, D, requires_grad=True)
    after, (_, active_BR) = run(cell, state, *turn_of(seed, batch=4, scale=3.0))
    assert 0 < active_BR.sum() < active_BR.numel()
    assert torch.equal(after[~active_BR], state[~active_BR])
    assert not torch.isclose(after[active_BR], state[active_BR]).all(dim=1).any()

    never = ~active_BR.any(dim=0)
    once = active_BR.any(dim=0)
    (after * torch.randn_like(after)).sum().backward()
    of_channels = {
        name: p.grad for name, p in cell.named_parameters() if name.rpartition(".")[2].split("_")[-1][0] == "R"
    }
    assert "gate.channel_RK" in of_channels and len(of_channels) > 2
    for name, gradient in of_channels.items():
        if name not in ("start_RD", "answer_RDK", "tell_RDK"):  # those at rest are listened to
            assert not gradient[never].any(), name
            assert gradient[once].flatten(1).any(dim=1).all() if gradient.dim() > 1 else gradient[once].any(), name


@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_a_column_never_leaves_its_ball(seed):
    cell = cell_of(seed=seed, top_k=R, threshold=0.0, rho_max=0.97)
    for parameter in cell.parameters():
        parameter.mul_(4)
    state = start = cell.initial(3) * torch.linspace(0.1, 3, R)[:, None]
    bound = torch.maximum(start[0].norm(dim=1), cell.bound / (1 - cell.rho_R))
    largest = torch.zeros(R)
    for t in range(120):
        state, _ = run(cell, state, *turn_of(t % 7 if seed else 0, n=4, batch=3, scale=5.0))
        largest = torch.maximum(largest, state.norm(dim=2).max(dim=0).values)
        assert (largest <= bound * (1 + 1e-5)).all()
    assert (largest > 0.5 * start[0].norm(dim=1)).all()


@torch.no_grad()
def test_rank_and_norm_of_the_update():
    ranks = {True: [], False: []}
    for seed in range(12):
        for low_rank in (True, False):
            cell = cell_of(seed=seed, low_rank=low_rank, top_k=R, threshold=0.0)
            reads, state = torch.randn(1, R, 64), torch.randn(1, R, D)
            g, active = torch.rand(1, R), torch.rand(1, R) > 0.2
            u = cell.update(state, reads, g, active)
            assert (u.norm(dim=2) <= cell.bound * (1 + 1e-5)).all() and not u[~active].any()
            ranks[low_rank].append(int(torch.linalg.matrix_rank(u[0].double(), rtol=1e-5)))
    assert max(ranks[True]) == 2 and max(ranks[False]) > 2  # r_u = 2; without A B^T only r bounds it
    assert cell_of(max_update_rank=100).update_rank == R


@torch.no_grad()
def test_the_gate_is_a_cap_with_a_threshold():
    z, mask = turn_of(0, n=6, batch=50, scale=2.0)
    state = torch.randn(50, R, D)
    for top_k, k in ((1, 1), (2, 2), (R, R // 2), (99, R // 2)):  # a gate that opens all channels chooses nothing
        cell = cell_of(top_k=top_k)
        _, g, active = cell.gate(state, *cell.project(z), mask)
        assert active.sum(1).max() <= k == cell.gate.top_k
        assert ((g > 0.05) | ~active).all()
        weakest = torch.where(active, g, 2.0).min(1).values
        assert (torch.where(active, -1.0, g).max(1).values <= weakest)[active.any(1)].all()
        assert torch.equal(active.sum(1), (g > 0.05).sum(1).clamp_max(k))
    assert [most_active(4, r) for r in (1, 2, 4, 8, 32)] == [1, 1, 2, 4, 4]
    cell = cell_of(threshold=0.9999)
    cell.gate.null_R.fill_(30.0)  # nothing is worth a read
    after, (_, active) = run(cell, state, z, mask)
    assert not active.any() and torch.equal(after, state)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_turn_without_segments_changes_nothing(kind):
    net = net_of(kind)
    z, mask = torch.randn(2, 5, Z_NET), torch.ones(2, 5, dtype=torch.bool)
    state, _ = net.step(net.initial(2), *net.project(z), mask)
    for n in (0, 5):
        after, (_, active) = net.step(state, *net.project(z[:, :n]), torch.zeros(2, n, dtype=torch.bool))
        assert torch.equal(after[:, : state.shape[1]], state) and not after[:, state.shape[1] :].any()
        assert not active.any()
        outcome = partial(net.outcome_logits, form_BTF=torch.zeros(2, 1, 0))
        torch.testing.assert_close(outcome(after[:, None], state[:, None]), outcome(state[:, None], after[:, None]))
        left, right = (net.step(s, *net.project(z), mask)[0] for s in (state, after))
        torch.testing.assert_close(outcome(left[:, None], state[:, None]), outcome(right[:, None], state[:, None]))


@torch.no_grad()
def test_switches():
    z, mask = turn_of(1, n=4)
    state = torch.randn(1, R, D)
    every = cell_of(gate=False)
    _, g, active = every.gate(state, *every.project(z), mask)
    assert active.all() and torch.equal(g, torch.ones(1, R))  # no null row, no cap

    for recurrence in (True, False):
        cell = cell_of(recurrence=recurrence)
        one, _ = run(cell, cell.initial(1), *turn_of(2))
        other, _ = run(cell, cell.initial(1), *turn_of(3))
        assert not torch.equal(one, other)
        same = torch.equal(run(cell, one, z, mask)[0], run(cell, other, z, mask)[0])
        assert same is not recurrence  # without it a state knows its own turn only

    assert not hasattr(cell_of(low_rank=False), "to_a") and not hasattr(cell_of(), "to_column")

    turn_N = torch.tensor([[0, 0, 1]])
    for hierarchy in (True, False):
        net = net_of("lrrc", hierarchy=hierarchy)
        z = torch.randn(1, 3, Z_NET)
        moved = z.clone()
        moved[0, 1] += 1
        left, right = net.decoder.project(z, turn_N, 2), net.decoder.project(moved, turn_N, 2)
        assert torch.equal(left[0, 2], right[0, 2]) and not torch.equal(left[0, 1], right[0, 1])
        assert torch.equal(left[0, 0], right[0, 0]) is not hierarchy  # its turn's mean moved
    assert net_of("rims-only").decoder.turn is None  # hierarchy is LRRC's


@pytest.mark.parametrize("seed", range(4))
@torch.no_grad()
def test_without_a_null_row_every_channel_reads_its_turn(seed):
    z, mask = turn_of(seed, n=6, batch=5, scale=2.0)
    mask[0, 2:] = False
    mask[1] = False  # a turn without segments
    state = torch.randn(5, R, D)
    with_null, without = cell_of(seed=seed, noop=True).gate, cell_of(seed=seed, noop=False).gate
    for gate, whole in ((with_null, False), (without, True)):
        logits = gate.logits(state, gate.project(z)[0], mask)
        alpha = gate.attend(logits, mask)
        torch.testing.assert_close(alpha.sum(dim=2), torch.ones(5, R))
        present = mask.any(dim=1)
        assert (alpha[present][:, :, -1] == 0).all() == whole
        assert (alpha[~present][:, :, -1] == 1).all() and not alpha[0, :, 2:-1].any()
        reads, g, active = gate(state, *gate.project(z), mask)
        assert not active[~present].any() and not reads[~present].any()
        if whole:
            assert (g[present] == 1).all() and (active[present].sum(dim=1) == gate.top_k).all()
            told = logits[present].logsumexp(dim=2)  # the channels that the turn says most to
            least = torch.where(active[present], told, torch.inf).min(dim=1).values
            assert (torch.where(active[present], -torch.inf, told).max(dim=1).values <= least).all()


def test_means_of_turns():
    z = torch.arange(8.0).view(1, 4, 2)
    means, slots = turn_means(z, torch.tensor([[0, 0, 2, 1_000_000]]), 3)
    assert means[0].tolist() == [[1, 2], [0, 0], [4, 5], [6, 7]] and slots.tolist() == [[0, 0, 2, 3]]


def test_summaries_accumulate_without_gradient_between_blocks():
    torch.manual_seed(0)
    cell = SummaryCell(D, Z, summaries=2)
    first, second = (turn_of(seed)[0].requires_grad_() for seed in (0, 1))
    mask = torch.ones(1, 5, dtype=torch.bool)
    one, _ = run(cell, cell.initial(1), first, mask)
    two, _ = run(cell, one, second, mask)
    assert two.shape == (1, 2 + 2, D) and torch.equal(two[:, :2], one)
    two.square().sum().backward()
    assert first.grad is None and second.grad.any()


@torch.no_grad()
def test_zero_columns_are_invisible_and_an_empty_state_readable():
    torch.manual_seed(0)
    reader = StateReader(D, 8)
    query, state = torch.randn(2, 3, 8), torch.randn(2, 4, D)
    wider = torch.cat([state, torch.zeros(2, 5, D)], dim=1)
    torch.testing.assert_close(reader(query, state), reader(query, wider))
    assert not reader(query, torch.zeros(2, 0, D)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns(kind):
    net = net_of(kind).train()
    ruled = [dataclasses.replace(e, standing_N=(e.turn_N == 0).astype(np.float32)) for e in ARRAYS]
    coordinator_objective(net, collate(ruled, 32), TRAIN).loss.backward()
    idle = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    stateless = {f"{reader}.{part}.weight" for reader in ("head.reader", "outcome_reader") for part in ("key", "value")}
    stateless |= {"outcome_query_H", "outcome.0.weight"}  # nothing to read
    stateless |= {"see.weight", "see.bias", "seen_speaker.weight", "seen_norm.weight", "seen_norm.bias"}  # for no cell
    assert idle == (stateless if kind == "tokensqueeze-only" else set())
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


def exchanged(made):
    """The episode with its agents' names exchanged."""

    def turn(t):
        a, b = t.replies
        return Turn(t.inputs, (Message("assistant", b.content, "model_a"), Message("assistant", a.content, "model_b")))

    outcome = {"model_a": "model_b", "model_b": "model_a"}.get(made.outcome, made.outcome)
    return dataclasses.replace(made, turns=tuple(map(turn, made.turns)), outcome=outcome)


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_exchanging_sides(kind):
    batch = collate(ARRAYS, 32)
    everyone = torch.ones(len(ARRAYS), dtype=torch.bool)
    swapped = batch.swapped(everyone)
    again = swapped.swapped(everyone)
    assert batch.swappable and all(torch.equal(getattr(again, k), v) for k, v in vars(batch).items())
    nobody = batch.swapped(~everyone)
    assert all(torch.equal(getattr(nobody, k), v) for k, v in vars(batch).items())
    some = batch.swapped(torch.arange(len(ARRAYS)) % 2 == 0)
    assert torch.equal(some.speaker_BN[0], swapped.speaker_BN[0])
    assert torch.equal(some.speaker_BN[1], batch.speaker_BN[1])

    really = collate([episode_arrays(exchanged(e), ENCODER, LIMIT) for e in EPISODES], 32)
    assert torch.equal(really.outcome_B, swapped.outcome_B)
    net = net_of(kind)
    left, right = net(swapped), net(really)  # replies of a turn stand in another order, which must not matter
    torch.testing.assert_close(left.outcome_BTO, right.outcome_BTO, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(left.essential_BTMV, right.essential_BTMV, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(swapped.essential_BTMV, really.essential_BTMV)
    for name in ("loss_sel", "loss_rec", "loss_worth", "loss_win"):
        losses = [coordinator_objective(net, side, TRAIN).means[name][0] for side in (swapped, really)]
        torch.testing.assert_close(*losses, atol=1e-4, rtol=1e-4)


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="bm25: not a learned policy"):
        build_network("bm25", 4, WIDTH, model())
