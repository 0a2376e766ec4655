"""docs/audit.md: generated, every question asked, numbers that are the records'."""

import re

from helpers import made_up_results as synthetic
from helpers.paths import ROOT

from lrrc.params import load_params
from lrrc.report.audit import QUESTIONS, UNMEASURED, page
from lrrc.results.summary import Summary


def sections(text):
    return dict(part.split("\n", 1) for part in text.split("\n## ")[1:])


def test_the_page_is_what_the_committed_results_say():
    params = load_params(ROOT / "params.yaml")
    summary = Summary.load(ROOT / "results/summary.json", params.rank, params.budget)
    assert (ROOT / "docs/audit.md").read_text(encoding="utf-8") == page(summary), "run `python -m lrrc.report.audit`"


def test_every_question_is_asked_and_answered_from_records():
    summary = synthetic.summary()
    asked = sections(page(summary))
    assert list(asked) == [question.doubt for question in QUESTIONS]
    assert not [doubt for doubt, told in asked.items() if UNMEASURED in told]
    lead = summary.record("lrrc_live_lead_at_equal_tokens", evaluation="live-equal-tokens", policy="bm25")
    assert f"{lead['value']:+.1f} points" in asked["Does LRRC still lead where everybody spends the same?"]
    gate = summary.record("call_reduction_vs_full", evaluation="ablation", policy="embedding", variant="call-gate-on")
    assert re.search(rf"Embedding retrieval\S*: {gate['value']:.1f} ", asked[QUESTIONS[2].doubt])
    assert "12 trials" in asked[QUESTIONS[0].doubt]


def test_what_was_not_measured_is_said_to_be():
    asked = sections(page(Summary([], 8, 128)))
    assert len(asked) == len(QUESTIONS) and all(told.strip() == UNMEASURED for told in asked.values())
