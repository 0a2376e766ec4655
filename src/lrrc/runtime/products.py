"""Matrix products of torch by numpy's OpenBLAS; those of MKL that are alike everywhere take 2.5 times as long.

MKL's one branch for processors of every maker knows no AVX; OpenBLAS has a kernel for AVX2 that any of them runs
(OPENBLAS_CORETYPE in lrrc.runtime.arithmetic). Gradients follow, since they are products, too.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

_REGISTRATIONS: list[torch.library.Library] = []  # a registration ends where nobody holds it


def use_openblas() -> None:
    """From here on, products of dense tensors in this process's memory are OpenBLAS's."""
    if not _REGISTRATIONS:
        library = torch.library.Library("aten", "IMPL")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is a kernel already
            for name, function in {"mm": product, "bmm": product, "addmm": sum_and_product}.items():
                library.impl(name, function, "CPU")
        _REGISTRATIONS.append(library)


def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, of matrices or of batches of them."""
    if a.dtype == torch.bfloat16:  # numpy does not know it
        return product(a.float(), b.float()).bfloat16()
    return torch.from_numpy(np.matmul(a.detach().numpy(), b.detach().numpy()))


def sum_and_product(c: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta c + alpha a @ b."""
    found = product(a, b)
    found = found if alpha == 1 else alpha * found
    return found.add_(c, alpha=beta) if beta else found
