"""Do two runs tell the same story? Holds every figure of two results/summary.json against each other.

python tools/compare_results.py OLD/summary.json NEW/summary.json

Two runs on the same episodes differ by their trainings (another seed, processor, version), so a difference is held
against the standard error of training it anew: the two runs' own, added in squares (root 2 times the training
component where both are alike). It is estimated from few seeds: what is printed as z is where a normal figure would lie
as far out as this one does among Student's t. Of two runs of the same thing, 5 % lie beyond 1.96, by chance. More than
MOST is exit status 1. Also says which figures left the other run's printed interval.
"""

import argparse
import math
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from scipy import stats

from lrrc.results.summary import KEYS, Summary

LIMIT, MOST = 1.96, 0.08
SAME = 1e-9  # relative: what ten printed digits cannot tell apart


class Difference(NamedTuple):
    """One figure of both runs; `z` is None where it was not trained several times, `left` where it has no interval."""

    name: str
    old: float
    new: float
    z: float | None
    left: bool | None


def difference(old: dict, new: dict) -> Difference:
    """Of two records of one name."""
    gap = new["value"] - old["value"]
    equal = abs(gap) <= SAME * max(abs(old["value"]), abs(new["value"]))
    z = None
    if "retrained_se" in old and "retrained_se" in new:
        se = math.hypot(old["retrained_se"], new["retrained_se"])
        degrees = old["seeds"] + new["seeds"] - 2
        z = 0.0 if equal else math.copysign(normal_equivalent(abs(gap) / se, degrees) if se else math.inf, gap)
    inside = [
        r["low"] - SAME * abs(r["low"]) <= other["value"] <= r["high"] + SAME * abs(r["high"])
        for r, other in ((old, new), (new, old))
        if r["low"] is not None and r["high"] is not None
    ]
    return Difference(name_of(old), old["value"], new["value"], z, not all(inside) if inside else None)


def normal_equivalent(t: float, degrees: int) -> float:
    """The normal deviate that is exceeded as seldom as `t` among Student's t."""
    return float(stats.norm.isf(stats.t.sf(t, degrees)))


def name_of(record: dict) -> str:
    """What names a record, but how many episodes it has."""
    return " ".join(str(record[key]) for key in KEYS if key != "n" and record[key] not in (None, ""))


def compared(old: Summary, new: Summary) -> tuple[list[Difference], list[str]]:
    """All figures that both have, on as many episodes; and the names of those that one alone has."""
    first, second = ({tuple(r[key] for key in KEYS): r for r in run.records} for run in (old, new))
    both = [(first[key], second[key]) for key in first if key in second]
    found = [difference(a, b) for a, b in both if a["value"] is not None and b["value"] is not None]
    alone = {**first, **second}
    return found, sorted(name_of(alone[key]) for key in first.keys() ^ second.keys())


def report(found: list[Difference], alone: list[str], show: int) -> int:
    """Print it; the exit status."""
    trained = [d for d in found if d.z is not None]
    beyond = sorted((d for d in trained if abs(d.z) > LIMIT), key=lambda d: -abs(d.z))
    left = [d for d in found if d.left]
    fixed = [d for d in found if d.z is None and d.old != d.new]
    with_interval = sum(d.left is not None for d in found)
    share = len(beyond) / max(1, len(trained))
    print(f"{len(found)} figures in both, {len(alone)} in one alone, {sum(d.old != d.new for d in found)} differ")
    print(
        f"{len(beyond)} of {len(trained)} trained figures ({100 * share:.1f} %) differ by more than {LIMIT} standard "
        f"errors of training anew; by chance 5 %, at most {100 * MOST:.0f} % are allowed"
    )
    print(f"{len(left)} of {with_interval} figures left the printed interval of the other run")
    print(f"{len(fixed)} figures differ that have no training component")
    for title, some in (("beyond", beyond), ("left the interval", left), ("without training component", fixed)):
        for d in some[:show]:
            print(f"  {title}: {d.name}: {d.old:g} -> {d.new:g}" + (f", z = {d.z:+.2f}" if d.z is not None else ""))
        if len(some) > show:
            print(f"  {title}: and {len(some) - show} more")
    for evaluation, count in Counter(name.split()[0] for name in alone).items():
        print(f"  in one alone: {count} of {evaluation}")
    return int(share > MOST)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--show", type=int, default=10, help="figures listed of each kind (default: 10)")
    args = parser.parse_args()
    try:
        runs = [Summary.load(path, 0, 0) for path in (args.old, args.new)]  # rank and budget name nothing here
    except ValueError as error:
        print("error:", error, file=sys.stderr)
        return 2
    return report(*compared(*runs), args.show)


if __name__ == "__main__":
    sys.exit(main())
