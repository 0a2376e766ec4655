"""One arithmetic on every x86-64 processor with AVX2, of Intel or AMD: the same bytes from the same code.

Left to themselves, torch, MKL, oneDNN, OpenBLAS, numpy and Arrow choose kernels by the maker of the processor and the
width of its vector unit, and kernels differ in the order of sums and in the last bit of exp and log. They read what
they may choose from the environment, once, when they are loaded. So `fix` runs before numpy and torch are imported
(lrrc.runtime.stage_script, the first import of every stage) and overrides what the shell says.

Capping the instruction set alone leaves Intel and AMD apart, and MKL's mode alone leaves processors with AVX-512 apart
(Deep-MI/FastSurfer#892). One thread, because sums depend on how many there are, and because MKL chooses a kernel of
low precision where several threads call a function for the first time at once (pytorch#188792).

A language model in bfloat16 would take ten times as long under these caps. It runs in a process of its own, `unfixed`
(lrrc.pretrained.language_model).
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator

SETTINGS = {
    "MKL_CBWR": "COMPATIBLE",  # the one branch of MKL that processors of other makers know
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    # names of numpy 2.4, then of versions before it; those that a version lacks it passes over
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL",
    "ARROW_USER_SIMD_LEVEL": "AVX2",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
CHOICE = "LRRC_ARITHMETIC"  # `native` leaves a stage all that its processor can: faster, and other bytes


def fix() -> None:
    """Set SETTINGS for this process and those that it starts; call it before numpy and torch are imported.

    Does nothing on other processors than x86-64, and where LRRC_ARITHMETIC is `native`.
    """
    native = os.environ.get(CHOICE) == "native" or platform.machine() not in ("x86_64", "AMD64")
    if not native:
        os.environ.update(SETTINGS)


def fixed() -> bool:
    """Do this process and those that it starts compute by SETTINGS?"""
    return SETTINGS.items() <= os.environ.items()


@contextlib.contextmanager
def unfixed() -> Iterator[None]:
    """A process that is started (not forked) in this block computes with all that the processor can."""
    names = (*SETTINGS, CHOICE)
    taken = {name: os.environ.pop(name) for name in names if name in os.environ}
    os.environ[CHOICE] = "native"  # it may import the script that fixes the arithmetic
    try:
        yield
    finally:
        del os.environ[CHOICE]
        os.environ.update(taken)


def processor() -> str:
    """The processor's name as its maker gave it, or the machine's kind where the system does not tell."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        told = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
        known = {key.strip(): value.strip() for key, value in told.items()}
        numbers = " ".join(known[key] for key in ("cpu family", "model") if key in known)
        if name := known.get("model name"):  # virtual machines hide the model in it, never the numbers
            return f"{name} ({known.get('vendor_id', '')} {numbers})"
    return platform.processor() or platform.machine()
