"""How long a gate remembers."""

import numpy as np
from numpy.typing import ArrayLike


def half_life(z: ArrayLike) -> np.ndarray:
    """Steps after which a state multiplied by z at each step has halved.

        z^k = 1/2,   k = ln(1/2) / ln(z)

    Parameters
    ----------
    z : number or array, a gate from 0 to 1

    Returns
    -------
    number or array of the same shape, in steps; 0 at z = 0, infinite at z = 1

    Raises
    ------
    ValueError : if a value is not from 0 to 1

    >>> half_life(np.array([0.5, 0.9, 0.99, 0.999])).round(1)
    array([  1. ,   6.6,  69. , 692.8])
    """
    z = np.asarray(z, dtype=np.float64)
    if not ((z >= 0) & (z <= 1)).all():
        raise ValueError(f"z: expected values from 0 to 1, got {z[~((z >= 0) & (z <= 1))][0]}")
    with np.errstate(divide="ignore"):  # the two ends have limits: 0 and infinity
        return np.log(2) / np.abs(np.log(z))
