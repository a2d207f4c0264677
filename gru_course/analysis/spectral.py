"""Recurrent matrices of a chosen spectral radius."""

import numpy as np

from gru_course._checks import check_array, check_choice, check_positive, check_sizes


def spectral_radius(matrix: np.ndarray) -> float:
    """The largest absolute value among the eigenvalues.

    Parameters
    ----------
    matrix : (H, H) finite float array

    Returns
    -------
    float

    Raises
    ------
    ValueError : if matrix is not such an array

    >>> round(spectral_radius(np.array([[0.0, -2.0], [2.0, 0.0]])), 12)  # eigenvalues 2i, -2i
    2.0
    """
    check_array("matrix", matrix, ("H", "H"), {})
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def scaled_recurrent(
    rng: np.random.Generator, hidden_size: int, radius: float, kind: str = "gaussian"
) -> np.ndarray:
    """A random recurrent matrix with a given spectral radius.

        W = radius * A / rho(A)      "gaussian": independent entries a_ij ~ N(0, 1)
        W = radius * Q               "orthogonal": Q uniform among the orthogonal matrices

    Parameters
    ----------
    rng : numpy.random.Generator
    hidden_size : int H, at least 1
    radius : float, above 0
    kind : "gaussian" or "orthogonal"

    Returns
    -------
    (H, H) float64

    Raises
    ------
    ValueError : if an argument is not of this kind

    Notes
    -----
    Both kinds have the same spectral radius, and different singular values: those of the orthogonal
    one all equal the radius, the largest one of the gaussian is about twice the radius for
    large H (Geman, 1980), so that it stretches some vectors before it shrinks them.

    >>> W = scaled_recurrent(np.random.default_rng(0), hidden_size=20, radius=0.9)
    >>> round(spectral_radius(W), 12)
    0.9
    """
    check_sizes(hidden_size=hidden_size)
    check_choice("kind", kind, ("gaussian", "orthogonal"))
    check_positive(radius=radius)
    matrix = rng.normal(size=(hidden_size, hidden_size))
    if kind == "gaussian":
        return radius * matrix / spectral_radius(matrix)
    # QR alone prefers some signs; those of R's diagonal make Q uniform (Mezzadri, 2007).
    Q, R = np.linalg.qr(matrix)
    return radius * Q * np.sign(np.diag(R))
