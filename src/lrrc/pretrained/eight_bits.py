"""Word vectors in eight bits: a row is integers from -127 to 127 times a scale of its own.

Half the size of 16 bits, so that they fit into the package; a vector then points half a degree elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

VECTORS, SCALES = "embeddings", "scales"
LARGEST = 127


def write(vectors_VE: np.ndarray, path: Path) -> None:
    """Save vectors [V, E] as safetensors: int8 [V, E] and float32 [V]."""
    from safetensors.numpy import save_file

    scale_V = np.maximum(np.abs(vectors_VE).max(axis=1).astype(np.float32) / LARGEST, np.float32(1e-12))
    rounded_VE = np.rint(vectors_VE.astype(np.float32) / scale_V[:, None]).astype(np.int8)
    save_file({VECTORS: rounded_VE, SCALES: scale_V}, path)


def read(path: Path) -> tuple[np.ndarray, np.dtype]:
    """Vectors [V, E], float32 where they were kept in eight bits, and the kind that means of them are rounded to.

    Raises ValueError and what the library raises.
    """
    from safetensors.numpy import load_file

    tensors = load_file(path)
    if "mapping" in tensors or "weights" in tensors:
        raise ValueError("its vocabulary is quantised, which this project does not do")
    vectors_VE = tensors[VECTORS]
    if vectors_VE.ndim != 2 or len(tensors) != 1 + (SCALES in tensors):
        raise ValueError(f"{', '.join(sorted(tensors))} are not its vectors")
    if SCALES in tensors:
        return vectors_VE * tensors[SCALES][:, None], np.dtype(np.float16)  # as those that were rounded
    return vectors_VE, vectors_VE.dtype
