"""The ledger: every measure exists, verdicts follow from the numbers, nothing is typed in."""

from dataclasses import replace

import pytest
import yaml
from helpers import made_up_results as synthetic
from helpers.paths import ROOT

from lrrc.proofs.theorems import FAILED, NOT_CHECKED, PROVED, recorded_theorems
from lrrc.report.claims import NOT, REFUTED, REPRODUCED, UNTESTABLE, Claim, Evidence, judge, load_claims
from lrrc.results.summary import Summary, new_record

LEDGER = ROOT / "docs/claims.yaml"


def summary(*records, **source):
    base = {
        "evaluation": "replay",
        "data": "embedded",
        "judge": "verifier",
        "policy": "lrrc",
        "rank": 8,
        "budget": 128,
        "variant": "",
        **source,
    }
    return Summary([new_record({**base, **more}, *numbers, n=40, seeds=2) for numbers, more in records], 8, 128)


def verdict(*tests, of=None, proofs=None, certificates=None, **claim):
    made = Claim("x", "1", "quote", "rule", tests, **claim)
    return judge([made], Evidence(of or summary(), proofs or {}, certificates or {}))[0]


SAVED = summary(
    (("token_reduction_vs_full", 30.0, 25.0, 35.0), {}),
    (("token_reduction_vs_full", 40.0, 35.0, 45.0), {"rank": 32}),
)
TOKENS = {"metric": "token_reduction_vs_full", "policy": "lrrc", "rank": 8}


def test_ledger_loads_and_names_only_theorems_that_are_there():
    claims = load_claims(LEDGER)
    assert len(claims) >= 25
    assert {"tokens", "calls", "success-gain", "theorem-1", "tables-agree"} <= {claim.id for claim in claims}
    there = {theorem.name for theorem in recorded_theorems(LEDGER.parents[1] / "proofs")}
    named = {test["proof"] for claim in claims for test in claim.tests if "proof" in test}
    assert named and named <= there


def test_quotes_and_rules_are_there_for_every_claim():
    for entry in yaml.safe_load(LEDGER.read_text(encoding="utf-8")):
        assert entry["quote"] and entry["section"] and entry["rule"]
        assert not {"value", "verdict"} & set(entry)


def test_every_claim_of_the_ledger_gets_a_verdict():
    found = judge(load_claims(LEDGER), Evidence(summary(), {}, {}))
    arithmetic = {v.claim.id for v in found if v.verdict == REFUTED}
    assert arithmetic == {"success-p", "success-shares", "rank-maximum", "tables-agree", "update-shapes"}
    assert all(v.verdict == UNTESTABLE and v.reason for v in found if v.claim.id not in arithmetic)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({**TOKENS, "at_least": 30}, REPRODUCED),
        ({**TOKENS, "at_least": 31}, NOT),
        ({**TOKENS, "field": "high", "at_least": 31}, REPRODUCED),
        ({**TOKENS, "above": 30}, NOT),
        ({**TOKENS, "at_most": 30, "below": 31}, REPRODUCED),
        ({**TOKENS, "over": {"rank": 32}, "at_least": 0.75}, REPRODUCED),
        ({**TOKENS, "rank": 32, "minus": {"rank": 8}, "at_most": 9}, NOT),
        ({**TOKENS, "rank": 16, "at_least": 1}, UNTESTABLE),
        ({"calculation": "smallest_p", "difference": 0.021, "n": 30, "above": 0.008}, REPRODUCED),
        ({"printed": 2839.6, "over": 1432, "at_least": 2}, NOT),
        ({"any": [{**TOKENS, "at_least": 99}, {**TOKENS, "at_least": 1}]}, REPRODUCED),
    ],
)
def test_rules(test, expected):
    assert verdict(test, of=SAVED).verdict == expected


def test_measured_value_is_shown():
    assert "30.0 [25.0, 35.0] percent" in verdict({**TOKENS, "at_least": 99}, of=SAVED).measured


def test_each_names_the_subgroup_that_fails():
    parts = summary(
        *(
            (("token_reduction_vs_full", v, v, v), {"evaluation": "by-category", "variant": name})
            for v, name in ((5.0, "good"), (-1.0, "bad"))
        )
    )
    found = verdict(
        {"metric": "token_reduction_vs_full", "evaluation": "by-category", "each": True, "above": 0}, of=parts
    )
    assert found.verdict == NOT and "fails in bad" in found.measured


def test_needs_human_votes():
    claim = {"needs": {"judge": "human"}}
    assert verdict({**TOKENS, "at_least": 1}, of=SAVED, **claim).verdict == UNTESTABLE
    people = summary((("token_reduction_vs_full", 30.0, 25.0, 35.0), {}), judge="human")
    assert verdict({**TOKENS, "at_least": 1}, of=people, **claim).verdict == REPRODUCED


@pytest.mark.parametrize(("low", "expected"), [(0.52, REPRODUCED), (0.49, UNTESTABLE)])
def test_success_can_be_kept_only_where_there_is_some(low, expected):
    full = (("preference_success", 0.55, low, 0.6), {"policy": "full-context", "rank": None})
    chance = (("preference_success", 0.5, 0.45, 0.55), {"policy": "random-pick", "rank": None})
    saved = (("token_reduction_vs_full", 30.0, 25.0, 35.0), {})
    claim = {"needs": {"reference": "above chance"}}
    assert verdict({**TOKENS, "at_least": 1}, of=summary(full, chance, saved), **claim).verdict == expected
    assert verdict({**TOKENS, "at_least": 1}, of=SAVED, **claim).verdict == UNTESTABLE


@pytest.mark.parametrize(("low", "expected"), [(0.35, REPRODUCED), (0.25, UNTESTABLE)])
def test_live_success_can_be_kept_only_where_history_helps(low, expected):
    full = (("live_success", 0.4, low, 0.45), {"policy": "full-context", "rank": None, "evaluation": "live"})
    none = (("live_success", 0.3, 0.25, 0.35), {"policy": "no-history", "rank": None, "evaluation": "live"})
    gap = (("live_success_difference_vs_full", -1.0, -4.0, 2.0), {"evaluation": "live"})
    test = {"metric": "live_success_difference_vs_full", "evaluation": "live", "field": "low", "above": -5}
    claim = {"needs": {"reference": "above no history"}}
    assert verdict(test, of=summary(full, none, gap), **claim).verdict == expected
    unmeasured = verdict(test, of=summary(gap), **claim)
    assert (unmeasured.verdict, unmeasured.reason) == (UNTESTABLE, "not measured in this run")


def test_second_readings_stand_beside_the_first():
    claims = {claim.id: claim for claim in load_claims(LEDGER)}
    live = [claim for claim in claims.values() if claim.id.endswith("-live")]
    assert len(live) >= 5 and all("live" in test["evaluation"] for claim in live for test in claim.tests)
    assert all(
        "evaluation" not in test or "live" not in test["evaluation"]
        for claim in claims.values()
        if claim not in live
        for test in claim.tests
    )
    found = {v.claim.id: v for v in judge(live, Evidence(synthetic.summary().at_budget(), {}, {}))}
    assert found["success-kept-live"].verdict == REPRODUCED
    assert (
        "Live success minus Full-Context (LRRC r = 8): 13.0 [9.5, 16.5] points" in found["success-kept-live"].measured
    )
    assert found["most-benefits-live"].verdict == NOT  # r = 32 is better by 4.8 points there
    assert found["components-unmatched-live"].verdict == REPRODUCED


@pytest.mark.parametrize(("kernel", "expected"), [(PROVED, REFUTED), (FAILED, NOT), (NOT_CHECKED, UNTESTABLE)])
def test_a_proof_not_checked_never_passes(kernel, expected):
    assert verdict({"proof": "T.f"}, proofs={"T.f": kernel}, if_so=REFUTED).verdict == expected
    assert verdict({"proof": "T.f"}).verdict == UNTESTABLE


def test_certificates():
    test = {"certificate": "holds", "rank": 8}
    assert verdict(test, certificates={8: [{"holds": True}, {"holds": True}]}).verdict == REPRODUCED
    assert verdict(test, certificates={8: [{"holds": True}, {"holds": False}]}).verdict == NOT
    assert verdict(test, certificates={4: [{"holds": True}]}).verdict == UNTESTABLE


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"metric": "tokens_saved", "above": 0}, "no such metric"),
        ({"calculation": "np", "above": 0}, "no such function"),
        ({"calculation": "smallest_p", "size": 3, "above": 0}, "unknown size"),
        ({**TOKENS, "policies": "x", "above": 0}, "unknown policies"),
        (TOKENS, "says nothing"),
        ({"above": 3}, "has one of"),
        ({"any": [{"metric": "nothing", "above": 0}]}, "no such metric"),
    ],
)
def test_a_claim_with_an_unknown_measure_is_refused(test, message):
    with pytest.raises(ValueError, match=message):
        Claim("x", "1", "quote", "rule", (test,))


def test_at_budget_leaves_one_record_per_policy():
    both = summary((("token_reduction_vs_full", 1.0), {}), (("token_reduction_vs_full", 2.0), {"budget": 64}))
    assert [r["value"] for r in replace(both, budget=64).at_budget().records] == [2.0]
