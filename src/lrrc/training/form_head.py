"""What the form of two replies says of the outcome is learnt first and by itself: ten numbers, to the optimum.

A network's head then learns what form leaves open. Trained together, the ten numbers would stay where they were when
the ranking of segments came to rest, which is early. Shape suffixes: B episodes, T turns, F differences.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lrrc.dataset.episode_arrays import EpisodeArrays
from lrrc.episodes.episode import ARENA_OUTCOMES
from lrrc.model.outcome import FIRST, SECOND, FormHead
from lrrc.model.outcome_probe import KeptFeatures
from lrrc.training.losses import outcome

RIDGE = 1.0  # nats for a weight of one: what is seen seldom weighs little
STEPS = 200
DRAWN = [o for o in range(len(ARENA_OUTCOMES)) if o not in (FIRST, SECOND)]


def fit_form_head(head: FormHead, episodes: Sequence[EpisodeArrays | KeptFeatures]) -> None:
    """Fit to the outcomes of training episodes and leave it there: it is no longer trained.

    Where no episode has an outcome, its weights stay at zero.
    """
    rows = [(torch.from_numpy(e.form_TF), e.outcome) for e in episodes if len(e.form_TF)]
    head.requires_grad_(False)
    if not any(winner >= 0 for _, winner in rows):
        return
    head.standardise(torch.cat([form_TF for form_TF, _ in rows]))
    form_BTF = torch.nn.utils.rnn.pad_sequence([form_TF for form_TF, _ in rows], batch_first=True).double()
    turns_B, outcome_B = torch.tensor([len(form_TF) for form_TF, _ in rows]), torch.tensor([o for _, o in rows])
    exact = FormHead().double()
    exact.load_state_dict(head.state_dict())
    often_O = torch.zeros(len(ARENA_OUTCOMES), dtype=torch.double, requires_grad=True)  # of ties; the net's head has it
    drawn_O = torch.zeros_like(often_O).index_fill(0, torch.tensor(DRAWN), 1.0).detach()
    optimizer = torch.optim.LBFGS([*exact.parameters(), often_O], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        nats = outcome(exact(form_BTF) + often_O * drawn_O, turns_B, outcome_B)
        value = nats + RIDGE * (exact.weight_F**2).sum() / len(rows)
        value.backward()
        return value

    optimizer.step(loss)
    head.load_state_dict(exact.state_dict())
