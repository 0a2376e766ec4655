"""Records of summary.json -> the paper's Figures 2 to 5 as their captions specify them.

Every figure says on which data it was measured; what was not recorded (success, on logs without outcomes) is left
out of it, and said to be. `save` writes PNG and PDF with the same bytes every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lrrc.policy_catalogue import FLOORS
from lrrc.report.figures.style import (
    COLUMN,
    FAINT,
    INK,
    LRRC,
    PAGE,
    SECOND,
    draw_chance_line,
    errors,
    footnote,
    sentence,
    standard_error,
    styled,
)
from lrrc.results.summary import Summary, name
from lrrc.results.training_curves import curves_of

PAPER_EPOCHS = 30  # section 4.3: converged within 30 epochs
WRAPPED = {
    "truncated-history": "Truncated-\nHistory",
    "embedding": "Embedding\nretrieval",
    "rims-only": "RIMs-\nonly",
    "ccf-only": "CCF-only\n(style)",
    "tokensqueeze-only": "Token-\nSqueeze-only\n(style)",
    "full-context": "Full-\nContext",
    "first-sentences": "First\nsentences",
}


@styled
def success_and_tokens(summary: Summary) -> Figure:
    """Figure 2: success (left axis) and tokens per episode (right axis) of every policy, standard errors.

    Without outcomes the left axis shows calls.
    """
    tokens = [r for r in summary.main_line("tokens_per_episode") if r["policy"] not in FLOORS]
    metric, scale, unit, label, missing = second_measure(summary)
    points = {r["policy"]: r for r in summary.main_line(metric) if r["policy"] not in FLOORS}
    figure = Figure(figsize=(PAGE, 3.3))
    left = figure.subplots()
    right = left.twinx()
    x = np.arange(len(tokens))
    ours = [r["policy"] == "lrrc" for r in tokens]
    right.bar(
        x,
        [r["value"] for r in tokens],
        0.62,
        yerr=[standard_error(r) for r in tokens],
        color=["#A9CFE8" if mine else "#DADDE0" for mine in ours],
        error_kw={"ecolor": FAINT, "elinewidth": 0.8},
    )
    for i, r in enumerate(tokens):
        right.text(i, 0.02 * right.get_ylim()[1], f"{r['value']:,.0f}", ha="center", fontsize=7, color=INK)
        if r["policy"] not in points:
            continue
        point, colour = points[r["policy"]], LRRC if ours[i] else INK
        left.errorbar(i, scale * point["value"], scale * standard_error(point), fmt="o", color=colour, zorder=5)
        left.annotate(
            f"{scale * point['value']:.1f}{unit}",
            (i, scale * (point["value"] + standard_error(point))),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color=colour,
            fontweight="bold" if ours[i] else "normal",
        )
    lower, upper = over_bars(summary, [*points.values()], tokens, scale)
    left.set_ylim(lower)
    right.set_ylim(upper)
    left.set_xlim(-1.3, len(tokens) - 0.4)
    draw_chance_line(left, summary, -1.22, len(tokens) - 0.5)
    left.set_zorder(right.get_zorder() + 1)
    left.patch.set_visible(False)
    right.spines["right"].set_visible(True)
    left.set_xticks(x, [WRAPPED.get(r["policy"], name(r)) for r in tokens])
    left.set_ylabel(f"{label}, points")
    right.set_ylabel("Tokens per episode, bars", color=FAINT)
    for mine, text in zip(ours, left.get_xticklabels(), strict=True):
        text.set(color=LRRC if mine else INK, fontweight="bold" if mine else "normal")
    footnote(figure, f"Mean ± standard error over episodes. {missing}{sentence([*points.values(), *tokens])}")
    return figure


def over_bars(
    summary: Summary, points: Sequence[Mapping], bars: Sequence[Mapping], scale: float
) -> tuple[list[float], list[float]]:
    """Limits of twin axes that keep points with their standard errors, and the floor, above the bars' middle."""
    ends = [scale * (r["value"] + side * standard_error(r)) for r in points for side in (-1, 1)]
    floors = summary.find(evaluation="replay", metric="preference_success", policy="random-pick")
    low, high = min([*ends, *(100 * r["value"] for r in floors)]), max(ends)
    span = max(high - low, 0.05 * abs(high))
    return [low - 1.2 * span, high + 0.25 * span], [0, 1.55 * max(r["value"] for r in bars)]


def second_measure(summary: Summary) -> tuple[str, float, str, str, str]:
    """(metric, scale, unit, label, remark) of what is drawn beside tokens: success, or calls where there is none."""
    if summary.has("success"):
        return "preference_success", 100, " %", "Task success (%)", ""
    return "calls_per_episode", 1, "", "Calls per episode", "No outcomes recorded, so no success. "


@styled
def rank_tradeoff(summary: Summary) -> Figure:
    """Figure 3: token reduction (left) and success, else calls (right) against the rank, operating point marked."""
    metric, scale, _, label, missing = second_measure(summary)
    saved, second = (
        sorted(
            summary.find(evaluation="replay", metric=m, policy="lrrc", budget=summary.budget), key=lambda r: r["rank"]
        )
        for m in ("token_reduction_vs_full", metric)
    )
    figure = Figure(figsize=(COLUMN, 2.7))
    left = figure.subplots()
    right = left.twinx()
    right.spines["right"].set_visible(True)
    x = np.arange(len(saved))
    here = [r["rank"] for r in saved].index(summary.rank)
    left.axvspan(here - 0.3, here + 0.3, color="#F0F1F3", lw=0)
    left.errorbar(x - 0.05, [r["value"] for r in saved], errors(saved), marker="o", color=LRRC)
    right.errorbar(
        x + 0.05,
        [scale * r["value"] for r in second],
        errors(second, scale),
        marker="s",
        ls="--",
        color=SECOND,
    )
    left.set_xticks(x, [str(r["rank"]) for r in saved])
    left.set_xlim(-0.5, len(x) - 0.5)
    left.set_xlabel("Coordinator rank r")
    left.set_ylabel("● Tokens saved (%)", color=LRRC)
    right.set_ylabel(f"■ {label}", color=SECOND)
    for axes, limits in zip((left, right), apart(saved, second, scale), strict=True):
        axes.set_ylim(limits)
    if scale == 100:  # no share is above all
        right.set_yticks([tick for tick in right.get_yticks() if limits[0] <= tick <= min(100, limits[1])])
    left.text(
        here,
        1.0,
        f"operating point r = {summary.rank}",
        transform=left.get_xaxis_transform(),
        ha="center",
        va="bottom",
        fontsize=7,
        color=INK,
    )
    footnote(figure, f"Mean and 95 % interval. {missing}{sentence(second)}")
    return figure


def apart(above: Sequence[Mapping], below: Sequence[Mapping], scale: float) -> tuple[list[float], list[float]]:
    """Limits of twin axes that keep two curves (the second times `scale`) in the upper and the lower half."""
    low, high = min(r["low"] for r in above), max(r["high"] for r in above)
    span = max(high - low, 1)
    upper = [low - 1.25 * span, high + 0.15 * span]
    low, high = scale * min(r["low"] for r in below), scale * max(r["high"] for r in below)
    span = max(high - low, scale / 100)
    return upper, [low - 0.15 * span, high + 1.25 * span]


@styled
def training(histories: Mapping[tuple[int, int], list[Mapping]], rank: int, where: str) -> Figure:
    """Figure 4: losses, state norm and share of active channels by epoch; bands span folds and seeds."""
    curves = [c for (r, _), history in sorted(histories.items()) if r == rank for c in curves_of(history)]
    if not curves:
        raise ValueError(f"models: no training curves of rank {rank}; `dvc repro train` makes them")
    figure = Figure(figsize=(PAGE, 2.7))
    losses, norm = figure.subplots(1, 2)
    for label, key, colour in (
        ("validation", "val_loss", SECOND),
        ("training", "train_loss", LRRC),
        ("reconstruction", "loss_rec", "#009E73"),
        ("selection", "loss_sel", "#CC79A7"),
        ("outcome", "loss_win", "#B8860B"),
    ):
        if key in curves[0]:
            _band(losses, curves, key, colour, label)
    _label_ends(losses)
    losses.set(xlabel="Epoch", ylabel="Loss", title="Training and validation loss")
    active = norm.twinx()
    active.spines["right"].set_visible(True)
    _band(norm, curves, "state_norm", LRRC, "state norm")
    shares = [{**c, "active_share": c["active_channels"] / rank} for c in curves]
    _band(active, shares, "active_share", SECOND, "active share", dashed=True)
    norm.set(xlabel="Epoch", title="Latent state and gate", ylim=(0, None))
    norm.set_ylabel("Mean L2 norm of the state (solid)", color=LRRC)
    active.set_ylabel("Share of channels active (dashed)", color=SECOND)
    active.set_ylim(0, 1)
    epochs = max(len(c["epoch"]) for c in curves)
    for axes in (losses, norm):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if epochs > PAPER_EPOCHS:
            axes.axvline(PAPER_EPOCHS, color=FAINT, lw=0.8, ls=":")
    losses.set_xticks([tick for tick in losses.get_xticks() if 0 < tick <= epochs])
    seeds = len([1 for r, _ in histories if r == rank])
    footnote(figure, f"Rank {rank}: mean and range of {len(curves)} runs (folds x {seeds} seeds); {where}")
    return figure


def _band(axes: Axes, curves: Sequence[Mapping], key: str, colour: str, label: str, dashed: bool = False) -> None:
    """Mean and range of runs; runs that stopped early count as long as they ran."""
    table = np.full((len(curves), max(len(c["epoch"]) for c in curves)), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve[key])] = curve[key]
    epoch = np.arange(1, table.shape[1] + 1)
    axes.fill_between(epoch, np.nanmin(table, 0), np.nanmax(table, 0), color=colour, alpha=0.15, lw=0)
    axes.plot(epoch, np.nanmean(table, 0), color=colour, label=label, ls="--" if dashed else "-")


def _label_ends(axes: Axes) -> None:
    """Names at the right end of the curves, pushed apart where they would overlap."""
    lines = sorted(axes.get_lines(), key=lambda line: line.get_ydata()[-1])
    low, high = axes.get_ylim()
    step, last = 0.075 * (high - low), -np.inf
    for line in lines:
        x, y = line.get_xdata()[-1], line.get_ydata()[-1]
        last = max(y, last + step)
        axes.annotate(
            line.get_label(),
            (x, y),
            xytext=(x + 0.03 * x, last),
            color=line.get_color(),
            va="center",
            fontsize=7.5,
        )
    last = lines[0].get_xdata()[-1]
    axes.set_xlim(0.5, 1.35 * last)
    axes.spines["bottom"].set_bounds(0.5, last)


@styled
def dataset(summary: Summary) -> Figure:
    """Figure 5 / Table 1: the data set per split, one row per split and accounting."""
    from lrrc.report.tables.replay_tables import dataset_table

    table = dataset_table(summary)
    figure = Figure(figsize=(PAGE, 0.5 + 0.26 * (len(table.rows) + 1)))
    axes = figure.subplots()
    axes.axis("off")
    header, rows = table.shown()
    drawn = axes.table(rows, colLabels=header, loc="center", cellLoc="right", bbox=[0, 0, 1, 1])
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(7.5)
    drawn.auto_set_column_width(range(len(header)))
    for (row, column), cell in drawn.get_celld().items():
        cell.set(linewidth=0.4, edgecolor="#CCCCCC", facecolor="#EEF3F7" if row == 0 else "white")
        cell.set_text_props(ha="left" if column < 2 else "right", fontweight="bold" if row == 0 else "normal")
    episodes = summary.find(evaluation="dataset", metric="episodes")
    footnote(figure, sentence([max(episodes, key=lambda r: r["n"])]))
    return figure
