"""Hold this run's outputs against those that other processors gave, and add this processor to docs/processors.json.

python tools/processors.py          after `dvc repro`: compares what dvc.lock records with every processor in the file
python tools/processors.py --add    and adds itself (commit the file)

Runs count where they are of the same code, parameters and data; of one of other code it is told how many outputs are
equal all the same, as code can change without what it computes. Only stages that ask no language model take part: those
must give the same bytes on every x86-64 processor with AVX2. Single operations of torch and numpy are compared, too, so
that one can tell where two processors part, however the code has changed. Exit status 1 where anything differs.
"""

import argparse
import hashlib
import importlib.metadata
import json
import platform
import sys
from pathlib import Path

import yaml

from lrrc.runtime import arithmetic
from lrrc.runtime.files import canonical_json, write_json

FILE = Path("docs/processors.json")
STAGES = ("encoder", "embed", "train", "ablate", "baseline", "replay", "explore")
PACKAGES = ("torch", "numpy", "scipy", "model2vec", "lightning")


def this_run(lock: dict) -> dict:
    """What the file keeps of a run: the code that made it, packages, hash by output."""
    items = {name: item for name, item in lock["stages"].items() if name.split("@")[0] in STAGES}
    outputs = {out["path"]: out["md5"] for item in items.values() for out in item["outs"]}
    asked = {
        name: [
            item["cmd"],
            item.get("params"),
            {dep["path"]: dep["md5"] for dep in item["deps"] if dep["path"] not in outputs and dep["path"] != "models"},
        ]
        for name, item in items.items()
    }
    return {
        "of": hashlib.sha256(canonical_json(asked).encode()).hexdigest()[:16],
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "kernels": kernels(),
        "outputs": outputs,
    }


def kernels() -> dict[str, str]:
    """A hash by operation, of what stages compute with, on drawn numbers."""
    import numpy as np
    import torch
    from torch.nn import functional as f

    rng = np.random.default_rng(0)
    x, y, w = (
        torch.tensor(rng.standard_normal(shape), dtype=torch.float32) for shape in ((60, 384), (60, 384), (64, 384))
    )
    p, b, d = x.abs() + 0.01, x.view(6, 10, 384), rng.standard_normal(5003)
    leaf = w.clone().requires_grad_()
    f.cross_entropy(x @ leaf.T, torch.arange(60)).backward()
    adam = torch.optim.AdamW([leaf], lr=4e-3)
    gradient = leaf.grad.clone()
    adam.step()
    found = {
        **{name: getattr(torch, name)(x) for name in ("exp", "tanh", "sigmoid", "erf", "expm1", "sin")},
        **{name: getattr(torch, name)(p) for name in ("log", "log1p", "sqrt", "rsqrt")},
        **{f"torch {name}": getattr(x, name)(1) for name in ("sum", "mean", "norm", "logsumexp", "cumsum")},
        **{"gelu": f.gelu(x), "softplus": f.softplus(x), "softmax": x.softmax(1), "log_softmax": x.log_softmax(1)},
        **{"layer_norm": f.layer_norm(x, (384,)), "pow": p**1.7, "division": x / p, "product": x * y + p},
        **{"matmul": x @ w.T, "matvec": x @ w[0], "bmm": torch.bmm(b, b.transpose(1, 2))},
        **{
            "linear": f.linear(b, w, w[:, 0]),
            "einsum": torch.einsum("bmk,bnk->bmn", b, b),
            "small matmul": x[:3, :5] @ w[:7, :5].T,
        },
        **{"gradient": gradient, "AdamW": leaf.detach(), "tall matmul": x.T @ y},
        **{f"numpy {name}": getattr(np, name)(d) for name in ("exp", "tanh", "sum")},
        **{"numpy log": np.log(np.abs(d)), "numpy matmul": d[:5000].reshape(50, 100) @ d[:5000].reshape(100, 50)},
    }
    return {name: hashlib.sha256(np.asarray(value).tobytes()).hexdigest()[:8] for name, value in found.items()}


def differing(mine: dict, theirs: dict) -> list[str]:
    """Names, of outputs or operations, whose hashes are not equal."""
    return sorted(name for name in mine if mine[name] != theirs.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", action="store_true")
    args = parser.parse_args()
    arithmetic.fix()  # nothing has loaded numpy or torch yet
    if not Path("dvc.lock").is_file():
        print("error: no dvc.lock here: `dvc repro` makes one", file=sys.stderr)
        return 2
    mine, me = this_run(yaml.safe_load(Path("dvc.lock").read_text())), arithmetic.processor()
    known = json.loads(FILE.read_text()) if FILE.is_file() else {}
    same = {name: run for name, run in known.items() if run["of"] == mine["of"]}
    print(f"{me}: {len(mine['outputs'])} outputs; {len(same)} of {len(known)} runs in {FILE} are of this code")
    found = {name: differing(mine["outputs"], run["outputs"]) for name, run in same.items()}
    alike = {name: run for name, run in known.items() if run["packages"] == mine["packages"]}
    found |= {f"{name}, operations": differing(mine["kernels"], run["kernels"]) for name, run in alike.items()}
    for name, paths in found.items():
        print(f"  {name}: " + (f"{len(paths)} differ, {', '.join(paths)}" if paths else "all equal"))
    for name, run in known.items():
        if name not in same:
            count = len(mine["outputs"]) - len(differing(mine["outputs"], run["outputs"]))
            print(f"  {name}, of other code: {count} of {len(mine['outputs'])} outputs equal")
    if args.add:
        write_json(FILE, known | {me: mine})
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
