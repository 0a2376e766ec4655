"""The form of replies is learnt to its optimum, whatever side wins, and then left alone."""

import numpy as np
import torch

from lrrc.digest.reply_form import FORM
from lrrc.model.outcome import FIRST, FormHead, preferred
from lrrc.model.outcome_probe import KeptFeatures
from lrrc.training.form_head import fit_form_head


def judged(count, keep, seed=0, weights=None):
    """Episodes of three turns whose winner follows a known weighing of differences; some are ties."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        form_TF = rng.standard_normal((3, len(FORM))).astype(np.float32)
        lead = sum(keep ** (2 - t) * form_TF[t] @ weights for t in range(3))
        chances = np.exp([lead, -lead, 0.0])
        outcome = int(rng.choice(3, p=chances / chances.sum()))
        found.append(KeptFeatures(f"k{i}", np.zeros((3, 3, 1), np.float32), form_TF, outcome, 2))
    return found


WEIGHTS = np.array([1.2, 0, -0.8, 0, 0, 0.5, 0, 0, 0])


def test_a_known_weighing_is_found_and_not_trained_further():
    head = FormHead()
    fit_form_head(head, judged(4000, 0.3, weights=WEIGHTS))
    found_F = head.weight_F.detach().numpy()  # shorter than the truth: the turns before know less of the outcome
    assert found_F @ WEIGHTS / np.linalg.norm(found_F) / np.linalg.norm(WEIGHTS) > 0.99
    assert 0.1 < float(head.keep.detach().sigmoid()) < 0.5
    assert not any(parameter.requires_grad for parameter in head.parameters())


@torch.no_grad()
def test_exchanged_training_episodes_give_the_same_head():
    made = judged(200, 0.5, weights=WEIGHTS)
    other = [KeptFeatures(e.episode_id, e.features_TPG, -e.form_TF, (1, 0, 2)[e.outcome], 2) for e in made]
    heads = FormHead(), FormHead()
    for head, data in zip(heads, (made, other), strict=True):
        with torch.enable_grad():
            fit_form_head(head, data)
    torch.testing.assert_close(heads[0].weight_F, heads[1].weight_F, atol=1e-4, rtol=1e-4)


def test_without_outcomes_it_says_nothing():
    head = FormHead()
    made = [KeptFeatures(e.episode_id, e.features_TPG, e.form_TF, -1, 2) for e in judged(8, 0.5, weights=WEIGHTS)]
    fit_form_head(head, made)
    logits = head(torch.from_numpy(made[0].form_TF)[None])
    assert not logits.any() and not preferred(logits)[..., FIRST].any()
