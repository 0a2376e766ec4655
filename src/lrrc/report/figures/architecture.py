"""Figure 1: the coordinator drawn from the model's own shapes, with gate, digest and saved calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from lrrc.report.figures.style import FAINT, INK, LRRC, PAGE, SECOND, styled

PALE, WARM = "#E3EFF7", "#FBEADB"
# state width, channels, active ones, update rank, encoder width, head width, buckets of words, budget
SHAPES = ("d", "r", "k", "r_u", "e", "h", "V", "budget")


def shapes(checkpoint: Mapping[str, Any], budget: int) -> dict[str, int]:
    """The shapes of a trained model, from its config.json."""
    model, r = checkpoint["model"], checkpoint["rank"]
    return {
        "d": model["d"],
        "r": r,
        "k": max(1, min(model["top_k"], r // 2)),
        "r_u": min(r, model["max_update_rank"]),
        "e": checkpoint["encoder_width"],
        "h": model["head_width"],
        "V": model["vocabulary"],
        "budget": budget,
    }


@styled
def architecture(shapes: Mapping[str, int]) -> Figure:
    """Figure 1 for `shapes` (keys SHAPES). Raises ValueError where one is missing."""
    if missing := [key for key in SHAPES if key not in shapes]:
        raise ValueError(f"architecture: no shape for {', '.join(missing)}")
    d, r, k, r_u, e, h, words, budget = (shapes[key] for key in SHAPES)
    figure = Figure(figsize=(PAGE, 3.7))
    axes = figure.subplots()
    axes.set(xlim=(0, 100), ylim=(0, 56))
    axes.axis("off")
    for x, width, title in (
        (0, 43, "Recurrent latent state"),
        (45.5, 26, "Long → Short decoder"),
        (74, 26, "Agents"),
    ):
        axes.add_patch(Rectangle((x, 0), width, 52, facecolor="#F7F8F9", edgecolor="none", zorder=0))
        axes.text(x + width / 2, 53.2, title, ha="center", va="bottom", fontweight="bold", fontsize=8.5)

    _box(axes, 1.5, 41.5, 17, 8.5, f"turn t: N segments,\nembedded: N × {e}", PALE)
    _box(axes, 22, 41.5, 19.5, 8.5, f"gate: {r} channels query\nN segments + a null row", PALE)
    _box(
        axes,
        22,
        28,
        19.5,
        9.5,
        f"top-k gate: at most {k} of\n{r} channels active; the\nrest keep their value",
        WARM,
    )
    _box(
        axes,
        22,
        14.5,
        19.5,
        9.5,
        f"low-rank update\n$U_t = A_t B_t^T$\n$A_t$: {d} × {r_u},  $B_t$: {r} × {r_u}",
        PALE,
    )
    _arrow(axes, (18.5, 45.7), (22, 45.7))
    _arrow(axes, (31.7, 41.5), (31.7, 37.5))
    _arrow(axes, (31.7, 28), (31.7, 24))
    _state(axes, 3.5, 13.5, r, k)
    axes.text(10, 37.3, f"state $S_t$: {d} × {r}", ha="center", fontsize=8, color=LRRC, fontweight="bold")
    _arrow(axes, (22, 19.2), (17.3, 19.2))
    axes.text(
        21,
        6.3,
        r"active: $S_{t+1} = \rho\, S_t + U_t$,  $0 < \rho < 1$,  columns of $U_t$ at most b:"
        "\nevery column stays within max(|$S_0$|, b / (1 − ρ)) for ever",
        ha="center",
        va="center",
        fontsize=6.7,
    )

    _box(axes, 47, 41.5, 23, 8.5, f"compression head\nstate, question, agent → {h}", PALE)
    _box(
        axes,
        47,
        28.5,
        23,
        9,
        f"decoder: a score for every\nstored segment; {words:,} buckets\nof essential words",
        PALE,
    )
    _box(
        axes,
        47,
        14.5,
        23,
        10,
        f"digest: copied segments,\nin order, with speakers,\nat most {budget} tokens",
        WARM,
    )
    _box(axes, 47, 3, 23, 7.5, "full history instead, where\nthat is no longer", "white")
    for top, bottom in ((41.5, 37.5), (28.5, 24.5), (14.5, 10.5)):
        _arrow(axes, (58.5, top), (58.5, bottom))
    axes.plot([17.3, 20, 20, 44.2, 44.2], [33, 33, 39.6, 39.6, 45.7], color=LRRC, lw=1.1, zorder=1)
    _arrow(axes, (44.2, 45.7), (47, 45.7), LRRC)

    _box(
        axes,
        75.5,
        41.5,
        23,
        8.5,
        "call gate: outcome head\nsure enough (τ)? then one\nagent is called, not both",
        WARM,
    )
    _box(axes, 75.5, 31, 10.5, 6.5, "model_a", PALE)
    _box(axes, 88, 31, 10.5, 6.5, "model_b", PALE)
    _box(axes, 75.5, 17.5, 23, 9, "payload = digest + $u_t$\n≤ min(full, B + n($u_t$)) tokens", PALE)
    _box(
        axes,
        75.5,
        3,
        23,
        10,
        "accounting per call (cl100k):\nprompt, completion, reusable\nprefix, calls",
        "white",
    )
    _arrow(axes, (70, 19.5), (75.5, 21.5))
    _arrow(axes, (70, 7.5), (75.5, 19.3))
    for x in (78.5, 95.5):
        _arrow(axes, (x, 26.5), (x, 31))
        _arrow(axes, (x, 41.5), (x, 37.5), SECOND)
    _arrow(axes, (87, 17.5), (87, 13))
    axes.text(87, 39.5, "calls saved here", ha="center", va="center", fontsize=7, color=SECOND, fontweight="bold")
    figure.supxlabel(
        "Shapes of the trained model. Orange: where tokens and calls are saved or work is skipped.",
        fontsize=6.5,
        color=FAINT,
        x=0.01,
        ha="left",
    )
    return figure


def _box(axes: Axes, x: float, y: float, width: float, height: float, text: str, colour: str) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=1",
            facecolor=colour,
            edgecolor="#9AA5AE",
            lw=0.7,
            zorder=2,
        )
    )
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=7, color=INK, zorder=3)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = "#55606A") -> None:
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.1, "shrinkA": 0, "shrinkB": 0},
        zorder=1,
    )


def _state(axes: Axes, x: float, y: float, r: int, k: int) -> None:
    """The state as columns, k of them shown active (at most 16 are drawn)."""
    drawn = min(r, 16)
    width = 13 / drawn
    step = max(1, drawn // max(1, min(k, drawn)))
    for c in range(drawn):
        active = c % step == 0 and c // step < k
        axes.add_patch(
            Rectangle(
                (x + c * width, y),
                0.82 * width,
                22.5,
                facecolor=LRRC if active else "#D5DBE0",
                edgecolor="none",
                zorder=2,
            )
        )
