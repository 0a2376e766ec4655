"""Records of summary.json -> the paper's Figures 2 to 5 as their captions specify them, and a Pareto plot.

Every figure says on which data it was measured; `save` writes PNG and PDF with the same bytes every time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats as scipy_stats

from lrrc.curves import curves_of
from lrrc.summary import FLOORS, find, main_line, name, provenance

PAPER_EPOCHS = 30  # section 4.3: converged within 30 epochs
COLUMN, PAGE = 3.4, 7.0  # inches: one and two columns of a paper
LRRC, OTHER, SECOND, INK, FAINT = "#0072B2", "#8A8F94", "#D55E00", "#222222", "#666666"
WRAPPED = {
    "truncated-history": "Truncated-\nHistory",
    "embedding": "Embedding\nretrieval",
    "rims-only": "RIMs-\nonly",
    "ccf-only": "CCF-only\n(style)",
    "tokensqueeze-only": "Token-\nSqueeze-only\n(style)",
    "full-context": "Full-\nContext",
    "first-sentences": "First\nsentences",
}


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw under the project's style file."""

    @functools.wraps(draw)
    def inside(*args: Any, **kwargs: Any) -> Figure:
        with matplotlib.style.context("lrrc.lrrc"):
            return draw(*args, **kwargs)

    return inside


def save(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.pdf without dates or version strings."""
    with matplotlib.style.context("lrrc.lrrc"):
        figure.savefig(stem.with_suffix(".png"), metadata={"Software": None})
        figure.savefig(stem.with_suffix(".pdf"), metadata={"Creator": None, "Producer": None, "CreationDate": None})


def standard_error(record: Mapping) -> float:
    """Standard error over episodes, back from the record's t interval."""
    return (record["high"] - record["low"]) / 2 / scipy_stats.t.ppf(0.975, record["n"] - 1)


def _foot(figure: Figure, text: str) -> None:
    figure.supxlabel(text, fontsize=6.5, color=FAINT, x=0.01, ha="left")


def _errors(records: Sequence[Mapping], scale: float = 1) -> list[list[float]]:
    return [
        [scale * (r["value"] - r["low"]) for r in records],
        [scale * (r["high"] - r["value"]) for r in records],
    ]


def _floor(axes: Axes, summary: Mapping, start: float, end: float) -> None:
    for record in find(summary, metric="preference_success", policy="random-pick"):
        axes.plot([start, end], [100 * record["value"]] * 2, color=FAINT, lw=0.9, ls=":", zorder=1)
        axes.text(start, 100 * record["value"], "random pick", fontsize=6.5, color=FAINT, va="center",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip


@styled
def success_and_tokens(summary: Mapping, rank: int, budget: int) -> Figure:
    """Figure 2: success (left axis) and tokens per episode (right axis) of every policy, standard errors."""
    success = [r for r in main_line(summary, "preference_success", rank, budget) if r["policy"] not in FLOORS]
    tokens = {r["policy"]: r for r in main_line(summary, "tokens_per_episode", rank, budget)}
    figure = Figure(figsize=(PAGE, 3.3))
    left = figure.subplots()
    right = left.twinx()
    x = np.arange(len(success))
    ours = [r["policy"] == "lrrc" for r in success]
    bars = [tokens[r["policy"]] for r in success]
    right.bar(x, [r["value"] for r in bars], 0.62, yerr=[standard_error(r) for r in bars],
              color=["#A9CFE8" if mine else "#DADDE0" for mine in ours],
              error_kw={"ecolor": FAINT, "elinewidth": 0.8})  # fmt: skip
    for i, r in enumerate(bars):
        right.text(i, 0.02 * right.get_ylim()[1], f"{r['value']:,.0f}", ha="center", fontsize=7, color=INK)
    for i, r in enumerate(success):
        colour = LRRC if ours[i] else INK
        left.errorbar(i, 100 * r["value"], 100 * standard_error(r), fmt="o", color=colour, zorder=5)
        left.annotate(f"{100 * r['value']:.1f} %", (i, 100 * (r["value"] + standard_error(r))), xytext=(0, 3),
                      textcoords="offset points", ha="center", fontsize=7, color=colour,
                      fontweight="bold" if ours[i] else "normal")  # fmt: skip
    low = min(100 * (r["value"] - standard_error(r)) for r in success)
    high = max(100 * (r["value"] + standard_error(r)) for r in success)
    floor = find(summary, metric="preference_success", policy="random-pick")
    low = min([low, *(100 * r["value"] for r in floor)])
    left.set_ylim(low - 1.2 * (high - low), high + 0.25 * (high - low))  # points above the bars' middle
    right.set_ylim(0, 1.55 * max(r["value"] for r in bars))
    left.set_xlim(-1.3, len(success) - 0.4)
    _floor(left, summary, -1.22, len(success) - 0.5)
    left.set_zorder(right.get_zorder() + 1)
    left.patch.set_visible(False)
    right.spines["right"].set_visible(True)
    left.set_xticks(x, [WRAPPED.get(r["policy"], name(r)) for r in success])
    left.set_ylabel("Task success (%), points")
    right.set_ylabel("Tokens per episode, bars", color=FAINT)
    for mine, label in zip(ours, left.get_xticklabels(), strict=True):
        label.set(color=LRRC if mine else INK, fontweight="bold" if mine else "normal")
    _foot(figure, f"Mean ± standard error over episodes. {_sentence(success)}")
    return figure


def _sentence(records: Sequence[Mapping]) -> str:
    return _capital(provenance(max(records, key=lambda r: r["seeds"])))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


@styled
def rank_tradeoff(summary: Mapping, rank: int, budget: int) -> Figure:
    """Figure 3: token reduction (left) and success (right) against the rank, operating point marked."""
    saved, success = (
        sorted(find(summary, metric=metric, policy="lrrc", budget=budget), key=lambda r: r["rank"])
        for metric in ("token_reduction_vs_full", "preference_success")
    )
    figure = Figure(figsize=(COLUMN, 2.7))
    left = figure.subplots()
    right = left.twinx()
    right.spines["right"].set_visible(True)
    x = np.arange(len(saved))
    here = [r["rank"] for r in saved].index(rank)
    left.axvspan(here - 0.3, here + 0.3, color="#F0F1F3", lw=0)
    left.errorbar(x - 0.05, [r["value"] for r in saved], _errors(saved), marker="o", color=LRRC)
    right.errorbar(
        x + 0.05,
        [100 * r["value"] for r in success],
        _errors(success, 100),
        marker="s",
        ls="--",
        color=SECOND,
    )
    left.set_xticks(x, [str(r["rank"]) for r in saved])
    left.set_xlim(-0.5, len(x) - 0.5)
    left.set_xlabel("Coordinator rank r")
    left.set_ylabel("● Tokens saved (%)", color=LRRC)
    right.set_ylabel("■ Task success (%)", color=SECOND)
    for axes, limits in zip((left, right), apart(saved, success), strict=True):
        axes.set_ylim(limits)
    left.text(
        here,
        1.0,
        f"operating point r = {rank}",
        transform=left.get_xaxis_transform(),
        ha="center",
        va="bottom",
        fontsize=7,
        color=INK,
    )
    _foot(figure, f"Mean and 95 % interval.\n{_wrapped(_sentence(success))}")
    return figure


def apart(above: Sequence[Mapping], below: Sequence[Mapping]) -> tuple[list[float], list[float]]:
    """Limits of twin axes (percent, shares) that keep two curves in the upper and the lower half."""
    low, high = min(r["low"] for r in above), max(r["high"] for r in above)
    span = max(high - low, 1)
    upper = [low - 1.25 * span, high + 0.15 * span]
    low, high = 100 * min(r["low"] for r in below), 100 * max(r["high"] for r in below)
    span = max(high - low, 1)
    return upper, [low - 0.15 * span, high + 1.25 * span]


def _wrapped(text: str) -> str:
    return text.replace("; ", ";\n")


@styled
def training(histories: Mapping[tuple[int, int], list[Mapping]], rank: int, foot: str) -> Figure:
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
    _foot(figure, f"Rank {rank}: mean and range of {len(curves)} runs (folds x {seeds} seeds); {foot}")
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
def dataset(summary: Mapping) -> Figure:
    """Figure 5 / Table 1: the data set per split, one row per split and accounting."""
    from lrrc.tables import dataset_table

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
    episodes = find(summary, evaluation="dataset", metric="episodes")
    _foot(figure, _sentence([max(episodes, key=lambda r: r["n"])]))
    return figure


@styled
def pareto(summary: Mapping, rank: int, budget: int) -> Figure:
    """Tokens per episode against success, every policy and rank with 95 % intervals, names at the right."""
    success = [r for r in find(summary, metric="preference_success") if r["policy"] not in FLOORS
               and r["budget"] in (None, budget)]  # fmt: skip
    cost = {(r["policy"], r["rank"]): r for r in find(summary, metric="tokens_per_episode")
            if r["budget"] in (None, budget)}  # fmt: skip
    figure = Figure(figsize=(PAGE, 3.6))
    axes = figure.subplots()
    points = sorted(((cost[r["policy"], r["rank"]], r) for r in success), key=lambda pair: pair[1]["value"])
    low, high = 100 * min(r["low"] for r in success), 100 * max(r["high"] for r in success)
    heights = np.linspace(low, high, len(points)) if len(points) > 1 else [low]
    left, edge = min(t["low"] for t, _ in points), max(t["high"] for t, _ in points)
    margin = edge + 0.06 * (edge - left)
    for (t, s), height in zip(points, heights, strict=True):
        ours = s["policy"] == "lrrc"
        colour = LRRC if ours else SECOND if s["policy"] == "full-context" else INK
        axes.errorbar(
            t["value"],
            100 * s["value"],
            yerr=_errors([s], 100),
            xerr=_errors([t]),
            fmt="o" if ours else "s",
            color=colour,
            elinewidth=0.6,
            capsize=0,
            ms=6 if ours and s["rank"] == rank else 4,
            alpha=0.9,
        )
        axes.annotate(
            f"{name(s)}: {t['value']:,.0f} tokens, {100 * s['value']:.1f} %",
            (t["value"], 100 * s["value"]),
            xytext=(margin, height),
            va="center",
            fontsize=7,
            color=colour,
            fontweight="bold" if ours and s["rank"] == rank else "normal",
            arrowprops={
                "arrowstyle": "-",
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "color": colour,
                "lw": 0.35,
                "alpha": 0.6,
            },
        )
    axes.set_xlim(left - 0.03 * (edge - left), edge + 0.75 * (edge - left))
    axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    _floor(axes, summary, left - 0.02 * (edge - left), edge)
    axes.set_xticks([tick for tick in axes.get_xticks() if left - 0.03 * (edge - left) <= tick <= edge * 1.02])
    axes.spines["bottom"].set_bounds(left - 0.03 * (edge - left), edge)
    axes.set_xlabel("Tokens per episode (fewer is better: left)", x=0.29)
    axes.set_ylabel("Task success (%)")
    _foot(figure, f"Mean and 95 % interval over episodes, digest budget {budget} tokens. {_sentence(success)}")
    return figure
