"""Two clean clones in different folders, run under different surroundings, must give the same bytes.

python tools/same_twice.py --tiny       (minutes; without --tiny: the parameters of params.yaml, two hours)
python tools/same_twice.py --committed  (one clone, against the dvc.lock that is committed)
python tools/same_twice.py --tiny --instruction-sets train explore   (a shell that asks for other kernels)

With --native the stages follow the shell's caps, and differ: what the fixed arithmetic prevents.

Prints every output whose hash in dvc.lock differs; exit status 1 if there is one. Clones hold what is committed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from helpers import project_copies as copies  # noqa: E402

SURROUNDINGS = {  # folder -> what must not matter
    "one": {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "OMP_NUM_THREADS": "1"},
    "another folder/two": {
        "PYTHONHASHSEED": "2",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "4",
        "MKL_NUM_THREADS": "4",
        "OPENBLAS_NUM_THREADS": "4",
    },
}

INSTRUCTION_SETS = {  # the same for --instruction-sets: all that the processor has, and as little as its libraries know
    "widest": {},
    "narrowest": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "ARROW_USER_SIMD_LEVEL": "SSE4_2",
    },
}


def clone(folder: Path, tiny: bool) -> None:
    """What is committed, without any result of a stage that will run."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "-q", copies.ROOT, folder], check=True)
    if tiny:
        copies.shrink(folder)
    lock = folder / "dvc.lock"
    for name, outs in copies.hashes(folder).items() if lock.is_file() else ():
        for path, _ in outs if name not in copies.STORED else ():
            shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink(missing_ok=True)
    lock.unlink(missing_ok=True)


def differences(first: dict, second: dict) -> list[tuple[str, str, str, str]]:
    """(stage item, output, hash in the first, hash in the second) wherever they are not equal."""
    one, two = ({(item, path): md5 for item, outs in lock.items() for path, md5 in outs} for lock in (first, second))
    return [
        (*key, one.get(key, "none"), two.get(key, "none"))
        for key in sorted(one.keys() | two.keys())
        if one.get(key) != two.get(key)
    ]


def compared(first: dict, second: dict) -> int:
    """Print the table of differences, and what was compared; the exit status."""
    found = differences(first, second)
    for item, path, one, two in found:
        print(f"{item:<28} {path:<36} {one:<36} {two}")
    outputs = sum(map(len, first.values()))
    print(
        f"{outputs} outputs of {len(first)} stage items: {len(found)} differ"
        if found
        else f"{outputs} outputs of {len(first)} stage items: all equal"
    )
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", help="up to these stages (default: all)")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--tiny", action="store_true", help="the parameters of the tests")
    other.add_argument("--committed", action="store_true", help="one clone, against the committed dvc.lock")
    parser.add_argument("--instruction-sets", action="store_true", help="under shells that cap them differently")
    parser.add_argument("--native", action="store_true", help="let the stages follow the shell and the processor")
    parser.add_argument("--at-once", action="store_true", help="both side by side, not one after the other")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = INSTRUCTION_SETS if args.instruction_sets else SURROUNDINGS
        folders = [Path(home).resolve() / name for name in settings][args.committed :]
        for folder in folders:
            clone(folder, args.tiny)

        def reproduce(folder: Path) -> None:
            started = time.monotonic()
            surroundings = settings[folder.relative_to(Path(home).resolve()).as_posix()]
            surroundings = surroundings | ({"LRRC_ARITHMETIC": "native"} if args.native else {})
            said = copies.run(folder, "dvc", "repro", *args.stages, env=surroundings, timeout=None)
            print(f"{folder}: {len(copies.ran(said))} stage items, {time.monotonic() - started:.0f} s", flush=True)

        with ThreadPoolExecutor(2 if args.at_once else 1) as pool:
            list(pool.map(reproduce, folders))
        found = [copies.hashes(folder) for folder in folders]
    if args.committed:
        committed = copies.locked(copies.run(copies.ROOT, "git", "show", "HEAD:dvc.lock"))
        found.insert(0, {item: outs for item, outs in committed.items() if item in found[0]})
    return compared(*found)


if __name__ == "__main__":
    sys.exit(main())
