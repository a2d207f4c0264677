"""The sigmoid that does not overflow."""

import numpy as np
from numpy.typing import ArrayLike


def sigmoid(x: ArrayLike) -> np.ndarray:
    """Logistic sigmoid, elementwise and without overflow.

        sigmoid(x) = 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2

    The first form overflows for x below about -710 in float64 (-89 in float32); the second, which
    is used here, never does.

    Parameters
    ----------
    x : array of any shape, or a number

    Returns
    -------
    array of the same shape and dtype, values in [0, 1]

    Notes
    -----
    The derivative is s * (1 - s) with s = sigmoid(x).

    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(x)))
