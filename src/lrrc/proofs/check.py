"""The Lean proofs of the paper's theorems, checked: `lrrc prove`.

Every file under proofs/ is compiled from source; the definitions, statements and axioms that Audit.lean
prints are compared with the recorded ones; files under refuted/ have to be refused. Where Lean cannot be run
nothing counts as proved: the verdict is then "not checked".
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from lrrc.proofs import lean
from lrrc.proofs.theorems import FAILED, NOT_CHECKED, PROVED, RECORDS, Theorem, recorded_theorems, records
from lrrc.runtime.files import write_text

ALLOWED_AXIOMS = {"propext"}
# Base/ declares what Lean's built-in elaborators and its kernel's arithmetic take for granted: a wrong
# Nat.add there would prove anything. These are the hashes of the text that was reviewed.
TRUSTED_SHA256 = {
    "Base/Core.lean": "a57289a4649a6eb4a79c6c0e7e71294ff7a576e1905275c315bc42f515e0f9cf",
    "Base/Quote.lean": "f5b424d01419d7f3a87d26f603ea027b90c34c280785b3217af6e5d1fc323ab2",
    "Base/Tactics.lean": "6657f7bd0d00f33ada4ba53bc2bc6927a8bd860b49cbb0562305748d4fd3b30c",
}
# Outside Base/ these would get round the kernel, and are refused even in comments.
FORBIDDEN = re.compile(
    r"\b(axiom|sorry|admit|unsafe|opaque|partial|extern|implemented_by|csimp|native_decide|set_option|elab|elab_rules|"
    r"initialize|builtin_\w+|init_quot|run_cmd|run_tac|run_meta)\b|#eval|\b(debug|compiler|bootstrap)\."
)


@dataclass(frozen=True)
class Problem:
    """Why something does not count as proved. Line 0 is the whole file; theorem "" concerns all of them."""

    file: str
    line: int
    message: str
    theorem: str = ""

    def __str__(self) -> str:
        return f"proofs/{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Report:
    """What a check found. `checked_by` is "" and `reason` says why where no Lean could be run."""

    verdict: str
    checked_by: str
    reason: str
    theorems: tuple[Theorem, ...]
    refused: tuple[str, ...]  # files with false proofs, all of which Lean has to refuse
    problems: tuple[Problem, ...]


def check_proofs(root: Path) -> Report:
    """Check everything under `root` (a folder like proofs/). Raises ValueError where it is no such folder."""
    theorems = recorded_theorems(root)
    checker, reason = lean.find_lean()
    if checker is None:
        return Report(NOT_CHECKED, "", f"{reason}: {lean.INSTALL}", theorems, (), ())
    refused: tuple[str, ...] = ()
    problems = _text_problems(root)
    if not problems:  # text that might cheat the kernel is not even compiled
        refused, problems = _compile_all(checker, root, [theorem.name for theorem in theorems])
    return Report(
        FAILED if problems else PROVED,
        checker.name,
        "",
        tuple(
            replace(theorem, verdict=FAILED if any(p.theorem in ("", theorem.name) for p in problems) else PROVED)
            for theorem in theorems
        ),
        refused,
        tuple(problems),
    )


def _compile_all(checker: lean.Lean, root: Path, names: list[str]) -> tuple[tuple[str, ...], list[Problem]]:
    """Files with false proofs that were refused, and what is wrong with everything else."""
    with tempfile.TemporaryDirectory() as build, ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        outcomes = _compile(checker, root, Path(build), pool)
        problems = [problem for source in sorted(outcomes) for problem in _errors(source, outcomes[source])]
        if problems:
            return (), problems
        for record in RECORDS:
            problems = problems or _audit_problems(root, record, _audit(checker, root, Path(build), record), names)
        false_proofs = sorted(path.relative_to(root).as_posix() for path in (root / "refuted").glob("*.lean"))
        tried = pool.map(lambda source: lean.run_lean(checker, root, Path(build), source), false_proofs)
        for source, outcome in zip(false_proofs, tried, strict=True):
            expected = re.search(r"^-- expect: (.+)$", (root / source).read_text(encoding="utf-8"), re.M)
            if not (expected and any(expected[1] in error.text for error in outcome.errors)):
                problems.append(Problem(source, 0, "a false proof was not refused for the reason it expects"))
    return tuple(false_proofs), problems


def _sources(root: Path) -> list[str]:
    files = (path.relative_to(root) for path in root.rglob("*.lean"))
    return sorted(path.as_posix() for path in files if path.parts[0] != "refuted")


def _text_problems(root: Path) -> list[Problem]:
    problems = []
    for source in _sources(root):
        text = (root / source).read_text(encoding="utf-8")
        if source in TRUSTED_SHA256:
            if hashlib.sha256(text.encode()).hexdigest() != TRUSTED_SHA256[source]:
                problems.append(Problem(source, 0, "differs from the trusted text that was reviewed"))
        else:
            for number, line in enumerate(text.splitlines(), 1):
                if word := FORBIDDEN.search(line):
                    problems.append(Problem(source, number, f"{word.group()!r} is not allowed outside Base/"))
    return problems


def _imports(root: Path, source: str) -> set[str]:
    text = (root / source).read_text(encoding="utf-8")
    return {module.replace(".", "/") + ".lean" for module in re.findall(r"^import\s+(\S+)", text, re.M)}


def _compile(checker: lean.Lean, root: Path, build: Path, pool: ThreadPoolExecutor) -> dict[str, lean.Outcome]:
    """Compile every file after those it imports, several at once; what rests on a broken file is left out."""
    order = TopologicalSorter({source: _imports(root, source) for source in _sources(root)})
    outcomes: dict[str, lean.Outcome] = {}
    running: dict[Future, str] = {}
    try:
        order.prepare()
    except CycleError as error:
        return {error.args[1][0]: lean.Outcome(False, (lean.Message("error", 0, "imports itself"),))}
    while True:
        for source in order.get_ready():
            target = (build / source).with_suffix(".olean")
            running[pool.submit(lean.run_lean, checker, root, build, source, target)] = source
        if not running:
            return outcomes
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            source = running.pop(future)
            outcomes[source] = future.result()
            if outcomes[source].accepted:
                order.done(source)


def _errors(source: str, outcome: lean.Outcome) -> list[Problem]:
    """The errors of a file, without "internal exception" where Lean also gives a reason."""
    errors = [Problem(source, error.line, error.text) for error in outcome.errors]
    return [error for error in errors if "internal exception" not in error.message] or errors


def _audit(checker: lean.Lean, root: Path, build: Path, record: str) -> str:
    """What Audit.lean prints with the options of `record`."""
    outcome = lean.run_lean(checker, root, build, "Audit.lean", options=RECORDS[record])
    return "".join(message.text + "\n" for message in outcome.messages)


def _audit_problems(root: Path, record: str, said: str, names: list[str]) -> list[Problem]:
    """Statements, axioms and definitions that are not the recorded ones."""
    expected = (root / record).read_text(encoding="utf-8")
    claims = (root / "Claims.lean").read_text(encoding="utf-8").splitlines()
    old, new = records(expected), records(said)
    problems = []
    for name in names:
        start = f"theorem {name.split('.')[-1]} "
        line = next((number for number, text in enumerate(claims, 1) if text.startswith(start)), 0)
        if name not in new:
            problems.append(Problem("Audit.lean", 0, f"{name} is not audited", name))
        elif new[name][0] != old[name][0]:
            problems.append(Problem("Claims.lean", line, f"{name} now says: {new[name][0]}", name))
        elif new[name][1] != old[name][1] or not set(new[name][1]) <= ALLOWED_AXIOMS:
            problems.append(Problem("Claims.lean", line, f"{name} rests on: {', '.join(new[name][1])}", name))
    if not problems and said != expected:
        pairs = enumerate(zip(said.splitlines(), expected.splitlines(), strict=False), 1)
        line = next((number for number, (a, b) in pairs if a != b), 0)
        problems.append(Problem(record, line, "a definition is not the recorded one"))
    return problems


def record_statements(root: Path) -> None:
    """Record what Audit.lean prints now. Raises ValueError where it cannot be compiled."""
    checker, reason = lean.find_lean()
    if checker is None:
        raise ValueError(f"{reason}: {lean.INSTALL}")
    with tempfile.TemporaryDirectory() as build, ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        outcomes = _compile(checker, root, Path(build), pool)
        for source in sorted(outcomes):
            for problem in _errors(source, outcomes[source]):
                raise ValueError(str(problem))
        for record in RECORDS:
            write_text(root / record, _audit(checker, root, Path(build), record))
