"""results/team -> figures of the team arena with intervals: every pair of payload and call policy, the gate, headroom.
What parts of the gate are worth is in results/team_ablations.parquet, as agents answer who make no errors.

A figure is {"part", "payload", "call", "changed", "kind", "metric", "value", "low", "high", "n", "episodes", "seeds"}
and what a comparison adds. Requests of one episode are drawn together, trainings of the gate are crossed with them
(lrrc.results.crossed). Parts: "played" (the closed loop), "against" (minus the reference: everybody is called, with
everything), "gate" (choices replayed on the answers that all gave), "rules" (those of untrained call policies),
"headroom" (both models without a call policy). Differences are in points.

In results/summary.json a figure's evaluation is "team-" and its part, its policy the payload's, and its variant says
the rest: whom a call policy calls, what is changed of the gate, which kind of request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lrrc.policy_catalogue import POLICIES
from lrrc.results.crossed import Crossed, crossed, crossed_reduction
from lrrc.results.summary import Summary, new_record

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = ("full-context", "all")
MARGIN = 4  # points of success that calling and sending less may cost
KEY = ["episode_id", "turn"]  # names a request
ALL = "all"  # kinds of request
GATE = "lrrc"  # the call policy that is trained
READERS = "-readers"  # of parts that agents make who make no errors
PARTS = ("played", "against", "gate", "rules", f"gate{READERS}", f"rules{READERS}", "headroom")
BEST_ALONE, BEST_TWO = "best agent", "best two"  # whom the gate would call at a set number
PREFIX = "team_"  # of metrics in a summary
CALLS = {
    "all": "all agents",
    "random": "one at random",
    "in-turn": "in turn",
    "last-forwarded": "the last one forwarded",
    "bm25": "BM25",
    "bm25-2": "BM25, two",
    "embedding": "embedding",
    "embedding-2": "embedding, two",
    "oracle": "oracle (knows who)",
    "lrrc": "LRRC's gate",
}
CEILING = "oracle"
Figures = Sequence[Mapping[str, Any]]


class Money(NamedTuple):
    """List prices per million tokens: of a fresh prompt token, of one in a provider's prompt cache, of a completion."""

    prompt: float
    cached: float
    completion: float


def read_team(folder: Path, ablations: Path, prices: Money, alpha: float = 0.05) -> list[dict[str, Any]]:
    """Every figure of the stages team and team_ablate. Raises ValueError where the first left nothing."""
    import pandas as pd

    if not (folder / "rows.parquet").is_file():
        raise ValueError(f"{folder}: no rows.parquet; `dvc repro team` makes it")
    rows = with_money(pd.read_parquet(folder / "rows.parquet"), prices)
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    found = [*played(rows), *against_reference(rows, alpha)]
    found += gate(pd.read_parquet(folder / "replays.parquet"))
    found += gate(pd.read_parquet(ablations)) if ablations.is_file() else []
    found += headroom(pd.read_parquet(folder / "headroom.parquet"))
    where = {"part": "meta", "n": meta["episodes"], "episodes": meta["episodes"]}
    numbers = {name: value for name, value in meta.items() if isinstance(value, (int, float))}
    return [*found, *(figure(where, name, value) for name, value in numbers.items())]


def read_records(folder: Path, ablations: Path, prices: Money, alpha: float = 0.05) -> list[dict[str, Any]]:
    """The figures as records of results/summary.json; none where nothing was played."""
    if not (folder / "rows.parquet").is_file():
        return []
    return [_record(each) for each in read_team(folder, ablations, prices, alpha) if each["part"] != "meta"]


def _record(found: Mapping[str, Any]) -> dict[str, Any]:
    names = {key: found[key] for key in ("part", "payload", "call", "changed", "kind")}
    said = (names["call"], names["changed"], names["kind"] if names["kind"] != ALL else "")
    base = {"evaluation": f"team-{names['part']}", "data": "team", "judge": "verifier", "policy": names["payload"]}
    base |= {"rank": None, "budget": None, "variant": " ".join(filter(None, said))}
    numbers = ("metric", "value", "low", "high", "n", "seeds", *names)
    more = {key: value for key, value in found.items() if key not in numbers}
    values = [found[key] for key in ("value", "low", "high")]
    return new_record(base, PREFIX + found["metric"], *values, n=found["n"], seeds=found["seeds"], **names, **more)


def figures_of(summary: Summary) -> list[dict[str, Any]]:
    """The figures that a summary has records of."""
    found = [r for part in PARTS for r in summary.find(evaluation=f"team-{part}")]
    return [{**r, "metric": r["metric"].removeprefix(PREFIX)} for r in found]


def with_money(rows: pd.DataFrame, prices: Money) -> pd.DataFrame:
    """The rows with all tokens, and what they cost, with prompt caches and without."""
    prompt, cached, completion = (rows[name] for name in ("prompt_tokens", "reusable_tokens", "completion_tokens"))
    return rows.assign(
        tokens=prompt + completion,
        money=(prompt * prices.prompt + completion * prices.completion) / 1e6,
        money_cached=((prompt - cached) * prices.prompt + cached * prices.cached + completion * prices.completion)
        / 1e6,
    )


MEANS = {
    "right": "success",
    "calls": "calls",
    "tokens": "tokens",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "money": "money",
    "money_cached": "money_cached",
}


def played(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Means per request of every pair of policies, of all requests and of every kind."""
    for (payload, call), some in rows.groupby(["payload", "call"]):
        for kind, part in [(ALL, some), *some.groupby("kind")]:
            where = {"part": "played", "payload": payload, "call": call, "kind": kind}
            for column, metric in MEANS.items():
                if kind == ALL or column in ("right", "calls"):
                    yield measured(where, metric, crossed([part[column]], part["episode_id"]), len(part))


def against_reference(rows: pd.DataFrame, alpha: float) -> Iterator[dict[str, Any]]:
    """Every pair minus the reference, paired by request: success, percent of calls, tokens and money saved."""
    table = {pair: some.set_index(KEY).sort_index() for pair, some in rows.groupby(["payload", "call"])}
    full = table.get(REFERENCE)
    for pair, mine in table.items():
        if full is None or pair == REFERENCE:
            continue
        assert mine.index.equals(full.index), f"{pair}: other requests than the reference"
        clusters = mine.index.get_level_values("episode_id")
        where = {"part": "against", "payload": pair[0], "call": pair[1], "kind": ALL}
        gap = crossed([100 * (mine["right"] - full["right"])], clusters)
        more = {"no_loss_p": gap.p_above(-MARGIN), "no_loss_power": gap.power_above(-MARGIN, alpha)}
        yield measured(where, "success_difference", gap, len(mine), detectable=gap.detectable(alpha), **more)
        for column in ("calls", "tokens", "money", "money_cached"):
            saved = crossed_reduction([mine[column]], [full[column]], clusters)
            yield measured(where, f"{column}_saved", saved, len(mine))


def gate(replays: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Replayed choices on the answers of the models, and on those of agents that make no errors."""
    for answers, some in replays.groupby("answers"):
        yield from _gate(some, READERS if answers == "readers" else "")


def _gate(replays: pd.DataFrame, whose: str) -> Iterator[dict[str, Any]]:
    """The gate over its thresholds, the calibrated one among them; its best agent alone and best two, whole and with
    parts changed; and every untrained call policy, with the gate at as many calls minus it."""
    rules, replays = replays[replays["call"] != GATE], replays[replays["call"] == GATE]
    whole = {called: _matrix(some, "right") for called, some in replays[replays["variant"] == ""].groupby("chosen")}
    for (variant, called), some in replays.groupby(["variant", "chosen"]):
        where = {"part": f"gate{whose}", "payload": "lrrc", "call": called, "changed": variant, "kind": ALL}
        yield from _replayed(where, some)
        if variant:
            mine = _matrix(some, "right")
            gap = 100 * (mine.to_numpy() - whole[called].loc[mine.index].to_numpy())
            yield measured(where, "success_minus_whole_gate", crossed(gap, _clusters(mine)), mine.shape[1])
    for call, some in rules.groupby("call"):
        where = {"part": f"rules{whose}", "payload": "lrrc", "call": call, "kind": ALL}
        yield from _replayed(where, some)
        equal = {1: BEST_ALONE, 2: BEST_TWO}.get(int(some["calls"].iloc[0]))
        if some["calls"].nunique() == 1 and equal in whole:
            gap = 100 * (whole[equal].to_numpy() - _matrix(some, "right").to_numpy())
            yield measured(where, "gate_minus_rule", crossed(gap, _clusters(whole[equal])), whole[equal].shape[1])


def _replayed(where: Mapping[str, Any], some: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for column, metric in (("right", "success"), ("calls", "calls")):
        matrix = _matrix(some, column)
        yield measured(where, metric, crossed(matrix.to_numpy(), _clusters(matrix)), matrix.shape[1])


def _matrix(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """[seeds, requests]"""
    return rows.pivot_table(index="seed", columns=KEY, values=column)


def _clusters(matrix: pd.DataFrame):
    return matrix.columns.get_level_values("episode_id")


def headroom(answered: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Share right of either model by what it was given, of every kind of request and every kind of fact."""
    for by in ("kind", "family"):
        for (model, given, what), some in answered.groupby(["model", "given", by]):
            where = {"part": "headroom", "payload": model, "call": given, "kind": what, "changed": by}
            share = crossed([some["right"].astype(float)], some["episode_id"])
            yield measured(where, "success", share, len(some))
    facts, nothing = (answered[answered["given"] == given] for given in ("facts", "nothing"))
    for model, some in facts.groupby("model"):
        sure, unsure = some["confidence"], nothing[nothing["model"] == model]["confidence"]
        where = {"part": "headroom", "payload": model, "call": "confidence", "n": len(some)}
        yield figure({**where, "episodes": some["episode_id"].nunique()}, "area_under_curve", _area(sure, unsure))


def _area(above: pd.Series, below: pd.Series) -> float:
    """How often a value of the first is greater than one of the second; ties count half."""
    one, other = above.to_numpy()[:, None], below.to_numpy()[None]
    return float(np.mean((one > other) + 0.5 * (one == other)))


def measured(where: Mapping[str, Any], metric: str, found: Crossed, n: int, **more: float) -> dict[str, Any]:
    """The figure of a mean with its 95 % interval."""
    value, low, high = found.interval()
    if metric == "success":  # a share: Student's interval of a few episodes may leave what shares can be
        low, high = max(low, 0.0), min(high, 1.0)
    sizes = {"n": n, "episodes": found.episodes, "seeds": found.trainings}
    return figure({**where, **sizes, **more}, metric, value, low, high)


def figure(where: Mapping[str, Any], metric: str, value: float, low: float | None = None, high: float | None = None):
    """One figure, with every name that there is."""
    names = dict.fromkeys(("part", "payload", "call", "changed", "kind"), "")
    return {**names, "seeds": 0, **where, "metric": metric, "value": value, "low": low, "high": high}


def find(figures: Figures, **wanted: str) -> list[Mapping[str, Any]]:
    """Figures whose fields equal all of `wanted`."""
    return [each for each in figures if all(each[key] == value for key, value in wanted.items())]


def one(figures: Figures, **wanted: str) -> Mapping[str, Any] | None:
    """The one such figure, or None."""
    found = find(figures, **wanted)
    assert len(found) < 2, wanted
    return found[0] if found else None


def pairs(figures: Figures) -> list[tuple[str, str]]:
    """Pairs of payload and call policy, the reference first, then by calls."""
    calls = find(figures, part="played", kind="all", metric="calls")
    ordered = sorted(calls, key=lambda each: (-each["value"], each["payload"], each["call"]))
    found = [(each["payload"], each["call"]) for each in ordered]
    return sorted(found, key=lambda pair: pair != REFERENCE)


def pair_name(payload: str, call: str) -> str:
    """A pair for people."""
    return f"{POLICIES[payload]}, {CALLS[call]}"
