"""Recurrent matrices of a chosen spectral radius."""

import numpy as np

from gru_course.reference._checks import check_choice, check_sizes


def scaled_recurrent(rng, hidden_size, radius, kind="gaussian"):
    """A random recurrent matrix of a given spectral radius.

    The spectral radius is the largest absolute value of an eigenvalue.

    Parameters
    ----------
    rng : numpy.random.Generator
    hidden_size : int, H
    radius : positive number
    kind : "gaussian" for independent normal entries, "orthogonal" for a random rotation (times
        the radius), all of whose singular values are equal

    Returns
    -------
    (H, H) array

    Raises
    ------
    ValueError : if a size, the radius or the kind does not fit

    >>> W = scaled_recurrent(np.random.default_rng(0), 5, radius=0.9)
    >>> float(np.abs(np.linalg.eigvals(W)).max().round(12))
    0.9
    """
    check_sizes(hidden_size=hidden_size)
    check_choice("kind", kind, ("gaussian", "orthogonal"))
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"radius: expected a positive number, got {radius}")
    W = rng.normal(size=(hidden_size, hidden_size))
    if kind == "gaussian":
        return W * (radius / np.abs(np.linalg.eigvals(W)).max())
    Q, R = np.linalg.qr(W)
    return radius * Q * np.sign(np.diag(R))  # the signs make Q uniform over the rotations
