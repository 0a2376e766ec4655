"""The paper's claims (docs/claims.yaml) against what was measured: values and verdicts are computed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lrrc.proofs.theorems import NOT_CHECKED, PROVED
from lrrc.report.live_headline import told_p
from lrrc.results import statistics
from lrrc.results.summary import METRICS, Summary, name

REPRODUCED, NOT, REFUTED = "reproduced", "not reproduced", "refuted"
MORE, IDLE = "more than claimed", "cannot fail here"
UNTESTABLE = "not testable on this data"
VERDICTS = (REPRODUCED, MORE, NOT, REFUTED, IDLE, UNTESTABLE)
UNMEASURED = "not measured in this run"
SEPARATOR = "; "
CONDITIONS: dict[str, Callable[[float, float], bool]] = {
    "at_least": lambda value, limit: value >= limit,
    "at_most": lambda value, limit: value <= limit,
    "above": lambda value, limit: value > limit,
    "below": lambda value, limit: value < limit,
}
SOURCES = ("metric", "proof", "certificate", "calculation", "printed", "any")
RECORD = ("policy", "rank", "evaluation", "variant", "n")
SHAPES = {  # keys a test may have besides its source and its conditions
    "metric": {*RECORD, "field", "each", "minus", "over"},
    "proof": set(),
    "certificate": {"rank"},
    "printed": {"over"},
    "any": set(),
}
NEEDED = {
    "judge": {"human": "the outcomes of this data set are not human votes"},
    "data": {"lmsys": "this data set is not drawn from lmsys/chatbot_arena_conversations"},
    "reference": {
        "above chance": "Full-Context itself succeeds no more often here than picks at random, so there is no "
        "success to keep or to lose",
        "above chance, by votes": "Full-Context itself succeeds no more often by people's votes than random picks, so "
        "there is no success to keep or to lose",
        "above no history": "with the full history the model answers no more checks right than with none, so there is "
        "no success to keep or to lose",
    },
}


@dataclass(frozen=True)
class Claim:
    """One entry of docs/claims.yaml, checked.

    Where all `tests` hold the verdict is `if_so`. But it is MORE where all of `beyond` hold, too: our number lies far
    past the paper's, which was not found again. And it is IDLE where one of `can_fail` does not hold: whatever is
    measured here, nothing could speak against the claim, for the reason `idle`.
    """

    id: str
    section: str
    quote: str
    rule: str
    tests: tuple[Mapping[str, Any], ...]
    if_so: str = REPRODUCED
    because: str = ""
    needs: Mapping[str, str] | None = None
    beyond: tuple[Mapping[str, Any], ...] = ()
    can_fail: tuple[Mapping[str, Any], ...] = ()
    idle: str = ""

    def __post_init__(self) -> None:
        if self.if_so not in (REPRODUCED, REFUTED):
            raise ValueError(f"claim {self.id}: if_so is {REPRODUCED!r} or {REFUTED!r}, not {self.if_so!r}")
        for key, value in (self.needs or {}).items():
            if value not in NEEDED.get(key, {}):
                raise ValueError(f"claim {self.id}: needs {key}: {value!r} is not one of {NEEDED}")
        if not self.tests:
            raise ValueError(f"claim {self.id}: no tests")
        for test in (*self.tests, *self.beyond, *self.can_fail):
            _check_test(self.id, test)


@dataclass(frozen=True)
class Verdict:
    """What was measured for a claim and what follows."""

    claim: Claim
    verdict: str
    measured: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """What a claim may look at. `proofs` maps a theorem to its verdict, empty where nothing was checked."""

    summary: Summary
    proofs: Mapping[str, str]
    certificates: Mapping[int, list[Mapping[str, Any]]]


def _check_test(claim: str, test: Mapping[str, Any]) -> None:
    sources = [key for key in SOURCES if key in test]
    if len(sources) != 1:
        raise ValueError(f"claim {claim}: a test has one of {', '.join(SOURCES)}: {dict(test)}")
    source, here = sources[0], f"claim {claim}: {sources[0]} {test[sources[0]]!r}"
    if source == "any":
        for inner in test["any"]:
            _check_test(claim, inner)
    if source == "metric" and test["metric"] not in METRICS:
        raise ValueError(f"{here}: no such metric; known are {', '.join(METRICS)}")
    shape = SHAPES.get(source)
    if source == "calculation":
        function = getattr(statistics, str(test["calculation"]), None)
        if not inspect.isfunction(function) or function.__name__.startswith("_"):
            raise ValueError(f"{here}: no such function in lrrc.results.statistics")
        shape = set(inspect.signature(function).parameters)
    if unknown := set(test) - {source} - shape - set(CONDITIONS):
        raise ValueError(f"{here}: unknown {', '.join(sorted(unknown))}")
    if source in ("metric", "calculation", "printed") and not set(test) & set(CONDITIONS):
        raise ValueError(f"{here}: says nothing that must hold; one of {', '.join(CONDITIONS)}")


def load_claims(path: str | Path) -> list[Claim]:
    """The ledger. Raises ValueError that names the claim for anything unknown in it."""
    entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    listed = ("tests", "beyond", "can_fail")
    claims = [Claim(**{k: tuple(v) if k in listed else v for k, v in entry.items()}) for entry in entries]
    if len({claim.id for claim in claims}) != len(claims):
        raise ValueError(f"{path}: a claim occurs twice")
    return claims


def judge(claims: Iterable[Claim], evidence: Evidence) -> list[Verdict]:
    """A verdict for every claim."""
    return [_verdict(claim, evidence) for claim in claims]


def _verdict(claim: Claim, evidence: Evidence) -> Verdict:
    outcomes = [_run(test, evidence) for test in claim.tests]
    parts = [part for _, text in outcomes for part in text.split(SEPARATOR) if part]
    measured = SEPARATOR.join(dict.fromkeys(parts))  # each once
    if missing := _missing(claim, evidence):
        return Verdict(claim, UNTESTABLE, measured, missing)
    if unknown := [test for test, (holds, _) in zip(claim.tests, outcomes, strict=True) if holds is None]:
        reason = "the proofs were not checked" if all("proof" in test for test in unknown) else UNMEASURED
        return Verdict(claim, UNTESTABLE, measured, reason)
    if all(holds for holds, _ in outcomes):
        if not all(_run(test, evidence)[0] for test in claim.can_fail):
            return Verdict(claim, IDLE, measured, claim.idle)
        if claim.beyond and all(_run(test, evidence)[0] for test in claim.beyond):
            return Verdict(claim, MORE, measured, "our interval lies far past the number of the paper")
        return Verdict(claim, claim.if_so, measured, claim.because)
    return Verdict(claim, NOT, measured, "" if claim.if_so == REPRODUCED else "the refutation does not hold")


def _missing(claim: Claim, evidence: Evidence) -> str:
    for key, value in (claim.needs or {}).items():
        if key == "reference":
            metric, floor, evaluation = {
                "above chance": ("preference_success", "random-pick", "replay"),
                "above chance, by votes": ("preference_success", "random-pick", "votes"),
                "above no history": ("live_success", "no-history", "live"),
            }[value]
            holds = evidence.summary.beats_floor(metric, floor, evaluation=evaluation)
            if not holds:
                return UNMEASURED if holds is None else NEEDED[key][value]
        elif any(r[key] != value for name in _evaluations(claim.tests) for r in evidence.summary.find(evaluation=name)):
            return NEEDED[key][value]
    return ""


def _evaluations(tests: Iterable[Mapping[str, Any]]) -> set[str]:
    """Those that tests look at."""
    leaves = [leaf for test in tests for leaf in test.get("any", [test])]
    return {leaf.get("evaluation", "replay") for leaf in leaves if "metric" in leaf}


def _run(test: Mapping[str, Any], evidence: Evidence) -> tuple[bool | None, str]:
    """(does it hold, None where not measured; the measured value in words)."""
    if "any" in test:
        outcomes = [_run(inner, evidence) for inner in test["any"]]
        known = [holds for holds, _ in outcomes if holds is not None]
        return (any(known) if known else None), SEPARATOR.join(text for _, text in outcomes if text)
    if "proof" in test:
        found = evidence.proofs.get(test["proof"])
        text = f"{test['proof']}: {found or NOT_CHECKED}"
        return (None if found in (None, NOT_CHECKED) else found == PROVED), text
    if "certificate" in test:
        found = [c.get(test["certificate"]) for c in evidence.certificates.get(test["rank"], [])]
        if not found or None in found:
            return None, ""
        return all(found), f"{sum(map(bool, found))} of {len(found)} certificates hold"
    if "calculation" in test:
        arguments = {k: v for k, v in test.items() if k != "calculation" and k not in CONDITIONS}
        value = getattr(statistics, test["calculation"])(**arguments)
        shown = ", ".join(f"{k} = {v}" for k, v in arguments.items())
        return _holds(value, test), f"{test['calculation']}({shown}) = {value:.3g}"
    if "printed" in test:
        value = test["printed"] / test.get("over", 1)
        ratio = f" / {test['over']} = {value:.2f}" if "over" in test else ""
        return _holds(value, test), f"printed {test['printed']}{ratio}"
    return _metric(test, evidence.summary)


def _holds(value: float, test: Mapping[str, Any]) -> bool:
    return all(condition(value, test[key]) for key, condition in CONDITIONS.items() if key in test)


def _metric(test: Mapping[str, Any], summary: Summary) -> tuple[bool | None, str]:
    wanted = {"evaluation": "replay", **{key: test[key] for key in ("metric", *RECORD) if key in test}}
    found, field = summary.find(**wanted), test.get("field", "value")
    if not found or any(record[field] is None for record in found):
        return None, ""
    if test.get("each"):
        worst = [r["variant"] for r in found if not _holds(r[field], test)]
        label = f"{METRICS[test['metric']][0]} in {len(found)} subgroups"
        return not worst, f"{label}: {'all hold' if not worst else 'fails in ' + ', '.join(worst)}"
    if len(found) > 1:
        raise ValueError(f"claims: {wanted} fits {len(found)} records; say more")
    value, text = found[0][field], words(found[0])
    if field == "p_vs_full_context":
        text += f", {told_p(value)}"
    for key, combine in (("minus", lambda a, b: a - b), ("over", lambda a, b: a / b)):
        if key in test:
            other = summary.find(**{**wanted, **test[key]})
            if len(other) != 1 or other[0]["n"] != found[0]["n"]:
                return None, ""  # means of other episodes do not compare
            value = combine(value, other[0][field])
            text = f"{text}, {key} {name(other[0])}: {value:.2f}"
    return _holds(value, test), text


def words(record: Mapping[str, Any]) -> str:
    """A record in words: label, configuration, value, interval."""
    label, unit = METRICS[record["metric"]]
    scale, unit = (100, "%") if unit.startswith("share") else (1, unit)
    shows = ".3f" if unit.startswith("nats") else ".1f"
    of = f" ({name(record)})" if record["policy"] else ""
    value, low, high = (
        record[end] if record[end] is None else format(scale * record[end], shows) for end in ("value", "low", "high")
    )
    return f"{label}{of}: {value}{f' [{low}, {high}]' if low else ''} {unit}".rstrip()
