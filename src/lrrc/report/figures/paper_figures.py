"""Records of summary.json -> the paper's Figures 2 to 5 as their captions specify them.

Every figure says on which data it was measured; what was not recorded (success, on logs without outcomes) is left
out of it, and said to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lrrc.policy_catalogue import FLOORS
from lrrc.report.figures.plot import Axis, Line, Panel, Plot, Series, Told, chance_lines, errors, scaled, told
from lrrc.report.figures.style import (
    COLUMN,
    FAINT,
    INK,
    LRRC,
    PAGE,
    SECOND,
    footnote,
    sentence,
    standard_error,
    styled,
)
from lrrc.report.tables.replay_tables import dataset_table
from lrrc.results.summary import Summary, name, provenance
from lrrc.results.training_curves import curves_of

PAPER_EPOCHS = 30  # section 4.3: converged within 30 epochs
CURVES = (  # column of a history, name, colour
    ("val_loss", "validation", SECOND),
    ("train_loss", "training", LRRC),
    ("loss_rec", "reconstruction", "#009E73"),
    ("loss_sel", "selection", "#CC79A7"),
    ("loss_win", "outcome", "#B8860B"),
)


def success_and_tokens(summary: Summary) -> Plot:
    """Figure 2: success (left axis) and tokens per episode (right axis) of every policy, standard errors.

    Without outcomes the left axis shows calls.
    """
    tokens = [r for r in summary.main_line("tokens_per_episode") if r["policy"] not in FLOORS]
    metric, scale, unit, label, missing = second_measure(summary)
    measured = {r["policy"]: r for r in summary.main_line(metric)}
    points = [(i, measured[r["policy"]]) for i, r in enumerate(tokens) if r["policy"] in measured]
    rows = [r for _, r in points]
    lower, upper = over_bars(summary, rows, tokens, scale)
    bars = Series(
        "bars",
        range(len(tokens)),
        scaled(tokens),
        ["#A9CFE8" if r["policy"] == "lrrc" else "#DADDE0" for r in tokens],
        [Told(name(r), "", (f"{told(r)} tokens",)) for r in tokens],
        name="tokens per episode",
        y_errors=[[standard_error(r) for r in tokens]] * 2,
        right=True,
        beside=[f"{r['value']:,.0f}" for r in tokens],
    )
    dots = Series(
        "dots",
        [i for i, _ in points],
        scaled(rows, scale),
        [LRRC if r["policy"] == "lrrc" else INK for r in rows],
        [Told(name(r), "", (told(r, scale, ".1f", unit),)) for r in rows],
        name=label.lower(),
        y_errors=[[scale * standard_error(r) for r in rows]] * 2,
        beside=[f"{scale * r['value']:.1f}{unit}" for r in rows],
    )
    colours = [LRRC if r["policy"] == "lrrc" else INK for r in tokens]
    end = len(tokens)
    panel = Panel(
        Axis("", limits=(-1.3, end - 0.4), names=[name(r) for r in tokens], colours=colours),
        Axis(label, printed=f"{label}, points", limits=lower),
        [bars, dots],
        right=Axis("Tokens per episode", FAINT, "Tokens per episode, bars", upper),
        lines=chance_lines(summary, (-1.22, end - 0.5)),
    )
    note = f"Mean ± standard error over episodes. {missing}{sentence([*rows, *tokens])}"
    return Plot([panel], (PAGE, 3.3), note)


def over_bars(
    summary: Summary, points: Sequence[Mapping], bars: Sequence[Mapping], scale: float
) -> tuple[list[float], list[float]]:
    """Limits of twin axes that keep points with their standard errors, and the floor, above the bars' middle."""
    ends = [scale * (r["value"] + side * standard_error(r)) for r in points for side in (-1, 1)]
    floors = [line.at for line in chance_lines(summary)]
    low, high = min([*ends, *floors]), max(ends)
    span = max(high - low, 0.05 * abs(high))
    return [low - 1.2 * span, high + 0.25 * span], [0, 1.55 * max(r["value"] for r in bars)]


def second_measure(summary: Summary) -> tuple[str, float, str, str, str]:
    """(metric, scale, unit, label, remark) of what is drawn beside tokens: success, or calls where there is none."""
    if summary.has("success"):
        return "preference_success", 100, " %", "Task success (%)", ""
    return "calls_per_episode", 1, "", "Calls per episode", "No outcomes recorded, so no success. "


def rank_tradeoff(summary: Summary) -> Plot:
    """Figure 3: token reduction (left) and success, else calls (right) against the rank, operating point marked."""
    metric, scale, unit, label, missing = second_measure(summary)
    saved, second = (
        sorted(
            summary.find(evaluation="replay", metric=m, policy="lrrc", budget=summary.budget),
            key=lambda r: r["rank"],
        )
        for m in ("token_reduction_vs_full", metric)
    )
    upper, lower = apart(saved, second, scale)
    series = [
        Series(
            "points",
            range(len(records)),
            scaled(records, times),
            [colour],
            [Told(f"r = {r['rank']}", "", (told(r, times, ".1f", shown),)) for r in records],
            name=title,
            y_errors=errors(records, times),
            mark=mark,
            line=line,
            right=right,
        )
        for records, times, shown, title, colour, mark, line, right in (
            (saved, 1, " %", "tokens saved (%)", LRRC, "circle", "solid", False),
            (second, scale, unit, label.lower(), SECOND, "square", "dashed", True),
        )
    ]
    ranks = [r["rank"] for r in saved]
    most = 100 if scale == 100 else None  # no share is above all
    panel = Panel(
        Axis("Coordinator rank r", limits=(-0.5, len(ranks) - 0.5), names=[str(rank) for rank in ranks]),
        Axis("Tokens saved (%)", LRRC, "● Tokens saved (%)", upper),
        series,
        right=Axis(label, SECOND, f"■ {label}", lower, most=most),
        here=(ranks.index(summary.rank), f"operating point r = {summary.rank}"),
    )
    return Plot([panel], (COLUMN, 2.7), f"Mean and 95 % interval. {missing}{sentence(second)}")


def apart(above: Sequence[Mapping], below: Sequence[Mapping], scale: float) -> tuple[list[float], list[float]]:
    """Limits of twin axes that keep two curves (the second times `scale`) in the upper and the lower half."""
    low, high = min(r["low"] for r in above), max(r["high"] for r in above)
    span = max(high - low, 1)
    upper = [low - 1.25 * span, high + 0.15 * span]
    low, high = scale * min(r["low"] for r in below), scale * max(r["high"] for r in below)
    span = max(high - low, scale / 100)
    return upper, [low - 0.15 * span, high + 1.25 * span]


def training(summary: Summary, histories: Mapping[tuple[int, int], list[Mapping]]) -> Plot:
    """Figure 4: losses, state norm and share of active channels by epoch; bands span folds and seeds."""
    rank = summary.rank
    curves = [c for (r, _), history in sorted(histories.items()) if r == rank for c in curves_of(history)]
    if not curves:
        raise ValueError(f"models: no training curves of rank {rank}; `dvc repro train` makes them")
    shares = [c["active_channels"] / rank for c in curves]
    losses = [_band([c[key] for c in curves], label, colour) for key, label, colour in CURVES if key in curves[0]]
    norm = _band([c["state_norm"] for c in curves], "state norm", LRRC)
    active = _band(shares, "active share", SECOND, right=True)
    epochs = len(norm.x)
    lines = [Line("x", PAPER_EPOCHS, FAINT, "dotted")] if epochs > PAPER_EPOCHS else []
    epoch = Axis("Epoch")
    left = Panel(epoch, Axis("Loss"), losses, lines=lines, title="Training and validation loss", ends_named=True)
    right = Panel(
        epoch,
        Axis("Norm of the state", LRRC, "Mean L2 norm of the state (solid)", (0, None)),
        [norm, active],
        right=Axis("Share of channels active", SECOND, "Share of channels active (dashed)", (0, 1)),
        lines=lines,
        title="Latent state and gate",
    )
    seeds = len([1 for r, _ in histories if r == rank])
    note = f"Rank {rank}: mean and range of {len(curves)} runs (folds x {seeds} seeds); {provenance(summary.origin())}"
    return Plot([left, right], (PAGE, 2.7), note)


def _band(curves: Sequence[np.ndarray], label: str, colour: str, right: bool = False) -> Series:
    """Mean and range of runs; runs that stopped early count as long as they ran."""
    table = np.full((len(curves), max(map(len, curves))), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    epochs, mean = range(1, table.shape[1] + 1), np.nanmean(table, 0).tolist()
    return Series(
        "band",
        epochs,
        mean,
        [colour],
        [Told(label, f", epoch {e}", (f"{v:.3f}",)) for e, v in zip(epochs, mean, strict=True)],
        name=label,
        y_errors=[np.nanmin(table, 0).tolist(), np.nanmax(table, 0).tolist()],
        line="dashed" if right else "solid",
        right=right,
    )


@styled
def dataset(summary: Summary) -> Figure:
    """Figure 5 / Table 1: the data set per split, one row per split and accounting."""
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
