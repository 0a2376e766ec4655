"""The theorems of proofs/ as they are recorded there: sentence, statement, axioms, hypotheses about numbers.

Nothing here is checked; that is what lrrc.prove does.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

PROVED, FAILED, NOT_CHECKED = "proved", "failed", "not checked"
# What Audit.lean prints, with which options: for readers, and with nothing hidden by notation or instances.
RECORDS = {"Audit.expected": (), "Audit.explicit": ("-Dpp.explicit=true", "-Dpp.notation=false")}


@dataclass(frozen=True)
class Theorem:
    """A headline result of proofs/Claims.lean."""

    name: str  # as in Lean
    claim: str  # of the paper: "Theorem 1", "Theorem 2" or "convergence and stability"
    plain: str  # one sentence in words
    hypotheses: tuple[dict[str, str], ...]  # about numbers: {"number", "condition", "meaning"}
    file: str  # where it is proved, below proofs/
    lemma: str  # under which name
    statement: str  # as Lean prints it
    axioms: tuple[str, ...]
    sha256: str  # of the explicit statement and the axioms
    verdict: str


def default_folder() -> Path:
    """proofs/ here, or of the repository that this file stands in."""
    here = Path("proofs")
    return here if here.is_dir() else Path(__file__).resolve().parents[3] / "proofs"


def recorded_theorems(root: Path) -> tuple[Theorem, ...]:
    """The headline theorems as proofs/ records them, without a check (verdict "not checked")."""
    try:
        claims = json.loads((root / "claims.json").read_text(encoding="utf-8"))
        plain = sentences((root / "Claims.lean").read_text(encoding="utf-8"))
        shown, explicit = (records((root / record).read_text(encoding="utf-8")) for record in RECORDS)
    except OSError as error:
        raise ValueError(f"{root}: not a folder of proofs: {error.filename} cannot be read") from None
    names = [claim["name"] for claim in claims]
    for where, others in (("Claims.lean", plain), ("Audit.expected", shown), ("Audit.explicit", explicit)):
        if odd := set(names) ^ {name for name in others if "." in name}:
            raise ValueError(f"{root}: claims.json and {where} differ on {', '.join(sorted(odd))}")
    return tuple(
        Theorem(
            name=claim["name"],
            claim=claim["claim"],
            plain=plain[claim["name"]],
            hypotheses=tuple(claim["hypotheses"]),
            file=claim["file"],
            lemma=claim["lemma"],
            statement=shown[claim["name"]][0],
            axioms=shown[claim["name"]][1],
            sha256=hashlib.sha256(repr(explicit[claim["name"]]).encode()).hexdigest(),
            verdict=NOT_CHECKED,
        )
        for claim in claims
    )


def sentences(claims: str) -> dict[str, str]:
    """Theorem name -> its docstring, for every theorem of Claims.lean."""
    found, namespace = {}, ""
    entry = r"^namespace (\S+)|^/-- ((?:(?!-/).)*) -/\ntheorem (\S+)|^theorem (\S+)"
    for match in re.finditer(entry, claims, re.M | re.S):
        entered, sentence, name, bare = match.groups()
        if entered:
            namespace = entered
        else:
            found[f"{namespace}.{name or bare}"] = " ".join((sentence or "").split())
    return found


def records(audit: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Theorem name -> (statement, axioms) in what Audit.lean prints."""
    rests = r"(?:does not depend on any axioms|depends on axioms: \[([^\]]*)\])"
    entry = rf"^@?(\S+) : ((?:(?!^').)*?)\n'\1' {rests}$"
    return {
        name: (statement, tuple(axioms.replace(",", " ").split()))
        for name, statement, axioms in re.findall(entry, audit, re.M | re.S)
    }
