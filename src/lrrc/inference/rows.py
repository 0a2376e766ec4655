"""What is done to rows of float32 numbers, with the same last bits however many rows there are."""

from __future__ import annotations

import numpy as np

# weights that somebody tampered with may leave the range of 32 bits: a bad digest then, as by torch, and no warning
quietly = np.errstate(over="ignore", invalid="ignore", divide="ignore")


def normed(rows_nX: np.ndarray) -> np.ndarray:
    """Rows of mean zero and spread one, as torch's layer_norm has them."""
    width = np.float32(rows_nX.shape[1])
    centred_nX = rows_nX - (np.add.reduce(rows_nX, axis=1) / width)[:, None]
    return centred_nX * (1 / np.sqrt(squares(centred_nX) / width + np.float32(1e-5)))[:, None]


def of_length(rows_nX: np.ndarray, length: float) -> np.ndarray:
    return rows_nX * (np.float32(length) / np.maximum(np.sqrt(squares(rows_nX)), np.float32(1e-12)))[:, None]


def squares(rows_nX: np.ndarray) -> np.ndarray:
    """Sums of squares of rows."""
    return np.add.reduce(rows_nX * rows_nX, axis=1)


def softmax(rows_nX: np.ndarray) -> np.ndarray:
    weights_nX = np.exp(rows_nX - np.maximum.reduce(rows_nX, axis=1)[:, None])
    return weights_nX / np.add.reduce(weights_nX, axis=1)[:, None]
