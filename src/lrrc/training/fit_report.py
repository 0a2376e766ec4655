"""What is to be known of a finished fit beside its curves: fits.json of a checkpoint.

Where its best epoch lies, whether its outcome head is worth listening to, and whether its state is alive; all of it on
the fit's validation episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lrrc.dataset.batches import collate
from lrrc.dataset.episode_arrays import EpisodeArrays
from lrrc.model.network import CoordinatorNetwork
from lrrc.model.outcome import FIRST, SECOND
from lrrc.model.state_measures import faults, measure_state
from lrrc.training.fit import batches_of, best_epoch

LUCK = 0.05  # an outcome head counts as better than the majority where luck would do as well less often


def fit_report(history: Sequence[Mapping], probed: Sequence[Mapping], outcomes: Sequence[int]) -> dict[str, Any]:
    """Of a fit with these curves, and those of its outcome head where that is trained apart."""
    best = best_epoch(history)
    return {
        "epochs": len(history),
        "best_epoch": best["epoch"] + 1,
        "val_loss": best["val_loss"],
        "outcome_head": head_report(best_epoch(probed or history)["val_agreement"], outcomes),
    }


def head_report(agreement: float, outcomes: Sequence[int]) -> dict[str, Any]:
    """Does a head that agrees with this share of the decided outcomes beat naming the more frequent winner always?

    Exact one-sided binomial test: with some thirty episodes, one more than the majority is luck.
    """
    from scipy.stats import binomtest

    decided = [outcome for outcome in outcomes if outcome in (FIRST, SECOND)]
    firsts = decided.count(FIRST)
    majority = max(firsts, len(decided) - firsts) / len(decided) if decided else 1.0
    luck = 1.0
    if decided and majority < 1:
        luck = float(binomtest(round(agreement * len(decided)), len(decided), majority, "greater").pvalue)
    return {
        "agreement": agreement,
        "majority": majority,
        "decided": len(decided),
        "luck": luck,
        "beats_majority": luck < LUCK,
    }


def state_report(net: CoordinatorNetwork, episodes: Sequence[EpisodeArrays], targets: str, size: int) -> dict[str, Any]:
    """Measures of the state, and what is wrong with it in words; empty for a network without channels."""
    pack = partial(collate, vocabulary=1, targets=targets)
    parts = batches_of(range(len(episodes)), size)
    measures = measure_state(net.eval(), (pack([episodes[i] for i in part]) for part in parts))
    return {"state": measures, "faults": faults(measures)} if measures else {}
