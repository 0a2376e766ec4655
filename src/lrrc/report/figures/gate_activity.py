"""The picture of a trace: which channels took in which turn, and what they looked at in one of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from lrrc.report.figures.style import FAINT, INK, PAGE, SECOND, styled

if TYPE_CHECKING:
    from lrrc.evaluation.trace import Trace


@styled
def draw(trace: Trace, turn: int) -> Figure:
    """Left: activity of every channel in every turn, dots where it was active. Right: attention in one turn.

    Raises ValueError where the turn has no gate.
    """
    records = [record for record in trace.turns if record.gate]
    shown = trace.turns[turn].gate
    if shown is None:
        raise ValueError(f"turn {turn} of {trace.episode_id} under {trace.policy}: no gate to show")
    figure = Figure(figsize=(PAGE, 1.2 + 0.2 * max(len(shown.active), len(shown.attention[0]))))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1])
    activity_RT = np.array([record.gate.activity for record in records]).T
    image = left.imshow(activity_RT, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    c, t = np.nonzero(np.array([record.gate.active for record in records]).T)
    left.scatter(t, c, s=12, color=SECOND)
    left.set_xticks(range(len(records)), [str(record.turn) for record in records])
    left.set_yticks(range(len(activity_RT)))
    left.set(xlabel="Turn", ylabel="Channel", title="Activity (dot: active)")
    right.imshow(np.array(shown.attention).T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    labels = [f"{s.speaker}: {_short(s.text)}" for s in trace.segments_of(turn)]
    right.set_yticks(range(len(labels) + 1), [*labels, "(nothing)"], fontsize=6, parse_math=False)
    right.set_xticks(range(len(shown.active)))
    for channel, tick in enumerate(right.get_xticklabels()):
        tick.set(
            color=INK if shown.active[channel] else FAINT,
            fontweight="bold" if shown.active[channel] else "normal",
        )
    right.set(xlabel="Channel (bold: active)", title=f"Attention in turn {turn}")
    figure.colorbar(image, ax=[left, right], shrink=0.8, label="From 0 to 1")
    return figure


def _short(text: str, length: int = 34) -> str:
    """The start of a text, with a box for what the font lacks."""
    text = "".join(character if _font().get_char_index(ord(character)) else "□" for character in " ".join(text.split()))
    return text if len(text) <= length else text[: length - 1] + "…"


@functools.cache
def _font() -> FT2Font:
    return font_manager.get_font(font_manager.findfont("DejaVu Sans"))
