"""What a GRU computes when some of its gates are held: an intervention, not an observation."""

import numpy as np
from numpy.typing import ArrayLike

from gru_course._checks import check_array, check_params
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid


def run_with_gates(
    params: gru.Params,
    xs: np.ndarray,
    *,
    r: ArrayLike | None = None,
    z: ArrayLike | None = None,
    state0: np.ndarray | None = None,
) -> np.ndarray:
    """The states of a GRU whose gates are held at given values, at all steps.

        r_j = value_j if one is given, sigmoid(W_ir x + b_ir + W_hr h_prev + b_hr)_j otherwise
        z_j likewise;   n and h as in `gru.step`

    The network runs on: h_prev is the state that it reached with its gates held, not that of the
    intact network.

    Parameters
    ----------
    params : gru.Params
    xs : (N, T, I) inputs
    r, z : (H,) values from 0 to 1 with NaN for the units whose gate stays free, or a number for
        all units, or None to leave all free
    state0 : (N, H) the state before the first step; None for zeros

    Returns
    -------
    (N, T, H) states

    Raises
    ------
    ValueError : if a shape or dtype does not fit, a number is not finite, or a held value is not
        from 0 to 1

    Notes
    -----
    z = 1 for one unit keeps it at its state0, whatever comes: the unit is cut out. The chapter
    "What gates learn" uses all of these.

    >>> params = gru.init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> xs = np.ones((1, 5, 2))
    >>> run_with_gates(params, xs, z=1.0)[0, -1]  # a copy of a copy of ... zeros
    array([0., 0., 0.])
    """
    sizes = {}
    check_params(params, gru.SHAPES, sizes)
    check_array("xs", xs, ("N", "T", "I"), sizes)
    h = np.zeros((sizes["N"], sizes["H"]), xs.dtype) if state0 is None else state0
    check_array("state0", h, ("N", "H"), sizes)
    r, z = _held("r", r, sizes["H"]), _held("z", z, sizes["H"])

    W_hr, W_hz, W_hn = np.split(params.weight_hh, 3)
    b_hr, b_hz, b_hn = np.split(params.bias_hh, 3)
    hs = []
    for a_x in (xs @ params.weight_ih.T + params.bias_ih).transpose(1, 0, 2):  # (N, 3H) a step
        a_ir, a_iz, a_in = np.split(a_x, 3, axis=1)
        r_t = np.where(np.isnan(r), sigmoid(a_ir + h @ W_hr.T + b_hr), r)
        z_t = np.where(np.isnan(z), sigmoid(a_iz + h @ W_hz.T + b_hz), z)
        n = np.tanh(a_in + r_t * (h @ W_hn.T + b_hn))
        h = ((1 - z_t) * n + z_t * h).astype(xs.dtype)
        hs.append(h)
    return np.stack(hs, axis=1)


def _held(name, value, H):
    """The values of H units, NaN where a gate is free."""
    values = np.full(H, np.nan) if value is None else np.asarray(value, dtype=np.float64)
    if values.shape not in ((), (H,)):
        raise ValueError(f"{name}: expected a number or shape ({H},), got shape {values.shape}")
    outside = values[(values < 0) | (values > 1)]
    if outside.size:
        raise ValueError(f"{name}: expected values from 0 to 1, or NaN, got {outside[0]}")
    return np.broadcast_to(values, (H,))
