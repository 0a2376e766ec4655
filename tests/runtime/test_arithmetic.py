"""Every stage computes by the same rules, whatever the shell says; other rules give other bytes."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT

from lrrc.pretrained.sentence_encoder import GRID, on_grid
from lrrc.runtime import arithmetic

OTHERS = {"curate.py", "encoder.py"}  # a language model alone; 64 bits, rounded
SCRIPTS = sorted(path for path in (ROOT / "pipeline").glob("*.py") if path.name not in OTHERS)
CPU = Path("/proc/cpuinfo")
WIDE = CPU.is_file() and "avx512f" in CPU.read_text()
SUMS = """
from lrrc.runtime import arithmetic
arithmetic.fix()
import hashlib
import numpy as np, torch
import lrrc.model
rng = np.random.default_rng(0)
a, b = (rng.standard_normal((257, 383)).astype(np.float32) for _ in range(2))
found = [np.exp(a.astype(float)), np.log(np.abs(b.astype(float))), a @ b.T, torch.tensor(a) @ torch.tensor(b).T,
         torch.softmax(torch.tensor(a), 1), torch.tanh(torch.tensor(b)), torch.tensor(a).sum(1)]
print(hashlib.sha256(b"".join(np.asarray(one).tobytes() for one in found)).hexdigest(), torch.get_num_threads())
"""


def run(code, **environment):
    env = {key: value for key, value in os.environ.items() if key not in (*arithmetic.SETTINGS, arithmetic.CHOICE)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**env, **environment}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_stage_gives_one_result_whatever_the_shell_asks_for():
    plain = run(SUMS)
    asked = {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "AUTO",
        "OPENBLAS_CORETYPE": "Sandybridge",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3",
        "OMP_NUM_THREADS": "2",
    }
    assert run(SUMS, **asked) == plain and plain[1] == "1"
    native = {"LRRC_ARITHMETIC": "native"}
    assert run(SUMS, **asked, **native)[0] != plain[0]  # so that the comparison can fail
    if WIDE:
        assert run(SUMS, **native)[0] != plain[0]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_stage_fixes_its_arithmetic_first(script):
    """Before anything is imported that might load numpy or torch."""
    imports = [node for node in ast.parse(script.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert isinstance(imports[0], ast.ImportFrom) and imports[0].module == "lrrc.runtime.stage_script"


def test_fixing_loads_nothing_that_computes():
    code = "import sys, lrrc.runtime.stage_script; print(*{'numpy', 'torch', 'scipy', 'pyarrow'} & {*sys.modules})"
    assert run(code) == []


def test_settings_reach_what_is_started_and_are_taken_away_where_asked(monkeypatch):
    for name in (*arithmetic.SETTINGS, arithmetic.CHOICE):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    assert not arithmetic.fixed()
    arithmetic.fix()
    assert arithmetic.fixed()
    with arithmetic.unfixed():
        assert not {*arithmetic.SETTINGS} & {*os.environ}
    assert arithmetic.fixed()


def test_elsewhere_than_on_x86_nothing_is_set(monkeypatch):
    monkeypatch.setattr(arithmetic.platform, "machine", lambda: "arm64")
    monkeypatch.delenv("MKL_CBWR", raising=False)
    arithmetic.fix()
    assert "MKL_CBWR" not in os.environ


def test_the_processor_has_a_name():
    assert arithmetic.processor().strip() and "\n" not in arithmetic.processor()


def test_rounding_takes_away_what_two_computations_differ_by():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(200_000)
    noisy = values + rng.standard_normal(values.size) * 1e-14
    assert (noisy != values).mean() > 0.9 and (on_grid(noisy) == on_grid(values)).all()


@pytest.mark.parametrize("whole", [-3, 0, 1, 4096, 24_575])
def test_rounding_near_a_boundary(whole):
    """Half-way values go to the even neighbour; a bit to either side decides, and rounding twice is rounding once."""
    half = (whole + 0.5) * GRID
    even = whole + whole % 2
    assert on_grid(np.array(half)) == even * GRID
    assert on_grid(np.nextafter(np.array(half), np.inf)) == (whole + 1) * GRID
    assert on_grid(np.nextafter(np.array(half), -np.inf)) == whole * GRID
    again = on_grid(on_grid(np.array(half)))
    assert again == even * GRID and np.float32(again) == again


LM_APART = """
from lrrc.runtime import arithmetic
import os, sys
arithmetic.fix()
from lrrc.pretrained import language_model as lm
from lrrc.runtime.workers import map_as_completed

def kind(folder):
    return type(lm.load(folder)).__name__

if __name__ == "__main__":
    assert [name for _, name in map_as_completed(kind, [(sys.argv[1],)])] == ["LanguageModelApart"]
    model = lm.load(sys.argv[1])
    request = lm.ScoringRequest(model.message("user", "Who?") + model.reply_prefix(), (model.encode("I."),))
    ((scores,),) = model.score([[request]])
    seen = model._process.submit(os.getenv, "MKL_CBWR").result()
    print(type(model).__name__, seen, os.environ["MKL_CBWR"], *scores[0])
"""


def test_a_language_model_computes_apart_with_all_that_the_processor_can(tmp_path):
    from helpers.tiny_language_model import write_lm

    from lrrc.pretrained.language_model import LanguageModel, ScoringRequest

    (tmp_path / "script.py").write_text(LM_APART)
    folder = write_lm(tmp_path / "lm")
    env = {key: value for key, value in os.environ.items() if key not in (*arithmetic.SETTINGS, arithmetic.CHOICE)}
    command = [sys.executable, str(tmp_path / "script.py"), str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    kind, inside, outside, *scores = done.stdout.split()
    assert (kind, inside, outside) == ("LanguageModelApart", "None", "COMPATIBLE")
    here = LanguageModel(folder)
    request = ScoringRequest(here.message("user", "Who?") + here.reply_prefix(), (here.encode("I."),))
    ((expected,),) = here.score([[request]])
    np.testing.assert_allclose([float(score) for score in scores], expected[0], atol=0.1)


PRODUCTS = """
from lrrc.runtime import arithmetic
arithmetic.fix()
import numpy as np, torch
import lrrc.model
torch.manual_seed(0)
for dtype in (torch.float32, torch.float64, torch.bfloat16):
    x, w, c = torch.randn(7, 5, dtype=dtype), torch.randn(3, 5, dtype=dtype), torch.randn(3, dtype=dtype)
    exact, near = (x.double() @ w.double().T), 0.05 if dtype is torch.bfloat16 else 1e-5
    assert torch.allclose((x @ w.T).double(), exact, atol=near)
    assert torch.allclose(torch.addmm(c, x, w.T, beta=2, alpha=3).double(), 2 * c.double() + 3 * exact, atol=10 * near)
    assert torch.equal(torch.addmm(torch.full_like(c, torch.nan), x, w.T, beta=0), x @ w.T)
    assert torch.allclose(torch.bmm(x[None], w.T[None])[0].double(), exact, atol=near)
a, b = torch.randn(64, 96), torch.randn(96, 32)
assert np.array_equal((a @ b).numpy(), a.numpy() @ b.numpy())  # OpenBLAS's bits
x, w, c = (torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((4, 6), (2, 6), (2,)))
assert torch.autograd.gradcheck(torch.nn.functional.linear, (x, w, c))
assert torch.autograd.gradcheck(torch.bmm, (x[None], w.T[None]))
assert (torch.zeros(0, 5) @ torch.zeros(5, 3)).shape == (0, 3)
print("done")
"""


def test_products_are_those_of_openblas_and_have_gradients():
    assert run(PRODUCTS) == ["done"]
