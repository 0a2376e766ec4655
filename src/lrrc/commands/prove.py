"""`lrrc prove`: check the Lean proofs of the paper's theorems with the real kernel."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from lrrc.proofs.check import Report, check_proofs, record_statements
from lrrc.proofs.theorems import FAILED, NOT_CHECKED, PROVED, default_folder
from lrrc.runtime.files import canonical_json

EXIT = {PROVED: 0, FAILED: 1, NOT_CHECKED: 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Exit status: 0 all proved, 1 something failed, 3 not checked, for want of a Lean to run."
    parser.add_argument("directory", nargs="?", type=Path, help="folder of the proofs (default: proofs)")
    parser.add_argument("--json", action="store_true", help="print the whole result as JSON")
    parser.add_argument(
        "--record",
        action="store_true",
        help="first record the statements as they are now, after a change on purpose",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 0: all proved, 1: something failed, 3: not checked, because no Lean could be run."""
    root = (args.directory or default_folder()).resolve()
    if args.record:
        record_statements(root)
    report = check_proofs(root)
    print(canonical_json(asdict(report)) if args.json else describe(report), end="")
    return EXIT[report.verdict]


def describe(report: Report) -> str:
    """The report for a terminal."""
    lines = []
    for theorem in report.theorems:
        lines += [
            f"{theorem.name}: {theorem.verdict}",
            f"  {theorem.plain}",
            *(f"    {line.strip()}" for line in theorem.statement.splitlines()),
            f"  axioms: {', '.join(theorem.axioms) or 'none'}; proved in {theorem.file} as {theorem.lemma}",
            "",
        ]
    lines += map(str, report.problems)
    count = f"{len(report.theorems)} theorems"
    if report.verdict == PROVED:
        lines.append(f"{count} proved by {report.checked_by}; {len(report.refused)} false proofs refused.")
    elif report.verdict == FAILED:
        failed = sum(theorem.verdict == FAILED for theorem in report.theorems)
        lines.append(f"{failed} of {count} failed, checked by {report.checked_by}.")
    else:
        lines.append(f"{count} not checked: {report.reason}")
    return "\n".join(lines) + "\n"
