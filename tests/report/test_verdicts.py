"""The verdicts that README and the report open with say what the records say."""

import pytest
from helpers import made_up_results

from lrrc.report import verdicts
from lrrc.results.summary import Summary


def gap(value, low, high, **more):
    return {"value": value, "low": low, "high": high, **more}


@pytest.mark.parametrize(
    "low, high, told", [(0.1, 2, "higher"), (-2, -0.1, "lower"), (-1, 2, verdicts.UNTOLD), (0, 2, verdicts.UNTOLD)]
)
def test_an_interval_that_touches_zero_tells_nothing(low, high, told):
    assert verdicts.direction(gap(1, low, high)) == told


def test_a_saving_below_zero_is_a_cost():
    lost = gap(-4.0, -6.0, -2.0)
    assert f"{verdicts.amount(lost)} % {verdicts.less(lost)}" == "4.0 (2.0 to 6.0) % more"


def test_every_question_is_answered_where_everything_was_measured():
    summary = made_up_results.summary()
    found = verdicts.verdicts(summary)
    assert [v.question for v in found] == [ask(summary).question for ask in verdicts.QUESTIONS if ask(summary)]
    assert len(found) >= 5
    text = verdicts.in_short(summary)
    assert text[0].isupper() and text.endswith(".") and len(text.split()) <= 120
    assert all(sentence[0].isupper() for sentence in text.split(". "))


def test_what_was_not_measured_is_not_answered():
    summary = Summary((), 8, 128)
    assert verdicts.verdicts(summary) == [] and verdicts.in_short(summary) == ""
